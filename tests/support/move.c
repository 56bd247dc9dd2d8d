/* SPDX-License-Identifier: MIT
 *
 * move: takes connections out of an engine as records and descriptors, and gives them to another.
 */
#include "move.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

struct move_way move_ways[MOVE_WAYS_COUNT] = {
    {ENGINE_EPOLL, ENGINE_EPOLL, false}, {ENGINE_URING, ENGINE_URING, false},
    {ENGINE_EPOLL, ENGINE_URING, false}, {ENGINE_URING, ENGINE_EPOLL, false},
    {ENGINE_EPOLL, ENGINE_EPOLL, true},  {ENGINE_URING, ENGINE_URING, true},
};

void move_freeze(struct engine *engine) {
    engine_stop(engine, ENGINE_STOP_FREEZE);
    engine_await_pause(engine);
}

void move_take_back(struct engine *engine) {
    struct engine_error error;
    cr_assert(engine_resume(engine, &error) == 0, "%s", error.message);
}

struct move {
    struct engine *engine;
    unsigned worker_index; /* the next one's */
};

static bool move_one(void *user, const struct engine_moved *moved) {
    struct move *move = user;
    struct engine_moved copy = *moved;
    copy.fd = fcntl(moved->fd, F_DUPFD_CLOEXEC, 0);
    copy.file_fd = moved->file_fd < 0 ? -1 : fcntl(moved->file_fd, F_DUPFD_CLOEXEC, 0);
    enum engine_adoption outcome = engine_adopt(move->engine, move->worker_index, &copy);
    cr_assert(outcome == ENGINE_ADOPTED, "%s", engine_adoption_text(outcome));
    move->worker_index = (move->worker_index + 1) % engine_workers_count(move->engine);
    return true;
}

static struct engine *move_prepare(struct engine *old, const struct engine_config *config) {
    int fds[ENGINE_WORKERS_MAX];
    struct engine_listen listen = config->listens[0];
    struct engine_config inheriting = *config;
    struct engine *engine = NULL;
    struct engine_error error;
    listen.inherited_count = engine_listener_fds(old, 0, fds, ENGINE_WORKERS_MAX);
    listen.inherited_fds = fds;
    inheriting.listens = &listen;
    cr_assert(engine_create(&inheriting, &engine, &error) == 0, "%s", error.message);
    engine_stop(engine, ENGINE_STOP_PAUSE);
    cr_assert(engine_start(engine, &error) == 0, "%s", error.message);
    engine_await_pause(engine);
    return engine;
}

static struct engine *move_over(struct engine *old, const struct engine_config *config,
                                struct move_values *values) {
    struct move move = {.engine = move_prepare(old, config)};
    engine_share(old, values == NULL ? NULL : &values->shared);
    move_freeze(old);
    unsigned count = engine_export(old, move_one, &move);
    cr_assert_eq(count, engine_frozen(old).connections_count);
    cr_assert_eq(count, engine_frozen(move.engine).connections_count);
    if (values != NULL) {
        cr_assert_eq(engine_pin_values(move.engine, &values->values, &values->lost_count), ENGINE_ADOPTED);
        cr_assert_eq(count, engine_frozen(move.engine).connections_count + values->lost_count);
    }
    engine_stop(old, ENGINE_STOP_HAND_OVER);
    engine_join(old);
    engine_destroy(old);
    move_take_back(move.engine);
    return move.engine;
}

struct engine *move_to_new(struct engine *old, const struct engine_config *config) {
    return move_over(old, config, NULL);
}

struct engine *move_along_sharing(const struct move_way *way, struct engine *engine,
                                  const struct engine_config *config, struct move_values *values) {
    if (way->back) {
        engine_share(engine, values == NULL ? NULL : &values->shared);
        move_freeze(engine);
        move_take_back(engine);
        return engine;
    }
    struct engine_config other = *config;
    other.transport = way->to;
    return move_over(engine, &other, values);
}

struct engine *move_along(const struct move_way *way, struct engine *engine,
                          const struct engine_config *config) {
    return move_along_sharing(way, engine, config, NULL);
}
