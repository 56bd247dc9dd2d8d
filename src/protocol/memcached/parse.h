/* SPDX-License-Identifier: MIT
 *
 * parse: one command line, cut into its parts (README.md, "Framing and limits").
 *
 * Pure: reads at most input.size bytes, keeps no state, allocates nothing. Slices in the result borrow from
 * the input and live as long as it does. A request says nothing of the data block behind its line but the
 * size.
 */
#ifndef MEMCACHED_PARSE_H
#define MEMCACHED_PARSE_H

#include "commands.h"
#include "number.h"
#include "riposte/check.h"
#include "riposte/store.h"
#include "scan.h"

enum {
    PARSE_LINE_SIZE_MIN = 4,            /* bytes, line end included */
    PARSE_LINE_WAITING_SIZE_MAX = 2048, /* bytes that may wait for their line end */
    PARSE_LINE_SIZE_MAX = 16 * 1024,  /* bytes of a line that arrived in one piece, or of get and gets; longer
                                           ones of these are PARSE_OPEN */
    PARSE_KEYS_LINE_SPACES_MAX = 100, /* leading spaces behind which a get line is still recognised as one */
    PARSE_VALUE_SIZE_MAX = INT32_MAX - 2, /* bytes; the largest number taken for <bytes> */
    PARSE_LINE_END_SIZE = 2,              /* bytes of the "\r\n" behind a data block */
};

enum parse_status {
    PARSE_OK,
    PARSE_MORE,      /* a prefix of something longer */
    PARSE_BAD,       /* request->error says what to answer; the line is consumed all the same */
    PARSE_OPEN,      /* a get or gets line above PARSE_LINE_SIZE_MAX: its keys are served as they come */
    PARSE_TOO_LARGE, /* a line beyond its limit: the connection is closed without an answer */
};

/* What a client is told when a request cannot be served; answer_error gives the words. */
enum mc_error {
    MC_ERROR_UNKNOWN,              /* ERROR */
    MC_ERROR_HTTP,                 /* no answer, the connection is closed */
    MC_ERROR_FORMAT,               /* bad command line format */
    MC_ERROR_DATA_CHUNK,           /* bad data chunk */
    MC_ERROR_EXPTIME,              /* invalid exptime argument */
    MC_ERROR_DELTA,                /* invalid numeric delta argument */
    MC_ERROR_NOT_NUMBER,           /* cannot increment or decrement non-numeric value */
    MC_ERROR_FLUSH_REFUSED,        /* flush_all not allowed */
    MC_ERROR_FLUSH_PREFIX_REFUSED, /* flush_prefix not allowed */
    MC_ERROR_FLUSH_PREFIX_FULL,    /* too many flushed prefixes */
    MC_ERROR_TOO_LARGE,            /* object too large for cache */
    MC_ERROR_NO_MEMORY_STORE,      /* out of memory storing object */
    MC_ERROR_NO_MEMORY,            /* out of memory */
    MC_ERROR_NO_MEMORY_GET,        /* out of memory writing get response */
    MC_ERROR_NO_MEMORY_STATS,      /* out of memory writing stats */
    MC_ERROR_NO_MEMORY_ITEM,       /* Out of memory allocating new item */
    MC_ERROR_META_DUPLICATE,       /* duplicate flag */
    MC_ERROR_META_FLAG,            /* invalid flag */
    MC_ERROR_META_ARITHMETIC,      /* invalid or duplicate flag */
    MC_ERROR_META_FLAGS_TOO_MANY,  /* options flags are too long */
    MC_ERROR_META_TOKEN,           /* bad token in command line format */
    MC_ERROR_META_INITIAL,         /* invalid numeric initial value */
    MC_ERROR_META_DELTA,           /* invalid numeric delta value */
    MC_ERROR_META_KEY,             /* error decoding key */
    MC_ERROR_META_OPAQUE,          /* opaque token too long */
    MC_ERROR_META_SET_MODE,        /* invalid mode for ms M token */
    MC_ERROR_META_ARITHMETIC_MODE, /* invalid mode for ma M token */
};

struct mc_request {
    const struct mc_command *command; /* NULL when PARSE_BAD and there is none of that name, or no word */
    bool noreply;
    bool open;          /* exactly when PARSE_OPEN: nobody has looked at the keys or for the line's end */
    uint32_t line_size; /* bytes of the command line, its end included; not the data block. PARSE_OPEN: of its
                           name */

    struct bytes key;       /* 1 to STORE_KEY_SIZE_MAX bytes; classic commands with one key */
    struct bytes arguments; /* get family: the first key to the last; meta commands and those that read their
                               words themselves: what follows the name */

    uint32_t client_flags; /* storage commands */
    uint32_t value_size;   /* storage commands: bytes of the data block, without its line end */
    int64_t exptime;       /* storage commands, gat, gats, touch; as the client wrote it */
    uint64_t number;       /* cas: unique; incr, decr: delta; verbosity: level */

    enum mc_error error;   /* exactly when PARSE_BAD */
    uint32_t swallow_size; /* PARSE_BAD: bytes behind the line that belong to the request, to be skipped */
};

/*
 * Reads the command line at the beginning of `input`. The first `searched` bytes were looked at before and
 * hold no line feed: a line that comes byte by byte costs linear time.
 *
 * PARSE_OK         *request is filled as its comments say.
 * PARSE_MORE       no line feed yet. Every prefix of an acceptable line asks for more.
 * PARSE_BAD        request->line_size, noreply, error, swallow_size; key too where a storage line has one of legal size.
 * PARSE_OPEN       request->command, open, line_size, arguments, which begin behind the name and are empty.
 * PARSE_TOO_LARGE  nothing.
 */
enum parse_status mc_parse_line(struct bytes input, size_t searched, struct mc_request *request);

/*
 * The commonest request of all, `get <key>\r\n` with one key, one space and nothing else: returns the bytes
 * of its line and sets *key. 0 for everything else, which mc_parse_line then judges.
 */
static inline size_t mc_parse_get(struct bytes input, struct bytes *key) {
    if (input.size < 4 || memcmp(input.data, "get ", 4) != 0) {
        return 0;
    }
    const char *first = input.data + 4;
    const char *end = input.data + input.size;
    const char *stop = scan_word(input.data, first, end);
    if (stop == end || *stop != '\n') {
        return 0;
    }
    size_t size = (size_t)(stop - first) - (stop[-1] == '\r');
    if (size - 1 >= STORE_KEY_SIZE_MAX) { /* 0, or too long */
        return 0;
    }
    *key = bytes_of(first, size);
    return (size_t)(stop + 1 - input.data);
}

/* A storage line as clients write it. */
struct mc_storage_line {
    struct bytes key;
    uint32_t client_flags, exptime, value_size;
    bool noreply;
};

/*
 * `<name> <key> <flags> <exptime> <bytes>[ noreply]\r\n` with single spaces and short numbers: where the line ends; NULL
 * for all else.
 */
static inline_always const char *mc_parse_storage(struct bytes input, const char *name_end,
                                                  struct mc_storage_line *line) {
    const char *end = input.data + input.size;
    const char *key = name_end + 1;
    const char *at = scan_word(input.data, key, end);
    line->key = bytes_of(key, (size_t)(at - key));
    line->client_flags = 0;
    line->exptime = 0;
    if (*name_end != ' ' || line->key.size - 1 >= STORE_KEY_SIZE_MAX || end - at < 5) {
        return NULL;
    }
    if (likely(memcmp(at, " 0 0 ", 5) == 0)) {
        at += 4;
    } else if (*at != ' ' || (at = number_scan(at + 1, end, &line->client_flags)) == NULL || *at != ' ' ||
               (at = number_scan(at + 1, end, &line->exptime)) == NULL || *at != ' ') {
        return NULL;
    }
    if ((at = number_scan(at + 1, end, &line->value_size)) == NULL) {
        return NULL;
    }
    if (likely(end - at >= 2 && memcmp(at, "\r\n", 2) == 0)) {
        line->noreply = false;
        return at + 2;
    }
    line->noreply = *at == ' ' && end - at >= 8 && memcmp(at, " noreply", 8) == 0;
    at += line->noreply ? 8 : 0;
    at += at < end && *at == '\r';
    return at < end && *at == '\n' ? at + 1 : NULL;
}

/* A plain set and its value. */
struct mc_set {
    struct bytes key;   /* 1 to STORE_KEY_SIZE_MAX bytes; borrowed, as the value */
    struct bytes value; /* without its line end */
    uint32_t client_flags;
    uint32_t exptime; /* as the client wrote it */
    bool noreply;
};

/*
 * The commonest request that writes, `set <key> <flags> <exptime> <bytes>[ noreply]\r\n` with single spaces, numbers of up
 * to nine digits, and all of its data block behind it: returns the bytes of line and block and fills *set. 0 for everything
 * else, which mc_parse_line then judges.
 */
static inline size_t mc_parse_set(struct bytes input, struct mc_set *set) {
    struct mc_storage_line line;
    if (input.size < 4 || memcmp(input.data, "set ", 4) != 0) {
        return 0;
    }
    const char *value = mc_parse_storage(input, input.data + 3, &line);
    if (value == NULL ||
        (size_t)(input.data + input.size - value) < (size_t)line.value_size + PARSE_LINE_END_SIZE ||
        memcmp(value + line.value_size, "\r\n", PARSE_LINE_END_SIZE) != 0) {
        return 0;
    }
    set->key = line.key;
    set->value = bytes_of(value, line.value_size);
    set->client_flags = line.client_flags;
    set->exptime = line.exptime;
    set->noreply = line.noreply;
    return (size_t)(value - input.data) + line.value_size + PARSE_LINE_END_SIZE;
}

#endif
