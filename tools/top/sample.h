/* SPDX-License-Identifier: MIT
 *
 * sample: what a server said of itself at one moment, read from the lines of its statistics. Pure; allocates nothing.
 */
#ifndef TOP_SAMPLE_H
#define TOP_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/bytes.h"

enum { SAMPLE_WORD_SIZE_MAX = 24, SAMPLE_KEY_SIZE_MAX = 48, SAMPLE_KEYS_MAX = 20, SAMPLE_WORKERS_MAX = 256 };

enum sample_command {
    SAMPLE_GET,
    SAMPLE_SET,
    SAMPLE_DELETE,
    SAMPLE_TOUCH,
    SAMPLE_INCR,
    SAMPLE_DECR,
    SAMPLE_CAS,
    SAMPLE_META, /* me */
    SAMPLE_FLUSH,
    SAMPLE_COMMANDS_COUNT,
};

/* Where the bytes of -m are; of riposte only, but for the first. */
enum sample_memory {
    SAMPLE_ITEMS,
    SAMPLE_INDEX,
    SAMPLE_GHOSTS, /* what is remembered of evicted keys */
    SAMPLE_FREE,   /* segments that wait to be written */
    SAMPLE_BUFFERS,
    SAMPLE_CONNECTIONS, /* what connections hold */
    SAMPLE_MEMORY_COUNT,
};

/* A command's requests since the server's start. */
struct sample_requests {
    uint64_t count; /* hits and misses, where it has them */
    uint64_t hits;
    uint64_t misses;
    bool has_hits;
    uint64_t p50_ns, p99_ns, p999_ns; /* 0 where the server does not say */
};

struct sample_key {
    char text[SAMPLE_KEY_SIZE_MAX]; /* escaped, cut */
    uint64_t gets_per_s;
    uint64_t sets_per_s;
    uint64_t size; /* bytes of the value */
};

struct sample {
    bool answered;
    bool is_riposte;
    uint64_t time_ns; /* monotonic: when it came */
    char version[SAMPLE_WORD_SIZE_MAX];
    char transport[SAMPLE_WORD_SIZE_MAX]; /* "" where the server does not say */
    uint64_t uptime_s;
    uint64_t connections, connections_max, connections_total;
    uint64_t bytes_read, bytes_written;
    uint64_t items, memory_max, evictions, reclaimed, yields, threads;
    uint64_t memory[SAMPLE_MEMORY_COUNT]; /* bytes */
    struct sample_requests commands[SAMPLE_COMMANDS_COUNT];
    uint64_t worker_requests[SAMPLE_WORKERS_MAX];
    unsigned workers_count; /* of those; 0 where the server does not say */
    struct sample_key keys[SAMPLE_KEYS_MAX];
    unsigned keys_count;
};

/* As it is typed: "get". */
extern const char *const sample_command_names[SAMPLE_COMMANDS_COUNT];
extern const char *const sample_memory_names[SAMPLE_MEMORY_COUNT];

/* The four questions, in this order; which of them a line answers is told by its place. */
enum sample_question {
    SAMPLE_STATS,
    SAMPLE_STATS_RIPOSTE,
    SAMPLE_STATS_LATENCY,
    SAMPLE_STATS_HOTKEYS,
    SAMPLE_QUESTIONS
};
extern const char *const sample_questions[SAMPLE_QUESTIONS];

/*
 * Reads an answer: lines "STAT <name> <value>\r\n". Unknown names are passed over, and a line that is none, too: another
 * server, or another version, says more or less. *sample is zeroed before the first answer.
 */
void sample_read(struct sample *sample, enum sample_question question, struct bytes answer);

#endif
