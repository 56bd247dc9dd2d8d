/* SPDX-License-Identifier: MIT
 *
 * veil: bytes of the wire to plain bytes and back, one at a time.
 */
#include "veil.h"

#include <riposte/reply.h>
#include <stdint.h>
#include <sys/uio.h>

static const char greeting[] = "veil 1\n";

enum { GREETING_SIZE = sizeof(greeting) - 1, FRAME_SIZE_MAX = 255 };

/* What the filter keeps of a connection; all zero when it begins. */
struct veil {
    uint8_t greeted_size; /* bytes of the client's greeting that have come */
    uint8_t frame_left;   /* bytes that are to come of the frame under way */
    uint8_t received;     /* position of the next byte, modulo 256 */
    uint8_t sent;
};

static struct filter_progress veil_open(void *state, struct reply *output, void *context) {
    (void)state;
    (void)context;
    reply_copy_string(output, greeting);
    return (struct filter_progress){.next = FILTER_NEXT_INPUT, .opening = true};
}

/* The next byte of the wire. At most one plain byte comes of it. */
static enum filter_next veil_take(struct veil *veil, char byte, char *plain, size_t *plain_size) {
    if (veil->greeted_size < GREETING_SIZE) {
        return byte == greeting[veil->greeted_size++] ? FILTER_NEXT_INPUT : FILTER_NEXT_BROKEN;
    }
    if (veil->frame_left == 0) {
        veil->frame_left = (uint8_t)byte;
        return byte == 0 ? FILTER_NEXT_ENDED : FILTER_NEXT_INPUT;
    }
    plain[(*plain_size)++] = (char)(byte ^ veil->received);
    veil->received++;
    veil->frame_left--;
    return FILTER_NEXT_INPUT;
}

static struct filter_progress veil_receive(void *state, struct bytes wire, char *plain, size_t plain_size_max,
                                           struct reply *output, void *context) {
    struct filter_progress progress = {.next = FILTER_NEXT_INPUT};
    (void)context;
    while (progress.next == FILTER_NEXT_INPUT && progress.consumed < wire.size) {
        if (progress.plain_size == plain_size_max) {
            progress.next = FILTER_NEXT_AGAIN; /* the rest comes again */
        } else {
            progress.next = veil_take(state, wire.data[progress.consumed], plain, &progress.plain_size);
            progress.consumed++;
        }
    }
    progress.opening = ((const struct veil *)state)->greeted_size < GREETING_SIZE;
    if (progress.next == FILTER_NEXT_BROKEN) {
        reply_copy_string(output, "no veil\n"); /* sent before the connection ends */
    }
    return progress;
}

/* The first piece, or as much of it as fits a frame; the engine comes back with the rest. */
static size_t veil_send(void *state, const struct iovec *plain, unsigned plain_count, struct reply *output,
                        void *context) {
    struct veil *veil = state;
    size_t size = plain[0].iov_len < FRAME_SIZE_MAX ? plain[0].iov_len : FRAME_SIZE_MAX;
    (void)plain_count;
    (void)context;
    if (veil->greeted_size < GREETING_SIZE) {
        return 0; /* not yet: called again when more has come */
    }
    char *frame = reply_reserve(output, size + 1);
    frame[0] = (char)size;
    for (size_t i = 0; i < size; i++) {
        frame[i + 1] = (char)(((const char *)plain[0].iov_base)[i] ^ veil->sent++);
    }
    reply_commit(output, size + 1);
    return size;
}

static void veil_finish(void *state, struct reply *output, void *context) {
    (void)state;
    (void)context;
    reply_copy(output, bytes_of("", 1));
}

const struct filter veil_filter = {
    .name = "veil",
    .state_size = sizeof(struct veil),
    .open = veil_open,
    .receive = veil_receive,
    .send = veil_send,
    .finish = veil_finish,
};
