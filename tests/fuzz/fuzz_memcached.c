/* SPDX-License-Identifier: MIT
 *
 * fuzz_memcached: the whole protocol over the real store and reply. The first eight bytes are a seed, the
 * rest is what a client sends.
 *
 * Sent twice, to two fresh servers: in one piece, and cut at random with random bounds on requests and
 * output. Both must answer the same; but for requests whose answers tell of time, of pieces, or of what is
 * still unsent.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memcached_talk.h"
#include "riposte/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    SEED_SIZE = 8,
    WHOLE_LINE_SIZE_MAX = 2048, /* longer lines are served or not according to how they came */
};

static struct talk_server server;

static void server_open(void) {
    talk_server_config(&server);
    server.store_config.memory_size_max = (size_t)16 << 20;
    server.config.debug_commands = false;
    talk_server_init(&server);
}

/* Everything that was answered; owned by the caller. */
static struct bytes output_take(struct talk *talk) {
    struct bytes output = talk_output(talk);
    char *copy = malloc(output.size + 1);
    assert(copy != NULL);
    memcpy(copy, output.data, output.size);
    return bytes_of(copy, output.size);
}

/* In one piece; with `random` cut, and with other bounds on requests and output. */
static struct bytes send_all(struct bytes input, struct random *random) {
    struct talk talk;
    server_open();
    talk_open(&talk, &server);
    if (random != NULL) {
        talk.requests_max = 1 + (unsigned)random_below(random, 20);
        talk.reply.unsent_size_max = 1 + (uint32_t)random_below(random, 4096);
        talk_send_cut(&talk, input, random);
    } else {
        talk_send(&talk, input);
    }
    struct bytes output = output_take(&talk);
    talk_close(&talk);
    talk_server_deinit(&server);
    return output;
}

static bool has_word(struct bytes input, const char *word) {
    return memmem(input.data, input.size, word, strlen(word)) != NULL;
}

/*
 * True when an answer may carry an item's number (cas) or depend on it: gets, gats, cas, me, and the flags c and C of the others.
 */
static bool shows_numbers(struct bytes input) {
    return has_word(input, "gets") || has_word(input, "gats") || has_word(input, "cas") ||
           has_word(input, "me ") || has_word(input, " c") || has_word(input, " C");
}

/*
 * True when the answers may depend on how the input was cut. After a flush numbers jump to those of another segment, and
 * whether a set that fails has opened one depends on whether its block was there with its line.
 */
static bool is_cut_sensitive(struct bytes input) {
    return input.size > WHOLE_LINE_SIZE_MAX || has_word(input, "stats") || has_word(input, "dump") ||
           has_word(input, "watch") || (has_word(input, "flush") && shows_numbers(input));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct random random = {.state = 0};
    if (size <= SEED_SIZE) {
        return 0;
    }
    memcpy(&random.state, data, SEED_SIZE);
    struct bytes input = bytes_of((const char *)data + SEED_SIZE, size - SEED_SIZE);
    struct bytes whole = send_all(input, NULL);
    struct bytes cut = send_all(input, &random);
    assert(is_cut_sensitive(input) || bytes_equal(whole, cut));
    free((void *)(uintptr_t)whole.data);
    free((void *)(uintptr_t)cut.data);
    return 0;
}
