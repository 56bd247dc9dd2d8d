/* SPDX-License-Identifier: MIT */
#include "survey.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "engine_state.h"

enum { SURVEY_SLOTS_PER_TURN = 64 };

/* Written by one worker until it has answered, then only read. */
struct survey_part {
    struct engine_conn *conns; /* owned */
    size_t count;
    size_t capacity;
};

struct engine_survey {
    struct engine *engine;
    _Atomic unsigned answers_left; /* workers that have not answered */
    _Atomic bool ready;            /* all have, and the next survey may begin */
    _Atomic unsigned holders;  /* who may still touch it: the asker and the workers that have not answered */
    struct survey_part *parts; /* one per worker; owned */
};

static void survey_free(struct engine_survey *survey) {
    for (unsigned i = 0; i < survey->engine->workers_count; i++) {
        free(survey->parts[i].conns);
    }
    free(survey->parts);
    free(survey);
}

/* The last holder frees. */
static void survey_release(struct engine_survey *survey) {
    /* acq_rel: what the other holders wrote happens before the last one frees it. */
    if (atomic_fetch_sub_explicit(&survey->holders, 1, memory_order_acq_rel) == 1) {
        survey_free(survey);
    }
}

struct engine_survey *engine_survey_begin(struct engine *engine) {
    struct engine_survey *survey = calloc(1, sizeof(*survey));
    struct survey_part *parts = calloc(engine->workers_count, sizeof(*parts));
    struct engine_survey *none = NULL;
    if (survey == NULL || parts == NULL) {
        goto give_up;
    }
    survey->engine = engine;
    survey->parts = parts;
    atomic_init(&survey->answers_left, engine->workers_count);
    atomic_init(&survey->holders, engine->workers_count + 1);
    /*
     * acquire: the answers to the survey before this one have been given; relaxed otherwise: surveys_begun
     * publishes.
     */
    if (!atomic_compare_exchange_strong_explicit(&engine->survey, &none, survey, memory_order_acquire,
                                                 memory_order_relaxed)) {
        goto give_up;
    }
    /* release: a worker that sees the new number finds the survey, filled in. */
    atomic_fetch_add_explicit(&engine->surveys_begun, 1, memory_order_release);
    for (unsigned i = 0; i < engine->workers_count; i++) {
        worker_wake(engine->workers[i]);
    }
    return survey;

give_up:
    free(parts);
    free(survey);
    return NULL;
}

/* Room for one more; NULL when memory ends: the list is then shorter than it could be. */
static struct engine_conn *part_add(struct survey_part *part) {
    if (part->count == part->capacity) {
        size_t capacity = part->capacity > 0 ? part->capacity * 2 : 64;
        struct engine_conn *conns = realloc(part->conns, capacity * sizeof(*conns));
        if (conns == NULL) {
            return NULL;
        }
        part->conns = conns;
        part->capacity = capacity;
    }
    struct engine_conn *conn = &part->conns[part->count++];
    *conn = (struct engine_conn){0};
    return conn;
}

static void survey_listeners(const struct worker *worker, struct survey_part *part) {
    for (unsigned i = 0; i < worker->listeners_count; i++) {
        const struct listener *listener = &worker->listeners[i];
        struct engine_conn *entry = listener->is_shared && worker->index > 0 ? NULL : part_add(part);
        if (entry != NULL) {
            entry->fd = listener->fd;
            entry->worker_index = worker->index;
            entry->listen_index = listener->listen;
            entry->listening = true;
            entry->local = worker->engine->listens[listener->listen].address;
        }
    }
}

static void survey_conn(const struct worker *worker, const struct conn *conn, struct survey_part *part) {
    struct engine_conn *entry = part_add(part);
    if (entry == NULL) {
        return;
    }
    entry->fd = conn->fd;
    entry->worker_index = worker->index;
    entry->listen_index = conn->listen;
    entry->paused = conn_output_throttled(conn);
    entry->sending = conn_is_sending(conn);
    entry->closing = conn->state != CONN_OPEN;
    entry->quiet_s = (worker->now_ms - conn->active_ms) / 1000;
    entry->local = worker->engine->listens[conn->listen].address;
    socklen_t size = sizeof(entry->peer);
    if (getpeername(conn->fd, (struct sockaddr *)&entry->peer, &size) < 0) {
        entry->peer.ss_family = AF_UNSPEC; /* ENOTCONN: just gone */
    }
}

static void survey_answer(struct worker *worker, struct engine_survey *survey) {
    worker->survey_next = 0;
    worker->surveys_answered++;
    /* acq_rel: the last one to answer has seen, and passes on, what the others wrote. */
    if (atomic_fetch_sub_explicit(&survey->answers_left, 1, memory_order_acq_rel) == 1) {
        atomic_store_explicit(&worker->engine->survey, NULL, memory_order_release);
        /* release: pairs with the acquire in engine_survey_ready. */
        atomic_store_explicit(&survey->ready, true, memory_order_release);
    }
    survey_release(survey);
}

bool survey_turn(struct worker *worker) {
    struct engine *engine = worker->engine;
    /* acquire: pairs with the release in engine_survey_begin. */
    if (atomic_load_explicit(&engine->surveys_begun, memory_order_acquire) == worker->surveys_answered) {
        return false;
    }
    /* relaxed: published by the number; it stays until this worker, too, has answered. */
    struct engine_survey *survey = atomic_load_explicit(&engine->survey, memory_order_relaxed);
    struct survey_part *part = &survey->parts[worker->index];
    if (worker->survey_next == 0) {
        survey_listeners(worker, part);
    }
    for (int i = 0; i < SURVEY_SLOTS_PER_TURN; i++) {
        if (worker->survey_next >= worker->conns.used_count) {
            survey_answer(worker, survey);
            return false;
        }
        const struct conn *conn = conn_at(&worker->conns, worker->survey_next++);
        if (conn->state != CONN_FREE) {
            survey_conn(worker, conn, part);
        }
    }
    return true;
}

bool engine_survey_ready(const struct engine_survey *survey) {
    /* acquire: every worker's part may be read. */
    return atomic_load_explicit(&survey->ready, memory_order_acquire);
}

size_t engine_survey_count(const struct engine_survey *survey) {
    size_t count = 0;
    for (unsigned i = 0; i < survey->engine->workers_count; i++) {
        count += survey->parts[i].count;
    }
    return count;
}

const struct engine_conn *engine_survey_conn(const struct engine_survey *survey, size_t index) {
    for (unsigned i = 0; i < survey->engine->workers_count; i++) {
        if (index < survey->parts[i].count) {
            return &survey->parts[i].conns[index];
        }
        index -= survey->parts[i].count;
    }
    return NULL;
}

void engine_survey_end(struct engine_survey *survey) {
    survey_release(survey);
}

void survey_destroy(struct engine *engine) {
    struct engine_survey *survey = atomic_load_explicit(&engine->survey, memory_order_relaxed);
    if (survey != NULL) {
        survey_free(survey);
    }
}
