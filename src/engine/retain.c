/* SPDX-License-Identifier: MIT
 *
 * retain: makes what a connection has yet to send this process's own, so that nothing of it is needed from the store or a protocol.
 */
#include "retain.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "adopted_file.h"
#include "close.h"
#include "engine_state.h"
#include "filter.h"
#include "memory.h"

/* The file that goes next, by a descriptor of its own. */
static bool retain_copy_file(struct reply *from, struct reply *to) {
    uint64_t offset;
    size_t size;
    int fd = fcntl(reply_first_file(from, &offset, &size)->fd, F_DUPFD_CLOEXEC, 0);
    struct reply_file *file = fd < 0 ? NULL : adopted_file_create(fd);
    if (file == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    reply_send_file(to, file, offset, size);
    reply_sent(from, size);
    return !to->broken;
}

/* What goes next, as bytes of this process's own. */
static bool retain_copy_next(struct worker *worker, struct reply *from, struct reply *to) {
    struct iovec piece;
    size_t size;
    unsigned count = reply_iov(from, &piece, 1, &size);
    if (count == 0) {
        return retain_copy_file(from, to);
    }
    if (!memory_take_frozen(worker, size)) {
        return false;
    }
    reply_copy(to, bytes_of(piece.iov_base, size));
    reply_sent(from, size);
    return !to->broken;
}

/* What its filter has not taken yet may be the store's, which goes to another process. False: there is no room for it. */
static bool retain_copy_output(struct worker *worker, struct conn *conn) {
    struct reply own = {.unsent_size_max = UINT32_MAX, .pool = &worker->reply_pool};
    bool good = true;
    while (good && conn->reply.unsent_size > 0) {
        good = retain_copy_next(worker, &conn->reply, &own);
    }
    reply_discard(&conn->reply);
    conn->reply = own;
    return good;
}

void retain_conn(struct worker *worker, struct conn *conn) {
    bool is_opening = conn->state == CONN_OPENING;
    if (!is_opening && (filter_send(worker, conn) < 0 || !retain_copy_output(worker, conn))) {
        close_begin(worker, conn, CLOSE_CONN_MEMORY);
        if (conn->in_flight == 0) {
            close_finish(worker, conn);
        }
        return;
    }
    if (!is_opening) {
        close_tell(worker, conn); /* while there is somebody to tell */
    }
    conn->wanted = (uint8_t)((conn->input_ended ? 0 : WANT_RECV) | (conn_has_output(conn) ? WANT_SEND : 0));
    worker_queue_arm(worker, conn);
    if (conn_wire_waits(conn)) {
        worker_queue_run(worker, conn);
    }
}
