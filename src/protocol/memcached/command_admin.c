/* SPDX-License-Identifier: MIT
 *
 * command_admin: flush_all, verbosity.
 */
#include "command.h"

enum { VERBOSITY_MAX = 2 };

void mc_flush_all(struct mc_call *call, const struct mc_request *request) {
    struct memcached_worker *worker = call->worker;
    counter_add(&worker->counters.cmd_flush, 1);
    call->requests++;
    if (!worker->service->config.flush_enabled) {
        call_fail(call, request->noreply, MC_ERROR_FLUSH_REFUSED);
        return;
    }
    bool at_once = request->exptime <= 0;
    store_flush(worker->store, at_once ? 0 : store_expiry(worker->store, request->exptime));
    call_answer(call, request->noreply, CALL_LINE("OK"));
}

void mc_verbosity(struct mc_call *call, const struct mc_request *request) {
    unsigned level = request->number > VERBOSITY_MAX ? VERBOSITY_MAX : (unsigned)request->number;
    /* relaxed: a number to look at, nothing hangs on its order. */
    atomic_store_explicit(&call->worker->service->verbosity, level, memory_order_relaxed);
    call_answer(call, request->noreply, CALL_LINE("OK"));
    call->requests++;
}
