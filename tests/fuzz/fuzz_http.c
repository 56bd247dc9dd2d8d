/* SPDX-License-Identifier: MIT
 *
 * fuzz_http: the whole protocol over the real store and reply. The first eight bytes are a seed, the rest is
 * what a client sends.
 *
 * Sent twice, to two fresh servers: in one piece, and cut at random with random bounds on requests and
 * output. Both must answer the same; but for requests whose answers count pieces, and for "100 Continue",
 * which is for a client whose body has not come.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http_talk.h"
#include "riposte/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEED_SIZE = 8 };

static struct http_talk_server server;

static void server_open(void) {
    http_talk_server_config(&server);
    server.store_config.memory_size_max = (size_t)16 << 20;
    server.store_config.item_size_max = 4096;
    server.config.item_size_max = 4096;
    server.config.cors_origin = "http://a";
    http_talk_server_init(&server);
}

/* Everything that was answered; owned by the caller. */
static struct bytes output_take(struct talk *talk) {
    struct bytes output = http_talk_output(talk);
    char *copy = malloc(output.size + 1);
    assert(copy != NULL);
    memcpy(copy, output.data, output.size);
    return bytes_of(copy, output.size);
}

static struct bytes send_all(struct bytes input, struct random *random) {
    struct talk talk;
    server_open();
    http_talk_open(&talk, &server);
    if (random != NULL) {
        talk.requests_max = 1 + (unsigned)random_below(random, 20);
        talk.reply.unsent_size_max = 1 + (uint32_t)random_below(random, 4096);
        talk_send_cut(&talk, input, random);
    } else if (input.size > 0) {
        talk_send(&talk, input);
    }
    struct bytes output = output_take(&talk);
    talk_close(&talk);
    http_talk_server_deinit(&server);
    return output;
}

/* True when the answers may depend on how the input was cut. */
static bool is_cut_sensitive(struct bytes input, struct bytes output) {
    return memmem(input.data, input.size, "metrics", 7) != NULL ||
           memmem(input.data, input.size, "prefix", 6) != NULL || /* numbers jump, see fuzz_memcached.c */
           memmem(input.data, input.size, "stats", 5) != NULL ||
           memmem(output.data, output.size, "100 Continue", 12) != NULL;
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
    assert(is_cut_sensitive(input, cut) || bytes_equal(whole, cut));
    free((void *)(uintptr_t)whole.data);
    free((void *)(uintptr_t)cut.data);
    return 0;
}
