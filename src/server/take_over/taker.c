/* SPDX-License-Identifier: MIT
 *
 * taker: asks, receives, and decides. See taker.h.
 */
#include "taker.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pwd.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "process_handle.h"
#include "records.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "riposte/numbers.h"

enum {
    TAKER_ASK_TIMEOUT_S = 5,
    TAKER_STEPS_MAX = 64,   /* messages of one that has nothing to say but a few signals */
    TAKER_MARGIN_MS = 1000, /* the other one is the first whose time is over */
    TAKER_DEATH_MS =
        1000, /* from the end of the socket of one that is killed to its own; its memory is freed in between */
};

/* --- asking ----------------------------------------------------------------------------------------------- */

/* The user that this process is going to be. */
static bool uid_suits(uid_t uid, const char *user) {
    const struct passwd *entry = user == NULL ? NULL : getpwnam(user);
    return channel_may(uid) || (geteuid() == 0 && entry != NULL && entry->pw_uid == uid);
}

/* Any user may fill the queue of those who wait to be looked at, which the other one empties all the time. */
static int taker_reach(pid_t pid, struct channel_peer *peer) {
    const struct timespec pause = {.tv_nsec = CLOCK_NS_PER_MS};
    uint64_t end_ns = clock_monotonic_ns() + TAKER_ASK_TIMEOUT_S * CLOCK_NS_PER_S;
    int fd;
    while ((fd = channel_connect(pid, peer)) == -EAGAIN && clock_monotonic_ns() < end_ns) {
        nanosleep(&pause, NULL);
    }
    return fd;
}

static bool taker_connect(struct taker *taker, const struct options *options, struct failure *failure) {
    struct channel_peer peer;
    taker->fd = taker_reach(taker->pid, &peer);
    if (taker->fd == -EAGAIN) {
        return failure_set(failure, EX_UNAVAILABLE,
                           "--take-over=%jd: it says nothing, and others wait for it, too",
                           (intmax_t)taker->pid);
    }
    if (taker->fd == -ECONNREFUSED) {
        return failure_set(failure, EX_UNAVAILABLE,
                           "--take-over=%jd: no such process of riposte hands itself over here (its network "
                           "namespace counts)",
                           (intmax_t)taker->pid);
    }
    if (taker->fd < 0) {
        return failure_set(failure, EX_OSERR, "--take-over=%jd: %s", (intmax_t)taker->pid,
                           strerror(-taker->fd));
    }
    taker->uid = peer.uid;
    /* Anybody may have taken the name first. */
    if (peer.pid != taker->pid || !uid_suits(peer.uid, options->user)) {
        return failure_set(failure, EX_NOPERM,
                           "--take-over=%jd: process %jd of user %ju is there, and neither root nor %s",
                           (intmax_t)taker->pid, (intmax_t)peer.pid, (uintmax_t)peer.uid,
                           options->user == NULL ? "the user of this process" : options->user);
    }
    /* It may be another one's by now, which lives: then this one does not start, though it could. */
    taker->process_fd = process_handle_open(taker->pid);
    return true;
}

static bool result_failed(const struct taker *taker, int result, struct failure *failure) {
    const char *text = result == -ETIMEDOUT         ? "it says nothing"
                       : result == -EPROTO          ? "what it says cannot be understood"
                       : result == -EPROTONOSUPPORT ? "it speaks another version of the hand-over"
                       : result == -EMFILE
                           ? "its descriptors are more than this process may have (ulimit -n, LimitNOFILE=)"
                           : strerror(-result);
    return failure_set(failure, EX_UNAVAILABLE, "--take-over=%jd: %s; it goes on", (intmax_t)taker->pid,
                       text);
}

/*
 * The other one has gone without a word. One that stops, or has handed over to another process meanwhile, says so to all who wait
 * (giver_end): it was killed, if it is dead, and this one starts as if there had been none. Builds that said nothing then have ended in
 * order, or another process has their addresses, and this one will find them in use.
 */
static bool taker_on_silence(struct taker *taker, struct failure *failure) {
    if (taker->checks_only || !process_handle_ended(taker->process_fd, TAKER_DEATH_MS)) {
        return failure_set(failure, EX_UNAVAILABLE,
                           "--take-over=%jd: it has ended, or stops, or has handed over to another process",
                           (intmax_t)taker->pid);
    }
    log_line(LOG_LEVEL_WARNING,
             "process %jd has ended before it could say anything: nothing of it is taken over",
             (intmax_t)taker->pid);
    taker_end(taker, NULL);
    taker->pid = 0;
    taker->taken = true;
    return true;
}

static bool taker_on_end(struct taker *taker, const char *missing, struct failure *failure) {
    if (taker->verdict.word == NULL) {
        return taker_on_silence(taker, failure);
    }
    close(taker->fd);
    taker->fd = -1;
    log_line(LOG_LEVEL_WARNING, "process %jd has ended before it was taken over from: %s",
             (intmax_t)taker->pid, missing);
    return true;
}

static bool taker_on_settings(struct taker *taker, const struct message *message, struct channel_fds *fds,
                              struct failure *failure) {
    const struct message_settings *settings = &message->settings;
    unsigned expected = 1U + settings->has_notify + settings->has_janitor;
    if (taker->verdict.word != NULL || fds->count != expected) {
        channel_fds_close(fds);
        return result_failed(taker, -EPROTO, failure);
    }
    taker->settings = *settings;
    taker->notify_fd = settings->has_notify ? fds->fds[1] : -1;
    taker->janitor_fd = settings->has_janitor ? fds->fds[fds->count - 1] : -1;
    int result = verdict_open(&taker->verdict, fds->fds[0], settings->attempt);
    return result == 0 || result_failed(taker, result, failure);
}

static bool taker_on_listener(struct taker *taker, const struct message_listener *listener,
                              struct channel_fds *fds, struct failure *failure) {
    int result = listeners_take(&taker->listeners, listener, fds);
    return result == 0 || result_failed(taker, result, failure);
}

static bool taker_on_connections(struct taker *taker, const struct message *message, struct channel_fds *fds,
                                 struct failure *failure) {
    if (taker->engine == NULL || taker->records_fd < 0) {
        channel_fds_close(fds);
        return result_failed(taker, -EPROTO, failure);
    }
    int result = connections_take(taker->engine, taker->records_fd, &message->connections, fds,
                                  &taker->taken_connections);
    return result == 0 || result_failed(taker, result, failure);
}

static bool taker_on_numbers(struct taker *taker, const struct message_numbers *message,
                             struct failure *failure) {
    int result = -EPROTO;
    char *data = taker->records_fd < 0 || taker->numbers.data != NULL
                     ? NULL
                     : records_read(taker->records_fd, message->offset, message->size, &result);
    taker->numbers = bytes_of(data, data == NULL ? 0 : message->size);
    return (data != NULL && numbers_check(taker->numbers)) ||
           result_failed(taker, data != NULL ? -EPROTO : result, failure);
}

static bool taker_on_items(struct taker *taker, const struct message_items *message,
                           struct failure *failure) {
    int result = taker->import == NULL || taker->records_fd < 0
                     ? -EPROTO
                     : items_take(taker->import, message, taker->fd, taker->records_fd,
                                  clock_monotonic_ns() + TAKER_ASK_TIMEOUT_S * CLOCK_NS_PER_S);
    return result == 0 || result_failed(taker, result, failure);
}

static bool taker_on_refused(const struct taker *taker, const struct message *message,
                             struct failure *failure) {
    return failure_set(failure, EX_UNAVAILABLE, "--take-over=%jd: it refuses: %s", (intmax_t)taker->pid,
                       message->refused.text);
}

/* Whether a message of that kind may come now: the offer in the beginning, and once this one is ready the rest. */
static bool taker_expects(const struct taker *taker, enum message_kind kind) {
    bool is_offered = taker->verdict.word != NULL, is_ready = taker->engine != NULL;
    switch (kind) {
    case MESSAGE_SETTINGS:
        return !is_offered;
    case MESSAGE_LISTENER:
    case MESSAGE_FILE:
    case MESSAGE_ABILITIES:
    case MESSAGE_OFFERED:
        return is_offered && !is_ready;
    case MESSAGE_STORE:
        return is_ready && taker->arena_fd < 0;
    case MESSAGE_CONNECTIONS:
    case MESSAGE_NUMBERS:
    case MESSAGE_COMPLETE:
        return is_ready && taker->arena_fd >= 0;
    case MESSAGE_ITEMS:
    case MESSAGE_ITEMS_END:
        return taker->import != NULL;
    case MESSAGE_REFUSED:
        return true;
    default:
        return false;
    }
}

static bool taker_on_message(struct taker *taker, const struct message *message, struct channel_fds *fds,
                             struct failure *failure) {
    if (!taker_expects(taker, message->kind)) {
        channel_fds_close(fds);
        return result_failed(taker, -EPROTO, failure);
    }
    switch (message->kind) {
    case MESSAGE_SETTINGS:
        return taker_on_settings(taker, message, fds, failure);
    case MESSAGE_LISTENER:
        return taker_on_listener(taker, &message->listener, fds, failure);
    case MESSAGE_FILE:
        if (fds->count == 0 && listeners_take_file(&taker->listeners, &message->file)) {
            return true;
        }
        break;
    case MESSAGE_STORE:
        if (fds->count == 2 || fds->count == 3) {
            taker->arena_fd = fds->fds[0];
            taker->records_fd = fds->fds[1];
            taker->tables_fd = fds->count == 3 ? fds->fds[2] : -1;
            taker->store = message->store;
            return true;
        }
        break;
    case MESSAGE_CONNECTIONS:
        return taker_on_connections(taker, message, fds, failure);
    case MESSAGE_NUMBERS:
        if (fds->count == 0) {
            return taker_on_numbers(taker, &message->numbers, failure);
        }
        break;
    case MESSAGE_ABILITIES:
        taker->abilities = message->abilities.abilities;
        channel_fds_close(fds);
        return true;
    case MESSAGE_ITEMS:
        if (fds->count == 0) {
            return taker_on_items(taker, &message->items, failure);
        }
        break;
    case MESSAGE_ITEMS_END:
        if (fds->count == 0) {
            taker->items_left_count = message->items_end.left_count;
            return true;
        }
        break;
    case MESSAGE_REFUSED:
        channel_fds_close(fds);
        return taker_on_refused(taker, message, failure);
    case MESSAGE_OFFERED:
    case MESSAGE_COMPLETE:
        if (fds->count == 0) {
            return true;
        }
        break;
    default:
        break;
    }
    channel_fds_close(fds);
    return result_failed(taker, -EPROTO, failure);
}

/* All messages until `last`. `missing`: what there will not be, should the other one end before that. */
static bool taker_receive(struct taker *taker, enum message_kind last, uint64_t timeout_ns,
                          const char *missing, struct failure *failure) {
    uint64_t deadline_ns = clock_monotonic_ns() + timeout_ns;
    struct message message = {0};
    struct channel_fds fds;
    while (message.kind != last) {
        int result = channel_receive(taker->fd, &message, &fds, deadline_ns);
        if (result == -EPIPE) {
            return taker_on_end(taker, missing, failure);
        }
        if (result < 0) {
            return result_failed(taker, result, failure);
        }
        if (!taker_on_message(taker, &message, &fds, failure)) {
            return false;
        }
    }
    return true;
}

static bool taker_send(struct taker *taker, const struct message *message, struct failure *failure) {
    int result = channel_send(taker->fd, message, NULL, 0,
                              clock_monotonic_ns() + TAKER_ASK_TIMEOUT_S * CLOCK_NS_PER_S);
    /* Its end is heard, too, and what it has said before. */
    return result == 0 || result == -EPIPE || result_failed(taker, result, failure);
}

void taker_init(struct taker *taker) {
    memset(taker, 0, sizeof(*taker)); /* too large for a literal, which would be on the stack */
    taker->taken = true;
    taker->fd = taker->process_fd = taker->verdict.fd = taker->notify_fd = -1;
    taker->janitor_fd = taker->arena_fd = taker->tables_fd = taker->records_fd = -1;
}

bool taker_begin(struct taker *taker, const struct options *options, bool checks_only,
                 struct failure *failure) {
    taker->pid = (pid_t)options->take_over;
    taker->checks_only = checks_only;
    taker->taken = taker->pid == 0;
    struct message hello = {.kind = MESSAGE_HELLO,
                            .hello = {.version = RIPOSTE_VERSION, .checks_only = checks_only}};
    return taker->pid == 0 ||
           (taker_connect(taker, options, failure) && taker_send(taker, &hello, failure) &&
            taker_receive(taker, MESSAGE_OFFERED, TAKER_ASK_TIMEOUT_S * CLOCK_NS_PER_S,
                          "sockets may be missing, and all items and connections are", failure));
}

/* --- its sockets ------------------------------------------------------------------------------------------ */

bool taker_inherit(struct taker *taker, struct inherited *inherited, struct listen_list *list,
                   const struct options *options, struct failure *failure) {
    if (!listeners_are_known(&taker->listeners)) {
        return result_failed(taker, -EPROTO, failure);
    }
    if (!listeners_keep_managed(&taker->listeners, list, failure) ||
        !listen_list_make(list, options, failure)) {
        return false;
    }
    listeners_inherit(&taker->listeners, inherited, list);
    return true;
}

/* --- the rest --------------------------------------------------------------------------------------------- */

static uint64_t pause_timeout_ns(const struct taker *taker) {
    return ((uint64_t)taker->settings.hand_over_timeout_ms + TAKER_MARGIN_MS) * CLOCK_NS_PER_MS;
}

bool taker_await(struct taker *taker, struct engine *engine, struct failure *failure) {
    taker->engine = engine;
    const struct message ready = {.kind = MESSAGE_READY};
    const struct message abilities = {.kind = MESSAGE_ABILITIES,
                                      .abilities.abilities = MESSAGE_CAN_NAME_VALUES | MESSAGE_CAN_KEEP_SENT |
                                                             MESSAGE_CAN_MAP_TABLES};
    bool hears = (taker->abilities & MESSAGE_CAN_NAME_VALUES) != 0; /* builds from before refuse it */
    return taker->fd < 0 ||
           ((!hears || taker_send(taker, &abilities, failure)) && taker_send(taker, &ready, failure) &&
            taker_receive(taker, MESSAGE_COMPLETE, pause_timeout_ns(taker),
                          "its items, connections or both are missing", failure));
}

bool taker_take_items(struct taker *taker, struct store *store, size_t memory_size_max,
                      struct store_imported *imported, struct failure *failure) {
    *imported = (struct store_imported){0};
    taker->import = store_import_begin(store, memory_size_max, clock_monotonic_ns());
    if (taker->import == NULL) {
        return result_failed(taker, -ENOMEM, failure);
    }
    int result = taker->fd < 0 ? 0 : items_ask(taker->fd, clock_monotonic_ns() + pause_timeout_ns(taker));
    bool good = result == 0 || result_failed(taker, result, failure);
    if (good && taker->fd >= 0) {
        good = taker_receive(taker, MESSAGE_ITEMS_END, pause_timeout_ns(taker),
                             "the rest of its items is missing", failure);
    }
    store_import_end(taker->import, imported);
    taker->import = NULL;
    imported->left_count += taker->items_left_count;
    return good;
}

bool taker_take(struct taker *taker, struct failure *failure) {
    const struct message mine = {.kind = MESSAGE_MINE};
    if (taker->pid == 0) {
        return true;
    }
    if (taker->fd >= 0 && !taker_send(taker, &mine, failure)) {
        return false;
    }
    /* Without a word it has ended before it could offer one. */
    taker->taken = taker->verdict.word == NULL || verdict_take(&taker->verdict);
    return taker->taken ||
           failure_set(failure, EX_UNAVAILABLE, "--take-over=%jd: its time was over; it goes on",
                       (intmax_t)taker->pid);
}

void taker_explain(struct taker *taker, struct failure *failure) {
    struct message message;
    struct channel_fds fds;
    bool hears = taker->fd >= 0 && taker->pid != 0 && !taker->taken;
    if (hears && channel_receive(taker->fd, &message, &fds, 0) == 0) {
        channel_fds_close(&fds);
        if (message.kind == MESSAGE_REFUSED) {
            *failure = (struct failure){0}; /* what follows from it */
            taker_on_refused(taker, &message, failure);
        }
    }
}

void taker_release(struct taker *taker) {
    if (taker->pid != 0) {
        assert(taker->taken);
        int fd = taker->fd;
        taker->fd = -1;
        taker_end(taker, NULL);
        if (fd >= 0 && (shutdown(fd, SHUT_WR) < 0 || channel_watch(fd) < 0)) {
            close(fd);
            fd = -1;
        }
        taker->fd = fd;
    }
}

unsigned taker_turn(struct taker *taker, uint64_t deadline_ns) {
    unsigned signals = 0;
    struct message message;
    struct channel_fds fds;
    int result = taker->fd < 0 ? -EAGAIN : 0;
    for (unsigned steps = 0; result == 0 && steps < TAKER_STEPS_MAX; steps++) {
        result = channel_receive(taker->fd, &message, &fds, steps == 0 ? deadline_ns : 0);
        if (result == 0) {
            channel_fds_close(&fds);
            signals |= message.kind == MESSAGE_SIGNALS ? message.signals.signals : 0;
        }
    }
    if (result != -EAGAIN && result != -ETIMEDOUT) {
        close(taker->fd); /* it has ended */
        taker->fd = -1;
    }
    return signals;
}

static void fd_end(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

void taker_part(struct taker *taker) {
    fd_end(&taker->fd);
}

void taker_end(struct taker *taker, const char *why) {
    if (taker->fd >= 0 && why != NULL) {
        channel_refuse(taker->fd, why);
    }
    listeners_close(&taker->listeners);
    fd_end(&taker->fd);
    fd_end(&taker->process_fd);
    fd_end(&taker->notify_fd);
    fd_end(&taker->janitor_fd);
    fd_end(&taker->arena_fd);
    fd_end(&taker->tables_fd);
    fd_end(&taker->records_fd);
    explicit_bzero(&taker->store, sizeof(taker->store));
    free((void *)(uintptr_t)taker->numbers.data);
    taker->numbers = bytes_of(NULL, 0);
    verdict_close(&taker->verdict);
}
