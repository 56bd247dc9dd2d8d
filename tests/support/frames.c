/* SPDX-License-Identifier: MIT
 *
 * frames: a length-prefixed echo, for tests of the engine. tests/example is a whole server.
 *
 *      frame = length (2 bytes, big endian) + that many bytes; it is sent back as it came. Length 0 ends the
 *      connection.
 *
 * What a protocol has to do: read whole requests from the front of `input`, answer into `reply`, say how
 * far it got. It is called again with what it left over and more behind it, so a request that was cut
 * anywhere needs no state here.
 */
#include "frames.h"

#include "riposte/record.h"
#include "riposte/reply.h"

enum { HEAD_SIZE = 2 };

static size_t frame_size(struct bytes input) {
    const unsigned char *head = (const unsigned char *)input.data;
    return HEAD_SIZE + (size_t)(head[0] << 8 | head[1]);
}

static struct progress frames_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                       void *context) {
    (void)session;
    (void)context;
    struct progress progress = {0};
    while (input->bytes.size - progress.consumed >= HEAD_SIZE) {
        struct bytes rest =
            bytes_of(input->bytes.data + progress.consumed, input->bytes.size - progress.consumed);
        size_t size = frame_size(rest);
        if (size > rest.size) {
            break; /* not all here yet */
        }
        if (progress.requests == input->requests_max || reply_full(reply)) {
            progress.next = PROTOCOL_NEXT_AGAIN; /* others first, or until the client has read */
            break;
        }
        if (size == HEAD_SIZE) {
            reply_close(reply);
        }
        reply_copy(reply, bytes_of(rest.data, size));
        progress.consumed += size;
        progress.requests++;
    }
    return progress;
}

/* What a frame needs is in the input: the record of a session has nothing but its version. */
enum { SAVED_VERSION = 1 };

static void frames_save(void *session, struct record_writer *writer, void *context) {
    (void)session;
    (void)context;
    record_put_u8(writer, SAVED_VERSION);
}

static bool frames_check(struct bytes saved) {
    struct record_reader reader = record_read(saved);
    return record_get_u8(&reader) == SAVED_VERSION && record_ended(&reader);
}

static bool frames_load(void *session, const struct protocol_peer *peer, struct bytes saved,
                        struct protocol_loaded *loaded, void *context) {
    (void)session;
    (void)peer;
    (void)saved;
    (void)context;
    (void)loaded;
    return true;
}

static enum protocol_next frames_greet(void *session, const struct protocol_peer *peer, struct reply *reply,
                                       void *context) {
    (void)session;
    (void)peer;
    (void)context;
    reply_copy_string(reply, "hello");
    return PROTOCOL_NEXT_INPUT;
}

const struct protocol frames_protocol = {
    .name = "frames",
    .reject_text = "full\r\n",
    .on_input = frames_on_input,
    .session_save = frames_save,
    .session_check = frames_check,
    .session_load = frames_load,
};

const struct protocol frames_with_greeting = {
    .name = "frames",
    .reject_text = "full\r\n",
    .on_open = frames_greet,
    .on_input = frames_on_input,
    .session_save = frames_save,
    .session_check = frames_check,
    .session_load = frames_load,
};
