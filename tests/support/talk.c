/* SPDX-License-Identifier: MIT
 *
 * talk: plays the engine for one connection.
 */
#include "talk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "deadline.h"
#include "riposte/random.h"
#include "riposte/record.h"

enum {
    IOV_COUNT = 16,
    REQUESTS_MAX = 20,
    UNSENT_SIZE_MAX = 8 << 20,
    SHOWN_SIZE_MAX = 900,
    CUT_SIZE_MAX = 64,
};

struct store_config talk_store_config(void) {
    return (struct store_config){
        .memory_size_max = (size_t)64 << 20,
        .item_size_max = (size_t)1 << 20,
        .evict = true,
        .workers_max = 1,
        .hash_seed = 1,
    };
}

const struct protocol_peer talk_peer = {.fd = TALK_FD};

void talk_begin(struct talk *talk, const struct talk_place *place) {
    memset(talk, 0, sizeof(*talk));
    talk->place = *place;
    talk->session = calloc(1, place->protocol->session_size);
    talk->reply.unsent_size_max = UNSENT_SIZE_MAX;
    talk->requests_max = REQUESTS_MAX;
    talk->memory_size_max = SIZE_MAX;
    talk->output = calloc(1, 1);
    assert(talk->session != NULL && talk->output != NULL);
    if (place->protocol->on_open != NULL) {
        place->protocol->on_open(talk->session, &talk_peer, &talk->reply, place->context);
    }
}

void talk_close(struct talk *talk) {
    if (talk->place.protocol->on_close != NULL) {
        talk->place.protocol->on_close(talk->session, &talk_peer, PROTOCOL_CLOSE_NORMAL, talk->place.context);
    }
    reply_discard(&talk->reply);
    free(talk->session);
    free(talk->input);
    free(talk->output);
}

/* Bytes of a file, which are read as the engine would. False when it has ended before. */
static bool talk_drain_file(struct talk *talk, const struct reply_file *file, uint64_t offset, size_t size) {
    talk->output = realloc(talk->output, talk->output_size + size + 1);
    assert(talk->output != NULL);
    ssize_t got = pread(file->fd, talk->output + talk->output_size, size, (off_t)offset);
    if (got <= 0) {
        talk->closed = true;
        return false;
    }
    talk->output_size += (size_t)got;
    talk->output[talk->output_size] = '\0';
    reply_sent(&talk->reply, (size_t)got);
    return true;
}

/* Moves what was answered to the output, as if the kernel had taken it. */
static void talk_drain(struct talk *talk) {
    struct iovec iov[IOV_COUNT];
    size_t size;
    uint64_t offset;
    bool whole = true;
    while (talk->reply.unsent_size > 0 && whole) {
        unsigned count = reply_iov(&talk->reply, iov, IOV_COUNT, &size);
        if (count == 0) {
            const struct reply_file *file = reply_first_file(&talk->reply, &offset, &size);
            whole = talk_drain_file(talk, file, offset, size);
            continue;
        }
        talk->output = realloc(talk->output, talk->output_size + size + 1);
        assert(talk->output != NULL);
        for (unsigned i = 0; i < count; i++) {
            memcpy(talk->output + talk->output_size, iov[i].iov_base, iov[i].iov_len);
            talk->output_size += iov[i].iov_len;
        }
        talk->output[talk->output_size] = '\0';
        reply_sent(&talk->reply, size);
    }
}

/* Replaces the input by its last input_size - size bytes and `more`, in memory of exactly that size. */
static void talk_reshape(struct talk *talk, size_t size, struct bytes more) {
    size_t kept_size = talk->input_size - size;
    char *input = NULL;
    if (kept_size + more.size > 0) {
        input = malloc(kept_size + more.size);
        assert(input != NULL);
        if (kept_size > 0) {
            memcpy(input, talk->input + size, kept_size);
        }
        if (more.size > 0) {
            memcpy(input + kept_size, more.data, more.size);
        }
    }
    free(talk->input);
    talk->input = input;
    talk->input_size = kept_size + more.size;
}

/* One call of on_input. */
static void talk_call(struct talk *talk, bool keep) {
    struct bytes input = bytes_of(talk->input, talk->input_size);
    const struct talk_place *place = &talk->place;
    place->protocol->prefetch(talk->session, input, place->context);
    const struct protocol_input call = {.bytes = input,
                                        .ended = talk->input_ended,
                                        .requests_max = talk->requests_max,
                                        .now_ns = *place->now_ns,
                                        .received_ns =
                                            talk->received_ns != 0 ? talk->received_ns : *place->now_ns,
                                        .memory_size_max = talk->memory_size_max,
                                        .memory_may_wait = talk->memory_may_wait};
    struct progress progress = place->protocol->on_input(talk->session, &call, &talk->reply, place->context);
    assert(progress.consumed <= input.size && progress.requests <= talk->requests_max);
    talk->calls++;
    talk->requests += progress.requests;
    assert(progress.memory_size <= talk->memory_size_max);
    talk->memory_size = progress.memory_size;
    talk->work = progress.work;
    talk->costly = progress.work >= PROTOCOL_WORK_COSTLY;
    talk->next = progress.next;
    talk->again = progress.next == PROTOCOL_NEXT_AGAIN;
    talk->later = progress.next != PROTOCOL_NEXT_AGAIN && progress.next != PROTOCOL_NEXT_INPUT;
    talk_reshape(talk, progress.consumed, bytes_of(NULL, 0));
    if (!keep) {
        talk_drain(talk);
    }
    talk->closed = reply_closing(&talk->reply);
    store_quiescent(place->store_worker, *place->now_ns);
}

void talk_step(struct talk *talk, bool keep) {
    if (!talk->closed && (talk->input_size > 0 || talk->again || talk->later)) {
        talk_call(talk, keep);
    }
}

static bool talk_waits(const struct talk *talk) {
    return talk->patient && talk->next == PROTOCOL_NEXT_LATER;
}

void talk_send(struct talk *talk, struct bytes bytes) {
    talk_reshape(talk, 0, bytes);
    struct deadline deadline = deadline_of("an answer that comes later");
    do {
        talk_step(talk, talk->hold);
        if (talk_waits(talk)) {
            deadline_wait(&deadline);
        }
    } while ((talk->again || talk_waits(talk)) && !talk->closed && !(talk->hold && reply_full(&talk->reply)));
}

void talk_send_cut(struct talk *talk, struct bytes bytes, struct random *random) {
    while (bytes.size > 0) {
        size_t size = 1 + random_below(random, CUT_SIZE_MAX);
        size = size < bytes.size ? size : bytes.size;
        talk_send(talk, bytes_of(bytes.data, size));
        bytes = bytes_after(bytes, size);
    }
}

void talk_go_on(struct talk *talk) {
    while (talk->again && !talk->closed) {
        talk_step(talk, talk->hold);
    }
}

bool talk_is_ready(const struct talk *talk) {
    const struct protocol *protocol = talk->place.protocol;
    return protocol->session_ready == NULL || protocol->session_ready(talk->session);
}

/* In memory of exactly its size; looked at up to each of the first and last bytes, since values in between may be large. */
static void talk_check_prefixes(const struct protocol *protocol, struct bytes saved) {
    enum { EDGE_SIZE = 300, TAIL_SIZE = 8 };
    for (size_t size = 0; size < saved.size; size++) {
        if (size == EDGE_SIZE && saved.size > 2 * (size_t)EDGE_SIZE) {
            size = saved.size - TAIL_SIZE; /* a large value in between */
        }
        char *copy = malloc(size > 0 ? size : 1);
        assert(copy != NULL);
        memcpy(copy, saved.data, size);
        bool taken = protocol->session_check(bytes_of(copy, size));
        free(copy);
        assert(!taken);
    }
}

void talk_move(struct talk *talk) {
    const struct protocol *protocol = talk->place.protocol;
    struct record_writer writer = {0};
    assert(talk_is_ready(talk));
    protocol->session_save(talk->session, &writer, talk->place.context);
    assert(!writer.broken);
    struct bytes saved = bytes_of(writer.data, writer.size);
    talk_check_prefixes(protocol, saved);
    bool is_good = protocol->session_check(saved);
    assert(is_good);
    memset(talk->session, 0, protocol->session_size);
    struct protocol_loaded loaded = {.next = PROTOCOL_NEXT_INPUT};
    bool has_memory = protocol->session_load(talk->session, &talk_peer, saved, &loaded, talk->place.context);
    assert(has_memory);
    talk->memory_size = loaded.memory_size;
    record_discard(&writer);
}

struct bytes talk_output(struct talk *talk) {
    talk_drain(talk);
    struct bytes output = bytes_of(talk->output, talk->output_size);
    talk->output_size = 0;
    return output;
}

void talk_fail(const char *request, const char *expected, struct bytes output) {
    fprintf(stderr, "request:  %.300s\nexpected: %.900s\nanswered: %.*s\n", request, expected,
            (int)(output.size < SHOWN_SIZE_MAX ? output.size : SHOWN_SIZE_MAX), output.data);
    abort();
}

void talk_check(struct talk *talk, const char *request, const char *expected) {
    talk_send(talk, bytes_from_string(request));
    struct bytes output = talk_output(talk);
    if (!bytes_equal_string(output, expected)) {
        talk_fail(request, expected, output);
    }
}
