/* SPDX-License-Identifier: MIT
 *
 * config: whether what an engine is asked for can be, and the engine's own copy of it.
 */
#ifndef RIPOSTE_ENGINE_CONFIG_H
#define RIPOSTE_ENGINE_CONFIG_H

#include "engine_state.h"

/* 0, or -EINVAL and *error: the first limit that is broken, in one sentence. */
int config_check(const struct engine_config *config, struct engine_error *error);

/*
 * Copies `config`, its listens and their limits into `engine`; listens with the same limits become a group. 0
 * or -ENOMEM. What is there after a failure is freed by config_free.
 */
int config_copy(struct engine *engine, const struct engine_config *config);
void config_free(struct engine *engine);

#endif
