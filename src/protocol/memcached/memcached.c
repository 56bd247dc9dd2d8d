/* SPDX-License-Identifier: MIT
 *
 * memcached: the protocol's functions for the engine: the states of a session, one after the other.
 *
 *      mc_on_input --> LINE: cmd_batch, or mc_parse_line --> the command's function, cmd_*.c
 *                  \-> VALUE, SWALLOW, KEYS, DUMP, ...: the rest of what an earlier line began
 */
#include "call.h"
#include "cmd_store.h"
#include "dump.h"
#include "listing.h"
#include "log/events.h"
#include "log/slow.h"
#include "log/trace.h"
#include "parse_ahead.h"
#include "riposte/check.h"
#include "saved.h"
#include "stats/conns.h"
#include "stats/prefixes.h"
#include "tls_client.h"

enum {
    BINARY_FIRST_BYTE = 0x80, /* the magic of a binary request */
    AHEAD_REQUESTS_MAX = 8,   /* requests of a pipeline whose items are on their way at a time */
};

/* A line that cannot be served. */
static void line_refuse(struct mc_call *call, const struct mc_request *request) {
    call->requests++;
    if (request->error == MC_ERROR_HTTP) {
        counter_add(&call->worker->counters.closed_http, 1);
        reply_close_error(call->reply);
        return;
    }
    call_fail(call, request->noreply, request->error);
    if (request->swallow_size > 0) {
        call_swallow(call, request->swallow_size);
    }
}

/* One command line of any kind. False when its end has not come. */
static bool line_parse(struct mc_call *call) {
    struct mc_session *session = call->session;
    struct mc_request request;
    call->line = call->at;
    switch (mc_parse_line(call_unread(call), session->searched_size, &request)) {
    case PARSE_OK:
    case PARSE_OPEN:
        session->searched_size = 0;
        call->at += request.line_size;
        session->latency = request.command->latency;
        request.command->execute(call, &request);
        call->line = NULL;
        return true;
    case PARSE_BAD:
        session->searched_size = 0;
        session->latency = LATENCY_OTHER;
        call->at += request.line_size;
        line_refuse(call, &request);
        return true;
    case PARSE_MORE:
        session->searched_size = (uint32_t)(call->end - call->at);
        return false;
    case PARSE_TOO_LARGE:
        counter_add(&call->worker->counters.closed_line_too_long, 1);
        reply_close_error(call->reply);
        return false;
    }
    return false;
}

/*
 * The first byte of a connection tells the binary protocol from the text protocol. False when the connection
 * is closed for it.
 */
static bool session_begin(struct mc_call *call) {
    call->session->spoken = true;
    if ((unsigned char)*call->at == TLS_CLIENT_FIRST_BYTE) {
        counter_add(&call->worker->counters.closed_tls, 1);
        tls_client_refuse(call->reply);
        return false;
    }
    if ((unsigned char)*call->at != BINARY_FIRST_BYTE) {
        return true;
    }
    counter_add(&call->worker->counters.closed_binary, 1);
    service_log_binary(call->worker->service);
    reply_close_error(call->reply);
    return false;
}

/*
 * In a pipeline of anything but plain gets and sets, which see to themselves: the store is asked for the items of the
 * next requests, so that their cache misses overlap.
 */
static void line_look_ahead(struct mc_call *call) {
    struct bytes input = call_unread(call);
    struct mc_ahead ahead;
    for (unsigned i = 0; i < AHEAD_REQUESTS_MAX && mc_parse_ahead(input, &ahead); i++) {
        store_prefetch(call->worker->store, ahead.key);
        if (ahead.size >= input.size) {
            call->ahead = call->end;
            return;
        }
        input = bytes_of(input.data + ahead.size, input.size - ahead.size);
    }
    call->ahead = input.data;
}

static inline_always bool line_next(struct mc_call *call) {
    if (call->at == call->end || (unlikely(!call->session->spoken) && !session_begin(call))) {
        return false;
    }
    if (unlikely(call_needs_auth(call))) {
        return auth_step(call);
    }
    /* Nothing but a get and a set is of a batch. */
    bool may_be_batch = (*call->at == 'g' || *call->at == 's') && call->session->searched_size == 0;
    if (may_be_batch && cmd_batch(call)) {
        return true;
    }
    if (call->requests > 0 && call->at >= call->ahead && store_prefetch_helps(call->worker->store)) {
        line_look_ahead(call);
    }
    return line_parse(call);
}

static bool swallow_continue(struct mc_call *call) {
    struct mc_session *session = call->session;
    size_t here_size = (size_t)(call->end - call->at);
    size_t size = here_size < session->swallow_size ? here_size : session->swallow_size;
    call->at += size;
    session->swallow_size -= (uint32_t)size;
    if (session->swallow_size > 0) {
        return false;
    }
    session->state = MC_SESSION_LINE;
    return true;
}

/*
 * One step. False when it needs more input, or a bound stopped it. Inlined by force, as is line_next: there are two
 * callers, and the calls would cost a plain get some 80 instructions.
 */
static inline_always bool call_step(struct mc_call *call) {
    switch (call->session->state) {
    case MC_SESSION_LINE:
        return line_next(call);
    case MC_SESSION_VALUE:
        return cmd_store_continue(call);
    case MC_SESSION_SWALLOW:
        return swallow_continue(call);
    case MC_SESSION_KEYS:
        return cmd_get_continue(call);
    case MC_SESSION_DUMP:
        return dump_continue(call);
    case MC_SESSION_CONNS:
        return conns_continue(call);
    case MC_SESSION_PREFIXES:
        return prefixes_dump_continue(call);
    case MC_SESSION_REFRESH:
        return cmd_refresh_continue(call);
    case MC_SESSION_WATCH:
        return cmd_watch_continue(call);
    }
    return false;
}

/*
 * A get line, a listing, and a value on its way into the store wait for nothing but their turn; anything else that stopped by itself waits for
 * input.
 */
static bool call_goes_on(const struct mc_call *call, bool stopped) {
    switch (call->session->state) {
    case MC_SESSION_KEYS:
        return !stopped || call->yielded; /* of a long line the next keys may not have come */
    case MC_SESSION_DUMP:
    case MC_SESSION_CONNS:
    case MC_SESSION_PREFIXES:
    case MC_SESSION_REFRESH:
        return true;
    case MC_SESSION_VALUE:
        if (call->yielded) {
            return true;
        }
        break;
    case MC_SESSION_LINE:
    case MC_SESSION_SWALLOW:
        break;
    case MC_SESSION_WATCH:
        return false;
    }
    return (!stopped || call->yielded) && call->at < call->end;
}

/* What the session waits for, now that it has stopped. */
static enum protocol_next call_next(const struct mc_call *call, bool stopped) {
    if (call->session->state == MC_SESSION_WATCH) {
        return PROTOCOL_NEXT_EVENT;
    }
    if (call->later) {
        return PROTOCOL_NEXT_LATER;
    }
    if (call_goes_on(call, stopped) && !reply_closing(call->reply)) {
        return PROTOCOL_NEXT_AGAIN;
    }
    /* A data block must come at a pace, and a connection that has not authenticated has only so much time. */
    bool watched = call->session->state == MC_SESSION_VALUE || call_needs_auth(call);
    return watched ? PROTOCOL_NEXT_REST : PROTOCOL_NEXT_INPUT;
}

/* What the bound of all connections is charged with. */
static size_t session_memory_size(const struct mc_session *session) {
    return session->state == MC_SESSION_VALUE ? cmd_store_memory_size(session->upload) : 0;
}

/* Neither a bound nor want of input has stopped the call. */
static bool call_may_go_on(const struct mc_call *call) {
    return call->requests < call->requests_max && !reply_full(call->reply) && !call_is_costly(call);
}

/* Nothing is left to do: what the next step would find, too. */
static inline bool call_is_over(const struct mc_call *call) {
    return call->at == call->end && call->session->state == MC_SESSION_LINE;
}

/* All steps of a call. True when it was not a bound that ended them. */
static inline bool call_run(struct mc_call *call) {
    bool stopped = false;
    while (call_may_go_on(call) && !stopped) {
        stopped = !call_step(call) || call_is_over(call);
        call_count(call);
    }
    return stopped;
}

/* The same, with a look at the clock behind each request. */
static __attribute__((cold, noinline)) bool call_run_slow(struct mc_call *call) {
    struct slow slow = {0};
    bool stopped = false;
    while (call_may_go_on(call) && !stopped) {
        unsigned before = call->requests;
        slow_begin(&slow, call);
        stopped = !call_step(call);
        call_count(call);
        if (call->requests > before) {
            slow_end(&slow, call);
        }
    }
    return stopped;
}

/* Requests that had to wait for this turn are counted by themselves. */
static void call_record(const struct mc_call *call, uint64_t since_ns) {
    if (unlikely(call->received_ns != call->now_ns) && call->worker->latency != NULL) {
        latency_record(call->worker->latency, since_ns);
    }
}

static struct progress mc_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                   void *context);

/* The same with -vv: request by request, each told with its answer. */
static __attribute__((noinline)) struct progress
mc_on_input_traced(void *session, const struct protocol_input *input, struct reply *reply, void *context) {
    struct memcached_worker *worker = context;
    struct protocol_input rest = *input;
    struct progress one;
    struct progress all = {.consumed = 0};
    worker->tracing = true;
    rest.requests_max = 1;
    rest.bytes.data = rest.bytes.size > 0 ? rest.bytes.data : ""; /* it may have no address */
    do {
        struct trace trace;
        trace_begin(&trace, session, worker->service, rest.bytes, reply);
        one = mc_on_input(session, &rest, reply, worker);
        trace_end(&trace, rest.bytes.data + one.consumed);
        all.consumed += one.consumed;
        all.requests += one.requests;
        all.work += one.work;
        rest.bytes = bytes_of(rest.bytes.data + one.consumed, rest.bytes.size - one.consumed);
    } while (one.requests > 0 && one.next == PROTOCOL_NEXT_AGAIN && all.work < PROTOCOL_WORK_COSTLY &&
             all.requests < input->requests_max && !reply_full(reply));
    worker->tracing = false;
    one.consumed = all.consumed;
    one.requests = all.requests;
    one.work = all.work;
    return one;
}

static struct progress mc_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                   void *context) {
    struct memcached_worker *worker = context;
    /* An empty input may have no address. */
    const char *begin = input->bytes.size > 0 ? input->bytes.data : "";
    struct mc_call call = {
        .worker = worker,
        .session = session,
        .reply = reply,
        .at = begin,
        .end = begin + input->bytes.size,
        .ahead = begin,
        .requests_max = input->requests_max,
        .observed = service_observed(worker->service),
        .auth_required = service_authenticates(worker->service),
        .now_ns = input->now_ns,
        .received_ns = input->received_ns,
        .memory_size_max = input->memory_size_max,
        .memory_may_wait = input->memory_may_wait,
        .input_ended = input->ended,
    };
    bool needed_auth = unlikely(call_needs_auth(&call));
    if (needed_auth) {
        auth_watch(&call);
    }
    if (unlikely(call.observed)) {
        store_absence_take(worker->store); /* of an earlier call */
        if ((call.observed & OBSERVE_LINES) != 0 && !worker->tracing) {
            return mc_on_input_traced(session, input, reply, context);
        }
    }
    call_record(&call, call.now_ns);
    bool stopped = unlikely(call.observed & OBSERVE_SLOW) ? call_run_slow(&call) : call_run(&call);
    call_record(&call, call.received_ns);
    if (needed_auth && call_needs_auth(&call)) {
        auth_expire(&call); /* what has come is looked at first: it may have waited for this process */
    }
    return (struct progress){
        .consumed = (size_t)(call.at - begin),
        .requests = call.requests,
        .next = call_next(&call, stopped),
        .memory_size = session_memory_size(call.session),
        .memory_wanted_size = call.memory_wanted_size,
        .work = call.work,
    };
}

/* Asks for the bucket of the first request's key: its second word, for every command that is worth it. */
static void mc_prefetch(const void *session, struct bytes input, void *context) {
    const struct mc_session *own = session;
    const struct memcached_worker *worker = context;
    if (own->state != MC_SESSION_LINE || input.size == 0 || !store_prefetch_helps(worker->store)) {
        return;
    }
    const char *end = input.data + input.size;
    const char *space = scan_word(input.data, input.data, end);
    if (space == end || *space != ' ') {
        return;
    }
    const char *key = space + 1;
    const char *key_end = scan_word(input.data, key, end);
    if (end - key_end > 1 && *key_end == '\n' && *input.data == 'g') {
        return; /* a pipeline of gets, which looks ahead by itself (cmd_batch.c) */
    }
    size_t key_size = (size_t)(key_end - key);
    key_size -= key_size > 0 && key[key_size - 1] == '\r';
    if (key_size - 1 < STORE_KEY_SIZE_MAX) {
        store_prefetch(worker->store, bytes_of(key, key_size));
    }
}

static enum protocol_next mc_on_open(void *session, const struct protocol_peer *peer, struct reply *reply,
                                     void *context) {
    struct mc_session *own = session;
    struct memcached_worker *worker = context;
    own->fd = peer->fd;
    if (unlikely(service_observed(worker->service) & WATCH_CONNEVENTS)) {
        events_open(worker, own, peer);
    }
    if (unlikely(service_authenticates(worker->service))) {
        reply_limit(reply, AUTH_OUTPUT_SIZE_MAX);
        return PROTOCOL_NEXT_REST;
    }
    return PROTOCOL_NEXT_INPUT;
}

static bool session_discards(const void *session) {
    const struct mc_session *own = session;
    return own->state == MC_SESSION_SWALLOW;
}

/* Gives back what the session is in the middle of. */
static void session_release(struct mc_session *session, struct memcached_worker *worker) {
    switch (session->state) {
    case MC_SESSION_VALUE:
        cmd_store_discard(worker, session->upload);
        return;
    case MC_SESSION_DUMP:
        dump_discard(session->dump);
        listing_release(worker->service);
        return;
    case MC_SESSION_CONNS:
        conns_discard(session->conns);
        listing_release(worker->service);
        return;
    case MC_SESSION_PREFIXES:
        prefixes_dump_discard(session->prefixes);
        listing_release(worker->service);
        return;
    case MC_SESSION_WATCH:
        watch_remove(&worker->service->watch, session->watcher);
        return;
    case MC_SESSION_LINE:
    case MC_SESSION_SWALLOW:
    case MC_SESSION_KEYS:
    case MC_SESSION_REFRESH:
        return;
    }
}

static void mc_on_close(void *session, const struct protocol_peer *peer, enum protocol_close reason,
                        void *context) {
    struct memcached_worker *worker = context;
    session_release(session, worker);
    if (unlikely(service_observed(worker->service) & WATCH_CONNEVENTS)) {
        events_close(worker, session, peer, reason);
    }
}

const struct protocol memcached_protocol = {
    .name = "memcached",
    .reject_text = "ERROR Too many open connections\r\n",
    .session_size = sizeof(struct mc_session),
    .on_open = mc_on_open,
    .prefetch = mc_prefetch,
    .on_input = mc_on_input,
    .on_close = mc_on_close,
    .discards = session_discards,
    .session_ready = saved_is_ready,
    .session_save = saved_write,
    .session_check = saved_check,
    .session_load = saved_load,
};
