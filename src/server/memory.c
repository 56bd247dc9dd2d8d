/* SPDX-License-Identifier: MIT
 *
 * memory: the steps of a start that divide -m and make the store. See server.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cgroup.h"
#include "hand_over.h"
#include "memory_file.h"
#include "riposte/http.h"
#include "riposte/log.h"
#include "riposte/random.h"
#include "riposte/store.h"
#include "server.h"
#include "sysinfo.h"
#include "units.h"

/* -o hashpower=N is memcached's 2^N buckets of one item each; a bucket of the store holds 2^3. */
enum { BUCKET_ITEMS_POWER = 3, STORE_INDEX_POWER_MIN = 6 };

/* A worker waits so long in a turn for memory that others are about to give back: about as long as a turn may take. */
enum { STORE_TURN_WAIT_US = 1000 };

size_t server_files_size(const struct server *server) {
    bool wanted = server->options.http_root != NULL && listen_list_speaks(&server->listens, &http_protocol);
    return wanted ? (size_t)server->options.http_files_memory : 0;
}

/* What is left of -m for the store once the engine has its buffers. */
static bool store_size_find(struct server *server, size_t *store_size, struct failure *failure) {
    size_t fixed_size = engine_fixed_memory_size(server->engine);
    uint64_t limit = server->options.memory_limit;
    if (limit < fixed_size + STORE_MEMORY_SIZE_MIN) {
        return failure_set(failure, EX_USAGE,
                           "-m %" PRIu64 "k is too little: the buffers of %" PRIu32
                           " workers take %zuk, items at least %zuk; raise -m or lower -t",
                           limit / UNITS_KIB, server->options.threads, fixed_size / UNITS_KIB,
                           (size_t)(STORE_MEMORY_SIZE_MIN / UNITS_KIB));
    }
    *store_size = (size_t)limit - fixed_size;
    size_t files_size = server_files_size(server);
    if (files_size > *store_size / 2) {
        return failure_set(
            failure, EX_USAGE,
            "--http-files-memory takes %zuk of the %zuk that -m leaves: at most half can be its",
            files_size / UNITS_KIB, *store_size / UNITS_KIB);
    }
    *store_size -= files_size;
    if (server->options.max_item_size > *store_size / 2) {
        log_line(LOG_LEVEL_WARNING,
                 "-I is lowered to %zu bytes, half of what -m leaves beside %zuk of buffers", *store_size / 2,
                 fixed_size / UNITS_KIB);
        server->options.max_item_size = *store_size / 2;
    }
    return true;
}

/* In memory that ends with the process, or in the file of -e. */
static int store_create_somewhere(struct server *server, const struct store_config *config) {
    int fd = server->memory_fd;
    return fd < 0 ? store_create(config, &server->store)
                  : memory_file_create_store(server->options.memory_file, fd, config, &server->store);
}

/*
 * As store_create; a first index for which -m has no room is made smaller, because it would grow to what is
 * needed anyway.
 */
static int store_create_fitting(struct server *server, struct store_config *config) {
    int status = store_create_somewhere(server, config);
    while (status == -EINVAL && config->index_power_min > STORE_INDEX_POWER_MIN) {
        config->index_power_min--;
        status = store_create_somewhere(server, config);
    }
    return status;
}

static bool store_failed(const struct server *server, int status, struct failure *failure) {
    if (status == -EEXIST) {
        return failure_set(failure, EX_USAGE,
                           "-e %s holds something else, which would be lost; remove it or name another",
                           server->options.memory_file);
    }
    if (status == -ENOMEM) {
        return failure_set(
            failure, EX_OSERR,
            "the store cannot be made: the system refuses addresses for %zum; lower -m, raise the limit of "
            "addresses (ulimit -v), or set vm.overcommit_memory to 0",
            server->options.memory_limit >> 20);
    }
    if (status == -EFBIG) {
        return failure_set(
            failure, EX_OSERR,
            "-e %s cannot be as long as -m asks for; raise the limit of files (ulimit -f) or lower -m",
            server->options.memory_file);
    }
    return failure_set(failure, EX_OSERR, "the store cannot be made: %s", strerror(-status));
}

/* Of what the machine has left, some stays for others. */
enum { ROOM_SHARE = 16 };

/* What a second store, beside that of the other process, may take. */
static uint64_t room_beside(const struct message_settings *settings) {
    uint64_t available = sysinfo_memory_available();
    uint64_t granted = cgroup_memory_size("");
    uint64_t left = granted > settings->memory_limit ? granted - settings->memory_limit : 0;
    uint64_t free_size = available == 0 ? UINT64_MAX : available; /* the system does not say */
    uint64_t room = granted == CGROUP_UNLIMITED || free_size < left ? free_size : left;
    return room - room / ROOM_SHARE;
}

bool server_open_memory(struct server *server, struct failure *failure) {
    struct options *options = &server->options;
    if (!store_size_find(server, &server->store_size, failure)) {
        return false;
    }
    if (server->taker.pid != 0) {
        server->items_room = room_beside(&server->taker.settings);
        memory_file_compare(&options->memory_file, server->taker.settings.file_device,
                            server->taker.settings.file_inode);
        return true;
    }
    return options->memory_file == NULL ||
           memory_file_open(options->memory_file, server->store_size, &server->memory_fd, failure);
}

void server_close_memory(struct server *server) {
    if (server->memory_fd >= 0) {
        close(server->memory_fd);
        server->memory_fd = -1;
    }
}

/* The memory that has come cannot be used as it is: another store, and the items are asked for. */
static bool store_create_anew(struct server *server, struct store_config *config, const char *why,
                              struct failure *failure) {
    if (server->options.memory_file != NULL) {
        log_line(LOG_LEVEL_WARNING, "-e %s is not used any more: the items are laid out anew elsewhere",
                 server->options.memory_file);
        server->options.memory_file = NULL;
    }
    int status = store_create_fitting(server, config);
    if (status < 0) {
        return store_failed(server, status, failure);
    }
    if (hand_over_take_items(server, why, failure)) {
        return true;
    }
    store_destroy(server->store);
    return false;
}

static bool store_create_taken(struct server *server, struct store_config *config, struct failure *failure) {
    const char *why;
    int status = memory_taken_create_store(server->taker.arena_fd, server->taker.tables_fd, config,
                                           &server->store, &why);
    if (status == -EEXIST) {
        return store_create_anew(server, config, why, failure);
    }
    server->store_is_taken = status == 0;
    return status == 0 || failure_set(failure, EX_OSERR, "its items cannot be taken: %s", strerror(-status));
}

bool server_create_store(struct server *server, struct failure *failure) {
    struct options *options = &server->options;
    struct store_config config = {
        .memory_size_max = server->store_size,
        .item_size_max = options->max_item_size,
        .evict = options->evictions,
        .large_pages = options->enable_largepages,
        .workers_max = options->threads,
        .hash_seed = random_seed(),
        .index_power_min = options->hashpower - BUCKET_ITEMS_POWER,
        .turn_wait_us = STORE_TURN_WAIT_US,
    };
    if (server->taker.arena_fd >= 0) {
        return store_create_taken(server, &config, failure);
    }
    int status = store_create_fitting(server, &config);
    server_close_memory(server); /* the store has a duplicate, which keeps the lock */
    if (status < 0) {
        return store_failed(server, status, failure);
    }
    uint32_t hashpower = config.index_power_min + BUCKET_ITEMS_POWER;
    if (hashpower < options->hashpower) {
        log_line(LOG_LEVEL_WARNING,
                 "-o hashpower=%" PRIu32 " is lowered to %" PRIu32 ": -m has no room for more",
                 options->hashpower, hashpower);
        options->hashpower = hashpower;
    }
    return true;
}

void server_destroy_store(struct server *server) {
    if (server->options.memory_file != NULL && !hand_over_is_elsewhere(server)) {
        memory_file_leave(server->options.memory_file, server->store);
    }
    store_destroy(server->store);
}
