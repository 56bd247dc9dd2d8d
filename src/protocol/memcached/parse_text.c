/* SPDX-License-Identifier: MIT
 *
 * parse_text: see parse_text.h.
 *
 *      mc_parse_text --> parse_quick_set      one pass over `set` lines as clients write them
 *                    \-> line_find            the whole line, or why not
 *                    \-> verb_find --> parse_keys, or parse_words --> parse_storage, parse_key_number, ...
 */
#include "parse_text.h"

#include "number.h"
#include "riposte/check.h"
#include "riposte/store.h"
#include "tokens.h"
#include "verb.h"

/* `set <key> <flags> <exptime> <bytes>[ noreply]\r\n`, single spaces, short numbers; false for all else. */
static bool parse_quick_set(struct bytes input, struct mc_request *request) {
    const char *end = input.data + input.size;
    const char *key = input.data + 4;
    const char *at = scan_word(input.data, key, end);
    size_t key_size = (size_t)(at - key);
    uint32_t client_flags, exptime, value_size;
    if (key_size - 1 >= STORE_KEY_SIZE_MAX || at == end || *at != ' ' ||
        (at = number_scan(at + 1, end, &client_flags)) == NULL || *at != ' ' ||
        (at = number_scan(at + 1, end, &exptime)) == NULL || *at != ' ' ||
        (at = number_scan(at + 1, end, &value_size)) == NULL) {
        return false;
    }
    bool noreply = end - at >= 8 && memcmp(at, " noreply", 8) == 0;
    at += noreply ? 8 : 0;
    at += at < end && *at == '\r';
    if (at == end || *at != '\n') {
        return false;
    }
    *request = (struct mc_request){
        .verb = MC_SET,
        .noreply = noreply,
        .line_size = (uint32_t)(at + 1 - input.data),
        .key = bytes_of(key, key_size),
        .client_flags = client_flags,
        .exptime = (int32_t)exptime,
        .value_size = value_size,
    };
    return true;
}

/*
 * True when the line is of get or gets, whose lines may be long; leading spaces are overlooked as memcached
 * does.
 */
static bool line_is_keys(struct bytes line) {
    size_t spaces = 0;
    while (spaces < line.size && spaces <= MC_KEYS_LINE_SPACES_MAX && line.data[spaces] == ' ') {
        spaces++;
    }
    struct bytes rest = bytes_of(line.data + spaces, line.size - spaces);
    return spaces <= MC_KEYS_LINE_SPACES_MAX &&
           (mc_starts_with(rest, "get ") ||
            (mc_starts_with(rest, "gets") && rest.size > 4 && rest.data[4] == ' '));
}

/* PARSE_OK and the size of the first line, end included; or PARSE_MORE, PARSE_TOO_LARGE. */
static enum parse_status line_find(struct bytes input, size_t searched, size_t *line_size) {
    assert(searched <= input.size);
    const char *feed =
        searched < input.size ? memchr(input.data + searched, '\n', input.size - searched) : NULL;
    size_t size = feed != NULL ? (size_t)(feed + 1 - input.data) : input.size;
    if (likely(size <= MC_LINE_WAITING_SIZE_MAX)) {
        *line_size = size;
        return feed != NULL ? PARSE_OK : PARSE_MORE;
    }
    size_t size_max = feed != NULL ? MC_LINE_SIZE_MAX : MC_LINE_WAITING_SIZE_MAX;
    if (line_is_keys(bytes_of(input.data, size))) {
        size_max = MC_KEYS_LINE_SIZE_MAX;
    }
    *line_size = size;
    return size > size_max ? PARSE_TOO_LARGE : feed != NULL ? PARSE_OK : PARSE_MORE;
}

static enum parse_status parse_bad(struct mc_request *request, enum mc_error error) {
    request->error = error;
    return PARSE_BAD;
}

static bool key_fits(struct bytes key) {
    return key.size - 1 < STORE_KEY_SIZE_MAX;
}

/* <verb> <key> <flags> <exptime> <bytes> [<unique>] [noreply] */
static enum parse_status parse_storage(const struct tokens *tokens, struct mc_request *request) {
    if (tokens->count < 5 || !bytes_parse_u32(tokens->token[4], &request->value_size) ||
        request->value_size > MC_VALUE_SIZE_MAX) {
        request->noreply = false;
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    if (!key_fits(tokens->token[1]) || !bytes_parse_u32(tokens->token[2], &request->client_flags) ||
        !number_parse_i32(tokens->token[3], &request->exptime) ||
        (request->verb == MC_CAS &&
         (tokens->count < 6 || !bytes_parse_u64(tokens->token[5], &request->number)))) {
        request->swallow_size = request->value_size + 2;
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    request->key = tokens->token[1];
    return PARSE_OK;
}

/* All keys of a get line are looked at before the first is answered: one bad key spoils the whole request. */
static enum parse_status parse_keys(struct bytes keys, struct mc_request *request) {
    request->arguments = keys;
    unsigned count = 0;
    for (;;) {
        struct bytes key = tokens_next(&keys);
        if (key.size == 0) {
            break;
        }
        if (key.size > STORE_KEY_SIZE_MAX) {
            return parse_bad(request, MC_ERROR_FORMAT);
        }
        count++;
    }
    return count > 0 ? PARSE_OK : parse_bad(request, MC_ERROR_FORMAT);
}

/* gat <exptime> <key>* */
static enum parse_status parse_touch_keys(struct bytes arguments, struct mc_request *request) {
    struct bytes exptime = tokens_next(&arguments);
    struct bytes rest = arguments;
    if (tokens_next(&rest).size == 0) {
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    if (!number_parse_i32(exptime, &request->exptime)) {
        return parse_bad(request, MC_ERROR_EXPTIME);
    }
    return parse_keys(arguments, request);
}

/* incr|decr <key> <delta> [noreply], touch <key> <exptime> [noreply] */
static enum parse_status parse_key_number(const struct tokens *tokens, struct mc_request *request) {
    if (tokens->count < 3) {
        request->noreply = false;
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    if (!key_fits(tokens->token[1])) {
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    request->key = tokens->token[1];
    if (request->verb == MC_TOUCH) {
        return number_parse_i32(tokens->token[2], &request->exptime) ? PARSE_OK
                                                                     : parse_bad(request, MC_ERROR_EXPTIME);
    }
    return bytes_parse_u64(tokens->token[2], &request->number) ? PARSE_OK
                                                               : parse_bad(request, MC_ERROR_DELTA);
}

/* delete <key> [<ignored>] [noreply]: at most two words behind the key */
static enum parse_status parse_delete(const struct tokens *tokens, struct mc_request *request) {
    if (tokens->count < 2) {
        request->noreply = false;
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    request->noreply = request->noreply && tokens->count > 2; /* `delete noreply` has a key of that name */
    if (tokens->count > 4 || !key_fits(tokens->token[1])) {
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    request->key = tokens->token[1];
    return PARSE_OK;
}

/* flush_all [<delay>] [noreply] */
static enum parse_status parse_flush_all(const struct tokens *tokens, struct mc_request *request) {
    bool has_delay = tokens->count > (request->noreply ? 2 : 1);
    if (has_delay && !number_parse_i32(tokens->token[1], &request->exptime)) {
        return parse_bad(request, MC_ERROR_EXPTIME);
    }
    return PARSE_OK;
}

/* verbosity <level> [noreply] */
static enum parse_status parse_verbosity(const struct tokens *tokens, struct mc_request *request) {
    uint32_t level;
    if (tokens->count < 2 || !bytes_parse_u32(tokens->token[1], &level)) {
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    request->number = level;
    return PARSE_OK;
}

/* A command whose words count, noreply the last of them. */
static enum parse_status parse_words(struct bytes line, struct mc_request *request) {
    struct tokens tokens;
    tokens_split(&tokens, line);
    request->noreply = tokens.count > 1 && bytes_equal_string(tokens_last(&tokens), "noreply");
    switch (request->verb) {
    case MC_INCR:
    case MC_DECR:
    case MC_TOUCH:
        return parse_key_number(&tokens, request);
    case MC_DELETE:
        return parse_delete(&tokens, request);
    case MC_FLUSH_ALL:
        return parse_flush_all(&tokens, request);
    case MC_VERBOSITY:
        return parse_verbosity(&tokens, request);
    default:
        return parse_storage(&tokens, request);
    }
}

/* An administrative command that knows noreply; it reads its words itself. */
static enum parse_status parse_admin(struct bytes arguments, struct mc_request *request) {
    struct tokens tokens;
    tokens_split(&tokens, arguments);
    request->noreply = bytes_equal_string(tokens_last(&tokens), "noreply");
    request->arguments = arguments;
    return PARSE_OK;
}

/* A line whose verb is known; `arguments` is what follows the verb. */
static enum parse_status parse_verb(struct bytes line, struct bytes arguments, struct mc_request *request) {
    switch (request->verb) {
    case MC_GET:
    case MC_GETS:
        return parse_keys(arguments, request);
    case MC_GAT:
    case MC_GATS:
        return parse_touch_keys(arguments, request);
    case MC_SET:
    case MC_ADD:
    case MC_REPLACE:
    case MC_APPEND:
    case MC_PREPEND:
    case MC_CAS:
    case MC_INCR:
    case MC_DECR:
    case MC_TOUCH:
    case MC_DELETE:
    case MC_FLUSH_ALL:
    case MC_VERBOSITY:
        return parse_words(line, request);
    case MC_CACHE_MEMLIMIT:
    case MC_LRU:
    case MC_SLABS:
        return parse_admin(arguments, request);
    case MC_META_GET:
    case MC_META_SET:
    case MC_META_DELETE:
    case MC_META_ARITHMETIC:
    case MC_META_NOOP:
    case MC_META_DEBUG:
    case MC_VERSION:
    case MC_QUIT:
    case MC_STATS:
    case MC_LRU_CRAWLER:
    case MC_SHUTDOWN:
    case MC_DEBUGTIME:
    case MC_WATCH:
        request->arguments = arguments;
        return PARSE_OK;
    }
    return parse_bad(request, MC_ERROR_UNKNOWN);
}

/* No command of ours. What a browser was made to send must not be answered, nor what follows it executed. */
static enum parse_status parse_unknown(struct bytes line, struct mc_request *request) {
    struct tokens tokens;
    tokens_split(&tokens, line);
    struct bytes last = tokens_last(&tokens);
    bool is_http = tokens.count > 1 && last.size >= 5 && memcmp(last.data, "HTTP/", 5) == 0;
    request->noreply = tokens.count > 1 && bytes_equal_string(last, "noreply");
    return parse_bad(request, is_http ? MC_ERROR_HTTP : MC_ERROR_UNKNOWN);
}

/* A whole line, its end taken off. */
static enum parse_status parse_line(struct bytes line, struct mc_request *request) {
    const char *end = line.data + line.size;
    const char *stop = scan_word(line.data, line.data, end);
    if (!verb_find(bytes_of(line.data, (size_t)(stop - line.data)), &request->verb)) {
        return parse_unknown(line, request);
    }
    return parse_verb(line, bytes_of(stop, (size_t)(end - stop)), request);
}

/* Searches for the line end first; the way of everything that is not quick. */
static enum parse_status parse_whole_line(struct bytes input, size_t searched, struct mc_request *request) {
    size_t line_size;
    enum parse_status status = line_find(input, searched, &line_size);
    if (status != PARSE_OK) {
        return status;
    }
    request->line_size = (uint32_t)line_size;
    if (line_size < MC_LINE_SIZE_MIN) {
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    size_t size = line_size - 1;
    size -= input.data[size - 1] == '\r';
    return parse_line(bytes_of(input.data, size), request);
}

enum parse_status mc_parse_text(struct bytes input, size_t searched, struct mc_request *request) {
    if (searched == 0 && mc_starts_with(input, "set ") && parse_quick_set(input, request)) {
        return PARSE_OK;
    }
    *request = (struct mc_request){.noreply = false};
    return parse_whole_line(input, searched, request);
}
