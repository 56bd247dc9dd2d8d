/* SPDX-License-Identifier: MIT
 *
 * The filter of TLS over a socket that is none: bytes of a client in pieces of any size, from its first on, or behind a
 * handshake that went well.
 *
 *      first byte: bit 0: behind a handshake; bit 1: of TLS 1.2; the rest + 1: bytes of a piece (64: all at once)
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls_talk.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tls_place place;

static void place_remove(void) {
    tls_place_close(&place);
}

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    tls_place_init(&place);
    place.listen.verify = TLS_VERIFY_ASK;
    place.config.ca_path = place.authority.chain_path;
    tls_place_open(&place);
    atexit(place_remove);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct tls_talk talk;
    if (size == 0) {
        return 0;
    }
    size_t piece_max = (size_t)(data[0] >> 2) + 1 == 64 ? size : (size_t)(data[0] >> 2) + 1;
    tls_talk_begin(&talk, &place);
    if ((data[0] & 2) != 0) {
        SSL_set_max_proto_version(talk.client, TLS1_2_VERSION);
    }
    if ((data[0] & 1) != 0 && !tls_talk_shake(&talk)) {
        abort();
    }
    for (size_t at = 1; at < size && talk.next <= FILTER_NEXT_AGAIN;) {
        size_t piece_size = size - at < piece_max ? size - at : piece_max;
        char *piece = malloc(piece_size); /* so that a look beyond it is seen */
        memcpy(piece, data + at, piece_size);
        tls_talk_receive(&talk, piece, piece_size);
        free(piece);
        at += piece_size;
    }
    tls_talk_send(&talk, "answer", 6, 1);
    char identity[FILTER_IDENTITY_SIZE_MAX];
    tls_filter.identity(talk.state, identity, talk.context);
    tls_filter.ended(talk.state, talk.context);
    tls_filter.finish(talk.state, &talk.output, talk.context);
    tls_talk_end(&talk);
    return 0;
}
