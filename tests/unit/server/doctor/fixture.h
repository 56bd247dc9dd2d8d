/* SPDX-License-Identifier: MIT
 *
 * A machine on which everything is good, for tests that spoil one thing of it.
 */
#ifndef DOCTOR_FIXTURE_H
#define DOCTOR_FIXTURE_H

#include <string.h>

#include "facts.h"
#include "units.h"

static inline struct facts *facts_good(void) {
    static struct facts facts;
    facts = (struct facts){
        .flags = {.conn_limit = 16384,
                  .backlog = 4096,
                  .memory_limit = 64 * UNITS_MIB,
                  .conn_memory = 16 * UNITS_MIB,
                  .sandbox_is_tried = true},
        .kernel = "Linux 6.18.44",
        .machine = "x86_64",
        .clock = "tsc",
        .clock_read_ns = 20,
        .cpus_count = 4,
        .quota_cpus = FACTS_UNKNOWN,
        .memory_size = 8 * UNITS_GIB,
        .memory_granted = FACTS_UNKNOWN,
        .memory_available = 6 * UNITS_GIB,
        .lock_limit = FACTS_UNKNOWN,
        .large_pages = "madvise",
        .large_pages_shmem = "advise",
        .somaxconn = 4096,
        .syn_backlog = 512,
        .syn_cookies = 1,
        .uring_disabled = 0,
        .seccomp = 0,
        .selinux = FACTS_UNKNOWN,
        .workers_count = 4,
        .engine_started = true,
        .transport = "io_uring",
        .features = "defer-taskrun multishot-accept multishot-recv incremental-buffers send-bundle zero-copy "
                    "no-iowait",
        .descriptors_limit = 20000,
        .descriptors_connections = 16384,
        .ports = {{.text = "127.0.0.1:11211"}, {.text = "http://127.0.0.1:8080"}},
        .ports_count = 2,
    };
    return &facts;
}

#endif
