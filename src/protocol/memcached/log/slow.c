/* SPDX-License-Identifier: MIT
 *
 * slow: times requests one by one and hands those that took long to the slow log. Command and key are read from the line again, which costs nothing while no slow log is asked for.
 */
#include "slow.h"

#include "cmd_store.h"
#include "riposte/clock.h"
#include "tokens.h"

static uint8_t text_take(char *text, size_t size_max, struct bytes from) {
    size_t size = from.size < size_max ? from.size : size_max;
    if (size > 0) {
        memcpy(text, from.data, size);
    }
    return (uint8_t)size;
}

static struct bytes line_of(const struct mc_call *call) {
    struct bytes line = call_unread(call);
    const char *feed = line.size > 0 ? memchr(line.data, '\n', line.size) : NULL;
    if (feed != NULL) {
        line.size = (size_t)(feed - line.data);
        line.size -= line.size > 0 && feed[-1] == '\r';
    }
    return line;
}

/* Command and key of what the step is at. */
static void step_read(const struct mc_call *call, struct bytes *command, struct bytes *key) {
    struct bytes line = line_of(call);
    *command = bytes_from_string(latency_command_name(call->session->latency));
    *key = bytes_of(NULL, 0);
    switch (call->session->state) {
    case MC_SESSION_LINE:
        *command = tokens_next(&line);
        *key = tokens_next(&line);
        return;
    case MC_SESSION_KEYS:
        *key = tokens_next(&line);
        return;
    case MC_SESSION_VALUE:
        *key = cmd_store_key(call->session->upload);
        return;
    case MC_SESSION_REFRESH:
    case MC_SESSION_SWALLOW:
    case MC_SESSION_DUMP:
    case MC_SESSION_CONNS:
    case MC_SESSION_PREFIXES:
    case MC_SESSION_WATCH:
        return;
    }
}

void slow_begin(struct slow *slow, const struct mc_call *call) {
    struct bytes command, key;
    if (slow->since_ns == 0) {
        slow->since_ns = clock_monotonic_ns();
    }
    step_read(call, &command, &key);
    slow->begin = call->at;
    slow->unsent_size = call->reply->unsent_size;
    slow->command_size = text_take(slow->text, SLOW_LOG_COMMAND_SIZE_MAX, command);
    slow->key_size = text_take(slow->text + SLOW_LOG_COMMAND_SIZE_MAX, SLOW_LOG_KEY_SIZE_MAX, key);
}

void slow_end(struct slow *slow, const struct mc_call *call) {
    struct slow_log *log = call->worker->service->config.slow_log;
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns - call->received_ns >= slow_log_threshold_ns(log)) {
        struct slow_request request = {
            .us = (now_ns - call->received_ns) / CLOCK_NS_PER_US,
            .own_us = (now_ns - slow->since_ns) / CLOCK_NS_PER_US,
            .size = (uint64_t)(call->at - slow->begin) + call->reply->unsent_size - slow->unsent_size,
            .connection = call->session->fd,
        };
        slow_log_add(log, &request, bytes_of(slow->text, slow->command_size),
                     bytes_of(slow->text + SLOW_LOG_COMMAND_SIZE_MAX, slow->key_size));
    }
    slow->since_ns = now_ns;
}
