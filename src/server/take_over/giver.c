/* SPDX-License-Identifier: MIT
 *
 * giver: greets, pauses, hands over, or takes all back. See giver.h.
 */
#include "giver.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "connections.h"
#include "offer.h"
#include "records.h"
#include "riposte/clock.h"
#include "riposte/engine.h"
#include "riposte/http.h"
#include "riposte/log.h"
#include "riposte/store.h"
#include "riposte/store_file.h"
#include "riposte/tls.h"
#include "units.h"

/* From connecting to READY: the new one reads files, makes rings and threads. */
enum {
    GIVER_START_TIMEOUT_S = 30,
    GIVER_STEPS_MAX = 64, /* of a turn: signals are looked at in between */
    GIVER_BUSY_MS = 5,
    GIVER_RETRY_MS = 10,
};

void giver_open(struct giver *giver) {
    *giver = (struct giver){.listen_fd = channel_listen(), .fd = -1, .verdict.fd = -1};
    int result = giver->listen_fd < 0 ? giver->listen_fd : verdict_create(&giver->verdict);
    /* Now: in the sandbox no memory of this kind is made. */
    giver->records_fd = memfd_create("riposte-connections", MFD_CLOEXEC);
    result = result == 0 && giver->records_fd < 0 ? -errno : result;
    if (result == 0) {
        return;
    }
    giver_close(giver);
    log_line(LOG_LEVEL_INFO, "no process can take over from this one: %s", strerror(-result));
}

/*
 * Nobody can connect any more, and who waits hears why: silence is what it hears of one that was killed, and then it serves itself
 * (taker.c). It may do so as well where this one has failed.
 */
static void giver_refuse_all(struct giver *giver) {
    if (giver->listen_fd >= 0 && giver->state == GIVER_LOST) {
        close(giver->listen_fd);
    } else if (giver->listen_fd >= 0) {
        channel_end(giver->listen_fd,
                    giver->state == GIVER_GIVEN ? "another process serves since" : "this one stops");
    }
    giver->listen_fd = -1;
}

void giver_close(struct giver *giver) {
    if (giver->fd >= 0 && giver->state != GIVER_GIVEN) {
        close(giver->fd);
        giver->fd = -1;
    }
    giver_refuse_all(giver);
    if (giver->records_fd >= 0) {
        close(giver->records_fd);
    }
    record_discard(&giver->numbers);
    verdict_close(&giver->verdict);
    giver->records_fd = -1;
}

void giver_begin(struct giver *giver, const struct giver_parts *parts) {
    giver->parts = *parts;
}

/*
 * While this process waits it gives the service manager no sign of life, and its last one may be half of the manager's time old
 * (sd_watchdog_enabled(3)): another quarter at most.
 */
static uint64_t hand_over_time_ms(const struct giver_parts *parts) {
    uint64_t most_ms = parts->watchdog_us / 1000 / 4;
    uint64_t wanted_ms = parts->options->hand_over_timeout * UINT64_C(1000);
    return parts->watchdog_us > 0 && most_ms < wanted_ms ? most_ms : wanted_ms;
}

/* --- the end of an attempt -------------------------------------------------------------------------------- */

static const char *result_text(int result) {
    switch (result) {
    case -EPIPE:
        return "the other one has ended";
    case -ETIMEDOUT:
        return "the other one took too long";
    case -EPROTO:
        return "what the other one said cannot be understood";
    case -EPROTONOSUPPORT:
        return "the other one speaks another version of the hand-over";
    default:
        return strerror(-result);
    }
}

static void giver_disconnect(struct giver *giver, const char *why) {
    channel_refuse(giver->fd, why);
    close(giver->fd);
    giver->fd = -1;
    giver->state = GIVER_IDLE;
}

/* Before any pause: nothing has changed here. */
static void giver_abandon(struct giver *giver, const char *why) {
    if (giver->state == GIVER_OFFERED && !verdict_keep(&giver->verdict)) {
        giver->state =
            GIVER_GIVEN; /* it cannot be: the new one takes nothing before the pause while this one lives */
        return;
    }
    log_line(giver->checks_only ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "process %jd does not take over: %s",
             (intmax_t)giver->taker, why);
    giver_disconnect(giver, why);
}

/*
 * Memory that its workers have given back a moment ago: another process may have it now, but nobody else serves. For as long as a hand-over
 * may last.
 */
static int giver_resume(struct giver *giver, struct engine_error *error) {
    uint64_t end_ns = clock_monotonic_ns() + hand_over_time_ms(&giver->parts) * CLOCK_NS_PER_MS;
    int result;
    while ((result = engine_prepare(giver->parts.engine, error)) < 0 && clock_monotonic_ns() < end_ns) {
        nanosleep(&(struct timespec){.tv_nsec = GIVER_RETRY_MS * CLOCK_NS_PER_MS}, NULL);
    }
    return result < 0 ? result : engine_resume(giver->parts.engine, error);
}

/* After the pause. `saved`: the store has been left in its memory. */
static void giver_take_back(struct giver *giver, bool saved, const char *why) {
    struct engine_error error;
    if (!verdict_keep(&giver->verdict)) {
        giver->state = GIVER_GIVEN;
        return;
    }
    if (saved) {
        store_file_resume(giver->parts.store);
    }
    (void)!ftruncate(giver->records_fd, 0); /* it only holds memory */
    if (giver_resume(giver, &error) < 0) {
        log_line(LOG_LEVEL_ERROR, "process %jd does not take over (%s), and this one cannot go on: %s",
                 (intmax_t)giver->taker, why, error.message);
        giver->state = GIVER_LOST;
        return;
    }
    log_line(LOG_LEVEL_WARNING, "process %jd does not take over: %s; this one goes on",
             (intmax_t)giver->taker, why);
    giver_disconnect(giver, why);
}

/* --- handing over ----------------------------------------------------------------------------------------- */

static void keys_fill(const struct giver *giver, struct message_store *store) {
    struct tls_tickets tickets;
    static_assert(sizeof(tickets) <= sizeof(store->keys), "they travel in one message");
    if (giver->parts.tls == NULL) {
        return;
    }
    tls_tickets_export(giver->parts.tls, clock_monotonic_ns(), &tickets);
    memcpy(store->keys, &tickets, sizeof(tickets));
    store->keys_size = sizeof(tickets);
    explicit_bzero(&tickets, sizeof(tickets));
}

static int store_send(const struct giver *giver) {
    struct message store = {.kind = MESSAGE_STORE};
    int tables_fd = store_file_tables_fd(giver->parts.store);
    const int fds[] = {store_file_fd(giver->parts.store), giver->records_fd, tables_fd};
    keys_fill(giver, &store.store);
    int result = channel_send(giver->fd, &store, fds, tables_fd >= 0 ? 3 : 2, giver->deadline_ns);
    explicit_bzero(&store, sizeof(store));
    return result;
}

/* Behind the records of the connections. */
static int numbers_send(const struct giver *giver) {
    struct message message = {.kind = MESSAGE_NUMBERS};
    const struct record_writer *numbers = &giver->numbers;
    struct stat status = {0};
    /* They begin anew rather than that nothing goes over. */
    bool fits = !numbers->broken && numbers->size <= NUMBERS_SIZE_MAX;
    message.numbers.size = fits ? numbers->size : 0;
    int result = fstat(giver->records_fd, &status) < 0 ? -errno : 0;
    message.numbers.offset = (uint64_t)status.st_size;
    if (result == 0) {
        result =
            records_write(giver->records_fd, numbers->data, message.numbers.size, message.numbers.offset);
    }
    return result < 0 ? result : channel_send(giver->fd, &message, NULL, 0, giver->deadline_ns);
}

static int contents_send(const struct giver *giver) {
    const struct message complete = {.kind = MESSAGE_COMPLETE};
    int result = ftruncate(giver->records_fd, 0) < 0 ? -errno : store_send(giver);
    if (result == 0) {
        result = connections_send(giver->parts.engine, giver->fd, giver->records_fd, giver->deadline_ns);
    }
    if (result == 0) {
        result = numbers_send(giver);
    }
    return result < 0 ? result : channel_send(giver->fd, &complete, NULL, 0, giver->deadline_ns);
}

/* The rest of the time is for what follows: an eighth of it. */
static int items_answer(struct giver *giver, const struct message *message) {
    uint64_t rest_ns = hand_over_time_ms(&giver->parts) * CLOCK_NS_PER_MS / 8;
    return message->kind != MESSAGE_ITEMS_WANTED
               ? 0
               : items_send(&giver->items, giver->parts.store, &message->items_wanted, giver->fd,
                            giver->records_fd, giver->deadline_ns - rest_ns, giver->deadline_ns);
}

/* Until the end of the socket, which the verdict explains. `why`: a sentence, should it be this one that goes on. */
static void verdict_await(struct giver *giver, char why[MESSAGE_TEXT_SIZE_MAX]) {
    struct message message;
    struct channel_fds fds;
    for (;;) {
        int result = channel_receive(giver->fd, &message, &fds, giver->deadline_ns);
        result = result < 0 ? result : items_answer(giver, &message);
        if (result < 0) {
            snprintf(why, MESSAGE_TEXT_SIZE_MAX, "%s", result_text(result));
            return;
        }
        channel_fds_close(&fds);
        if (message.kind == MESSAGE_REFUSED) {
            snprintf(why, MESSAGE_TEXT_SIZE_MAX, "%s", message.refused.text);
            return;
        }
    }
}

static int store_leave(const struct giver *giver) {
    bool maps_tables = (giver->abilities & MESSAGE_CAN_MAP_TABLES) != 0;
    return maps_tables ? store_file_share(giver->parts.store, clock_monotonic_ns())
                       : store_file_save(giver->parts.store, clock_monotonic_ns());
}

static void giver_hand_over(struct giver *giver) {
    char why[MESSAGE_TEXT_SIZE_MAX];
    uint64_t began_ns = clock_monotonic_ns();
    giver->deadline_ns = began_ns + hand_over_time_ms(&giver->parts) * CLOCK_NS_PER_MS;
    bool names_values = (giver->abilities & MESSAGE_CAN_NAME_VALUES) != 0;
    giver->shared = values_shared(giver->parts.store);
    giver->shared.keeps_sent = (giver->abilities & MESSAGE_CAN_KEEP_SENT) != 0;
    engine_share(giver->parts.engine, names_values ? &giver->shared : NULL);
    engine_stop(giver->parts.engine, ENGINE_STOP_FREEZE);
    engine_await_pause(giver->parts.engine);
    const struct engine_frozen frozen = engine_frozen(giver->parts.engine);
    verdict_pause(&giver->verdict);
    if (giver->parts.http != NULL) {
        http_service_save(giver->parts.http);
    }
    record_discard(&giver->numbers); /* of an attempt before */
    giver->parts.numbers_save(giver->parts.numbers_user, &giver->numbers);
    int result = store_leave(giver);
    bool saved = result == 0;
    if (result < 0) {
        snprintf(why, sizeof(why), "the items cannot be handed over: %s", strerror(-result));
        giver_take_back(giver, saved, why);
        return;
    }
    result = contents_send(giver);
    if (result == 0) {
        verdict_await(giver, why);
    } else {
        snprintf(why, sizeof(why), "%s", result_text(result));
    }
    saved = !items_send_end(&giver->items);
    giver_take_back(giver, saved, why);
    if (giver->state == GIVER_GIVEN) {
        log_line(LOG_LEVEL_INFO,
                 "process %jd serves from now on, with %u connections (%" PRIu64
                 "k) and %u values on their way to them, after %" PRIu64 " ms; this one ends",
                 (intmax_t)giver->taker, frozen.connections_count, frozen.records_size / UNITS_KIB,
                 frozen.values_count, (clock_monotonic_ns() - began_ns) / CLOCK_NS_PER_MS);
    }
}

/* --- what comes ------------------------------------------------------------------------------------------- */

/* False: nobody is there. */
static bool giver_greet(struct giver *giver, uint64_t now_ns) {
    struct channel_peer peer;
    int fd = channel_accept(giver->listen_fd, &peer);
    if (fd < 0) {
        return false;
    }
    if (!channel_may(peer.uid)) {
        channel_refuse(fd, "only root and the user of this process may");
        close(fd);
        return true;
    }
    giver->fd = fd;
    giver->taker = peer.pid;
    giver->abilities = 0;
    giver->checks_only = false; /* before its HELLO: what an earlier one wanted says nothing of this one */
    giver->state = GIVER_GREETED;
    giver->deadline_ns = now_ns + GIVER_START_TIMEOUT_S * CLOCK_NS_PER_S;
    return true;
}

static void giver_on_hello(struct giver *giver, const struct message_hello *hello) {
    giver->checks_only = hello->checks_only;
    if (store_file_fd(giver->parts.store) < 0) {
        giver_abandon(giver,
                      "its items lie in memory that no other process can have (ulimit -f, or no memfd)");
        return;
    }
    verdict_begin(&giver->verdict);
    int result = offer_send(&giver->parts, &giver->verdict, (uint32_t)hand_over_time_ms(&giver->parts),
                            giver->fd, giver->deadline_ns);
    giver->state = GIVER_OFFERED;
    if (result < 0) {
        giver_abandon(giver, result_text(result));
    } else if (!hello->checks_only) {
        log_line(LOG_LEVEL_INFO, "process %jd, version %s, is about to take over", (intmax_t)giver->taker,
                 hello->version);
    }
}

static void giver_on_message(struct giver *giver, const struct message *message) {
    if (message->kind == MESSAGE_HELLO && giver->state == GIVER_GREETED) {
        giver_on_hello(giver, &message->hello);
    } else if (message->kind == MESSAGE_ABILITIES && giver->state == GIVER_OFFERED) {
        giver->abilities = message->abilities.abilities;
    } else if (message->kind == MESSAGE_READY && giver->state == GIVER_OFFERED) {
        giver_hand_over(giver);
    } else if (message->kind == MESSAGE_REFUSED) {
        giver_abandon(giver, message->refused.text);
    } else {
        giver_abandon(giver, result_text(-EPROTO));
    }
}

static bool giver_is_connected(const struct giver *giver) {
    return giver->state == GIVER_GREETED || giver->state == GIVER_OFFERED;
}

/* False: nothing has come. */
static bool giver_receive(struct giver *giver, uint64_t now_ns) {
    struct message message;
    struct channel_fds fds;
    int result = channel_receive(giver->fd, &message, &fds, 0);
    if (result == -EAGAIN && now_ns < giver->deadline_ns) {
        return false;
    }
    if (result < 0) {
        giver_abandon(giver, result_text(result == -EAGAIN ? -ETIMEDOUT : result));
    } else {
        channel_fds_close(&fds);
        giver->taker = fds.sender;
        giver_on_message(giver, &message);
    }
    return true;
}

/* False: nothing has come, or the end. */
static bool giver_step(struct giver *giver, uint64_t now_ns) {
    if (giver->state == GIVER_IDLE) {
        return giver->listen_fd >= 0 && giver_greet(giver, now_ns);
    }
    return giver_is_connected(giver) && giver_receive(giver, now_ns);
}

/*
 * Whoever comes while another one is there waits in the queue, of which no further signal tells. A user who may not take over may
 * still connect, as often as it likes.
 */
enum giver_state giver_turn(struct giver *giver, uint64_t now_ns) {
    unsigned steps = 0;
    while (steps < GIVER_STEPS_MAX && giver_step(giver, now_ns)) {
        steps++;
    }
    giver->is_busy = steps == GIVER_STEPS_MAX;
    return giver->state;
}

void giver_pass_on(const struct giver *giver, unsigned signals) {
    struct message message = {.kind = MESSAGE_SIGNALS};
    message.signals.signals = signals;
    if (giver->fd >= 0) {
        channel_send(giver->fd, &message, NULL, 0, 0); /* there is room, or nobody is there any more */
    }
}

void giver_end(struct giver *giver) {
    if (giver_is_connected(giver)) {
        giver_abandon(giver, "this one stops");
    }
    giver_refuse_all(giver);
}

int giver_timeout_ms(const struct giver *giver, uint64_t now_ns) {
    if (giver->is_busy) {
        return GIVER_BUSY_MS;
    }
    if (!giver_is_connected(giver)) {
        return -1;
    }
    return now_ns >= giver->deadline_ns ? 0 : (int)((giver->deadline_ns - now_ns) / CLOCK_NS_PER_MS) + 1;
}
