/* SPDX-License-Identifier: MIT
 *
 * send_file: what lies in memory before the file, then a part of the file.
 */
#include "send_file.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "engine_state.h"
#include "serve.h"
#include "timeouts.h"

enum { HEAD_PIECES_MAX = 16 /* of one send; a head is one */ };

/* The bytes before the file: how many the kernel took, or a negative errno. */
static ssize_t send_head(struct worker *worker, struct conn *conn) {
    struct iovec pieces[HEAD_PIECES_MAX];
    unsigned count = conn_output_iov(conn, pieces, HEAD_PIECES_MAX, &conn->sending_size);
    if (count == 0) {
        return 0;
    }
    const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    counter_add(&worker->counters.sends_gathered, 1);
    bool file_follows = conn->sending_size < conn_output(conn)->unsent_size;
    /* MORE: the head leaves in one segment with the first bytes of the file, which follow in a moment (tcp(7)). */
    int more = file_follows ? MSG_MORE : 0;
    ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | more);
    return sent < 0 ? -errno : sent;
}

/*
 * The next bytes of the file: how many the kernel took, or a negative errno; -EIO where the file has ended, -EBUSY where they
 * are being fetched.
 */
static ssize_t send_part(struct worker *worker, struct conn *conn) {
    uint64_t offset;
    size_t left;
    struct reply_file *file = reply_first_file(conn_output(conn), &offset, &left);
    conn->sending_size = 0;
    if (file == NULL) {
        return 0; /* more of what goes before it: in the next call */
    }
    off_t at = (off_t)offset;
    conn->sending_size = left < SEND_FILE_SIZE_MAX ? (uint32_t)left : SEND_FILE_SIZE_MAX;
    if (!reply_file_is_ready(file, offset, conn->sending_size)) {
        return -EBUSY;
    }
    ssize_t sent = sendfile(conn->fd, file->fd, &at, conn->sending_size);
    int error = sent < 0 ? errno : sent == 0 ? EIO : 0;
    counter_add(&worker->counters.sends_file, 1);
    /* What the client was told of does not come: only the end of the connection can tell it. */
    counter_add(&worker->counters.files_cut, error == EIO);
    return error != 0 ? -error : sent;
}

enum send_file_outcome send_file(struct worker *worker, struct conn *conn) {
    ssize_t result = send_head(worker, conn);
    if (result >= 0 && (size_t)result == conn->sending_size) {
        counter_add(&worker->counters.bytes_written, conn->sending_size);
        conn_output_sent(conn, (size_t)result);
        result = send_part(worker, conn);
    }
    if (result == -EAGAIN || result == -EINTR) {
        return SEND_FILE_FULL;
    }
    if (result == -EBUSY) {
        timeouts_watch_file(worker, conn);
        return SEND_FILE_WAITS;
    }
    serve_on_sent(worker, conn, result);
    return SEND_FILE_SENT;
}
