/* SPDX-License-Identifier: MIT
 *
 * stream: sends it whole and in pieces, and compares what comes.
 */
#include "stream.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "riposte/random.h"

enum {
    STREAM_ROUNDS = 200,
    STREAM_PART_SIZE_MAX = 40,
    STREAM_LONG_PART_SIZE_MAX = 5000, /* of one in three */
    STREAM_SHOWN_SIZE_MAX = 3000,
};

/* Memory of one's own. */
static struct bytes bytes_keep(struct bytes bytes) {
    char *copy = malloc(bytes.size);
    cr_assert_not_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    return bytes_of(copy, bytes.size);
}

static void bytes_free(struct bytes bytes) {
    free((char *)(uintptr_t)bytes.data);
}

static struct bytes stream_make(const char *begin, size_t filler_size, const char *end) {
    size_t begin_size = strlen(begin), end_size = strlen(end);
    size_t size = begin_size + filler_size + end_size;
    char *all = malloc(size);
    cr_assert_not_null(all);
    memcpy(all, begin, begin_size);
    memset(all + begin_size, 'v', filler_size);
    memcpy(all + begin_size + filler_size, end, end_size);
    return bytes_of(all, size);
}

static size_t stream_draw_part(struct random *random) {
    bool is_long = random_below(random, 3) == 0;
    return 1 + random_below(random, is_long ? STREAM_LONG_PART_SIZE_MAX : STREAM_PART_SIZE_MAX);
}

static void stream_send_cut(struct talk *talk, struct bytes all, struct random *random) {
    while (all.size > 0) {
        size_t part = stream_draw_part(random);
        part = part < all.size ? part : all.size;
        talk->requests_max = 1 + (unsigned)random_below(random, 3);
        talk_send(talk, bytes_of(all.data, part));
        talk_move(talk);
        all = bytes_after(all, part);
    }
}

/* Of a server that is new. random NULL: at once. Owned by the caller. */
static struct bytes stream_answers(const struct stream_side *side, struct bytes all, struct random *random) {
    side->close();
    side->open();
    if (random == NULL) {
        talk_send(side->talk, all);
    } else {
        stream_send_cut(side->talk, all, random);
    }
    cr_assert_not(side->talk->closed);
    return bytes_keep(side->output(side->talk));
}

static uint64_t stream_seed(void) {
    const char *given = getenv("RIPOSTE_SEED");
    uint64_t seed = random_seed();
    if (given != NULL) {
        cr_assert(bytes_parse_u64(bytes_from_string(given), &seed));
    }
    return seed;
}

void stream_check_moves(const struct stream_side *side, const char *begin, size_t filler_size,
                        const char *end) {
    uint64_t seed = stream_seed();
    struct random random = {seed};
    struct bytes all = stream_make(begin, filler_size, end);
    struct bytes expected = stream_answers(side, all, NULL);
    cr_assert_gt(expected.size, 0);
    for (int round = 0; round < STREAM_ROUNDS; round++) {
        struct bytes got = stream_answers(side, all, &random);
        cr_assert(bytes_equal(got, expected), "RIPOSTE_SEED=%llu, round %d: %.*s", (unsigned long long)seed,
                  round, (int)(got.size < STREAM_SHOWN_SIZE_MAX ? got.size : STREAM_SHOWN_SIZE_MAX),
                  got.data);
        bytes_free(got);
    }
    bytes_free(expected);
    bytes_free(all);
}
