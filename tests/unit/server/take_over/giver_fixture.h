/* SPDX-License-Identifier: MIT
 *
 * giver_fixture: a giver over an engine and a store of its own, with a client and an item since before, and the other one behind the
 * control socket, in the same process.
 */
#ifndef RIPOSTE_TEST_GIVER_FIXTURE_H
#define RIPOSTE_TEST_GIVER_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "frames.h"
#include "giver.h"
#include "protocols.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "riposte/record.h"
#include "riposte/store.h"
#include "riposte/store_file.h"

enum {
    WATCHDOG_US = 200 * 1000, /* what a service manager expects, so that silence is soon over: */
    HAND_OVER_MS = 50,        /* a quarter of it */
    LATE_S = 20,              /* nothing takes so long */
};

/* The server that is there. */
static struct {
    struct engine *engine;
    struct store *store;
    struct options options;
    struct listen_list listens;
    struct giver_parts parts;
    struct giver giver;
    int client;                /* connected since before */
    atomic_int starts_to_fail; /* of the next calls of worker_start */
    size_t numbers_size;       /* of what it has counted */
} old;

static const struct server_protocol spoken = {.name = "frames", .protocol = &frames_protocol};
static const char counted[] = "what was counted";
static const char frame[] = "\0\x05hello";
enum { FRAME_SIZE = sizeof(frame) - 1 };

/* --- the server ------------------------------------------------------------------------------------------- */

static inline void *worker_start(void *user, unsigned worker_index) {
    (void)worker_index;
    return atomic_fetch_sub(&old.starts_to_fail, 1) > 0 ? NULL : user;
}

static inline void numbers_save(void *user, struct record_writer *writer) {
    (void)user;
    char *room = record_reserve(writer, old.numbers_size);
    cr_assert_not_null(room);
    memset(room, 0, old.numbers_size);
    memcpy(room, counted, sizeof(counted));
}

static inline struct store_worker *visit(void) {
    return store_worker_join(old.store, clock_monotonic_ns());
}

static inline void store_open(void) {
    const struct store_config config = {.memory_size_max = 16 << 20,
                                        .item_size_max = 1 << 20,
                                        .evict = true,
                                        .workers_max = 2,
                                        .hash_seed = 1};
    cr_assert_eq(store_create(&config, &old.store), 0);
    struct store_worker *worker = visit();
    struct store_record set = {.key = bytes_from_string("key"), .value = bytes_from_string("value")};
    set.hash = store_hash(worker, set.key);
    cr_assert_eq(store_set(worker, &set), STORE_OK);
    store_worker_leave(worker);
}

static inline void engine_open(void) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(ENGINE_EPOLL, &listen);
    config.hooks = (struct engine_hooks){.user = &old.giver, .worker_start = worker_start};
    old.engine = dial_start(&config);
    old.listens.count = 1;
    old.listens.listens[0] =
        (struct listen){.protocol = &spoken, .address = listen.address, .address_size = listen.address_size};
}

static inline void old_open(void) {
    signal(SIGIO, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    old.options =
        (struct options){.hand_over_timeout = 5, .memory_limit = 64 << 20, .max_item_size = 1 << 20};
    old.numbers_size = sizeof(counted);
    store_open();
    engine_open();
    old.client = dial(old.engine);
    dial_send(old.client, frame, FRAME_SIZE);
    dial_expect(old.client, frame, FRAME_SIZE);
    giver_open(&old.giver);
    cr_assert_geq(old.giver.listen_fd, 0);
    old.parts = (struct giver_parts){.engine = old.engine,
                                     .store = old.store,
                                     .listens = &old.listens,
                                     .options = &old.options,
                                     .notify_fd = -1,
                                     .watchdog_us = WATCHDOG_US,
                                     .janitor_fd = -1,
                                     .numbers_save = numbers_save};
    giver_begin(&old.giver, &old.parts);
}

static inline void old_close(void) {
    bool stays = old.giver.state == GIVER_IDLE;
    bool lost = old.giver.state == GIVER_LOST;
    giver_close(&old.giver);
    close(old.client);
    if (stays) {
        dial_stop(old.engine);
    } else {
        engine_stop(old.engine, lost ? ENGINE_STOP_CLOSE : ENGINE_STOP_HAND_OVER);
        engine_join(old.engine);
        engine_destroy(old.engine);
    }
    store_destroy(old.store);
}

/* Who was connected is served, who comes is, and the item is there. */
static inline void expect_served(void) {
    struct item_view view;
    int another = dial(old.engine);
    dial_send(old.client, frame, FRAME_SIZE);
    dial_expect(old.client, frame, FRAME_SIZE);
    dial_send(another, frame, FRAME_SIZE);
    dial_expect(another, frame, FRAME_SIZE);
    close(another);
    struct store_worker *worker = visit();
    cr_assert_eq(store_get(worker, bytes_from_string("key"), &view), STORE_OK);
    cr_expect(bytes_equal_string(view.value, "value"));
    store_worker_leave(worker);
}

static inline enum giver_state turn(void) {
    return giver_turn(&old.giver, clock_monotonic_ns());
}

/* --- the other one ---------------------------------------------------------------------------------------- */

static inline int come(void) {
    struct channel_peer peer;
    int fd = channel_connect(getpid(), &peer);
    cr_assert_geq(fd, 0, "%s", strerror(-fd));
    cr_assert_eq(peer.uid, geteuid());
    return fd;
}

static inline void say(int fd, enum message_kind kind) {
    struct message message = {.kind = kind};
    if (kind == MESSAGE_HELLO) {
        snprintf(message.hello.version, sizeof(message.hello.version), "test");
    }
    int result = channel_send(fd, &message, NULL, 0, clock_monotonic_ns() + LATE_S * CLOCK_NS_PER_S);
    cr_assert_eq(result, 0, "%s: %s", message_name(kind), strerror(-result));
}

/* The next message, which is there; fds may be NULL. */
static inline struct message hear(int fd, struct channel_fds *fds) {
    struct message message;
    struct channel_fds unwanted;
    struct channel_fds *wanted = fds == NULL ? &unwanted : fds;
    int result = channel_receive(fd, &message, wanted, clock_monotonic_ns() + LATE_S * CLOCK_NS_PER_S);
    cr_assert_eq(result, 0, "%s", strerror(-result));
    if (fds == NULL) {
        channel_fds_close(wanted);
    }
    return message;
}

/* Up to that kind. */
static inline struct message hear_until(int fd, enum message_kind kind) {
    struct message message;
    do {
        message = hear(fd, NULL);
    } while (message.kind != kind && message.kind != MESSAGE_REFUSED);
    cr_assert_eq(message.kind, kind, "%s: %s", message_name(message.kind), message.refused.text);
    return message;
}

static inline void expect_refused(int fd, const char *words) {
    struct message message = hear_until(fd, MESSAGE_REFUSED);
    struct channel_fds fds;
    cr_expect_not_null(strstr(message.refused.text, words), "it says: %s", message.refused.text);
    cr_expect_eq(channel_receive(fd, &message, &fds, 0), -EPIPE, "that was its last word");
}

/* The offer is there: its verdict's memory, which the caller closes, and the number of this attempt. */
static inline struct verdict hear_verdict(int fd) {
    struct verdict verdict;
    struct channel_fds fds;
    struct message message = hear(fd, &fds);
    cr_assert_eq(message.kind, MESSAGE_SETTINGS);
    cr_assert_geq(fds.count, 1);
    cr_assert_eq(verdict_open(&verdict, fds.fds[0], message.settings.attempt), 0);
    for (unsigned i = 1; i < fds.count; i++) {
        close(fds.fds[i]);
    }
    hear_until(fd, MESSAGE_OFFERED);
    return verdict;
}

#endif
