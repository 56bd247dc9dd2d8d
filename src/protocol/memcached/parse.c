/* SPDX-License-Identifier: MIT
 *
 * parse: reads a line by the shape of its command.
 *
 *      mc_parse_line --> name_find --> storage_quick     one pass over storage lines as clients write them
 *                    \-> line_find                         the whole line, or why not
 *                    \-> parse_by_shape --> parse_keys, parse_storage, parse_key_number, ...
 */
#include "parse.h"

#include "number.h"
#include "riposte/check.h"
#include "tokens.h"

static bool storage_quick(struct bytes input, const struct mc_command *command, const char *name_end,
                          struct mc_request *request) {
    struct mc_storage_line line;
    const char *line_end = mc_parse_storage(input, name_end, &line);
    if (line_end == NULL) {
        return false;
    }
    *request = (struct mc_request){
        .command = command,
        .noreply = line.noreply,
        .line_size = (uint32_t)(line_end - input.data),
        .key = line.key,
        .client_flags = line.client_flags,
        .exptime = line.exptime,
        .value_size = line.value_size,
    };
    return true;
}

/* --- the line's end ------------------------------------------------------------------------------------- */

/*
 * True when the line is of get or gets, whose lines may be long; leading spaces are overlooked as memcached
 * does.
 */
static bool line_is_keys(struct bytes line) {
    size_t spaces = 0;
    while (spaces < line.size && spaces <= PARSE_KEYS_LINE_SPACES_MAX && line.data[spaces] == ' ') {
        spaces++;
    }
    struct bytes rest = bytes_of(line.data + spaces, line.size - spaces);
    return spaces <= PARSE_KEYS_LINE_SPACES_MAX && ((rest.size >= 4 && memcmp(rest.data, "get ", 4) == 0) ||
                                                    (rest.size >= 5 && memcmp(rest.data, "gets ", 5) == 0));
}

/* PARSE_OK and the size of the first line, end included; or PARSE_MORE, PARSE_OPEN, PARSE_TOO_LARGE. */
static enum parse_status line_find(struct bytes input, size_t searched, size_t *line_size) {
    assert(searched <= input.size);
    const char *feed =
        searched < input.size ? memchr(input.data + searched, '\n', input.size - searched) : NULL;
    size_t size = feed != NULL ? (size_t)(feed + 1 - input.data) : input.size;
    *line_size = size;
    if (likely(size <= PARSE_LINE_WAITING_SIZE_MAX)) {
        return feed != NULL ? PARSE_OK : PARSE_MORE;
    }
    bool is_keys = line_is_keys(bytes_of(input.data, size));
    if (size > PARSE_LINE_SIZE_MAX || (feed == NULL && !is_keys)) {
        return is_keys && input.data[0] != ' ' ? PARSE_OPEN : PARSE_TOO_LARGE;
    }
    return feed != NULL ? PARSE_OK : PARSE_MORE;
}

/* A line that begins with get or gets and a space. */
static enum parse_status parse_open(struct bytes input, struct mc_request *request) {
    size_t name_size = input.data[3] == ' ' ? 3 : 4;
    *request = (struct mc_request){
        .command = commands_find(bytes_of(input.data, name_size)),
        .open = true,
        .line_size = (uint32_t)name_size,
        .arguments = bytes_of(input.data + name_size, 0),
    };
    return PARSE_OPEN;
}

/* --- what follows the name ------------------------------------------------------------------------------ */

static enum parse_status parse_bad(struct mc_request *request, enum mc_error error) {
    request->error = error;
    return PARSE_BAD;
}

static bool key_fits(struct bytes key) {
    return key.size - 1 < STORE_KEY_SIZE_MAX;
}

/*
 * Of a storage line these two are read more kindly than other numbers, as memcached does: with '+', with leading
 * zeros without end, an exptime beyond 32 bits.
 */
static bool parse_flags_and_exptime(const struct tokens *tokens, struct mc_request *request) {
    uint64_t client_flags;
    if (!number_parse_plus(tokens->token[2], &client_flags) || client_flags > UINT32_MAX) {
        return false;
    }
    request->client_flags = (uint32_t)client_flags;
    return number_parse_sign(tokens->token[3], &request->exptime);
}

/* <name> <key> <flags> <exptime> <bytes> [<unique>] [noreply] */
static enum parse_status parse_storage(const struct tokens *tokens, struct mc_request *request) {
    if (tokens->count < 5 || !bytes_parse_u32(tokens->token[4], &request->value_size) ||
        request->value_size > PARSE_VALUE_SIZE_MAX) {
        request->noreply = false;
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    if (!key_fits(tokens->token[1]) || !parse_flags_and_exptime(tokens, request) ||
        (request->command->shape == SHAPE_STORAGE_CAS &&
         (tokens->count < 6 || !bytes_parse_u64(tokens->token[5], &request->number)))) {
        request->swallow_size = request->value_size + PARSE_LINE_END_SIZE;
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    request->key = tokens->token[1];
    return PARSE_OK;
}

/* An exptime of any command but those that store: 32 bits. */
static bool parse_exptime(struct bytes text, struct mc_request *request) {
    int32_t exptime;
    bool good = number_parse_i32(text, &exptime);
    request->exptime = good ? exptime : 0;
    return good;
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
    if (!parse_exptime(exptime, request)) {
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
    if (request->command->shape == SHAPE_KEY_EXPTIME) {
        return parse_exptime(tokens->token[2], request) ? PARSE_OK : parse_bad(request, MC_ERROR_EXPTIME);
    }
    return bytes_parse_u64(tokens->token[2], &request->number) ? PARSE_OK
                                                               : parse_bad(request, MC_ERROR_DELTA);
}

/* delete <key> [<ignored>] [noreply]: at most two words behind the key */
static enum parse_status parse_key(const struct tokens *tokens, struct mc_request *request) {
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

/* verbosity <level> [noreply] */
static enum parse_status parse_level(const struct tokens *tokens, struct mc_request *request) {
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
    request->noreply = tokens.count > 1 && tokens_are(&tokens, tokens.count - 1, "noreply");
    switch (request->command->shape) {
    case SHAPE_KEY:
        return parse_key(&tokens, request);
    case SHAPE_KEY_DELTA:
    case SHAPE_KEY_EXPTIME:
        return parse_key_number(&tokens, request);
    case SHAPE_LEVEL:
        return parse_level(&tokens, request);
    default:
        return parse_storage(&tokens, request);
    }
}

/* A command that reads its words itself, but for noreply. */
static enum parse_status parse_noreply(struct bytes arguments, struct mc_request *request) {
    struct tokens tokens;
    tokens_split(&tokens, arguments);
    request->noreply = bytes_equal_string(tokens_last(&tokens), "noreply");
    request->arguments = arguments;
    return PARSE_OK;
}

/* A line without its end; `arguments` is what follows the name. */
static enum parse_status parse_by_shape(struct bytes line, struct bytes arguments,
                                        struct mc_request *request) {
    switch (request->command->shape) {
    case SHAPE_KEYS:
        return parse_keys(arguments, request);
    case SHAPE_TOUCH_KEYS:
        return parse_touch_keys(arguments, request);
    case SHAPE_STORAGE:
    case SHAPE_STORAGE_CAS:
    case SHAPE_KEY:
    case SHAPE_KEY_DELTA:
    case SHAPE_KEY_EXPTIME:
    case SHAPE_LEVEL:
        return parse_words(line, request);
    case SHAPE_WORDS_NOREPLY:
        return parse_noreply(arguments, request);
    case SHAPE_WORDS:
    case SHAPE_META:
    case SHAPE_META_BLOCK:
    case SHAPE_META_ARITHMETIC:
    case SHAPE_META_DEBUG:
        break;
    }
    request->arguments = arguments;
    return PARSE_OK;
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

/* --- all of it ------------------------------------------------------------------------------------------ */

/* The row whose name begins the input, and where the name ends; NULL when there is none, or not yet. */
static const struct mc_command *name_find(struct bytes input, const char **name_end) {
    const char *end = input.data + input.size;
    const char *stop = scan_word(input.data, input.data, end);
    if (stop == end) {
        return NULL;
    }
    stop -= *stop == '\n' && stop > input.data && stop[-1] == '\r';
    *name_end = stop;
    return commands_find(bytes_of(input.data, (size_t)(stop - input.data)));
}

/* A line without its end whose name has not been found, or not been looked for. */
static enum parse_status parse_from_name(struct bytes line, struct mc_request *request) {
    const char *end = line.data + line.size;
    const char *stop = scan_word(line.data, line.data, end);
    request->command = commands_find(bytes_of(line.data, (size_t)(stop - line.data)));
    return request->command != NULL ? parse_by_shape(line, bytes_of(stop, (size_t)(end - stop)), request)
                                    : parse_unknown(line, request);
}

/* A line of any command. Out of line, so that a quick set does not save the registers that this needs. */
static __attribute__((noinline)) enum parse_status parse_any(struct bytes input, size_t searched,
                                                             struct mc_request *request) {
    const char *name_end;
    size_t line_size;
    const struct mc_command *command = searched == 0 ? name_find(input, &name_end) : NULL;
    if (command != NULL && command->shape == SHAPE_STORAGE &&
        storage_quick(input, command, name_end, request)) {
        return PARSE_OK;
    }
    enum parse_status status = line_find(input, searched, &line_size);
    if (status != PARSE_OK) {
        return status == PARSE_OPEN ? parse_open(input, request) : status;
    }
    *request = (struct mc_request){.line_size = (uint32_t)line_size};
    if (line_size < PARSE_LINE_SIZE_MIN) {
        return parse_bad(request, MC_ERROR_FORMAT);
    }
    size_t size = line_size - 1;
    size -= input.data[size - 1] == '\r';
    struct bytes line = bytes_of(input.data, size);
    request->command = command;
    return command != NULL
               ? parse_by_shape(line, bytes_of(name_end, (size_t)(line.data + size - name_end)), request)
               : parse_from_name(line, request);
}

enum parse_status mc_parse_line(struct bytes input, size_t searched, struct mc_request *request) {
    if (searched == 0 && input.size >= 4 && memcmp(input.data, "set ", 4) == 0 &&
        storage_quick(input, commands_set, input.data + 3, request)) {
        return PARSE_OK;
    }
    return parse_any(input, searched, request);
}
