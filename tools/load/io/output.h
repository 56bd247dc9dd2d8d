/* SPDX-License-Identifier: MIT
 *
 * output: the requests of one connection that wait to be sent, or are being sent.
 *
 *      bytes    | get key1 | set key2 ... value2 | set key3 ... stamp3 |        | end3 | get key4 |
 *      pieces   |------------------ 1 -----------------------------| 2, 3 ... |----- n ---------|
 *                                                                    parts of the shared text of values
 *
 * Small values are copied, so that the usual batch is one piece and leaves by a plain send; a large value is
 * sent from the text that all values share. From arming a send to its completion bytes, pieces and message
 * belong to the kernel: nothing may be added.
 */
#ifndef LOAD_OUTPUT_H
#define LOAD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "encoder.h"
#include "workload.h"

/* Values up to this size are copied: about where an iovec of its own begins to cost less than the copy. */
enum { OUTPUT_COPY_SIZE_MAX = 4096 };

struct output {
    char *bytes; /* owned */
    size_t size; /* bytes in use */
    size_t capacity;
    size_t run_begin;     /* bytes from here to `size` are in no piece yet */
    struct iovec *pieces; /* owned */
    unsigned pieces_count;
    unsigned pieces_max;
    unsigned pieces_sent;  /* those before it are sent; a piece sent in part is shortened at its front */
    struct msghdr message; /* of the send that is under way */
};

/* Room for `requests_max` requests with values of up to value_size_max bytes. False: no memory. */
bool output_init(struct output *output, const struct encoder *encoder, unsigned requests_max,
                 uint64_t value_size_max);
void output_deinit(struct output *output);

/* Nothing waits. */
void output_reset(struct output *output);
bool output_is_empty(const struct output *output);

/* Adds a request; the caller keeps to requests_max. `value` is that of the key, used for sets. */
void output_add_get(struct output *output, const struct encoder *encoder, uint32_t key);
void output_add_set(struct output *output, const struct encoder *encoder, uint32_t key,
                    const struct value *value);

/* No more will be added before it is sent: *first is the first piece; returns how many pieces there are. */
unsigned output_finish(struct output *output, struct iovec *first);

/* The message for all pieces that are not sent yet (at most IOV_MAX at a time). After output_finish. */
struct msghdr *output_message(struct output *output);

/* All has left, or will never: the bytes that no output_sent told of. Empty again. */
size_t output_drop(struct output *output);

/* `size` bytes have left. True: nothing remains, and the output is empty again. */
bool output_sent(struct output *output, size_t size);

#endif
