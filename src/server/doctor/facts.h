/* SPDX-License-Identifier: MIT
 *
 * facts: what the doctor looks at: what this machine has, and what the start tried here came to.
 *
 *      facts_read     reads /proc and /sys
 *      trial_run      opens and closes what a start would (trial.h)
 *           \
 *            facts --> findings_judge (findings.h) --> report_text, report_json (report.h)
 *
 * A number that could not be read is FACTS_UNKNOWN, a text "". Main thread, before there are others.
 */
#ifndef RIPOSTE_SERVER_DOCTOR_FACTS_H
#define RIPOSTE_SERVER_DOCTOR_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "listen.h"
#include "riposte/engine.h"
#include "sandbox/sandbox.h"

#define FACTS_UNKNOWN UINT64_MAX

enum { FACTS_WORD_SIZE_MAX = 32, FACTS_NAME_SIZE_MAX = 72, FACTS_FEATURES_SIZE_MAX = 256 };

/* What became of one address. */
struct facts_port {
    char text[LISTEN_TEXT_SIZE_MAX];
    bool is_inherited;                    /* somebody else listens on it, and passes it (LISTEN_FDS) */
    char reason[ENGINE_MESSAGE_SIZE_MAX]; /* why it cannot be listened on; "": it can */
};

/* What the flags ask for. */
struct facts_flags {
    enum engine_transport transport;
    uint32_t threads; /* -t; 0: one per CPU */
    uint32_t conn_limit;
    bool conn_limit_given;
    uint32_t backlog;
    uint64_t memory_limit; /* -m, in bytes */
    uint64_t conn_memory;  /* in bytes */
    bool lock_memory;      /* -k */
    enum sandbox_wanted sandbox;
    bool sandbox_is_tried; /* not off, nor a build that has none by itself */
};

struct facts {
    struct facts_flags flags;

    /* The system. */
    char kernel[FACTS_NAME_SIZE_MAX]; /* "Linux 6.18.44" */
    char machine[FACTS_NAME_SIZE_MAX];
    char clock[FACTS_WORD_SIZE_MAX];       /* the clock source in use */
    uint64_t clock_read_ns;                /* the cheapest of many readings of the clock */
    uint64_t cpus_count;                   /* of the affinity mask */
    uint64_t quota_cpus;                   /* of the control group, rounded up; FACTS_UNKNOWN: no quota */
    uint64_t memory_size;                  /* of the machine, in bytes */
    uint64_t memory_granted;               /* by the control group; FACTS_UNKNOWN: not limited */
    uint64_t memory_available;             /* now, without swapping */
    uint64_t lock_limit;                   /* RLIMIT_MEMLOCK; FACTS_UNKNOWN: none, or root's rights */
    char large_pages[FACTS_WORD_SIZE_MAX]; /* transparent_hugepage/enabled: always, madvise, never */
    char large_pages_shmem[FACTS_WORD_SIZE_MAX]; /* shmem_enabled: always, within_size, advise, never, ... */
    uint64_t somaxconn;
    uint64_t syn_backlog;
    uint64_t syn_cookies;

    /* Who may forbid io_uring. */
    uint64_t uring_disabled; /* kernel.io_uring_disabled: 0 to 2 */
    uint64_t seccomp;        /* 2: a filter is in force */
    uint64_t selinux;        /* 1: enforcing */

    /* What the trial came to. */
    uint64_t workers_count;
    bool engine_started;                      /* every worker had its transport, and ran */
    char transport[FACTS_WORD_SIZE_MAX];      /* that they had */
    char features[FACTS_FEATURES_SIZE_MAX];   /* of io_uring that work, a space between them */
    int landlock_result;                      /* of a child that shut itself in: 0, or a negative errno */
    int calls_result;                         /* likewise, by a seccomp list */
    char reason[ENGINE_MESSAGE_SIZE_MAX];     /* why it is not io_uring, or why nothing ran */
    char store_reason[FAILURE_TEXT_SIZE_MAX]; /* why the store cannot be made; "": it can, or was not tried */
    uint64_t descriptors_limit;               /* what a start would have */
    uint64_t descriptors_connections;         /* -c that they suffice for; 0: for none that was given */
    char descriptors_reason[FAILURE_TEXT_SIZE_MAX];
    char listens_reason[FAILURE_TEXT_SIZE_MAX]; /* why the addresses make no list */
    bool has_tls;                               /* certificates and keys could be read, and fit */
    uint32_t slow_key_us;     /* CPU time of a signature with the slowest key, where it is too long; else 0 */
    int64_t certificate_days; /* until the first certificate ends; below 0: it has */
    char tls_reason[FAILURE_TEXT_SIZE_MAX];   /* why TLS cannot be spoken; "": it can, or nobody asked */
    unsigned files_count;                     /* files, folders and users that the flags name */
    char files_reason[FAILURE_TEXT_SIZE_MAX]; /* the first that is not there or cannot be read */
    struct facts_port ports[ENGINE_LISTENS_MAX];
    unsigned ports_count;
};

/*
 * Fills in the system and who may forbid io_uring. `root` stands before every path: "" for this machine, a folder with a
 * tree of its own for tests.
 */
void facts_read(struct facts *facts, const char *root);

#endif
