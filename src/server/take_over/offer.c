/* SPDX-License-Identifier: MIT
 *
 * offer: fills messages from the parts of a server, and sends them. See offer.h.
 */
#include "offer.h"

#include <stdio.h>
#include <sys/stat.h>

#include "giver.h"
#include "riposte/engine.h"
#include "riposte/store.h"
#include "riposte/store_file.h"

static bool file_of_store(const struct giver_parts *parts, struct stat *status) {
    int fd = store_file_fd(parts->store);
    return parts->options->memory_file != NULL && fd >= 0 && fstat(fd, status) == 0;
}

/* A message has so many descriptors; a listen may have more. */
static unsigned messages_of(unsigned fds_count) {
    return (fds_count + MESSAGE_FDS_MAX - 1) / MESSAGE_FDS_MAX;
}

static void settings_fill(const struct giver_parts *parts, struct message_settings *settings) {
    const struct options *options = parts->options;
    struct engine_counters sum;
    struct store_levels levels;
    struct stat status = {0};
    bool has_file = file_of_store(parts, &status);
    engine_counters_sum(parts->engine, &sum);
    store_stats(parts->store, &levels);
    *settings = (struct message_settings){
        .version = RIPOSTE_VERSION,
        .memory_limit = options->memory_limit,
        .item_size_max = options->max_item_size,
        .items_count = levels.items_count,
        .connections_count = counter_read(&sum.connections_current),
        .file_device = has_file ? (uint64_t)status.st_dev : 0,
        .file_inode = has_file ? (uint64_t)status.st_ino : 0,
        .watchdog_us = parts->watchdog_us,
        .workers_count = engine_workers_count(parts->engine),
        .has_notify = parts->notify_fd >= 0,
        .has_janitor = parts->janitor_fd >= 0,
    };
    for (unsigned i = 0; i < parts->listens->count; i++) {
        settings->listeners_count += messages_of(engine_listener_fds(parts->engine, i, NULL, 0));
    }
}

static int settings_send(const struct giver_parts *parts, const struct verdict *verdict,
                         uint32_t hand_over_time_ms, int channel_fd, uint64_t deadline_ns) {
    struct message message = {.kind = MESSAGE_SETTINGS};
    int fds[] = {verdict->fd, -1, -1};
    unsigned count = 1;
    settings_fill(parts, &message.settings);
    message.settings.attempt = verdict->attempt;
    message.settings.hand_over_timeout_ms = hand_over_time_ms;
    if (parts->notify_fd >= 0) {
        fds[count++] = parts->notify_fd;
    }
    if (parts->janitor_fd >= 0) {
        fds[count++] = parts->janitor_fd;
    }
    return channel_send(channel_fd, &message, fds, count, deadline_ns);
}

static int listen_send(const struct giver_parts *parts, unsigned index, int channel_fd,
                       uint64_t deadline_ns) {
    const struct listen *listen = &parts->listens->listens[index];
    int fds[ENGINE_WORKERS_MAX];
    unsigned count = engine_listener_fds(parts->engine, index, fds, ENGINE_WORKERS_MAX);
    struct message message = {.kind = MESSAGE_LISTENER,
                              .listener = {.address = listen->address,
                                           .address_size = listen->address_size,
                                           .tls = (uint8_t)listen->tls,
                                           .is_inherited = listen->is_inherited,
                                           .is_free_port = listen->is_free_port}};
    snprintf(message.listener.protocol, sizeof(message.listener.protocol), "%s", listen->protocol->name);
    int result = 0;
    for (unsigned i = 0; i < count && i < ENGINE_WORKERS_MAX && result == 0;
         i += message.listener.fds_count) {
        unsigned left = count - i;
        message.listener.fds_count = left < MESSAGE_FDS_MAX ? left : MESSAGE_FDS_MAX;
        result = channel_send(channel_fd, &message, fds + i, message.listener.fds_count, deadline_ns);
    }
    return result;
}

/* Builds that do not know it pass over it, and look at what has the name by then. */
static int file_send(const struct giver_parts *parts, unsigned index, int channel_fd, uint64_t deadline_ns) {
    const struct engine_socket_file file = engine_listener_file(parts->engine, index);
    struct message message = {.kind = MESSAGE_FILE, .file = {.device = file.device, .inode = file.inode}};
    return file.is_known ? channel_send(channel_fd, &message, NULL, 0, deadline_ns) : 0;
}

int offer_send(const struct giver_parts *parts, const struct verdict *verdict, uint32_t hand_over_time_ms,
               int channel_fd, uint64_t deadline_ns) {
    const struct message offered = {.kind = MESSAGE_OFFERED};
    const struct message abilities = {.kind = MESSAGE_ABILITIES,
                                      .abilities.abilities =
                                          MESSAGE_CAN_SEND_ITEMS | MESSAGE_CAN_NAME_VALUES |
                                          (parts->janitor_knows_words ? MESSAGE_CAN_RELEASE_JANITOR : 0)};
    int result = settings_send(parts, verdict, hand_over_time_ms, channel_fd, deadline_ns);
    for (unsigned i = 0; i < parts->listens->count && result == 0; i++) {
        result = listen_send(parts, i, channel_fd, deadline_ns);
        result = result < 0 ? result : file_send(parts, i, channel_fd, deadline_ns);
    }
    result = result < 0 ? result : channel_send(channel_fd, &abilities, NULL, 0, deadline_ns);
    return result < 0 ? result : channel_send(channel_fd, &offered, NULL, 0, deadline_ns);
}
