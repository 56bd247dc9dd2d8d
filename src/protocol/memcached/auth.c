/* SPDX-License-Identifier: MIT
 *
 * auth: see auth.h.
 */
#include "auth.h"

#include "credentials.h"
#include "put.h"
#include "tokens.h"

enum {
    AUTH_LINE_SIZE_MIN = 6,       /* bytes, line end included */
    AUTH_WAITING_SIZE_MAX = 2048, /* bytes that may not wait for their line end any more */
    AUTH_TOKEN_SIZE_MAX = 16384,  /* bytes of "<name> <password>" */
    LINE_END_SIZE = 2,
};

static void auth_reply(struct mc_call *call, size_t consumed, struct bytes line) {
    call->at += consumed;
    call->requests++;
    call->session->searched_size = 0;
    reply_copy(call->reply, line);
}

/* The answer to a name and a password. */
static struct bytes auth_answer(struct mc_call *call, struct bytes token) {
    struct memcached_worker *worker = call->worker;
    struct bytes name = tokens_next(&token);
    struct bytes password = tokens_next(&token);
    if (password.size == 0) {
        return CALL_LINE("CLIENT_ERROR bad authentication token format");
    }
    counter_add(&worker->counters.auth_cmds, 1);
    if (!credentials_check(&worker->service->credentials, name, password)) {
        counter_add(&worker->counters.auth_errors, 1);
        return CALL_LINE("CLIENT_ERROR authentication failure");
    }
    call->session->authenticated = true;
    return CALL_LINE("STORED");
}

/* The line is a set of `size` bytes; its block, when it is all there. */
static bool auth_block(struct mc_call *call, size_t line_size, uint32_t size) {
    if (size > AUTH_TOKEN_SIZE_MAX) {
        auth_reply(call, line_size, CALL_LINE("CLIENT_ERROR auth token too long"));
        mc_swallow_begin(call, size + LINE_END_SIZE);
        return true;
    }
    const char *block = call->at + line_size;
    size_t here_size = (size_t)(call->end - block);
    if (here_size < size + LINE_END_SIZE) {
        return false;
    }
    bool ends = memcmp(block + size, "\r\n", LINE_END_SIZE) == 0;
    struct bytes answer = ends ? auth_answer(call, bytes_of(block, size))
                               : CALL_LINE("CLIENT_ERROR bad command line termination");
    auth_reply(call, line_size + size + LINE_END_SIZE, answer);
    return true;
}

static void auth_close(struct mc_call *call) {
    counter_add(&call->worker->counters.closed_unauthenticated, 1);
    reply_close(call->reply);
}

bool mc_auth_step(struct mc_call *call) {
    struct bytes input = call_unread(call);
    const char *feed = memchr(input.data, '\n', input.size);
    size_t line_size = feed != NULL ? (size_t)(feed + 1 - input.data) : input.size;
    if (feed == NULL && line_size < AUTH_WAITING_SIZE_MAX) {
        return false;
    }
    if (feed == NULL || line_size < AUTH_LINE_SIZE_MIN) {
        auth_close(call);
        return false;
    }
    struct tokens tokens;
    uint32_t size;
    tokens_split(&tokens, bytes_of(input.data, line_size - 1 - (feed[-1] == '\r')));
    if (tokens.count < 5 || !bytes_equal_string(tokens.token[0], "set")) {
        auth_reply(call, line_size, CALL_LINE("CLIENT_ERROR unauthenticated"));
        return true;
    }
    if (!bytes_parse_u32(tokens.token[4], &size) || size > MC_VALUE_SIZE_MAX) {
        auth_reply(call, line_size, error_line(MC_ERROR_FORMAT));
        return true;
    }
    return auth_block(call, line_size, size);
}
