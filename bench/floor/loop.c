/* SPDX-License-Identifier: MIT
 *
 * loop: takes completions, counts line feeds, sends; one thread.
 *
 * A turn: wait (spin, then sleep) -> take completions -> give buffers back -> one send for each connection that is
 * owed answers
 */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffers.h"
#include "cpu_relax.h"
#include "riposte/clock.h"
#include "riposte/engine.h"
#include "spin.h"

enum {
    /* As src/engine/uring chooses them where nobody says otherwise. */
    RING_ENTRIES = 1024,
    COMPLETION_ENTRIES = 4 * RING_ENTRIES,
    REAP_MAX = 1024,
    INCREMENTAL_SIZE = 64 * 1024,
    INCREMENTAL_COUNT = 8,
    WHOLE_SIZE = 2048,
    WHOLE_COUNT = 256,
    GROUP = 0,
    CONNS_MAX = 65536, /* descriptors, which number the connections */
};

enum operation { OPERATION_ACCEPT, OPERATION_RECEIVE, OPERATION_SEND };

/*
 * Of the stream of answers that a connection gets, `sent` bytes have left and `owed` bytes have not. The
 * descriptor is closed when neither a receive nor a send is with the kernel.
 */
struct conn {
    uint64_t owed;
    uint64_t sent;
    unsigned lines; /* that came of a request that has not ended */
    bool receiving;
    bool sending;
    bool dirty; /* stands in the loop's list */
};

struct loop {
    struct ring ring;
    struct buffers buffers;
    struct spin spin;
    const struct answers *answers; /* borrowed */
    int listener_fd;
    _Atomic uint64_t *spun_ns; /* borrowed */
    struct conn *conns;        /* owned; CONNS_MAX, by descriptor */
    int *dirty;                /* owned; descriptors of connections that are owed something since this turn */
    unsigned dirty_count;
};

/* --- what is asked of the kernel ---------------------------------------------------------------------------- */

static void tag_set(struct io_uring_sqe *sqe, enum operation operation, int fd) {
    io_uring_sqe_set_data64(sqe, (uint64_t)operation << 32 | (uint32_t)fd);
}

/* An empty entry; what is queued is handed over when there is none. */
static struct io_uring_sqe *sqe_take(struct loop *loop) {
    struct io_uring_sqe *sqe = ring_sqe(&loop->ring);
    while (sqe == NULL) {
        ring_enter(&loop->ring, 0);
        sqe = ring_sqe(&loop->ring);
    }
    return sqe;
}

static void accept_arm(struct loop *loop) {
    struct io_uring_sqe *sqe = sqe_take(loop);
    io_uring_prep_multishot_accept(sqe, loop->listener_fd, NULL, NULL, SOCK_CLOEXEC);
    tag_set(sqe, OPERATION_ACCEPT, loop->listener_fd);
}

static void receive_arm(struct loop *loop, int fd) {
    struct io_uring_sqe *sqe = sqe_take(loop);
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    tag_set(sqe, OPERATION_RECEIVE, fd);
    loop->conns[fd].receiving = true;
}

/* The answers lie one behind the other: a send may begin within one and covers as many as are owed. */
static void send_arm(struct loop *loop, int fd) {
    struct conn *conn = &loop->conns[fd];
    uint64_t most = loop->answers->count * loop->answers->size;
    struct io_uring_sqe *sqe = sqe_take(loop);
    io_uring_prep_send(sqe, fd, loop->answers->bytes + conn->sent % loop->answers->size,
                       conn->owed < most ? conn->owed : most, MSG_NOSIGNAL);
    tag_set(sqe, OPERATION_SEND, fd);
    conn->sending = true;
}

/* --- completions -------------------------------------------------------------------------------------------- */

static void dirty_add(struct loop *loop, int fd) {
    if (!loop->conns[fd].dirty) {
        loop->conns[fd].dirty = true;
        loop->dirty[loop->dirty_count++] = fd;
    }
}

static void close_if_over(struct loop *loop, int fd) {
    if (!loop->conns[fd].receiving && !loop->conns[fd].sending) {
        close(fd);
    }
}

static void on_accept(struct loop *loop, const struct io_uring_cqe *cqe) {
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
        accept_arm(loop);
    }
    if (cqe->res < 0) {
        return;
    }
    if (cqe->res >= CONNS_MAX) {
        close(cqe->res);
        return;
    }
    loop->conns[cqe->res] = (struct conn){.dirty = loop->conns[cqe->res].dirty};
    receive_arm(loop, cqe->res);
}

/* The requests that end in these bytes. */
static unsigned requests_count(const struct answers *answers, struct conn *conn, const char *bytes,
                               size_t size) {
    const char *end = bytes + size;
    while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
        conn->lines++;
        bytes++;
    }
    unsigned count = conn->lines / answers->lines;
    conn->lines %= answers->lines;
    return count;
}

static void on_receive(struct loop *loop, int fd, const struct io_uring_cqe *cqe) {
    struct conn *conn = &loop->conns[fd];
    conn->receiving = (cqe->flags & IORING_CQE_F_MORE) != 0;
    if (cqe->res > 0) {
        const char *bytes = buffers_take(&loop->buffers, cqe);
        conn->owed += requests_count(loop->answers, conn, bytes, (size_t)cqe->res) * loop->answers->size;
        dirty_add(loop, fd);
    }
    if (conn->receiving) {
        return;
    }
    if (cqe->res > 0 || cqe->res == -ENOBUFS || cqe->res == -EINTR || cqe->res == -EAGAIN) {
        receive_arm(loop, fd); /* the kernel ends a multishot when it likes */
    } else {
        conn->owed = 0;
        close_if_over(loop, fd);
    }
}

static void on_send(struct loop *loop, int fd, const struct io_uring_cqe *cqe) {
    struct conn *conn = &loop->conns[fd];
    conn->sending = false;
    if (cqe->res < 0) {
        conn->owed = 0; /* the peer is gone, which the receive says, too */
    } else {
        uint64_t left = (uint64_t)cqe->res < conn->owed ? conn->owed - (uint64_t)cqe->res : 0;
        conn->sent += (uint64_t)cqe->res;
        conn->owed = left;
    }
    if (conn->owed > 0) {
        dirty_add(loop, fd);
    }
    close_if_over(loop, fd);
}

static void on_completion(struct loop *loop, const struct io_uring_cqe *cqe) {
    int fd = (int)(uint32_t)cqe->user_data;
    switch ((enum operation)(cqe->user_data >> 32)) {
    case OPERATION_ACCEPT:
        on_accept(loop, cqe);
        break;
    case OPERATION_RECEIVE:
        on_receive(loop, fd, cqe);
        break;
    case OPERATION_SEND:
        on_send(loop, fd, cqe);
        break;
    }
}

/* --- the turn ----------------------------------------------------------------------------------------------- */

static bool is_ready(const struct loop *loop) {
    return ring_has_completion(&loop->ring) || ring_wants_enter(&loop->ring);
}

/* True when there is something to take. */
static bool looks_find_work(const struct loop *loop) {
    for (int look = 0; look < SPIN_LOOKS_PER_CLOCK; look++) {
        if (is_ready(loop)) {
            return true;
        }
        cpu_relax();
    }
    return false;
}

/* True when there is something to take. */
static bool spin_for_work(struct loop *loop) {
    uint64_t began_ns = clock_monotonic_ns();
    for (uint64_t looked_ns = began_ns;;) {
        bool found = looks_find_work(loop);
        uint64_t now_ns = clock_monotonic_ns();
        bool lost_cpu = now_ns - looked_ns > SPIN_LOST_CPU_US * CLOCK_NS_PER_US;
        if (found) {
            spin_hit(&loop->spin);
        } else if (lost_cpu) {
            spin_lost_cpu(&loop->spin);
        } else if (now_ns - began_ns > loop->spin.limit_ns) {
            spin_missed(&loop->spin);
        } else {
            looked_ns = now_ns;
            continue;
        }
        /* Time without a CPU was not spent spinning. relaxed: a counter that stands alone. */
        uint64_t spun_ns = lost_cpu ? looked_ns - began_ns : now_ns - began_ns;
        atomic_fetch_add_explicit(loop->spun_ns, spun_ns, memory_order_relaxed);
        return found;
    }
}

/* 0 or a negative errno that no turn mends. */
static int enter(struct loop *loop, uint64_t timeout_ns) {
    bool pointless = timeout_ns == 0 || ring_has_completion(&loop->ring);
    if (pointless && ring_unsubmitted(&loop->ring) == 0 && !ring_wants_enter(&loop->ring)) {
        return 0;
    }
    int result = ring_enter(&loop->ring, timeout_ns);
    bool passes = result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY;
    return passes ? 0 : result;
}

static int wait_for_work(struct loop *loop) {
    if (spin_wanted(&loop->spin)) {
        int result = enter(loop, 0); /* what is queued must be on its way before a spin can find anything */
        if (result < 0 || is_ready(loop) || spin_for_work(loop)) {
            return result;
        }
    }
    return enter(loop, UINT64_MAX);
}

static void take_completions(struct loop *loop) {
    struct io_uring *io = &loop->ring.io;
    struct io_uring_cqe *cqe;
    unsigned count = 0;
    unsigned head;
    io_uring_for_each_cqe(io, head, cqe) {
        if (count == REAP_MAX) {
            break;
        }
        on_completion(loop, cqe);
        count++;
    }
    io_uring_cq_advance(io, count);
    buffers_return(&loop->buffers);
}

static void send_all(struct loop *loop) {
    for (unsigned i = 0; i < loop->dirty_count; i++) {
        struct conn *conn = &loop->conns[loop->dirty[i]];
        conn->dirty = false;
        if (conn->owed > 0 && !conn->sending) {
            send_arm(loop, loop->dirty[i]);
        }
    }
    loop->dirty_count = 0;
}

/* --- set-up ------------------------------------------------------------------------------------------------- */

static int ring_and_buffers_init(struct loop *loop) {
    unsigned setup_flags = ring_setup_flags_all();
    int result = ring_init(&loop->ring, RING_ENTRIES, COMPLETION_ENTRIES, &setup_flags, false);
    if (result < 0) {
        return result;
    }
    if ((loop->ring.io.features & IORING_FEAT_NO_IOWAIT) != 0) {
        loop->ring.enter_flags |= IORING_ENTER_NO_IOWAIT;
    }
    result = buffers_init(&loop->buffers, &loop->ring, GROUP, INCREMENTAL_SIZE, INCREMENTAL_COUNT, true);
    if (result == -EINVAL) {
        result = buffers_init(&loop->buffers, &loop->ring, GROUP, WHOLE_SIZE, WHOLE_COUNT, false);
    }
    if (result < 0) {
        ring_deinit(&loop->ring);
    }
    return result;
}

static int loop_turns(struct loop *loop) {
    accept_arm(loop);
    for (;;) {
        int result = wait_for_work(loop);
        if (result < 0) {
            return result;
        }
        take_completions(loop);
        send_all(loop);
    }
}

int loop_run(int listener_fd, const struct answers *answers, _Atomic uint64_t *spun_ns) {
    struct loop loop = {.answers = answers, .listener_fd = listener_fd, .spun_ns = spun_ns};
    spin_init(&loop.spin, ENGINE_SPIN_AUTO);
    loop.conns = calloc(CONNS_MAX, sizeof(*loop.conns));
    loop.dirty = calloc(CONNS_MAX, sizeof(*loop.dirty));
    int result = loop.conns == NULL || loop.dirty == NULL ? -ENOMEM : ring_and_buffers_init(&loop);
    if (result == 0) {
        result = loop_turns(&loop);
        buffers_deinit(&loop.buffers, &loop.ring, GROUP);
        ring_deinit(&loop.ring);
    }
    free(loop.conns);
    free(loop.dirty);
    return result;
}
