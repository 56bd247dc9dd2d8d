/* SPDX-License-Identifier: MIT
 *
 * conns: waits for the engine's list and words its lines.
 */
#include "conns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "listing.h"
#include "riposte/check.h"
#include "stat.h"

enum {
    PIECE_CONNS = 32,   /* some 5 KiB of lines */
    TRIES_MAX = 1000,   /* to begin a list, PROTOCOL_LATER_MS apart: memory has ended rather than others being
                         ahead */
    NAME_SIZE_MAX = 48, /* "<fd>:secs_since_last_cmd" */
    ADDRESS_SIZE_MAX = 160, /* a path of 108 bytes is the longest */
};

struct conns {
    struct engine_conn_list *list; /* owned; NULL while another one is under way */
    unsigned tries;
};

void conns_discard(struct conns *conns) {
    if (conns->list != NULL) {
        engine_conn_list_end(conns->list);
    }
    free(conns);
}

/* A value is one word. */
static void word_clean(char *word) {
    for (; *word != '\0'; word++) {
        if ((unsigned char)*word <= ' ' || *word == 0x7f) {
            *word = '?';
        }
    }
}

static void address_write(char text[ADDRESS_SIZE_MAX], const struct sockaddr_storage *address) {
    char place[ADDRESS_TEXT_SIZE_MAX];
    switch (address->ss_family) {
    case AF_INET:
        address_host_text(address, place);
        snprintf(text, ADDRESS_SIZE_MAX, "tcp:%s:%u", place, address_port(address));
        return;
    case AF_INET6:
        address_host_text(address, place);
        snprintf(text, ADDRESS_SIZE_MAX, "tcp6:[%s]:%u", place, address_port(address));
        return;
    case AF_UNIX:
        address_text(address, place);
        snprintf(text, ADDRESS_SIZE_MAX, "unix:%s", place);
        word_clean(text);
        return;
    default:
        snprintf(text, ADDRESS_SIZE_MAX, "unknown");
        return;
    }
}

/* memcached's word for what the connection is at. */
static const char *conn_state(const struct mc_call *call, const struct engine_conn *conn) {
    if (conn->listening) {
        return "conn_listening";
    }
    if (conn->closing) {
        return "conn_closing";
    }
    if (conn->fd == call->session->fd) {
        return "conn_parse_cmd";
    }
    if (watch_has(&call->worker->service->watch, conn->fd)) {
        return "conn_watch";
    }
    if (conn->sending || conn->throttled) {
        return conn->throttled ? "conn_mwrite" : "conn_write";
    }
    if (conn->waiting) {
        return "conn_new_cmd";
    }
    if (conn->discarding) {
        return "conn_swallow";
    }
    return conn->receiving ? "conn_nread" : "conn_read";
}

static void conn_line(struct reply *reply, int fd, const char *what, const char *value) {
    char name[NAME_SIZE_MAX];
    snprintf(name, sizeof(name), "%d:%s", fd, what);
    stat_word(reply, name, value);
}

static void conn_lines(const struct mc_call *call, const struct engine_conn *conn) {
    char text[ADDRESS_SIZE_MAX];
    struct sockaddr_storage peer = {0};
    memcpy(&peer, &conn->peer, sizeof(conn->peer));
    address_write(text, conn->listening ? conn->local : &peer);
    conn_line(call->reply, conn->fd, "addr", text);
    if (!conn->listening) {
        address_write(text, conn->local);
        conn_line(call->reply, conn->fd, "listen_addr", text);
    }
    if (conn->identity != NULL) {
        snprintf(text, sizeof(text), "%s", conn->identity);
        word_clean(text);
        conn_line(call->reply, conn->fd, "identity", text);
    }
    conn_line(call->reply, conn->fd, "state", conn_state(call, conn));
    snprintf(text, sizeof(text), "%u", conn->quiet_s);
    conn_line(call->reply, conn->fd, "secs_since_last_cmd", text);
}

static void conns_end(struct mc_call *call) {
    conns_discard(call->session->conns);
    call->session->conns = NULL;
    listing_end(call);
}

/* True when the list is there and complete; otherwise the session waits, or has given up. */
static bool conns_ready(struct mc_call *call, struct conns *conns) {
    if (conns->list == NULL) {
        conns->list = engine_conn_list_begin(call->worker->service->engine);
        conns->tries++;
    }
    if (conns->list != NULL && engine_conn_list_ready(conns->list)) {
        return true;
    }
    if (unlikely(conns->list == NULL && conns->tries >= TRIES_MAX)) {
        call_fail(call, false, MC_ERROR_NO_MEMORY_STATS);
        conns_end(call);
    } else {
        call->later = true;
    }
    return false;
}

bool conns_continue(struct mc_call *call) {
    struct conns *conns = call->session->conns;
    call->yielded = true;
    if (!conns_ready(call, conns)) {
        return false;
    }
    call->work += PROTOCOL_WORK_COSTLY;
    const struct engine_conn *conn = NULL;
    for (int i = 0; i < PIECE_CONNS && (conn = engine_conn_list_next(conns->list)) != NULL; i++) {
        conn_lines(call, conn);
    }
    if (conn == NULL) {
        stats_end(call->reply);
        conns_end(call);
    }
    return false;
}

void conns_begin(struct mc_call *call) {
    if (call->worker->service->engine == NULL) {
        stats_end(call->reply);
        return;
    }
    struct conns *conns = listing_begin(call, MC_SESSION_CONNS, sizeof(*conns));
    if (conns != NULL) {
        call->session->conns = conns;
    }
}
