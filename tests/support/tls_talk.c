/* SPDX-License-Identifier: MIT
 *
 * tls_talk: carries bytes between a filter and a client, cut as the test wants, and keeps what each has said.
 */
#include "tls_talk.h"

#include <assert.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { PIECES_MAX = 16 };

void tls_place_init(struct tls_place *place) {
    memset(place, 0, sizeof(*place));
    certificate_folder_make(place->folder);
    place->authority =
        certificate_make(place->folder, "ca", &(struct certificate_wish){.name = "ca.test", .days = 30});
    place->own = certificate_make(
        place->folder, "server",
        &(struct certificate_wish){.name = "server.test", .issuer = &place->authority, .days = 30});
    place->mine = certificate_make(
        place->folder, "client",
        &(struct certificate_wish){.name = "client.test", .issuer = &place->authority, .days = 30});
    place->listen = (struct tls_listen){.used = true, .plain_text = "this is TLS\r\n"};
    place->config = (struct tls_config){
        .certificates = {{place->own.chain_path, place->own.key_path}},
        .certificates_count = 1,
        .tickets = true,
        .listens = &place->listen,
        .listens_count = 1,
        .workers_max = 1,
    };
}

void tls_place_open(struct tls_place *place) {
    char message[TLS_MESSAGE_SIZE_MAX];
    if (tls_create(&place->config, &place->tls, message) < 0) {
        fprintf(stderr, "tls_place_open: %s\n", message);
        abort();
    }
    place->worker = tls_worker_create(place->tls, 0);
    assert(place->worker != NULL);
}

void tls_place_close(struct tls_place *place) {
    if (place->worker != NULL) {
        tls_worker_destroy(place->worker);
    }
    tls_destroy(place->tls);
    certificate_folder_remove(place->folder);
}

void tls_talk_begin(struct tls_talk *talk, struct tls_place *place) {
    *talk = (struct tls_talk){.place = place,
                              .context = tls_worker_context(place->worker, 0),
                              .state = calloc(1, tls_filter.state_size),
                              .output = {.unsent_size_max = 1 << 20},
                              .client_context = SSL_CTX_new(TLS_client_method()),
                              .plain = malloc(TLS_TALK_PLAIN_SIZE_MAX),
                              .plain_room = 4096,
                              .piece_size_max = SIZE_MAX};
    assert(talk->state != NULL && talk->plain != NULL && talk->client_context != NULL);
    SSL_CTX_load_verify_locations(talk->client_context, place->authority.chain_path, NULL);
    talk->client = SSL_new(talk->client_context);
    SSL_set_bio(talk->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(talk->client);
    SSL_set_tlsext_host_name(talk->client, "server.test");
    tls_filter.open(talk->state, &talk->output, talk->context);
}

void tls_talk_end(struct tls_talk *talk) {
    reply_discard(&talk->output);
    tls_filter.close(talk->state, talk->context);
    SSL_free(talk->client);
    SSL_CTX_free(talk->client_context);
    free(talk->state);
    free(talk->plain);
}

void tls_talk_receive(struct tls_talk *talk, const void *data, size_t size) {
    struct bytes wire = bytes_of(data, size);
    do {
        assert(talk->plain_size + talk->plain_room <= TLS_TALK_PLAIN_SIZE_MAX);
        struct filter_progress progress =
            tls_filter.receive(talk->state, wire, talk->plain + talk->plain_size, talk->plain_room,
                               &talk->output, talk->context);
        assert(progress.consumed <= wire.size && progress.plain_size <= talk->plain_room);
        talk->plain_size += progress.plain_size;
        talk->next = progress.next;
        wire = bytes_after(wire, progress.consumed);
        while (talk->next == FILTER_NEXT_LATER && !tls_filter.ready(talk->state)) {
            sched_yield();
        }
    } while (talk->next == FILTER_NEXT_AGAIN || talk->next == FILTER_NEXT_LATER);
    assert(talk->next != FILTER_NEXT_INPUT || wire.size == 0);
}

/* What the client has written; true when there was any. */
static bool client_to_filter(struct tls_talk *talk) {
    char data[65536];
    int got = BIO_read(SSL_get_wbio(talk->client), data, sizeof(data));
    for (size_t at = 0; got > 0 && at < (size_t)got && talk->next <= FILTER_NEXT_AGAIN;) {
        size_t left = (size_t)got - at;
        size_t size = left < talk->piece_size_max ? left : talk->piece_size_max;
        /* In memory of its own size, so that a sanitizer sees a look beyond it. */
        char *piece = malloc(size);
        memcpy(piece, data + at, size);
        tls_talk_receive(talk, piece, size);
        free(piece);
        at += size;
    }
    return got > 0;
}

static bool filter_to_client(struct tls_talk *talk) {
    struct iovec pieces[PIECES_MAX];
    size_t size = 0;
    unsigned count = reply_iov(&talk->output, pieces, PIECES_MAX, &size);
    for (unsigned i = 0; i < count; i++) {
        BIO_write(SSL_get_rbio(talk->client), pieces[i].iov_base, (int)pieces[i].iov_len);
    }
    reply_sent(&talk->output, size);
    return size > 0;
}

void tls_talk_exchange(struct tls_talk *talk) {
    bool moved = true;
    while (moved) {
        moved = client_to_filter(talk);
        moved = filter_to_client(talk) || moved;
    }
}

bool tls_talk_shake(struct tls_talk *talk) {
    for (int flights = 0; flights < 8; flights++) {
        int done = SSL_do_handshake(talk->client);
        int error = SSL_get_error(talk->client, done); /* before its BIOs are touched */
        tls_talk_exchange(talk);
        if (done != 1 && error != SSL_ERROR_WANT_READ) {
            return false;
        }
    }
    return SSL_is_init_finished(talk->client) && talk->next <= FILTER_NEXT_AGAIN;
}

void tls_talk_say(struct tls_talk *talk, const void *data, size_t size) {
    size_t written = 0;
    int done = SSL_write_ex(talk->client, data, size, &written);
    assert(done == 1 && written == size);
    tls_talk_exchange(talk);
}

size_t tls_talk_send(struct tls_talk *talk, const void *data, size_t size, unsigned count) {
    struct iovec pieces[PIECES_MAX];
    size_t part = size / count;
    for (unsigned i = 0; i < count; i++) {
        pieces[i].iov_base = (char *)(uintptr_t)data + i * part;
        pieces[i].iov_len = i + 1 < count ? part : size - i * part;
    }
    return tls_filter.send(talk->state, pieces, count, &talk->output, talk->context);
}

size_t tls_talk_hear(struct tls_talk *talk, void *data, size_t size_max, int *error) {
    size_t heard = 0;
    tls_talk_exchange(talk);
    int done = SSL_read_ex(talk->client, data, size_max, &heard);
    *error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(talk->client, done);
    return heard;
}
