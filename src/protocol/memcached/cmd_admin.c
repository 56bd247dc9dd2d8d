/* SPDX-License-Identifier: MIT
 *
 * cmd_admin: version, quit, flush_all, flush_prefix, verbosity, cache_memlimit, shutdown, debugtime.
 */
#include <inttypes.h>
#include <stdio.h>

#include "call.h"
#include "riposte/clock.h"
#include "tokens.h"

enum {
    VERBOSITY_MAX = 2,
    MEMLIMIT_MIB_MIN = 8,
    MEMLIMIT_MIB_MAX = 1000000000, /* above it somebody has given bytes */
    MEMLIMIT_TEXT_SIZE_MAX = 96,
};

void cmd_version(struct mc_call *call, const struct mc_request *request) {
    (void)request;
    call_answer(call, false, CALL_LINE("VERSION " MEMCACHED_VERSION));
    call->requests++;
}

void cmd_quit(struct mc_call *call, const struct mc_request *request) {
    (void)request;
    reply_close(call->reply);
    call->requests++;
}

/* `[<delay>] [noreply]`; 0 without a delay. */
static bool delay_read(const struct mc_request *request, int32_t *delay) {
    struct bytes arguments = request->arguments;
    struct bytes first = tokens_next(&arguments);
    bool has_delay = first.size > 0 && !(request->noreply && tokens_next(&arguments).size == 0);
    *delay = 0;
    return !has_delay || number_parse_i32(first, delay);
}

/* One that is refused counts, too, as in memcached. */
void cmd_flush_all(struct mc_call *call, const struct mc_request *request) {
    struct memcached_worker *worker = call->worker;
    int32_t delay;
    call->requests++;
    counter_add(&worker->counters.cmd_flush, 1);
    if (!worker->service->config.flush_enabled) {
        call_fail(call, request->noreply, MC_ERROR_FLUSH_REFUSED);
        return;
    }
    if (!delay_read(request, &delay)) {
        call_fail(call, request->noreply, MC_ERROR_EXPTIME);
        return;
    }
    store_flush(worker->store, delay <= 0 ? 0 : store_expiry(worker->store, delay));
    call_answer(call, request->noreply, CALL_LINE("OK"));
}

/*
 * `<prefix> [noreply]`, and not a word more: who writes a prefix with a space in it must not flush what begins with
 * the half before it.
 */
static bool prefix_read(const struct mc_request *request, struct bytes *prefix, bool *noreply) {
    struct bytes arguments = request->arguments;
    *prefix = tokens_next(&arguments);
    struct bytes second = tokens_next(&arguments);
    *noreply = request->noreply && second.size > 0; /* `flush_prefix noreply` has a prefix of that name */
    return prefix->size >= 1 && prefix->size <= STORE_KEY_SIZE_MAX && tokens_next(&arguments).size == 0 &&
           (second.size == 0 || *noreply);
}

void cmd_flush_prefix(struct mc_call *call, const struct mc_request *request) {
    struct bytes prefix;
    bool noreply;
    call->requests++;
    if (!prefix_read(request, &prefix, &noreply)) {
        call_fail(call, noreply, MC_ERROR_FORMAT);
        return;
    }
    if (!call->worker->service->config.flush_enabled) {
        call_fail(call, noreply, MC_ERROR_FLUSH_PREFIX_REFUSED);
        return;
    }
    call->work +=
        PROTOCOL_WORK_COSTLY; /* the table of all prefixes is made anew: 4096 rows are some 100 us */
    switch (store_flush_prefix(call->worker->store, prefix)) {
    case STORE_FLUSHED:
        call_answer(call, noreply, CALL_LINE("OK"));
        return;
    case STORE_FLUSH_TOO_MANY:
        call_fail(call, noreply, MC_ERROR_FLUSH_PREFIX_FULL);
        return;
    case STORE_FLUSH_NO_MEMORY:
        if (call_defer(call)) {
            call->requests--;
            return;
        }
        call_fail(call, noreply, MC_ERROR_NO_MEMORY);
        return;
    }
}

void cmd_verbosity(struct mc_call *call, const struct mc_request *request) {
    unsigned level = request->number > VERBOSITY_MAX ? VERBOSITY_MAX : (unsigned)request->number;
    call->requests++;
    /* relaxed: a number to look at, nothing hangs on its order. */
    atomic_store_explicit(&call->worker->service->verbosity, level, memory_order_relaxed);
    call_answer(call, request->noreply, CALL_LINE("OK"));
}

/* A lower limit could not hold one item of the largest size beside another, and the engine's buffers. */
static uint64_t memlimit_mib_min(const struct memcached_service *service) {
    uint64_t size = 2 * (uint64_t)service->config.item_size_max + service_reserved_size(service);
    uint64_t mib = (size + (1 << 20) - 1) >> 20;
    return mib > MEMLIMIT_MIB_MIN ? mib : MEMLIMIT_MIB_MIN;
}

/* What is answered is a constant, or in `text`. */
static struct bytes memlimit_line(struct mc_call *call, struct bytes arguments,
                                  char text[MEMLIMIT_TEXT_SIZE_MAX]) {
    const struct memcached_service *service = call->worker->service;
    uint64_t mib;
    struct bytes number = tokens_next(&arguments);
    if (number.size == 0) {
        return answer_error(MC_ERROR_FORMAT);
    }
    if (!bytes_parse_u64(number, &mib)) {
        return answer_error(MC_ERROR_UNKNOWN);
    }
    if (mib < memlimit_mib_min(service)) {
        int size = snprintf(text, MEMLIMIT_TEXT_SIZE_MAX,
                            "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than %" PRIu64 "m\r\n",
                            memlimit_mib_min(service));
        return bytes_of(text, (size_t)size);
    }
    if (mib > MEMLIMIT_MIB_MAX) {
        return CALL_LINE("MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes");
    }
    const struct memcached_config *config = &service->config;
    if (config->memory_limit > 0 && !config->shutdown_enabled && mib << 20 > config->memory_limit) {
        return CALL_LINE("MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust");
    }
    /* As of -m, the engine's share is part of it. */
    size_t store_size = ((size_t)mib << 20) - service_reserved_size(service);
    bool set = store_memory_limit_set(call->worker->store, store_size);
    return set ? CALL_LINE("OK") : CALL_LINE("MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust");
}

void cmd_cache_memlimit(struct mc_call *call, const struct mc_request *request) {
    char text[MEMLIMIT_TEXT_SIZE_MAX];
    call_answer(call, request->noreply, memlimit_line(call, request->arguments, text));
    call->requests++;
}

void cmd_shutdown(struct mc_call *call, const struct mc_request *request) {
    const struct memcached_config *config = &call->worker->service->config;
    struct bytes arguments = request->arguments;
    struct bytes mode = tokens_next(&arguments);
    bool graceful = bytes_equal_string(mode, "graceful");
    call->requests++;
    if (!config->shutdown_enabled || config->stop == NULL) {
        call_answer(call, false, CALL_LINE("SERVER_ERROR: shutdown not enabled"));
    } else if (mode.size > 0 && !graceful) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR invalid shutdown mode"));
    } else {
        config->stop(config->stop_user, graceful);
    }
}

/* Moves, stops or restarts the store's clock; false when the word says none of these. */
static bool debugtime_set(struct store *store, struct bytes word) {
    uint32_t seconds;
    if (bytes_equal_string(word, "p")) {
        store_clock_stop(store, clock_monotonic_ns());
    } else if (bytes_equal_string(word, "r")) {
        store_clock_restart(store);
    } else if (bytes_parse_u32(word, &seconds)) {
        store_clock_advance(store, seconds);
    } else {
        return false;
    }
    return true;
}

void cmd_debugtime(struct mc_call *call, const struct mc_request *request) {
    struct memcached_worker *worker = call->worker;
    const struct memcached_config *config = &worker->service->config;
    struct bytes arguments = request->arguments;
    call->requests++;
    if (!config->debug_commands || !debugtime_set(config->store, tokens_next(&arguments))) {
        call_fail(call, false, MC_ERROR_UNKNOWN);
        return;
    }
    /*
     * No view is held here: the next command, perhaps of this pipeline, finds done what falls due (a delayed
     * flush).
     */
    store_quiescent(worker->store, clock_monotonic_ns());
    call_answer(call, false, CALL_LINE("OK"));
}
