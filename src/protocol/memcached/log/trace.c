/* SPDX-License-Identifier: MIT
 *
 * trace: reads commands back from the input and answers from the reply.
 */
#include "trace.h"

#include <stdio.h>
#include <sys/uio.h>

#include "riposte/log.h"
#include "tokens.h"

enum {
    TEXT_SIZE_MAX = 240,                    /* bytes of a command or an answer that are shown */
    SHOWN_SIZE_MAX = 4 * TEXT_SIZE_MAX + 4, /* the same, each as \xHH, and "..." */
    LINE_SIZE_MAX = 512,  /* of an answer that are looked at: more than any line that announces data */
    ANSWER_LINES_MAX = 8, /* of one command */
    PIECES_MAX = 256,     /* of a reply that are looked through */
};

static void text_show(char shown[SHOWN_SIZE_MAX], struct bytes text) {
    static const char digits[] = "0123456789abcdef";
    size_t size = text.size < TEXT_SIZE_MAX ? text.size : TEXT_SIZE_MAX;
    char *at = shown;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= ' ' && byte < 0x7f && byte != '\\') {
            *at++ = (char)byte;
        } else {
            *at++ = '\\';
            *at++ = 'x';
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        }
    }
    memcpy(at, "...", 4);
    at[text.size > size ? 3 : 0] = '\0';
}

static void trace_line(const struct trace *trace, char direction, const char *before, struct bytes text) {
    char shown[SHOWN_SIZE_MAX];
    text_show(shown, text);
    log_line(LOG_LEVEL_TRACE, "%c%d %s%s", direction, trace->session->fd, before, shown);
}

/* --- answers ---------------------------------------------------------------------------------------------- */

/* Reads on through the pieces of a reply. */
struct reader {
    struct iovec piece[PIECES_MAX];
    unsigned count;
    unsigned index;
    size_t offset; /* in piece[index] */
    size_t left;   /* bytes behind it, in all pieces */
};

static void reader_skip(struct reader *reader, size_t size) {
    size = size < reader->left ? size : reader->left;
    reader->left -= size;
    while (size > 0) {
        size_t here = reader->piece[reader->index].iov_len - reader->offset;
        size_t part = size < here ? size : here;
        reader->offset += part;
        size -= part;
        if (part == here) {
            reader->index++;
            reader->offset = 0;
        }
    }
}

static char reader_byte(struct reader *reader) {
    char byte = ((const char *)reader->piece[reader->index].iov_base)[reader->offset];
    reader_skip(reader, 1);
    return byte;
}

/* A line without its end, as much of it as fits; its size, which may be more. */
static size_t reader_line(struct reader *reader, char text[LINE_SIZE_MAX]) {
    size_t size = 0;
    while (reader->left > 0) {
        char byte = reader_byte(reader);
        if (byte == '\n') {
            break;
        }
        if (byte != '\r' && size < LINE_SIZE_MAX) {
            text[size] = byte;
        }
        size += byte != '\r';
    }
    return size;
}

/* How many bytes of data a line announces: VALUE <key> <flags> <bytes>, VA <bytes>. */
static bool data_announced(const struct tokens *tokens, uint32_t *size) {
    unsigned place = tokens_are(tokens, 0, "VALUE") ? 3 : tokens_are(tokens, 0, "VA") ? 1 : 0;
    return place > 0 && tokens->count > place && bytes_parse_u32(tokens->token[place], size);
}

static void answer_tell(const struct trace *trace, struct reader *reader) {
    char text[LINE_SIZE_MAX];
    for (unsigned lines = 0; reader->left > 0; lines++) {
        if (lines == ANSWER_LINES_MAX) {
            trace_line(trace, '>', "", bytes_from_string("(more lines)"));
            return;
        }
        size_t size = reader_line(reader, text);
        struct bytes line = bytes_of(text, size < LINE_SIZE_MAX ? size : LINE_SIZE_MAX);
        struct tokens tokens;
        uint32_t data_size;
        tokens_split(&tokens, line);
        if (!data_announced(&tokens, &data_size)) {
            trace_line(trace, '>', "", line);
            continue;
        }
        reader_skip(reader, (size_t)data_size + 2);
        if (tokens_are(&tokens, 0, "VALUE")) {
            trace_line(trace, '>', "sending key ", tokens.token[1]);
        } else {
            trace_line(trace, '>', "", line);
        }
    }
}

/* --- a call ----------------------------------------------------------------------------------------------- */

/* Where the next command line begins: behind what is skipped of a refused block. */
static struct bytes line_begin(const struct mc_session *session, struct bytes input) {
    if (session->state == MC_SESSION_LINE) {
        return input;
    }
    if (session->state == MC_SESSION_SWALLOW && session->swallow_size < input.size) {
        return bytes_of(input.data + session->swallow_size, input.size - session->swallow_size);
    }
    return bytes_of(input.data, 0);
}

void trace_begin(struct trace *trace, const struct mc_session *session, struct memcached_service *service,
                 struct bytes input, const struct reply *reply) {
    *trace = (struct trace){.session = session,
                            .reply = reply,
                            .line = line_begin(session, input),
                            .unsent_size = reply->unsent_size,
                            .is_secret = service_authenticates(service) && !session->authenticated};
}

static void command_tell(const struct trace *trace) {
    struct bytes line = trace->line;
    const char *feed = memchr(line.data, '\n', line.size); /* an open get line may have none */
    line.size = feed != NULL ? (size_t)(feed - line.data) : line.size;
    line.size -= line.size > 0 && line.data[line.size - 1] == '\r';
    trace_line(trace, '<', "", trace->is_secret ? bytes_from_string("(not authenticated)") : line);
}

void trace_end(const struct trace *trace, const char *consumed_end) {
    struct reader reader = {.count = 0};
    size_t pieces_size;
    if (trace->line.size > 0 && consumed_end > trace->line.data) {
        command_tell(trace);
    }
    if (trace->reply->unsent_size == trace->unsent_size) {
        return;
    }
    reader.count = reply_iov(trace->reply, reader.piece, PIECES_MAX, &pieces_size);
    reader.left = pieces_size;
    reader_skip(&reader, trace->unsent_size);
    answer_tell(trace, &reader);
}
