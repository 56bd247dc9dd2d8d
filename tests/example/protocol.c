/* SPDX-License-Identifier: MIT
 *
 * protocol: lines to answers. What a connection keeps, its first word, its lines, its end.
 */
#include "protocol.h"

#include <riposte/clock.h>
#include <riposte/reply.h>
#include <string.h>

enum {
    LINE_SIZE_MAX = 1024,   /* bytes, the line end included */
    LINE_TIMEOUT_MS = 5000, /* from its first byte to its end */
    LATER_MS = 100,
};

/* What a connection keeps; all zero when it begins. */
struct session {
    uint64_t begun_ns; /* when the line at the front of the input was first seen unfinished; 0: it was not */
    uint64_t due_ns;   /* when the "later" or "ticks" there is answered (again); 0: not asked for yet */
};

/* The first line of `input` without its end, and how many bytes it takes with it; 0 when it is not all here. */
static size_t line_first(struct bytes input, struct bytes *line) {
    const char *end = memchr(input.data, '\n', input.size);
    if (end == NULL) {
        return 0;
    }
    size_t size = (size_t)(end - input.data);
    *line = bytes_of(input.data, size > 0 && end[-1] == '\r' ? size - 1 : size);
    return size + 1;
}

static enum protocol_next echo_on_open(void *session, const struct protocol_peer *peer, struct reply *reply,
                                       void *context) {
    (void)session;
    (void)peer;
    struct worker *worker = context;
    worker->connections_count++;
    reply_copy_string(reply, "echo\r\n");
    return PROTOCOL_NEXT_INPUT;
}

/* While it looks at the input of others, the count of this line comes into the CPU's cache. */
static void echo_prefetch(const void *session, struct bytes input, void *context) {
    (void)session;
    struct bytes line;
    if (input.size > 0 && line_first(input, &line) > 0) {
        __builtin_prefetch(worker_heard(context, line));
    }
}

static const char help_text[] = "help   this\r\n"
                                "later  is answered a tenth of a second later\r\n"
                                "ticks  is answered ten times a second, until you end\r\n"
                                "counts lists what is counted\r\n"
                                "quit   ends the connection\r\n"
                                "All else comes back behind a count.\r\n";

/* The text is there for ever. What is freed with its last reader would be let go of here. */
static void help_release(void *owner) {
    (void)owner;
}

static void answer_echo(struct worker *worker, struct bytes line, struct reply *reply) {
    uint32_t *heard = worker_heard(worker, line);
    char *text = reply_reserve(reply, BYTES_U64_DIGITS_MAX + 1);
    size_t size = bytes_format_u64(text, ++*heard);
    text[size++] = ' ';
    reply_commit(reply, size);
    reply_copy(reply, line);
    reply_copy_string(reply, "\r\n");
}

/* True when the time has come that was set by the first call, and sets the next one. */
static bool session_is_due(struct session *session, uint64_t now_ns) {
    bool due = session->due_ns != 0 && now_ns >= session->due_ns;
    if (due || session->due_ns == 0) {
        session->due_ns = now_ns + LATER_MS * CLOCK_NS_PER_MS;
    }
    return due;
}

/* Answers a line: NEXT_INPUT. Or leaves it where it is, to be asked again. */
static enum protocol_next answer(struct session *session, struct worker *worker, struct bytes line,
                                 uint64_t now_ns, struct reply *reply) {
    if (bytes_equal_string(line, "later")) {
        if (!session_is_due(session, now_ns)) {
            return PROTOCOL_NEXT_LATER; /* owed: also to a client that sends no more */
        }
        counter_add(&worker->counts->lines_late, 1);
        reply_copy_string(reply, "later\r\n");
        session->due_ns = 0;
    } else if (bytes_equal_string(line, "ticks")) {
        if (session_is_due(session, now_ns)) {
            counter_add(&worker->counts->lines_late, 1);
            reply_copy_string(reply, "tick\r\n");
        }
        return PROTOCOL_NEXT_EVENT; /* for as long as the client listens */
    } else if (bytes_equal_string(line, "quit")) {
        reply_close(reply); /* what was answered before is sent first */
    } else if (bytes_equal_string(line, "counts")) {
        sources_list(&worker->echo->sources, reply);
    } else if (bytes_equal_string(line, "help")) {
        reply_pin(reply, bytes_from_string(help_text), help_release, NULL);
    } else {
        answer_echo(worker, line, reply);
    }
    return PROTOCOL_NEXT_INPUT;
}

/* For a client that breaks the rules. */
static enum protocol_next refuse(struct reply *reply, const char *text) {
    reply_copy_string(reply, text);
    reply_close(reply);
    return PROTOCOL_NEXT_INPUT;
}

/* `rest` has no whole line: too long, too slow, or not all here yet. */
static enum protocol_next wait_for_line(struct session *session, struct bytes rest, uint64_t now_ns,
                                        struct reply *reply) {
    if (rest.size >= LINE_SIZE_MAX) {
        return refuse(reply, "too long\r\n");
    }
    if (session->begun_ns == 0) {
        session->begun_ns = now_ns;
    }
    if (now_ns - session->begun_ns >= LINE_TIMEOUT_MS * CLOCK_NS_PER_MS) {
        return refuse(reply, "too slow\r\n");
    }
    return PROTOCOL_NEXT_REST; /* looks again after a while, whether more comes or not */
}

/*
 * Reads whole lines from the front of the input. What it leaves comes again with more behind it, so a line that was cut
 * anywhere needs no state but when it began.
 */
static struct progress echo_on_input(void *session_memory, const struct protocol_input *input,
                                     struct reply *reply, void *context) {
    struct session *session = session_memory;
    struct progress progress = {.next = PROTOCOL_NEXT_INPUT};
    while (progress.next == PROTOCOL_NEXT_INPUT && progress.consumed < input->bytes.size) {
        struct bytes rest =
            bytes_of(input->bytes.data + progress.consumed, input->bytes.size - progress.consumed);
        struct bytes line;
        size_t size = line_first(rest, &line);
        if (progress.requests == input->requests_max || reply_full(reply)) {
            progress.next = PROTOCOL_NEXT_AGAIN; /* others first, or until the client has read */
        } else if (size == 0) {
            progress.next = wait_for_line(session, rest, input->now_ns, reply);
        } else if (size > LINE_SIZE_MAX) {
            progress.next = refuse(reply, "too long\r\n");
        } else {
            progress.next = answer(session, context, line, input->now_ns, reply);
            if (progress.next == PROTOCOL_NEXT_INPUT) {
                progress.consumed += size;
                progress.requests++;
                session->begun_ns = 0;
                counter_add(&((struct worker *)context)->counts->lines, 1);
            }
        }
    }
    return progress;
}

/* Whatever ended it: the place to free what a session holds. */
static void echo_on_close(void *session, const struct protocol_peer *peer, enum protocol_close reason,
                          void *context) {
    (void)session;
    (void)peer;
    (void)reason;
    struct worker *worker = context;
    worker->connections_count--;
}

const struct protocol echo_protocol = {
    .name = "echo",
    .session_size = sizeof(struct session),
    .reject_text = "full\r\n",
    .on_open = echo_on_open,
    .prefetch = echo_prefetch,
    .on_input = echo_on_input,
    .on_close = echo_on_close,
};
