/* SPDX-License-Identifier: MIT
 *
 * freeze_output: what a connection has yet to send, written down for its record (conn_record.h): bytes, a file, values that both engines have.
 *
 * The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_FREEZE_OUTPUT_H
#define RIPOSTE_ENGINE_FREEZE_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "riposte/record.h"

struct frozen_conn;
struct reply;
struct worker;

/* What a connection's output is written down as. */
struct freeze_output {
    struct record_writer before; /* bytes before the file */
    struct record_writer behind; /* bytes behind it */
    struct record_writer values;
    uint64_t position; /* bytes of all of it */
    int file_fd;       /* owned; -1: none */
    uint64_t file_offset;
    uint64_t file_size;
    uint32_t sent_size; /* bytes of it that the kernel sends from where they are */
};

/* Writes down what is unsent, piece by piece, and releases it. False: there is no room for it. */
bool freeze_output(struct worker *worker, struct reply *reply, struct freeze_output *output,
                   struct frozen_conn *frozen);

#endif
