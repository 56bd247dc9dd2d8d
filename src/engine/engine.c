/* SPDX-License-Identifier: MIT */
#include "riposte/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"
#include "engine_state.h"
#include "loop.h"
#include "net_statistics.h"
#include "riposte/check.h"
#include "riposte/clock.h"
#include "survey.h"
#include "sysinfo.h"
#include "uring/probe.h"

void engine_config_init(struct engine_config *config) {
    *config = (struct engine_config){
        .pin = true,
        .transport = ENGINE_AUTO,
        .send = ENGINE_SEND_AUTO,
        .send_zero_copy_size_min = 64 * 1024,
        .spin_us = ENGINE_SPIN_AUTO,
        .connections_max = 16384,
        .listen_backlog = 4096,
        .requests_per_turn_max = 20,
        .input_size_max = 1024 * 1024 + 64 * 1024,
        .output_size_max = 8 * 1024 * 1024,
        .ring_entries = 1024,
        .write_timeout_ms = 60 * 1000,
        .drain_timeout_ms = 10 * 1000,
        .linger_timeout_ms = 1000,
        .reject_when_full = true,
    };
}

static int engine_fail(struct engine_error *error, int number, const char *message) {
    error->error = number;
    snprintf(error->message, sizeof(error->message), "%s", message);
    return number;
}

static int engine_refuse(struct engine_error *error, const char *message) {
    error->usage = true;
    return engine_fail(error, -EINVAL, message);
}

static bool is_power_of_two(uint32_t number) {
    return number != 0 && (number & (number - 1)) == 0;
}

/* A size that may be 0 (take the default) or a power of two in a range. */
static bool is_size(uint32_t size, uint32_t least, uint32_t most) {
    return size == 0 || (is_power_of_two(size) && size >= least && size <= most);
}

static int engine_check_config(const struct engine_config *config, struct engine_error *error) {
    if (config->workers_count > ENGINE_WORKERS_MAX) {
        return engine_refuse(error, "the number of workers must be 1 to 1024");
    }
    if (config->connections_max < 1 || config->connections_max > 1000000) {
        return engine_refuse(error, "the connection limit must be 1 to 1000000");
    }
    if (config->requests_per_turn_max < 1) {
        return engine_refuse(error, "the requests per connection and turn must be at least 1");
    }
    if (config->output_size_max < 1 || config->input_size_max < 1) {
        return engine_refuse(error, "the bounds of a connection's input and output must be at least 1 byte");
    }
    if (!is_size(config->recv_buffer_size, 1024, 1024 * 1024)) {
        return engine_refuse(error,
                             "the size of a receive buffer must be a power of two from 1 KiB to 1 MiB");
    }
    if (!is_size(config->recv_buffer_count, 2, 32768)) {
        return engine_refuse(error, "the number of receive buffers must be a power of two from 2 to 32768");
    }
    if (!is_size(config->ring_entries, 8, 32768) || config->ring_entries == 0) {
        return engine_refuse(error, "the ring entries must be a power of two from 8 to 32768");
    }
    if (!is_size(config->completion_entries, 2, 262144)) {
        return engine_refuse(error, "the completion entries must be a power of two from 2 to 262144");
    }
    if (config->listens_count < 1 || config->listens_count > ENGINE_LISTENS_MAX) {
        return engine_refuse(error, "the addresses to listen on must be 1 to 64");
    }
    return 0;
}

/* One worker per CPU that this process may use, fewer where a control group grants less. */
static unsigned engine_default_workers(unsigned cpus_count) {
    unsigned quota = sysinfo_quota_cpus();
    unsigned count = quota > 0 && quota < cpus_count ? quota : cpus_count;
    return count < ENGINE_WORKERS_MAX ? count : ENGINE_WORKERS_MAX;
}

static int engine_create_workers(struct engine *engine, struct engine_error *error) {
    unsigned cpus[ENGINE_WORKERS_MAX] = {0};
    unsigned cpus_count = sysinfo_cpus(cpus, ENGINE_WORKERS_MAX);
    unsigned known = cpus_count < ENGINE_WORKERS_MAX ? cpus_count : ENGINE_WORKERS_MAX;
    unsigned count = engine->config.workers_count;
    count = count > 0 ? count : engine_default_workers(cpus_count);
    engine->workers = calloc(count, sizeof(*engine->workers));
    if (engine->workers == NULL) {
        return engine_fail(error, -ENOMEM, "no memory for the workers");
    }
    for (unsigned i = 0; i < count; i++) {
        engine->workers[i] = worker_create(engine, i);
        if (engine->workers[i] == NULL) {
            return engine_fail(error, -ENOMEM, "no memory for the workers");
        }
        engine->workers[i]->cpu = cpus[i % known];
        engine->workers_count++;
        /*
         * Before the threads: a stop or a survey that comes before this worker runs is found by its first
         * wait.
         */
        engine->workers[i]->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (engine->workers[i]->wake_fd < 0) {
            return engine_fail(error, -errno, "no file descriptor left for the workers; raise LimitNOFILE");
        }
    }
    return 0;
}

static void engine_give_listener(struct engine *engine, unsigned worker_index, unsigned listen_index,
                                 int fd) {
    struct worker *worker = engine->workers[worker_index];
    assert(worker != NULL); /* workers_count counts those that were made */
    worker->listeners[listen_index].fd = fd;
}

static int engine_open_tcp(struct engine *engine, unsigned listen_index, struct engine_error *error) {
    struct engine_listen *listen = &engine->listens[listen_index];
    int *fds = calloc(engine->workers_count, sizeof(*fds));
    if (fds == NULL) {
        return engine_fail(error, -ENOMEM, "no memory for the listeners");
    }
    int result = listener_open_tcp(&listen->address, listen->address_size, engine->config.listen_backlog, fds,
                                   engine->workers_count, error);
    for (unsigned i = 0; result == 0 && i < engine->workers_count; i++) {
        engine_give_listener(engine, i, listen_index, fds[i]);
    }
    free(fds);
    return result;
}

static int engine_open_listeners(struct engine *engine, struct engine_error *error) {
    for (unsigned i = 0; i < engine->config.listens_count; i++) {
        struct engine_listen *listen = &engine->listens[i];
        int fd = -1;
        int result = listen->address.ss_family != AF_UNIX
                         ? engine_open_tcp(engine, i, error)
                         : listener_open_unix(&listen->address, listen->address_size, listen->unix_mode,
                                              engine->config.listen_backlog, &fd, error);
        if (result < 0) {
            return result;
        }
        for (unsigned worker = 0; fd >= 0 && worker < engine->workers_count; worker++) {
            engine_give_listener(engine, worker, i, fd);
        }
    }
    return 0;
}

static int engine_copy_config(struct engine *engine, const struct engine_config *config,
                              struct engine_error *error) {
    engine->config = *config;
    engine->listens = calloc(config->listens_count, sizeof(*engine->listens));
    if (engine->listens == NULL) {
        return engine_fail(error, -ENOMEM, "no memory for the listeners");
    }
    memcpy(engine->listens, config->listens, config->listens_count * sizeof(*engine->listens));
    engine->config.listens = engine->listens;
    for (unsigned i = 0; i < config->listens_count; i++) {
        size_t size = engine->listens[i].protocol->session_size;
        assert(size <= PROTOCOL_SESSION_SIZE_MAX);
        engine->session_size = size > engine->session_size ? size : engine->session_size;
    }
    return 0;
}

/* io_uring, or epoll and the reason why. */
static int engine_choose_transport(struct engine *engine, struct engine_error *error) {
    engine->transport = &transport_epoll;
    if (engine->config.transport == ENGINE_EPOLL) {
        return 0;
    }
    int result = uring_probe(engine, error);
    if (result == 0) {
        engine->transport = &transport_uring;
        return 0;
    }
    bool refused = result == -ENOSYS || result == -EPERM || result == -EINVAL;
    if (engine->config.transport == ENGINE_URING || !refused) {
        return result;
    }
    snprintf(engine->fallback_reason, sizeof(engine->fallback_reason), "%s", error->message);
    *error = (struct engine_error){0};
    return 0;
}

int engine_create(const struct engine_config *config, struct engine **created, struct engine_error *error) {
    *error = (struct engine_error){0};
    int result = engine_check_config(config, error);
    if (result < 0) {
        return result;
    }
    struct engine *engine = aligned_alloc(_Alignof(struct engine), sizeof(*engine));
    if (engine == NULL) {
        return engine_fail(error, -ENOMEM, "no memory for the engine");
    }
    memset(engine, 0, sizeof(*engine));
    pthread_mutex_init(&engine->start_mutex, NULL);
    pthread_cond_init(&engine->start_changed, NULL);
    engine->created_ns = clock_monotonic_ns();
    engine->listen_backlog = net_backlog(config->listen_backlog);
    engine->overflows_readable = net_listen_overflows(&engine->listen_overflows, &engine->listen_drops);
    result = engine_copy_config(engine, config, error);
    result = result < 0 ? result : engine_choose_transport(engine, error);
    result = result < 0 ? result : engine_create_workers(engine, error);
    result = result < 0 ? result : engine_open_listeners(engine, error);
    if (result < 0) {
        engine->config.listens_count = engine->listens == NULL ? 0 : engine->config.listens_count;
        engine_destroy(engine);
        return result;
    }
    *created = engine;
    return 0;
}

static void engine_remove_unix_files(const struct engine *engine) {
    for (unsigned i = 0; i < engine->config.listens_count; i++) {
        const struct sockaddr_storage *address = &engine->listens[i].address;
        bool opened = engine->workers_count > 0 && engine->workers[0]->listeners[i].fd >= 0;
        if (address->ss_family == AF_UNIX && opened) {
            unlink(((const struct sockaddr_un *)(const void *)address)->sun_path);
        }
    }
}

void engine_destroy(struct engine *engine) {
    survey_destroy(engine);
    engine_remove_unix_files(engine);
    for (unsigned i = 0; i < engine->workers_count; i++) {
        worker_free(engine->workers[i]);
    }
    free(engine->workers);
    free(engine->listens);
    pthread_cond_destroy(&engine->start_changed);
    pthread_mutex_destroy(&engine->start_mutex);
    free(engine);
}

/* --- threads -------------------------------------------------------------------------------------------- */

static unsigned engine_start_threads(struct engine *engine, int *result) {
    for (unsigned i = 0; i < engine->workers_count; i++) {
        struct worker *worker = engine->workers[i];
        int number = pthread_create(&worker->thread, NULL, loop_main, worker);
        if (number != 0) {
            *result = -number;
            return i;
        }
        worker->thread_started = true;
    }
    return engine->workers_count;
}

int engine_start(struct engine *engine, struct engine_error *error) {
    *error = (struct engine_error){0};
    int result = 0;
    unsigned started = engine_start_threads(engine, &result);
    pthread_mutex_lock(&engine->start_mutex);
    while (engine->workers_reported < started) {
        pthread_cond_wait(&engine->start_changed, &engine->start_mutex);
    }
    if (engine->start_failed) {
        *error = engine->start_error;
        result = error->error;
    } else if (result < 0) {
        engine_fail(error, result,
                    "cannot start a worker thread; see RLIMIT_NPROC and the pids control group");
    }
    pthread_mutex_unlock(&engine->start_mutex);
    if (result < 0) {
        engine_stop(engine);
        engine_join(engine);
    }
    return result;
}

void engine_stop(struct engine *engine) {
    /* release: pairs with the acquire in worker_on_wake. */
    atomic_store_explicit(&engine->stopping, true, memory_order_release);
    for (unsigned i = 0; i < engine->workers_count; i++) {
        worker_wake(engine->workers[i]);
    }
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
    return engine->workers_count * engine->transport->fixed_memory_size(engine);
}

uint16_t engine_port(const struct engine *engine, unsigned listen_index) {
    assert(listen_index < engine->config.listens_count);
    return address_port(&engine->listens[listen_index].address);
}

uint32_t engine_listen_backlog(const struct engine *engine) {
    return engine->listen_backlog;
}

const struct engine_counters *engine_worker_counters(const struct engine *engine, unsigned worker_index) {
    assert(worker_index < engine->workers_count);
    return &engine->workers[worker_index]->counters;
}

void engine_counters_sum(const struct engine *engine, struct engine_counters *sum) {
    memset(sum, 0, sizeof(*sum));
    for (unsigned i = 0; i < engine->workers_count; i++) {
        const struct engine_counters *counters = &engine->workers[i]->counters;
#define ENGINE_COUNTER_SUM(name, kind, help) counter_add(&sum->name, counter_read(&counters->name));
        ENGINE_COUNTERS(ENGINE_COUNTER_SUM)
#undef ENGINE_COUNTER_SUM
    }
}

bool engine_listen_overflows(const struct engine *engine, uint64_t *overflows, uint64_t *drops) {
    if (!engine->overflows_readable || !net_listen_overflows(overflows, drops)) {
        return false;
    }
    *overflows -= engine->listen_overflows;
    *drops -= engine->listen_drops;
    return true;
}
