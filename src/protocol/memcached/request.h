/* SPDX-License-Identifier: MIT
 *
 * request: one command line, cut into its parts.
 *
 * Filled by the parsers, read by the commands. Slices borrow from the input that was parsed and live as long
 * as it does. A request says nothing of the data block behind a storage command but its size.
 */
#ifndef MEMCACHED_REQUEST_H
#define MEMCACHED_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "riposte/bytes.h"

enum {
    MC_LINE_SIZE_MIN = 4,            /* bytes, line end included */
    MC_LINE_WAITING_SIZE_MAX = 2048, /* bytes that may wait for their line end */
    MC_LINE_SIZE_MAX = 16 * 1024,    /* bytes of a line that arrived in one piece */
    MC_KEYS_LINE_SIZE_MAX = 1 << 20, /* bytes of a get or gets line, waiting or not */
    MC_KEYS_LINE_SPACES_MAX = 100,   /* leading spaces behind which a get line is still recognised as one */
    MC_TOKENS_MAX = 23, /* words of a line that are told apart; the keys of the get family excepted */
    MC_VALUE_SIZE_MAX = INT32_MAX - 2, /* bytes; the largest number taken for <bytes> */
};

enum parse_status {
    PARSE_OK,
    PARSE_MORE,      /* a prefix of something longer */
    PARSE_BAD,       /* request->error says what to answer; the line is consumed all the same */
    PARSE_TOO_LARGE, /* a line beyond its limit: the connection is closed without an answer */
};

enum mc_verb {
    MC_GET,
    MC_GETS,
    MC_GAT,
    MC_GATS,
    MC_SET,
    MC_ADD,
    MC_REPLACE,
    MC_APPEND,
    MC_PREPEND,
    MC_CAS,
    MC_INCR,
    MC_DECR,
    MC_TOUCH,
    MC_DELETE,
    MC_FLUSH_ALL,
    MC_VERSION,
    MC_VERBOSITY,
    MC_QUIT,
    MC_STATS,
    MC_CACHE_MEMLIMIT,
    MC_LRU,
    MC_LRU_CRAWLER,
    MC_SLABS,
    MC_SHUTDOWN,
    MC_DEBUGTIME,
    MC_WATCH,
    MC_META_GET,        /* mg */
    MC_META_SET,        /* ms */
    MC_META_DELETE,     /* md */
    MC_META_ARITHMETIC, /* ma */
    MC_META_NOOP,       /* mn */
    MC_META_DEBUG,      /* me */
};

/* What a client is told when a request cannot be served; error_line gives the words. */
enum mc_error {
    MC_ERROR_UNKNOWN,              /* ERROR */
    MC_ERROR_HTTP,                 /* no answer, the connection is closed */
    MC_ERROR_FORMAT,               /* bad command line format */
    MC_ERROR_DATA_CHUNK,           /* bad data chunk */
    MC_ERROR_EXPTIME,              /* invalid exptime argument */
    MC_ERROR_DELTA,                /* invalid numeric delta argument */
    MC_ERROR_NOT_NUMBER,           /* cannot increment or decrement non-numeric value */
    MC_ERROR_FLUSH_REFUSED,        /* flush_all not allowed */
    MC_ERROR_TOO_LARGE,            /* object too large for cache */
    MC_ERROR_NO_MEMORY_STORE,      /* out of memory storing object */
    MC_ERROR_NO_MEMORY,            /* out of memory */
    MC_ERROR_NO_MEMORY_READ,       /* Out of memory during read */
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
    enum mc_verb verb;
    bool noreply;
    uint32_t line_size; /* bytes of the command line, its end included; not the data block */

    struct bytes key;       /* 1 to 250 bytes; classic commands with one key */
    struct bytes arguments; /* get family: the first key to the last; meta and administrative commands: what
                               follows the verb */

    uint32_t client_flags; /* storage commands */
    int32_t exptime;       /* storage commands, gat, gats, touch, flush_all; as the client wrote it */
    uint32_t value_size;   /* storage commands: bytes of the data block, without its line end */
    uint64_t number;       /* cas: unique; incr, decr: delta; verbosity: level */

    enum mc_error error;   /* exactly when PARSE_BAD */
    uint32_t swallow_size; /* PARSE_BAD: bytes behind the line that belong to the request, to be skipped */
};

#endif
