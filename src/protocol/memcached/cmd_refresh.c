/* SPDX-License-Identifier: MIT
 *
 * cmd_refresh: refresh_certs: asks for files to be read again, and waits until that is over.
 */
#include "call.h"

enum { REFUSAL_SIZE_MAX = 256 };

void cmd_refresh_certs(struct mc_call *call, const struct mc_request *request) {
    const struct memcached_refresher *refresher = &call->worker->service->config.refresher;
    (void)request;
    if (refresher->begin == NULL) {
        call->requests++;
        call_fail(call, false, MC_ERROR_UNKNOWN);
        return;
    }
    call->session->refresh = refresher->begin(refresher->user);
    call->session->state = MC_SESSION_REFRESH;
}

bool cmd_refresh_continue(struct mc_call *call) {
    const struct memcached_refresher *refresher = &call->worker->service->config.refresher;
    char refusal[REFUSAL_SIZE_MAX] = "";
    call->yielded = true;
    if (!refresher->ended(refresher->user, call->session->refresh, refusal, sizeof(refusal))) {
        call->later = true;
        return false;
    }
    call->session->refresh = 0;
    call->session->state = MC_SESSION_LINE;
    call->requests++;
    call->work += PROTOCOL_WORK_COSTLY; /* as much as many small requests, on another thread */
    if (refusal[0] == '\0') {
        call_answer(call, false, CALL_LINE("OK"));
        return false;
    }
    reply_copy_string(call->reply, "SERVER_ERROR ");
    reply_copy_string(call->reply, refusal);
    reply_copy_string(call->reply, "\r\n");
    return false;
}
