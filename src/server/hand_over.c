/* SPDX-License-Identifier: MIT
 *
 * hand_over: wires taker and giver to the parts of the server. See hand_over.h.
 */
#include "hand_over.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "counted.h"
#include "pidfile.h"
#include "riposte/clock.h"
#include "riposte/engine_move.h"
#include "riposte/log.h"
#include "riposte/store_file.h"
#include "riposte/tls.h"
#include "sandbox/sandbox.h"
#include "signals.h"
#include "take_over/values.h"

/* The other one has nothing else to do than to say it; a build from before says nothing, and ends. */
enum { HAND_OVER_WORD_TIMEOUT_S = 1 };

/* Whoever has looked for the process id before the other one had it sends its signal a moment later: a script needs some milliseconds. */
enum { HAND_OVER_LINGER_MS = 50 };

/* Who asks both to stop has reached the second one by then. */
enum { HAND_OVER_TWICE_MS = 100 };

/* --- taking over ------------------------------------------------------------------------------------------ */

bool hand_over_ask(struct server *server, struct failure *failure) {
    struct taker *taker = &server->taker;
    bool checks_only = server->options.check != SHOW_NOT;
    if (server->options.take_over > 0 && !checks_only) {
        victim_offer(&server->victim);
        if (server->options.daemon) {
            signals_exit_in_order_on_stop(); /* as its parent does later: daemon.h */
        }
    }
    if (taker_begin(taker, &server->options, checks_only, failure)) {
        server->former_janitor.fd = taker->janitor_fd;
        server->former_janitor.knows_words = (taker->abilities & MESSAGE_CAN_RELEASE_JANITOR) != 0;
        taker->janitor_fd = -1;
        return true;
    }
    taker_end(taker, failure->text);
    return false;
}

bool hand_over_hold_victim(struct server *server, struct failure *failure) {
    int result = victim_hold(&server->victim);
    return result == 0 ||
           failure_set(failure, EX_OSERR, "/proc/self/oom_score_adj cannot be opened: %s", strerror(-result));
}

void hand_over_end(struct server *server) {
    taker_end(&server->taker, server->failure == NULL ? NULL : server->failure->text);
}

bool hand_over_await(struct server *server, struct failure *failure) {
    return taker_await(&server->taker, server->engine, failure);
}

static void items_log(const struct store_imported *imported, uint64_t ms, const char *why) {
    log_line(LOG_LEVEL_INFO, "%" PRIu64 " items are carried over one by one, in %" PRIu64 " ms: %s",
             imported->items_count, ms, why);
    if (imported->left_count > 0) {
        log_line(LOG_LEVEL_WARNING, "%" PRIu64 " items are left out: there was no more %s",
                 imported->left_count, imported->is_full ? "room for them" : "time (--hand-over-timeout)");
    }
    if (imported->too_large_count > 0) {
        log_line(LOG_LEVEL_WARNING, "%" PRIu64 " items are left out: they are larger than -I allows",
                 imported->too_large_count);
    }
}

bool hand_over_take_items(struct server *server, const char *why, struct failure *failure) {
    struct store_imported imported;
    uint64_t begin_ns = clock_monotonic_ns();
    if ((server->taker.abilities & MESSAGE_CAN_SEND_ITEMS) == 0) {
        log_line(LOG_LEVEL_WARNING, "the store is empty: the items stay behind, since %s", why);
        return true;
    }
    if (!taker_take_items(&server->taker, server->store, server->items_room, &imported, failure)) {
        return false;
    }
    items_log(&imported, (clock_monotonic_ns() - begin_ns) / CLOCK_NS_PER_MS, why);
    return true;
}

bool hand_over_take_values(struct server *server, struct failure *failure) {
    struct taker *taker = &server->taker;
    struct connections_taken *taken = &taker->taken_connections;
    struct values_source source = {.store = server->store_is_taken ? server->store : NULL,
                                   .file_fd = taker->arena_fd,
                                   .copies_size_max = server->options.conn_memory};
    if (taker->arena_fd < 0) {
        return true;
    }
    if (values_take(&source, server->engine) != ENGINE_ADOPTED) {
        hand_over_drop_values(server);
        return failure_set(failure, EX_UNAVAILABLE,
                           "--take-over=%jd: a connection of it is sent what is no item; it goes on",
                           (intmax_t)taker->pid);
    }
    if (source.lost_count > 0) {
        taken->count -= source.lost_count;
        taken->lost_count += source.lost_count;
        taken->reason = ENGINE_ADOPT_NO_MEMORY;
    }
    return true;
}

/* Of connections that are served by now there are none left. */
void hand_over_drop_values(struct server *server) {
    engine_unpin_values(server->engine);
}

/* Clients that have been here resume their sessions; else they make new ones. */
static void tickets_take(struct server *server) {
    struct message_store *store = &server->taker.store;
    struct tls_tickets tickets;
    if (server->encryption.tls != NULL && store->keys_size == sizeof(tickets)) {
        memcpy(&tickets, store->keys, sizeof(tickets));
        tls_tickets_import(server->encryption.tls, clock_monotonic_ns(), &tickets);
        explicit_bzero(&tickets, sizeof(tickets));
    }
    explicit_bzero(store, sizeof(*store));
}

bool hand_over_take_numbers(struct server *server, struct failure *failure) {
    (void)failure; /* they begin anew */
    counted_load(server, server->taker.numbers);
    return true;
}

void hand_over_explain(struct server *server, struct failure *failure) {
    taker_explain(&server->taker, failure);
}

/* Whoever is asked to stop before it serves is to leave things as they are, or whoever has started it. Where the other one has ended meanwhile, it stops in order, later. */
static bool hand_over_is_called_off(const struct server *server, struct failure *failure) {
    const struct taker *taker = &server->taker;
    return taker->fd >= 0 && (signals_stop_is_pending() || !daemon_is_awaited(&server->daemon)) &&
           !failure_set(
               failure, EX_UNAVAILABLE,
               "--take-over=%jd: this process is asked to stop before it serves; the other one goes on",
               (intmax_t)taker->pid);
}

bool hand_over_take(struct server *server, struct failure *failure) {
    if (hand_over_is_called_off(server, failure) || !taker_take(&server->taker, failure)) {
        return false;
    }
    if (server->taker.arena_fd >= 0) {
        store_file_settle(server->store);
    }
    tickets_take(server);
    int result = victim_end(&server->victim);
    if (result < 0) {
        log_line(
            LOG_LEVEL_WARNING,
            "where memory runs out, this process is the first to be killed: oom_score_adj stays 1000: %s",
            strerror(-result));
    }
    return true;
}

void hand_over_dropped(const struct server *server, struct socket_files *dropped) {
    listeners_dropped(&server->taker.listeners, dropped);
    dropped->count = server->taker.uid == 0 ? dropped->count : 0;
}

/* By its own rights; where -u has taken away what it needs, by those of a janitor: its own, or that of the other one, at the end at the latest. */
static void dropped_files_remove(struct server *server) {
    struct socket_files dropped;
    listeners_dropped(&server->taker.listeners, &dropped);
    janitor_take(&server->janitor, &server->former_janitor, &dropped);
    socket_files_remove(&dropped);
}

bool hand_over_release(struct server *server, struct failure *failure) {
    (void)failure; /* it serves, whatever else */
    struct taker *taker = &server->taker;
    if (taker->pid == 0) {
        return true;
    }
    if (server->pidfile_fd >= 0) {
        pidfile_fill_taken(server->options.pidfile, server->pidfile_fd);
        server->pidfile_fd = -1;
    }
    dropped_files_remove(server);
    taker_release(taker); /* behind the pid file: one that is still the other one's own is removed by it */
    const struct connections_taken *connections = &taker->taken_connections;
    log_line(LOG_LEVEL_INFO, "taken over from process %jd, with %u connections", (intmax_t)taker->pid,
             connections->count);
    if (connections->lost_count > 0) {
        log_line(LOG_LEVEL_WARNING, "%u connections of it are closed: %s", connections->lost_count,
                 engine_adoption_text(connections->reason));
    }
    return true;
}

/* What the other one was asked to do, until deadline_ns. */
static void hand_over_hear(struct server *server, uint64_t deadline_ns) {
    unsigned signals = taker_turn(&server->taker, deadline_ns);
    server->is_stop_passed_on |= signals_have_stop(signals);
    signals_raise(signals);
}

bool hand_over_await_word(struct server *server, struct failure *failure) {
    (void)failure; /* it serves, with or without */
    hand_over_hear(server, clock_monotonic_ns() + HAND_OVER_WORD_TIMEOUT_S * CLOCK_NS_PER_S);
    return true;
}

/* --- being taken over from -------------------------------------------------------------------------------- */

bool hand_over_open_control(struct server *server, struct failure *failure) {
    (void)failure; /* serving does not hang on it */
    successor_init(&server->successor);
    giver_open(&server->giver);
    return true;
}

void hand_over_close_control(struct server *server) {
    giver_close(&server->giver);
}

void hand_over_begin(struct server *server) {
    const struct giver_parts parts = {
        .engine = server->engine,
        .store = server->store,
        .listens = &server->listens,
        .options = &server->options,
        .http = server->protocols.http,
        .tls = server->encryption.tls,
        .notify_fd = server->supervision.notify.fd,
        .watchdog_us = server->supervision.notify.watchdog_us,
        .janitor_fd = server->janitor.fd,
        .janitor_knows_words = server->janitor.knows_words,
        .numbers_save = counted_save,
        .numbers_user = server,
    };
    giver_begin(&server->giver, &parts);
}

void hand_over_start_taker(struct server *server) {
    if (sandbox_wanted(&server->options)) {
        log_line(
            LOG_LEVEL_WARNING,
            "SIGUSR2: in its sandbox a server starts nothing; start riposte --take-over=%jd with its flags",
            (intmax_t)getpid());
        return;
    }
    int result = successor_start(&server->successor, server->arguments);
    if (result < 0) {
        log_line(LOG_LEVEL_WARNING, "SIGUSR2: %s cannot be started: %s", server->successor.path,
                 strerror(-result));
    } else {
        log_line(LOG_LEVEL_INFO, "SIGUSR2: process %jd is started", (intmax_t)server->successor.child);
    }
}

void hand_over_on_child(struct server *server) {
    int status;
    /* One that went to the background (-d) ends well when it serves. */
    if (successor_has_ended(&server->successor, &status) && status != 0) {
        log_line(LOG_LEVEL_WARNING, "SIGUSR2: the process that was started has ended with %s %d",
                 WIFEXITED(status) ? "status" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
}

void hand_over_pass_on(struct server *server) {
    if (server->giver.state == GIVER_GIVEN) {
        giver_pass_on(&server->giver, signals_take_pending());
    }
}

/* The next one that comes before end_ns; 0: none does. A wait may also end early, without one (EINTR). */
static unsigned hand_over_await_signal(uint64_t end_ns) {
    unsigned signals = 0;
    for (uint64_t now_ns; signals == 0 && (now_ns = clock_monotonic_ns()) < end_ns;) {
        signals = signals_take_next((int)((end_ns - now_ns) / CLOCK_NS_PER_MS) + 1);
    }
    return signals;
}

void hand_over_leave(struct server *server) {
    if (server->giver.state != GIVER_GIVEN) {
        return;
    }
    uint64_t end_ns = clock_monotonic_ns() + HAND_OVER_LINGER_MS * CLOCK_NS_PER_MS;
    for (unsigned signals; (signals = hand_over_await_signal(end_ns)) != 0;) {
        giver_pass_on(&server->giver, signals);
    }
}

void hand_over_part(struct server *server) {
    taker_part(&server->taker);
    if (server->is_stop_passed_on) {
        hand_over_await_signal(clock_monotonic_ns() + HAND_OVER_TWICE_MS * CLOCK_NS_PER_MS);
    }
}

/* One that goes on being used has the new one's number by now: it has another, or none. */
static void hand_over_remove_pidfile(const struct server *server) {
    if (server->options.pidfile != NULL) {
        pidfile_remove(server->options.pidfile, getpid());
    }
}

bool hand_over_turn(struct server *server, uint64_t now_ns) {
    struct giver *giver = &server->giver;
    enum giver_state state = giver_turn(giver, now_ns);
    hand_over_hear(server, 0);
    if (state == GIVER_GIVEN) {
        hand_over_remove_pidfile(server);
        supervision_given(&server->supervision, giver->taker);
        hand_over_pass_on(server);
    }
    return state == GIVER_GIVEN || state == GIVER_LOST;
}

int hand_over_timeout_ms(const struct server *server, uint64_t now_ns) {
    return giver_timeout_ms(&server->giver, now_ns);
}

bool hand_over_is_elsewhere(const struct server *server) {
    return !server->taker.taken || server->giver.state == GIVER_GIVEN;
}
