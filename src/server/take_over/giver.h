/* SPDX-License-Identifier: MIT
 *
 * giver: the server that is there, towards the one that takes over from it.
 *
 *      old (serves)                                     new (riposte --take-over=PID)
 *      giver_open: listens as "riposte-PID"
 *      accept, looks who it is (SO_PEERCRED) <--------- connects, looks who it is; HELLO
 *      SETTINGS, (LISTENER, FILE)..., ABILITIES, OFFERED -> listeners, rings, buffers, threads, sandbox: all but the store
 *      ---- from here on the main thread does nothing else, for at most --hand-over-timeout ----
 *      workers pause <--------------------------------- ABILITIES, READY
 *      the store is left in its memory; values that are being sent stay pinned (values.h)
 *      STORE, CONNECTIONS..., NUMBERS, COMPLETE ------> store, protocols, connections: all is checked
 *      the items, where it asks for them (items.h)
 *                                                       pins values that are being sent; workers get all that they can fail to get
 *                                            <--------- MINE
 *                                                       verdict_take: serves from here on
 *      the end of the socket: looks at the verdict <--- says no more
 *      tells the service manager who serves; then, with
 *      signals that still came, if any: SIGNALS ------> does what they ask for; from now on the service manager listens to it
 *      ends: nothing is shut down or removed, but a pid file that the new one has not taken
 *      stays for a moment: SIGNALS, for each ----------> as above
 *
 * Whatever goes wrong on either side, or takes too long, before the verdict: REFUSED with a sentence, and the old one goes on with all
 * that it had. Why both always agree, verdict.h says. Whoever is refused, or comes when the old one stops or has handed over, hears so:
 * silence means that the old one was killed.
 *
 * Who serves when one of the two is killed (tests/wire/programs/take_over_failures.py does it before and behind each message):
 *
 *      killed   when                                                  serves   with
 *      old      before the new one has connected                      nobody   it is no take-over yet: "no such process"
 *      old      then, before SETTINGS is sent                         new      its own flags, as if there had been no old one
 *      old      then, before STORE is sent                            new      the listeners that have come, and opens the rest
 *      old      then, before the verdict                              new      those, the items, the connections that have come
 *      old      behind the verdict                                    new      everything
 *      old      having taken back                                     nobody   it was a server that served, and was killed
 *      new      before the verdict                                    old      everything
 *      new      behind the verdict                                    nobody   it was a server that served, and was killed
 *
 * Where nobody does, it is for whoever starts servers (Restart= of systemd) to start one, as at any other time. Main thread.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_GIVER_H
#define RIPOSTE_SERVER_TAKE_OVER_GIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel.h"
#include "items.h"
#include "listen.h"
#include "options_table.h"
#include "values.h"
#include "verdict.h"

struct engine;
struct store;
struct tls;

/* What is handed over; borrowed for the giver's life. */
struct giver_parts {
    struct engine *engine;
    struct store *store;
    const struct listen_list *listens;
    const struct options *options;
    struct http_service *http; /* NULL: no listen speaks it */
    struct tls *tls;           /* NULL: no listen speaks it */
    int notify_fd;             /* to the service manager; -1: none */
    uint64_t watchdog_us;      /* what it expects */
    int janitor_fd;            /* -1: none */
    bool janitor_knows_words;  /* janitor.h */

    /* What this process has counted, once its workers have paused (riposte/numbers.h). */
    void (*numbers_save)(void *user, struct record_writer *writer);
    void *numbers_user;
};

enum giver_state {
    GIVER_IDLE,
    GIVER_GREETED, /* somebody has connected; HELLO is to come */
    GIVER_OFFERED, /* it has the listeners; READY is to come */
    GIVER_GIVEN,   /* the other one serves */
    GIVER_LOST,    /* it did not take over, and the workers here could not go on */
};

struct giver {
    struct giver_parts parts;
    enum giver_state state;
    int listen_fd;    /* owned; -1: nobody can take over */
    int fd;           /* owned, from GREETED on; -1 */
    bool checks_only; /* who is there only asks */
    bool is_busy;     /* the last turn has left something to do */
    pid_t taker;      /* who is there: whoever has spoken last; with -d first the parent, then its child */
    uint64_t deadline_ns; /* of the next message; monotonic */
    int records_fd;       /* owned; a memfd, empty but for a hand-over */
    struct verdict verdict;
    struct items_out items;       /* of the present attempt */
    uint32_t abilities;           /* of who is there: enum message_ability */
    struct engine_shared shared;  /* what it may be told of by name */
    struct record_writer numbers; /* owned; what this process had counted at the last pause */
};

/* Before the sandbox is closed. Where the system lacks something it says so, and nobody can take over. */
void giver_open(struct giver *giver);
/* The way to one that serves now stays, for giver_pass_on, until the process ends. */
void giver_close(struct giver *giver);

/* From now on somebody may take over. */
void giver_begin(struct giver *giver, const struct giver_parts *parts);

/* Does what can be done: after SIGIO, and when giver_timeout_ms is over. GIVEN and LOST are the end of serving. */
enum giver_state giver_turn(struct giver *giver, uint64_t now_ns);

/*
 * Once it is GIVEN: what this one is still asked to do, for the one that serves (signals.h). Said as well where it is nothing: the other
 * one hears by it that the service manager has been told (supervision_given).
 */
void giver_pass_on(const struct giver *giver, unsigned signals);

/* This process stops: nobody can take over any more. */
void giver_end(struct giver *giver);

/* -1: nothing is waited for. */
int giver_timeout_ms(const struct giver *giver, uint64_t now_ns);

#endif
