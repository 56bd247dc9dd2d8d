/* SPDX-License-Identifier: MIT
 *
 * move: all connections of one engine go to another one in the same process, as they would to another process: descriptors are
 * duplicated, records copied. Every failure ends the Criterion test.
 */
#ifndef TESTS_MOVE_H
#define TESTS_MOVE_H

#include <criterion/parameterized.h>

#include "riposte/engine_move.h"

/* From one transport to another; to the same engine where `back` says so. */
struct move_way {
    enum engine_transport from, to;
    bool back;
};

enum { MOVE_WAYS_COUNT = 6 };
extern struct move_way move_ways[MOVE_WAYS_COUNT];

/* A test of a suite, called once for each of them: `way`. */
#define MOVE_TEST(suite, name)                                                                               \
    ParameterizedTestParameters(suite, name) {                                                               \
        return cr_make_param_array(struct move_way, move_ways, MOVE_WAYS_COUNT);                             \
    }                                                                                                        \
    ParameterizedTest(struct move_way *way, suite, name)

/* Every connection of the engine is frozen. */
void move_freeze(struct engine *engine);

/* The frozen engine goes on with its own connections. */
void move_take_back(struct engine *engine);

/*
 * An engine on the old one's sockets, made from `config` with one listen, waits until all of the old one's connections are its own, which
 * it serves then; the old one is gone.
 */
struct engine *move_to_new(struct engine *old, const struct engine_config *config);

/* Memory that both engines have, and how many connections the new one has lost for want of it. */
struct move_values {
    struct engine_shared shared;
    struct engine_values values;
    unsigned lost_count;
};

/* As move_along, and records may name what both have. */
struct engine *move_along_sharing(const struct move_way *way, struct engine *engine,
                                  const struct engine_config *config, struct move_values *values);

/* The connections go that way: the engine that has them afterwards, as `config` says but for its transport. */
struct engine *move_along(const struct move_way *way, struct engine *engine,
                          const struct engine_config *config);

#endif
