/* SPDX-License-Identifier: MIT
 *
 * cmd_watch: `watch`, and the state in which a connection gets log lines for the rest of its life.
 *
 * The lines that wait in the watcher's ring (watch.h) are handed to the reply only when it has drained: a
 * watcher that does not read fills its ring and loses lines, and holds no more of the server's memory than
 * that. Whatever it sends is dropped.
 */
#include "call.h"
#include "tokens.h"

/* What can be named; a kind that nothing happens in here has no bit. */
static bool watch_find(struct bytes name, unsigned *kind) {
    static const struct {
        const char *name;
        unsigned kind;
    } names[] = {
        {"fetchers", WATCH_FETCHERS},
        {"mutations", WATCH_MUTATIONS},
        {"evictions", WATCH_EVICTIONS},
        {"connevents", WATCH_CONNEVENTS},
        {"deletions", WATCH_DELETIONS},
        {"sysevents", 0},
        {"proxyreqs", 0},
        {"proxycmds", 0},
        {"proxyuser", 0},
        {"proxyevents", 0},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bytes_equal_string(name, names[i].name)) {
            *kind = names[i].kind;
            return true;
        }
    }
    return false;
}

/* No name means fetchers. False when one is unknown. */
static bool watch_read(struct bytes arguments, unsigned *kinds) {
    struct bytes name = tokens_next(&arguments);
    *kinds = name.size == 0 ? WATCH_FETCHERS : 0;
    for (; name.size > 0; name = tokens_next(&arguments)) {
        unsigned kind;
        if (!watch_find(name, &kind)) {
            return false;
        }
        *kinds |= kind;
    }
    return true;
}

static void watch_begin(struct mc_call *call, unsigned kinds) {
    struct mc_session *session = call->session;
    struct watcher *watcher;
    switch (watch_add(&call->worker->service->watch, kinds, session->fd, &watcher)) {
    case WATCH_ADDED:
        session->watcher = watcher;
        session->state = MC_SESSION_WATCH;
        call_answer(call, false, CALL_LINE("OK"));
        return;
    case WATCH_TOO_MANY:
        call_answer(call, false, CALL_LINE("WATCHER_TOO_MANY log watcher limit reached"));
        return;
    case WATCH_NO_MEMORY:
        call_answer(call, false, CALL_LINE("WATCHER_FAILED failed to add log watcher"));
        return;
    }
}

void cmd_watch(struct mc_call *call, const struct mc_request *request) {
    unsigned kinds;
    call->requests++;
    if (!call->worker->service->config.watch_enabled) {
        call_answer(call, false, CALL_LINE("CLIENT_ERROR watch commands not allowed"));
    } else if (call->reply->unsent_size > 0) {
        call_answer(call, false, CALL_LINE("ERROR cannot pipeline other commands before watch"));
    } else if (!watch_read(request->arguments, &kinds)) {
        call_fail(call, false, MC_ERROR_UNKNOWN);
    } else {
        watch_begin(call, kinds);
    }
}

bool cmd_watch_continue(struct mc_call *call) {
    struct watcher *watcher = call->session->watcher;
    call->at = call->end;
    if (call->reply->unsent_size == 0) {
        struct bytes lines;
        while ((lines = watcher_front(watcher)).size > 0 && !reply_full(call->reply)) {
            reply_copy(call->reply, lines);
            watcher_drop(watcher, lines.size);
        }
    }
    return false;
}
