/* SPDX-License-Identifier: MIT
 *
 * slow_log: the last requests that took long, from the arrival of their bytes to their answer.
 *
 * Whoever serves requests looks at the clock behind each one while there is a slow log, and only then. A request is
 * also slow that waited behind another one: `own_us` tells them apart.
 */
#ifndef RIPOSTE_SLOW_LOG_H
#define RIPOSTE_SLOW_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SLOW_LOG_ROWS_COUNT = 128,      /* so many are remembered */
    SLOW_LOG_KEY_SIZE_MAX = 250,    /* bytes; of a longer one the beginning */
    SLOW_LOG_COMMAND_SIZE_MAX = 15, /* the same */
};

struct slow_request {
    uint64_t unix_ms;     /* when it was answered */
    uint64_t us;          /* since its bytes came */
    uint64_t own_us;      /* since the request before it was answered, in the same call */
    uint64_t size;        /* bytes of request and answer */
    int connection;       /* its descriptor; -1: not known */
    uint8_t command_size; /* bytes */
    uint8_t key_size;
    char command[SLOW_LOG_COMMAND_SIZE_MAX];
    char key[SLOW_LOG_KEY_SIZE_MAX]; /* or path */
};

struct slow_log;

/* Of requests that take threshold_us (>= 1) or longer. NULL when memory ends. */
struct slow_log *slow_log_create(uint64_t threshold_us);

/* Nobody writes any more. NULL is allowed. */
void slow_log_destroy(struct slow_log *log);

/* From how long on a request is slow. Any thread. */
uint64_t slow_log_threshold_ns(const struct slow_log *log);

/*
 * *request, whose us, own_us, size and connection the caller has filled in, gets the rest and is copied. Texts are cut where they are too
 * long. Any thread; waits for nobody but another slow request.
 */
void slow_log_add(struct slow_log *log, struct slow_request *request, struct bytes command, struct bytes key);

/* Copies the newest first; returns how many. Any thread. */
unsigned slow_log_read(struct slow_log *log, struct slow_request rows[SLOW_LOG_ROWS_COUNT]);

#ifdef __cplusplus
}
#endif

#endif
