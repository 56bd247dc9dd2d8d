/* SPDX-License-Identifier: MIT
 *
 * threads: pins and runs a client each; they arrive under a mutex, and an eventfd tells the leader when all have.
 */
#include "threads.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "exit_code.h"
#include "riposte/clock.h"

/* --- the barrier -------------------------------------------------------------------------------------------- */

static void event_set(const struct threads *threads) {
    uint64_t one = 1;
    ssize_t written = write(threads->event, &one, sizeof(one));
    assert(written == sizeof(one)); /* fails only when the counter would pass 2^64 (eventfd(2)) */
    (void)written;
}

static void event_clear(const struct threads *threads) {
    uint64_t count;
    ssize_t got = read(threads->event, &count, sizeof(count));
    (void)got; /* EAGAIN when it was not set */
}

/* Of a thread: says that it is here and waits until all are released. */
static void barrier_arrive(struct threads *threads) {
    pthread_mutex_lock(&threads->mutex);
    unsigned generation = threads->generation;
    threads->arrived_count++;
    if (threads->arrived_count == threads->expected_count) {
        event_set(threads);
    }
    while (threads->generation == generation) {
        pthread_cond_wait(&threads->released, &threads->mutex);
    }
    pthread_mutex_unlock(&threads->mutex);
}

bool threads_all_wait(struct threads *threads) {
    pthread_mutex_lock(&threads->mutex);
    bool all_wait = threads->arrived_count == threads->expected_count;
    pthread_mutex_unlock(&threads->mutex);
    return all_wait;
}

static void barrier_release(struct threads *threads) {
    pthread_mutex_lock(&threads->mutex);
    assert(threads->arrived_count == threads->expected_count);
    event_clear(threads);
    threads->arrived_count = 0;
    threads->generation++;
    pthread_cond_broadcast(&threads->released);
    pthread_mutex_unlock(&threads->mutex);
}

/* Threads that could not be started cannot arrive: only those that run are waited for. */
static void barrier_expect(struct threads *threads, unsigned count) {
    pthread_mutex_lock(&threads->mutex);
    threads->expected_count = count;
    pthread_mutex_unlock(&threads->mutex);
}

/* --- a thread ----------------------------------------------------------------------------------------------- */

/* relaxed: whoever acts on the flag reads nothing that was written before it; see client_turn. */
static void stop_now(struct threads *threads) {
    atomic_store_explicit(&threads->stop, CLIENT_STOP_NOW, memory_order_relaxed);
}

static unsigned thread_index(const struct thread *thread) {
    return (unsigned)(thread - thread->threads->all);
}

/* Ties the calling thread to one CPU. 0 or a negative errno. */
static int cpu_pin(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

static bool thread_prepare(struct thread *thread) {
    struct threads *threads = thread->threads;
    const struct options *options = threads->scenario->options;
    struct client *client = &thread->client;
    /* Wake up when the next request is due, not up to 50 us later (prctl(2)). */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    if (options->cpus_count > 0) {
        unsigned cpu = options->cpus[thread_index(thread) % options->cpus_count];
        int status = cpu_pin(cpu);
        if (status < 0) {
            return failure_set(&client->failure, EXIT_CODE_USAGE, "CPU %u cannot be used: %s", cpu,
                               strerror(-status));
        }
    }
    return client_init(client, threads->scenario, thread_index(thread), &threads->stop) &&
           client_prepare(client);
}

/* This client's part of the step. */
static struct step step_share(const struct thread *thread) {
    uint64_t threads_count = thread->threads->scenario->options->threads_count;
    uint64_t index = thread_index(thread);
    struct step step = thread->threads->step;
    if (step.rate_per_s > 0) {
        step.plan_shift_ns = (uint64_t)((double)index * (double)CLOCK_NS_PER_S / step.rate_per_s);
        step.rate_per_s /= (double)threads_count;
    }
    if (step.requests_count > 0) {
        step.requests_count = share_of(step.requests_count, index, threads_count);
    }
    return step;
}

static void *thread_main(void *argument) {
    struct thread *thread = argument;
    struct threads *threads = thread->threads;
    thread->failed = !thread_prepare(thread);
    for (;;) {
        if (thread->failed) {
            stop_now(threads);
        }
        barrier_arrive(threads);
        if (threads->ended) {
            break;
        }
        struct step step = step_share(thread);
        bool has_part = step.requests_count > 0 || threads->step.requests_count == 0;
        thread->failed = has_part && !client_measure(&thread->client, &step);
    }
    /* Here, because a ring belongs to the thread that made it. */
    client_deinit(&thread->client);
    return NULL;
}

/* --- the leader --------------------------------------------------------------------------------------------- */

int threads_init(struct threads *threads, const struct scenario *scenario) {
    *threads = (struct threads){
        .scenario = scenario,
        .stop = CLIENT_GO,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .released = PTHREAD_COND_INITIALIZER,
        .expected_count = (unsigned)scenario->options->threads_count,
    };
    threads->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return threads->event < 0 ? -errno : 0;
}

void threads_deinit(struct threads *threads) {
    close(threads->event);
    pthread_cond_destroy(&threads->released);
    pthread_mutex_destroy(&threads->mutex);
    free(threads->all);
}

static bool threads_create(struct threads *threads, struct failure *failure) {
    uint64_t count = threads->scenario->options->threads_count;
    threads->all = calloc(count, sizeof(*threads->all));
    if (threads->all == NULL) {
        return failure_set(failure, EXIT_CODE_SYSTEM, "no memory for the threads");
    }
    for (; threads->count < count; threads->count++) {
        struct thread *thread = &threads->all[threads->count];
        thread->threads = threads;
        int status = pthread_create(&thread->id, NULL, thread_main, thread);
        if (status != 0) {
            return failure_set(failure, EXIT_CODE_SYSTEM, "a thread cannot be started: %s", strerror(status));
        }
    }
    return true;
}

bool threads_start(struct threads *threads, struct failure *failure) {
    bool started = threads_create(threads, failure);
    if (!started) {
        stop_now(threads);
        barrier_expect(threads, threads->count);
    }
    return started;
}

void threads_release(struct threads *threads, const struct step *step) {
    threads->step = *step;
    barrier_release(threads);
}

void threads_end(struct threads *threads) {
    threads->ended = true;
    barrier_release(threads);
    for (unsigned i = 0; i < threads->count; i++) {
        pthread_join(threads->all[i].id, NULL);
    }
}

void threads_stop_gently(struct threads *threads) {
    /* relaxed: see stop_now. */
    int expected = CLIENT_GO;
    atomic_compare_exchange_strong_explicit(&threads->stop, &expected, CLIENT_STOP_GENTLY,
                                            memory_order_relaxed, memory_order_relaxed);
}

uint64_t threads_live_replies(const struct threads *threads) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < threads->count; i++) {
        sum += counter_read(&threads->all[i].client.live_replies);
    }
    return sum;
}

uint64_t threads_live_faults(const struct threads *threads) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < threads->count; i++) {
        sum += counter_read(&threads->all[i].client.live_faults);
    }
    return sum;
}
