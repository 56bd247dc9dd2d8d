/* SPDX-License-Identifier: MIT
 *
 * commands: the table of all commands, and what each of them does.
 *
 * A new command is one row and one function. Its line is consumed before its function runs; a command that
 * needs more than its line consumes that itself and keeps in the session what it is in the middle of. A
 * command counts itself in call->requests when it is complete.
 */
#ifndef MEMCACHED_COMMANDS_H
#define MEMCACHED_COMMANDS_H

#include <stdbool.h>

#include "riposte/bytes.h"
#include "riposte/latency.h"

struct mc_call;
struct mc_request;

enum { COMMAND_NAME_SIZE_MAX = 15 };

/* What stands behind a command's name, and so how its line is read. */
enum command_shape {
    SHAPE_KEYS,            /* <key>* */
    SHAPE_TOUCH_KEYS,      /* <exptime> <key>* */
    SHAPE_STORAGE,         /* <key> <flags> <exptime> <bytes> [noreply], a data block */
    SHAPE_STORAGE_CAS,     /* <key> <flags> <exptime> <bytes> <unique> [noreply], a data block */
    SHAPE_KEY,             /* <key> [<ignored>] [noreply] */
    SHAPE_KEY_DELTA,       /* <key> <delta> [noreply] */
    SHAPE_KEY_EXPTIME,     /* <key> <exptime> [noreply] */
    SHAPE_LEVEL,           /* <level> [noreply] */
    SHAPE_WORDS,           /* words that the command reads itself */
    SHAPE_WORDS_NOREPLY,   /* the same, the last may be noreply */
    SHAPE_META,            /* <key> <flag>*; read by mc_parse_meta, as the next three */
    SHAPE_META_BLOCK,      /* <key> <bytes> <flag>*, a data block */
    SHAPE_META_ARITHMETIC, /* <key> <flag>*, with errors worded otherwise */
    SHAPE_META_DEBUG,      /* <key> [b] */
};

struct mc_command {
    char name[COMMAND_NAME_SIZE_MAX + 1]; /* filled up with zero bytes */
    enum command_shape shape : 8;
    unsigned char key_word;   /* which word is its only key, the name being word 0; 0: it has none, or many */
    unsigned char latency;    /* enum latency_command */
    unsigned char block_word; /* which word says the bytes of its data block; 0: it has none */
    void (*execute)(struct mc_call *call, const struct mc_request *request);
};

/* The row whose name is exactly `name`; NULL when there is none. Commands are lower case. */
const struct mc_command *commands_find(struct bytes name);

/* The row of set, which needs no search. */
extern const struct mc_command *const commands_set;

/*
 * cmd_get.c. The get family moves back to the first key of its line: keys are consumed one by one, in the
 * session's state KEYS.
 */
void cmd_get(struct mc_call *call, const struct mc_request *request);
void cmd_gets(struct mc_call *call, const struct mc_request *request);
void cmd_gat(struct mc_call *call, const struct mc_request *request);
void cmd_gats(struct mc_call *call, const struct mc_request *request);

/* Goes on in the state KEYS. False when a bound stopped it before the line's end. */
bool cmd_get_continue(struct mc_call *call);

/*
 * cmd_batch.c. Serves the plain gets and sets at the front of the input, several at once. False, and nothing done, when the
 * input does not begin with one that is complete.
 */
bool cmd_batch(struct mc_call *call);

/* cmd_store.c. Complete with the data block, see cmd_store.h. */
void cmd_set(struct mc_call *call, const struct mc_request *request);
void cmd_add(struct mc_call *call, const struct mc_request *request);
void cmd_replace(struct mc_call *call, const struct mc_request *request);
void cmd_append(struct mc_call *call, const struct mc_request *request);
void cmd_prepend(struct mc_call *call, const struct mc_request *request);
void cmd_cas(struct mc_call *call, const struct mc_request *request);

/* cmd_key.c */
void cmd_incr(struct mc_call *call, const struct mc_request *request);
void cmd_decr(struct mc_call *call, const struct mc_request *request);
void cmd_touch(struct mc_call *call, const struct mc_request *request);
void cmd_delete(struct mc_call *call, const struct mc_request *request);

/* cmd_meta.c, cmd_meta_write.c */
void cmd_mg(struct mc_call *call, const struct mc_request *request);
void cmd_me(struct mc_call *call, const struct mc_request *request);
void cmd_mn(struct mc_call *call, const struct mc_request *request);
void cmd_ms(struct mc_call *call, const struct mc_request *request);
void cmd_md(struct mc_call *call, const struct mc_request *request);
void cmd_ma(struct mc_call *call, const struct mc_request *request);

/* cmd_admin.c */
void cmd_version(struct mc_call *call, const struct mc_request *request);
void cmd_quit(struct mc_call *call, const struct mc_request *request);
void cmd_flush_all(struct mc_call *call, const struct mc_request *request);
void cmd_flush_prefix(struct mc_call *call, const struct mc_request *request);
void cmd_verbosity(struct mc_call *call, const struct mc_request *request);
void cmd_cache_memlimit(struct mc_call *call, const struct mc_request *request);
void cmd_shutdown(struct mc_call *call, const struct mc_request *request);
void cmd_debugtime(struct mc_call *call, const struct mc_request *request);

/* cmd_refresh.c */
void cmd_refresh_certs(struct mc_call *call, const struct mc_request *request);

/* Goes on in the state REFRESH. */
bool cmd_refresh_continue(struct mc_call *call);

/* cmd_compat.c: what memcached has and this only answers, but for the listings of lru_crawler. */
void cmd_lru(struct mc_call *call, const struct mc_request *request);
void cmd_lru_crawler(struct mc_call *call, const struct mc_request *request);
void cmd_slabs(struct mc_call *call, const struct mc_request *request);

/* stats/stats.c */
void cmd_stats(struct mc_call *call, const struct mc_request *request);

/* log/cmd_watch.c */
void cmd_watch(struct mc_call *call, const struct mc_request *request);

/*
 * Goes on in the state WATCH: takes over lines that wait, drops input. Always false: the next lines come
 * later.
 */
bool cmd_watch_continue(struct mc_call *call);

#endif
