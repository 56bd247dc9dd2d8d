/* SPDX-License-Identifier: MIT
 *
 * talk: connections without sockets: a real protocol with the real reply, on one thread. memcached_talk.h and
 * http_talk.h make the server's side and open them.
 *
 *      talk_send(bytes) --> unread input --> protocol on_input --> reply --> output --> talk_output
 *
 * Does what the engine does for a connection and no more. Input is handed over in memory of exactly its size,
 * so that the sanitizers see every byte read beyond it.
 */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "riposte/bytes.h"
#include "riposte/protocol.h"
#include "riposte/reply.h"
#include "riposte/store.h"

/* The descriptor that the server is told; there is none. */
enum { TALK_FD = 999 };
extern const struct protocol_peer talk_peer;

/* What the server's side lends to a connection; all borrowed. */
struct talk_place {
    const struct protocol *protocol;
    void *context;
    struct store_worker *store_worker; /* passes a quiescent state after each call */
    const uint64_t *now_ns;
};

/* A store of 64 MiB for one worker, with values of up to 1 MiB. */
struct store_config talk_store_config(void);

/* One connection. */
struct talk {
    struct talk_place place;
    void *session; /* owned */
    struct reply reply;
    char *input; /* owned: input_size unread bytes, NULL when there are none */
    size_t input_size;
    char *output; /* owned: what was answered and not yet looked at, ended by a NUL */
    size_t output_size;
    unsigned requests_max;   /* of one on_input; 20 unless changed */
    uint64_t received_ns;    /* since when the input waits; 0: it has just come */
    size_t memory_size_max;  /* what the session may hold; no bound unless changed */
    bool memory_may_wait;    /* what needs more may wait; false unless changed */
    bool input_ended;        /* the client sends no more */
    size_t memory_size;      /* what it held after the last on_input */
    unsigned work;           /* of the last on_input */
    bool costly;             /* that is so much that others come first */
    unsigned calls;          /* of on_input so far */
    unsigned requests;       /* completed so far */
    enum protocol_next next; /* what the last on_input waits for */
    bool again;              /* the last on_input had more to do */
    bool later;   /* the last on_input wants to be called again although nothing comes: talk_step does */
    bool patient; /* what is answered later (NEXT_LATER) is waited for by talk_send */
    bool hold;    /* the client takes no output */
    bool closed;  /* the server has said its last word */
};

void talk_begin(struct talk *talk, const struct talk_place *place);
void talk_close(struct talk *talk);

/* Gives the server `bytes` and lets it work until it waits for more, or for a client that takes nothing. */
void talk_send(struct talk *talk, struct bytes bytes);

struct random;

/* The same in pieces of 1 to 64 bytes. */
void talk_send_cut(struct talk *talk, struct bytes bytes, struct random *random);

/* Lets the server work on what it left for another call, as when the client takes its output again. */
void talk_go_on(struct talk *talk);

/* One on_input at most; what was answered is taken over unless `keep`, as when the client does not read. */
void talk_step(struct talk *talk, bool keep);

/* True when the session can be saved now. */
bool talk_is_ready(const struct talk *talk);

/*
 * The session is saved and loaded again, as by another process: every prefix of the record is refused before. Ready only. Unread input and
 * unsent output stay.
 */
void talk_move(struct talk *talk);

/* What was answered since the last look; valid until the next call on this talk. */
struct bytes talk_output(struct talk *talk);

/* Sends a string and fails the test, showing both, unless the answer is exactly `expected`. */
void talk_check(struct talk *talk, const char *request, const char *expected);

/* Fails the test: `output` is not what was expected. */
_Noreturn void talk_fail(const char *request, const char *expected, struct bytes output);

#endif
