/* SPDX-License-Identifier: MIT
 *
 * answer: writes error lines, values and meta flags. The line of a hit, its data and the line end are one
 * reserved run where they fit, otherwise the data follows the line as value.h says.
 */
#include "answer.h"

#include "base64.h"
#include "line.h"
#include "riposte/check.h"
#include "value.h"

static const char *error_text(enum mc_error error) {
    switch (error) {
    case MC_ERROR_UNKNOWN:
        return "ERROR\r\n";
    case MC_ERROR_HTTP:
        return "";
    case MC_ERROR_FORMAT:
        return "CLIENT_ERROR bad command line format\r\n";
    case MC_ERROR_DATA_CHUNK:
        return "CLIENT_ERROR bad data chunk\r\n";
    case MC_ERROR_EXPTIME:
        return "CLIENT_ERROR invalid exptime argument\r\n";
    case MC_ERROR_DELTA:
        return "CLIENT_ERROR invalid numeric delta argument\r\n";
    case MC_ERROR_NOT_NUMBER:
        return "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
    case MC_ERROR_FLUSH_REFUSED:
        return "CLIENT_ERROR flush_all not allowed\r\n";
    case MC_ERROR_FLUSH_PREFIX_REFUSED:
        return "CLIENT_ERROR flush_prefix not allowed\r\n";
    case MC_ERROR_FLUSH_PREFIX_FULL:
        return "SERVER_ERROR too many flushed prefixes\r\n";
    case MC_ERROR_TOO_LARGE:
        return "SERVER_ERROR object too large for cache\r\n";
    case MC_ERROR_NO_MEMORY_STORE:
        return "SERVER_ERROR out of memory storing object\r\n";
    case MC_ERROR_NO_MEMORY:
        return "SERVER_ERROR out of memory\r\n";
    case MC_ERROR_NO_MEMORY_GET:
        return "SERVER_ERROR out of memory writing get response\r\n";
    case MC_ERROR_NO_MEMORY_STATS:
        return "SERVER_ERROR out of memory writing stats\r\n";
    case MC_ERROR_NO_MEMORY_ITEM:
        return "SERVER_ERROR Out of memory allocating new item\r\n";
    case MC_ERROR_META_DUPLICATE:
        return "CLIENT_ERROR duplicate flag\r\n";
    case MC_ERROR_META_FLAG:
        return "CLIENT_ERROR invalid flag\r\n";
    case MC_ERROR_META_ARITHMETIC:
        return "CLIENT_ERROR invalid or duplicate flag\r\n";
    case MC_ERROR_META_FLAGS_TOO_MANY:
        return "CLIENT_ERROR options flags are too long\r\n";
    case MC_ERROR_META_TOKEN:
        return "CLIENT_ERROR bad token in command line format\r\n";
    case MC_ERROR_META_INITIAL:
        return "CLIENT_ERROR invalid numeric initial value\r\n";
    case MC_ERROR_META_DELTA:
        return "CLIENT_ERROR invalid numeric delta value\r\n";
    case MC_ERROR_META_KEY:
        return "CLIENT_ERROR error decoding key\r\n";
    case MC_ERROR_META_OPAQUE:
        return "CLIENT_ERROR opaque token too long\r\n";
    case MC_ERROR_META_SET_MODE:
        return "CLIENT_ERROR invalid mode for ms M token\r\n";
    case MC_ERROR_META_ARITHMETIC_MODE:
        return "CLIENT_ERROR invalid mode for ma M token\r\n";
    }
    return "ERROR\r\n";
}

struct bytes answer_error(enum mc_error error) {
    return bytes_from_string(error_text(error));
}

/* --- hits of the get family ----------------------------------------------------------------------------- */

void answer_value_data(struct memcached_worker *worker, struct reply *reply, const struct item_view *view) {
    struct bytes data = bytes_of(view->value.data, view->value.size + PARSE_LINE_END_SIZE);
    if (value_reply(reply, view, data)) {
        counter_add(&worker->counters.values_pinned, 1);
    }
}

void answer_value(struct memcached_worker *worker, struct reply *reply, const struct item_view *view,
                  bool with_cas, bool last) {
    bool is_inline = value_fits_reserve(ANSWER_AROUND_SIZE_MAX, view->value.size);
    char *begin = reply_reserve(reply, ANSWER_AROUND_SIZE_MAX + (is_inline ? view->value.size : 0));
    char *at = answer_value_line(begin, view->key, view->client_flags, view->value.size);
    if (with_cas) {
        *at++ = ' ';
        at = number_write(at, service_cas(worker->service, view->cas));
    }
    memcpy(at, "\r\n", PARSE_LINE_END_SIZE);
    at += PARSE_LINE_END_SIZE;
    if (likely(is_inline)) {
        at = bytes_copy(at, bytes_of(view->value.data, view->value.size + PARSE_LINE_END_SIZE));
        reply_commit(reply, (size_t)(at - begin));
    } else {
        reply_commit(reply, (size_t)(at - begin));
        answer_value_data(worker, reply, view);
    }
    if (last) {
        reply_copy(reply, bytes_of("END\r\n", ANSWER_END_SIZE));
    }
}

/* --- meta commands -------------------------------------------------------------------------------------- */

char *answer_meta_ttl(char *at, uint32_t expires_tick, uint32_t now_tick) {
    if (expires_tick == STORE_EXPIRES_NEVER) {
        memcpy(at, "-1", 2);
        return at + 2;
    }
    return number_write(at, expires_tick > now_tick ? expires_tick - now_tick : 0);
}

char *answer_meta_key(char *at, struct bytes key, bool encode) {
    if (encode) {
        return base64_encode(at, key);
    }
    memcpy(at, key.data, key.size);
    return at + key.size;
}

static char *meta_key(char *at, const struct answer_meta *answer) {
    *at++ = 'k';
    at = answer_meta_key(at, answer->key, answer->key_is_binary && !answer->key_is_encoded);
    if (answer->key_is_binary) {
        memcpy(at, " b", 2);
        at += 2;
    }
    return at;
}

static char *meta_number(char *at, char letter, uint64_t number) {
    *at = letter;
    return number_write(at + 1, number);
}

/* One flag, behind its space. */
static char *meta_flag(char *at, struct bytes flag, uint32_t expires_tick, const struct answer_meta *answer) {
    char letter = flag.data[0];
    switch (letter) {
    case 'O':
        memcpy(at, flag.data, flag.size);
        return at + flag.size;
    case 'k':
        return meta_key(at, answer);
    case 'c':
        return meta_number(at, letter, answer->cas);
    case 's':
        return meta_number(at, letter, answer->value_size);
    case 'f':
        return meta_number(at, letter, answer->client_flags);
    case 'h':
        return meta_number(at, letter, answer->fetched);
    case 'l':
        return meta_number(at, letter, answer->now_tick - answer->used_tick);
    default:
        *at = 't';
        return answer_meta_ttl(at + 1, expires_tick, answer->now_tick);
    }
}

char *answer_meta_flags(char *at, const struct bytes *flag, unsigned flags_count,
                        const struct answer_meta *answer) {
    uint32_t expires_tick = answer->expires_tick;
    for (unsigned i = 0; i < flags_count; i++) {
        char letter = flag[i].data[0];
        if ((answer->letters & META_LETTER(letter)) == 0) {
            continue;
        }
        if (letter == 'T') {
            expires_tick = answer->touch_expires_tick;
        } else if (letter == 'N') {
            expires_tick = answer->create_expires_tick;
        } else {
            *at++ = ' ';
            at = meta_flag(at, flag[i], expires_tick, answer);
        }
    }
    return at;
}
