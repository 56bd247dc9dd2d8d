/* SPDX-License-Identifier: MIT
 *
 * conn_log: words the lines. The client's address is asked for only where a line is written.
 */
#include "conn_log.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "address.h"
#include "engine_state.h"
#include "log_limit.h"
#include "riposte/check.h"

static bool is_wanted(void) {
    return unlikely(log_level_get() >= LOG_LEVEL_DEBUG);
}

static const char *reason_text(enum close_reason reason) {
    switch (reason) {
    case CLOSE_BY_CLIENT:
        return "by the client";
    case CLOSE_BY_PROTOCOL:
        return "asked for by the client, or after its last answer";
    case CLOSE_PROTOCOL_ERROR:
        return "error: what it sent is refused";
    case CLOSE_ERROR:
        return "error: its socket failed";
    case CLOSE_IDLE:
        return "idle time-out";
    case CLOSE_SLOW_READER:
        return "error: it takes no output (--write-timeout)";
    case CLOSE_INPUT_TOO_LARGE:
        return "error: a request beyond the bound of one connection";
    case CLOSE_NO_MEMORY:
        return "error: out of memory";
    case CLOSE_CONN_MEMORY:
        return "error: all connections hold too much, it most (--conn-memory)";
    case CLOSE_OPENING:
        return "error: its handshake took too long (--login-timeout), or others waited for its place";
    case CLOSE_SHUTDOWN:
        return "shutdown";
    }
    return "error";
}

void conn_log_open(struct worker *worker, const struct conn *conn) {
    if (!is_wanted()) {
        return;
    }
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(peer);
    char text[ADDRESS_TEXT_SIZE_MAX] = "a client that has left";
    if (conn->is_unix) {
        peer.ss_family = AF_UNIX;
    } else if (getpeername(conn->fd, (struct sockaddr *)&peer, &size) == 0) {
        address_text(&peer, text);
    }
    log_limited(&worker->engine->conn_lines, LOG_LEVEL_DEBUG, "<%d new %s connection from %s", conn->fd,
                worker_listen(worker, conn)->protocol->name, conn->is_unix ? "a Unix socket" : text);
}

void conn_log_close(struct worker *worker, const struct conn *conn) {
    if (is_wanted()) {
        log_limited(&worker->engine->conn_lines, LOG_LEVEL_DEBUG, "<%d connection closed: %s", conn->fd,
                    reason_text((enum close_reason)conn->reason));
    }
}

void conn_log_rejected(struct worker *worker, int fd) {
    if (is_wanted()) {
        log_limited(&worker->engine->conn_lines, LOG_LEVEL_DEBUG,
                    "<%d connection refused: there are as many as -c allows", fd);
    }
}

void conn_log_no_descriptor(struct worker *worker, int error) {
    log_limited(&worker->engine->error_lines, LOG_LEVEL_WARNING,
                error == -EMFILE ? "worker %u: no descriptor for a new connection (EMFILE): clients wait; "
                                   "raise LimitNOFILE or lower -c"
                                 : "worker %u: the system has no descriptor for a new connection (ENFILE): "
                                   "clients wait; raise fs.file-max",
                worker->index);
}
