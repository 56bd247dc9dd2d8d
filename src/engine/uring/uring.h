/* SPDX-License-Identifier: MIT
 *
 * uring: the io_uring transport of one worker. The worker's own thread only.
 */
#ifndef RIPOSTE_ENGINE_URING_URING_H
#define RIPOSTE_ENGINE_URING_URING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "buffers.h"
#include "ring.h"

struct conn;
struct engine_error;
struct worker;

enum {
    URING_RECV_GROUP = 0,       /* buffer group of receives; send groups follow */
    URING_SEND_PIECES_MAX = 64, /* of one send; more follow in the next */
    /* Bytes of one bundle: it reports nothing before all are taken (WAITALL), while the write time-out waits
       for progress. */
    URING_BUNDLE_SIZE_MAX = 1024 * 1024,
    URING_SEND_GROUPS = 16, /* connections that may have a bundle in flight at a time */
};

/* How a send went out; conn.uring.send_way. */
enum send_way { SEND_WAY_PLAIN, SEND_WAY_GATHERED, SEND_WAY_BUNDLE, SEND_WAY_ZERO_COPY, SEND_WAY_WAIT };

/*
 * What a sendmsg points to. The kernel copies it when it takes the submission
 * (IORING_FEAT_SUBMIT_STABLE, 5.5), so an entry is free again after the next enter. Messages are not zeroed: pages of those
 * that no send has needed yet take no memory.
 */
struct send_scratch {
    unsigned used_count;
    unsigned count; /* of messages */
    struct send_message {
        struct msghdr header;
        struct iovec pieces[URING_SEND_PIECES_MAX];
    } messages[];
};

/* Bytes of one with room for so many messages. */
static inline size_t send_scratch_size(unsigned messages_count) {
    return sizeof(struct send_scratch) + messages_count * sizeof(struct send_message);
}

/*
 * A ring of provided buffers to send from. It serves one connection at a time: a bundle drains everything in
 * its group.
 */
struct send_group {
    struct io_uring_buf_ring *ring; /* NULL until first used */
    uint16_t next_free;             /* index of the next free group; URING_SEND_GROUPS ends the list */
};

struct uring {
    struct ring ring;
    struct buffers buffers;
    struct send_scratch *scratch; /* owned */
    struct send_group groups[URING_SEND_GROUPS];
    uint16_t group_free_first; /* URING_SEND_GROUPS when none is free */
    bool bundle;               /* may be used: asked for, offered, and not refused so far */
    bool zero_copy;            /* the same */
    bool zero_copy_report;     /* the kernel tells whether it copied (6.2) */
    bool recv_single;          /* multishot receives are refused */
    bool wake_armed;
    bool overflow_seen; /* counted once per overflow */
    bool lost_reported;
    uint64_t error_reported_ns; /* the last line about a failed enter; 0: none yet */
    uint64_t failing_since_ns;  /* since when every enter has failed; 0: the last one has not */
    unsigned refused_in_row;    /* enters in a row that found no memory, or wanted to be reaped first */
};

/*
 * transport.h's open, close and abandon. (open.c) Where memory is short (-ENOMEM) uring_open waits for locked memory (probe.h);
 * where that is not what is short, it tries half the completion entries and half again, down to 256, and says so.
 */
int uring_open(struct worker *worker, struct engine_error *error);
void uring_close(struct worker *worker);
void uring_abandon(struct worker *worker);

/*
 * Queues a send of the connection's unsent output. False when there is no room before the next enter.
 * (send.c)
 */
bool uring_send(struct worker *worker, struct uring *uring, struct conn *conn);

/* A completion of a send. (send.c) */
void uring_on_send(struct worker *worker, struct uring *uring, struct conn *conn,
                   const struct io_uring_cqe *cqe);

/* transport.h's lent_size: between the completion that says how many and the one that says that the memory is free. (send.c) */
uint32_t uring_lent_size(const struct conn *conn);

/* Frees the groups' rings. (send.c) */
void uring_send_deinit(struct uring *uring);

#endif
