/* SPDX-License-Identifier: MIT
 *
 * engine: what creates an engine, starts it, stops it and answers questions about it from outside.
 */
#include "riposte/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "address.h"
#include "config.h"
#include "conn_list.h"
#include "engine_state.h"
#include "failure.h"
#include "memory.h"
#include "net_statistics.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "riposte/log.h"
#include "sizes.h"
#include "sockets.h"
#include "stack.h"
#include "sysinfo.h"
#include "thread.h"
#include "uring/probe.h"

/* Log lines that clients can bring about, of all workers. */
enum { CONN_LINES_PER_SECOND_MAX = 1000, ERROR_LINES_PER_SECOND_MAX = 1 };

static int engine_fail(struct engine_error *error, int number, const char *message) {
    error->error = number;
    snprintf(error->message, sizeof(error->message), "%s", message);
    return number;
}

/* One worker per CPU that this process may use, fewer where a control group grants less. */
static unsigned engine_default_workers(unsigned cpus_count) {
    unsigned quota = sysinfo_quota_cpus();
    unsigned count = quota > 0 && quota < cpus_count ? quota : cpus_count;
    return count < ENGINE_WORKERS_MAX ? count : ENGINE_WORKERS_MAX;
}

/* How many there will be, before they are made. */
static unsigned engine_count_workers(const struct engine_config *config) {
    return config->workers_count > 0 ? config->workers_count : engine_default_workers(sysinfo_cpus(NULL, 0));
}

static int engine_create_workers(struct engine *engine, struct engine_error *error) {
    unsigned cpus[ENGINE_WORKERS_MAX] = {0};
    unsigned cpus_count = sysinfo_cpus(cpus, ENGINE_WORKERS_MAX);
    unsigned known = cpus_count < ENGINE_WORKERS_MAX ? cpus_count : ENGINE_WORKERS_MAX;
    engine->workers = calloc(engine->workers_count, sizeof(*engine->workers));
    if (engine->workers == NULL) {
        return engine_fail(error, -ENOMEM, "no memory for the workers");
    }
    for (unsigned i = 0; i < engine->workers_count; i++) {
        engine->workers[i] = worker_create(engine, i);
        if (engine->workers[i] == NULL) {
            return engine_fail(error, -ENOMEM, "no memory for the workers");
        }
        memory_init(engine->workers[i]);
        engine->workers[i]->cpu = cpus[i % known];
        /*
         * Before the threads: a stop or a connection list that comes before this worker runs is found by its first
         * wait.
         */
        engine->workers[i]->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (engine->workers[i]->wake_fd < 0) {
            return engine_fail(error, -errno, "no file descriptor left for the workers; raise LimitNOFILE");
        }
    }
    return 0;
}

/* Epoll serves instead of io_uring, for the reason in *error. */
static void engine_fall_back(struct engine *engine, struct engine_error *error) {
    engine->transport = &transport_epoll;
    engine->features[0] = '\0';
    snprintf(engine->fallback_reason, sizeof(engine->fallback_reason), "%s", error->message);
    *error = (struct engine_error){0};
    /* Said before anybody is served by it. */
    log_line(LOG_LEVEL_WARNING, "serving with epoll: %s", engine->fallback_reason);
}

static int engine_choose_transport(struct engine *engine, struct engine_error *error) {
    engine->transport = &transport_epoll;
    if (engine->config.transport == ENGINE_EPOLL) {
        return 0;
    }
    int result = uring_probe(engine, error);
    if (result == 0) {
        engine->transport = &transport_uring;
    } else if (engine->config.transport == ENGINE_AUTO) {
        engine_fall_back(engine, error);
        result = 0;
    }
    return result;
}

static int engine_choose_sizes(struct engine *engine, struct engine_error *error) {
    int result = sizes_choose(&engine->sizes, &engine->config, engine->workers_count,
                              engine->uring.incremental_buffers, error);
    size_t size = sizes_epoll_memory(&engine->sizes);
    if (engine->transport == &transport_uring) {
        size_t uring_size = sizes_uring_memory(&engine->sizes);
        /* With AUTO the start may still end on epoll (start.h). */
        bool either = engine->config.transport == ENGINE_AUTO;
        size = either && size > uring_size ? size : uring_size;
    }
    engine->fixed_memory_size = engine->workers_count * size;
    return result;
}

int engine_create(const struct engine_config *config, struct engine **created, struct engine_error *error) {
    *error = (struct engine_error){0};
    int result = config_check(config, error);
    if (result < 0) {
        return result;
    }
    struct engine *engine = aligned_alloc(_Alignof(struct engine), sizeof(*engine));
    if (engine == NULL) {
        return engine_fail(error, -ENOMEM, "no memory for the engine");
    }
    memset(engine, 0, sizeof(*engine));
    start_init(&engine->start);
    pthread_mutex_init(&engine->conn_list_lock, NULL);
    engine->created_ns = clock_monotonic_ns();
    engine->logs_connections = log_level_get() >= LOG_LEVEL_DEBUG;
    engine->conn_lines.per_second_max = CONN_LINES_PER_SECOND_MAX;
    engine->error_lines.per_second_max = ERROR_LINES_PER_SECOND_MAX;
    engine->listen_backlog = net_backlog(config->listen_backlog);
    kernel_init(&engine->kernel, engine->created_ns);
    engine->listen_backlog_wanted = config->listen_backlog;
    result = config_copy(engine, config);
    if (result < 0) {
        engine_fail(error, result, "no memory for the configuration");
    }
    engine->workers_count = engine_count_workers(config);
    /* Once for what a refused ring would have taken, and again when it is known how the kernel uses buffers. */
    engine->uring.incremental_buffers = true;
    result = result < 0 ? result : engine_choose_sizes(engine, error);
    result = result < 0 ? result : engine_choose_transport(engine, error);
    result = result < 0 ? result : engine_choose_sizes(engine, error);
    result = result < 0 ? result : engine_create_workers(engine, error);
    result = result < 0 ? result : sockets_open(engine, error);
    if (result < 0) {
        engine_destroy(engine);
        return result;
    }
    for (unsigned i = 0; i < engine->config.listens_count; i++) {
        address_text(&engine->listens[i].address, engine->listen_texts[i]);
    }
    *created = engine;
    return 0;
}

void engine_destroy(struct engine *engine) {
    /* relaxed: the workers are gone, and the thread that stopped them has told this one. */
    enum engine_stop stop = atomic_load_explicit(&engine->stop, memory_order_relaxed);
    conn_list_destroy(engine);
    for (unsigned i = 0; engine->workers != NULL && i < engine->workers_count; i++) {
        worker_free(engine->workers[i]);
    }
    free(engine->workers);
    sockets_close(engine, stop == ENGINE_STOP_HAND_OVER);
    config_free(engine);
    kernel_deinit(&engine->kernel);
    pthread_mutex_destroy(&engine->conn_list_lock);
    start_deinit(&engine->start);
    free(engine);
}

/* --- threads -------------------------------------------------------------------------------------------- */

static unsigned engine_start_threads(struct engine *engine, int *result) {
    for (unsigned i = 0; i < engine->workers_count; i++) {
        struct worker *worker = engine->workers[i];
        *result = stack_create_thread(&worker->thread, NULL, thread_main, worker);
        if (*result < 0) {
            return i;
        }
        worker->thread_started = true;
    }
    return engine->workers_count;
}

/* All workers have a transport, the same one. 0, or a negative errno and *error. */
static int engine_await_transports(struct engine *engine, unsigned count, struct engine_error *error) {
    int result = start_await(&engine->start, count, error);
    if (result < 0 && engine->config.transport == ENGINE_AUTO && engine->transport == &transport_uring) {
        engine_fall_back(engine, error);
        start_order(&engine->start, START_AGAIN);
        result = start_await(&engine->start, count, error);
    }
    return result;
}

int engine_start(struct engine *engine, struct engine_error *error) {
    *error = (struct engine_error){0};
    int result = 0;
    unsigned started = engine_start_threads(engine, &result);
    if (result < 0) {
        engine_fail(error, result, "cannot start a worker thread; " FAILURE_THREAD_CURE);
        start_order(&engine->start, START_GIVE_UP);
        engine_join(engine);
        return result;
    }
    result = engine_await_transports(engine, started, error);
    start_order(&engine->start, result < 0 ? START_GIVE_UP : START_SERVE);
    /* Sure enough: some may accept before the first one fails. */
    engine->has_served = result == 0 && !engine_stop_waits(engine_stop_asked(engine));
    result = result < 0 ? result : start_await(&engine->start, started, error);
    if (result < 0) {
        engine_stop(engine, ENGINE_STOP_CLOSE);
        engine_join(engine);
    }
    return result;
}

void engine_stop(struct engine *engine, enum engine_stop kind) {
    enum engine_stop found = ENGINE_STOP_NONE;
    if (engine_stop_waits(kind)) {
        start_begin(&engine->start);
    }
    /* release: pairs with the acquire in engine_stop_asked. The first kind counts, but after a pause. */
    if (!atomic_compare_exchange_strong_explicit(&engine->stop, &found, kind, memory_order_release,
                                                 memory_order_relaxed) &&
        engine_stop_waits(found) && !engine_stop_waits(kind)) {
        atomic_store_explicit(&engine->stop, kind, memory_order_release);
        start_order(&engine->start, START_GIVE_UP);
    }
    engine_wake(engine);
}

void engine_await_pause(struct engine *engine) {
    struct engine_error error;
    start_await(&engine->start, engine->workers_count, &error); /* a pause does not fail */
}

int engine_prepare(struct engine *engine, struct engine_error *error) {
    *error = (struct engine_error){0};
    start_order(&engine->start, START_PREPARE);
    return start_await(&engine->start, engine->workers_count, error);
}

int engine_resume(struct engine *engine, struct engine_error *error) {
    *error = (struct engine_error){0};
    atomic_store_explicit(&engine->frozen_size, 0, memory_order_relaxed); /* no worker runs */
    /* release: before the order, which the workers wait for. */
    atomic_store_explicit(&engine->stop, ENGINE_STOP_NONE, memory_order_release);
    engine->has_served = true;
    start_order(&engine->start, START_SERVE);
    int result = start_await(&engine->start, engine->workers_count, error);
    if (result < 0) {
        engine_stop(engine, ENGINE_STOP_CLOSE);
        engine_join(engine);
    }
    return result;
}

void engine_wake(struct engine *engine) {
    for (unsigned i = 0; i < engine->workers_count; i++) {
        worker_wake(engine->workers[i]);
    }
}

void engine_wake_worker(struct engine *engine, unsigned worker_index) {
    worker_wake(engine->workers[worker_index]);
}

void engine_join(struct engine *engine) {
    for (unsigned i = 0; i < engine->workers_count; i++) {
        struct worker *worker = engine->workers[i];
        if (worker->thread_started) {
            pthread_join(worker->thread, NULL);
            worker->thread_started = false;
        }
    }
}

/* --- what is running ------------------------------------------------------------------------------------ */

unsigned engine_workers_count(const struct engine *engine) {
    return engine->workers_count;
}

const char *engine_transport_name(const struct engine *engine) {
    return engine->transport->name;
}

const char *engine_features(const struct engine *engine) {
    return engine->features;
}

const char *engine_fallback_reason(const struct engine *engine) {
    return engine->fallback_reason;
}

size_t engine_fixed_memory_size(const struct engine *engine) {
    return engine->fixed_memory_size;
}

uint16_t engine_port(const struct engine *engine, unsigned listen_index) {
    assert(listen_index < engine->config.listens_count);
    return address_port(&engine->listens[listen_index].address);
}

uint32_t engine_listen_backlog(const struct engine *engine) {
    return engine->listen_backlog;
}

struct engine_kernel_figures engine_kernel(const struct engine *engine, uint64_t now_ns) {
    /* Not the engine's state but what was seen of the kernel's. */
    struct kernel *kernel = (struct kernel *)(uintptr_t)&engine->kernel;
    return kernel_figures(kernel, now_ns);
}
