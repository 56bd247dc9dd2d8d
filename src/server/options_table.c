/* SPDX-License-Identifier: MIT
 *
 * options_table: the rows as data, and what is particular to this server's flags. See options_table.h.
 */
#include "options_table.h"

#include <assert.h>
#include <string.h>
#include <sysexits.h>

enum section {
    SECTION_LISTEN,
    SECTION_LIMIT,
    SECTION_CLIENT,
    SECTION_PROCESS,
    SECTION_ENGINE,
    SECTION_HTTP,
    SECTION_TLS,
    SECTION_ABSENT,
    SECTION_EXTENDED,
    SECTION_COUNT,
};

static const struct options_section sections[] = {
    [SECTION_LISTEN] = {.title = "Where it listens"},
    [SECTION_LIMIT] = {.title = "Limits"},
    [SECTION_CLIENT] = {.title = "What clients may do"},
    [SECTION_PROCESS] = {.title = "The process"},
    [SECTION_ENGINE] = {.title = "The engine"},
    [SECTION_HTTP] = {.title = "HTTP"},
    [SECTION_TLS] = {.title = "TLS"},
    [SECTION_ABSENT] = {.title = "Flags of memcached without meaning here"},
    [SECTION_EXTENDED] = {.title = "Names of -o",
                          .is_suboptions = true,
                          .ignored = "all others of memcached"},
    [SECTION_COUNT] = {.title = NULL},
};

static const struct option rows[OPTION_INDEX_COUNT] = {
#define OPTION_ROW(section_, field_, name_, letter_, kind_, effect_, default_, minimum_, maximum_,           \
                   argument_, help_)                                                                         \
    {                                                                                                        \
        .name = (name_),                                                                                     \
        .letter = (letter_),                                                                                 \
        .section = SECTION_##section_,                                                                       \
        .kind = OPTION_##kind_,                                                                              \
        .effect = EFFECT_##effect_,                                                                          \
        .offset = offsetof(struct options, field_),                                                          \
        .initial = (default_),                                                                               \
        .minimum = (minimum_),                                                                               \
        .maximum = (maximum_),                                                                               \
        .argument = (argument_),                                                                             \
        .help = (help_),                                                                                     \
    },
    OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

static_assert((int)ENGINE_SPIN_AUTO == (int)OPTION_AUTO_VALUE,
              "--spin-us=auto means the same to the parser and the engine");

/* -o names of whole features that are not here: silence would be a trap. */
static const struct options_family families_refused[] = {
    {"ext_", "extstore is not here: items live in memory only"},
    {"proxy_", "the proxy is not here; use mcrouter or twemproxy in front"},
    {NULL, NULL},
};

/* What stands for others; those that follow it can say otherwise again. */
static void option_taken(void *values, unsigned option_index) {
    struct options *options = values;
    if (option_index == OPTION_INDEX_modern && !options->modern) {
        options->maxconns_fast = false;
        options->slab_reassign = false;
        options->slab_automove = 0;
        options->lru_crawler = false;
        options->lru_maintainer = false;
    }
    if (option_index == OPTION_INDEX_no_pin) {
        options->pin = ENGINE_PIN_OFF;
    }
}

const struct options_table options_table = {
    .program = "riposte",
    .options = rows,
    .options_count = OPTION_INDEX_COUNT,
    .sections = sections,
    .families_refused = families_refused,
    .given_offset = offsetof(struct options, given),
    .taken = option_taken,
    .introduction = "riposte " RIPOSTE_VERSION ": memcached's text protocol, answered from io_uring\n"
                    "usage: riposte [flag]...\n"
                    "Sizes are bytes, or take k, m, g (powers of 1024).\n",
};

/* --- reading ----------------------------------------------------------------------------------------------
 */

enum { TLS_CONN_SIZE = 16 * UNITS_KIB, CONN_MEMORY_SIZE_MIN = 16 * UNITS_MIB, PORT_DEFAULT = 11211 };

static uint64_t larger(uint64_t one, uint64_t other) {
    return one > other ? one : other;
}

/* What idle connections of TLS hold, each at most 16 KiB, with the quarter that is left free before any is closed. */
static uint64_t conn_memory_of_tls(const struct options *options) {
    bool is_spoken = options->ssl_chain_cert.count > 0;
    uint64_t connections = (uint64_t)options->conn_limit + options->http_conn_limit;
    return is_spoken ? connections * TLS_CONN_SIZE / 3 * 4 : 0;
}

/* In proportion to the items; and a value of -I finds room in the part that uploads may take, three quarters. */
static uint64_t conn_memory_default(const struct options *options) {
    return larger(larger(options->memory_limit / 4, CONN_MEMORY_SIZE_MIN), options->max_item_size / 2 * 3) +
           conn_memory_of_tls(options);
}

/* What no single option can know. */
static enum options_outcome options_check(struct options *options, struct failure *failure) {
    if (options->given[OPTION_INDEX_udp_port] && options->udp_port > 0 &&
        !options->given[OPTION_INDEX_port]) {
        options->port = options->udp_port;
    }
    /* Whoever asks for a Unix socket decides by its mode who may come; a TCP port beside it is for anybody. */
    if (options->given[OPTION_INDEX_unix_socket] && !options->given[OPTION_INDEX_port] &&
        !options->given[OPTION_INDEX_listen] && options->port == PORT_DEFAULT) {
        options->port = 0;
    }
    if (!options->given[OPTION_INDEX_conn_memory]) {
        options->conn_memory = conn_memory_default(options);
    }
    if (options->max_item_size > options->memory_limit / 2) {
        failure_write(failure, EX_USAGE, "-I %s is more than half of -m %s; raise -m or lower -I",
                      units_format_size(options->max_item_size).text,
                      units_format_size(options->memory_limit).text);
        return OPTIONS_REFUSED;
    }
    return OPTIONS_COMPLETE;
}

enum options_outcome options_table_read(struct options *options, int arguments_count,
                                        const char *const *arguments, struct failure *failure) {
    memset(options, 0, sizeof(*options));
    enum options_outcome outcome =
        options_parse(&options_table, options, arguments_count, arguments, failure);
    return outcome == OPTIONS_COMPLETE ? options_check(options, failure) : outcome;
}

void options_table_warn(const struct options *options, void (*line)(void *user, const char *text),
                        void *user) {
    options_ignored(&options_table, options, line, user);
    if (options->udp_port != 0) {
        char text[96];
        snprintf(text, sizeof(text), "-U %d: there is no UDP here; TCP listens as before",
                 (int)options->udp_port);
        line(user, text);
    }
    if (options->max_item_size > options->conn_memory / 3 * 2) {
        char text[160];
        snprintf(text, sizeof(text),
                 "--conn-memory %s: values of -I %s do not fit in it; those that come in pieces are refused",
                 units_format_size(options->conn_memory).text,
                 units_format_size(options->max_item_size).text);
        line(user, text);
    }
    if (options->protocol == PROTOCOL_BINARY) {
        line(user, "-B binary: only the text protocol is spoken; binary connections are closed");
    }
}

/* --- showing ----------------------------------------------------------------------------------------------
 */

/* The same as the file LICENSE. */
static const char license_text[] =
    "MIT License\n"
    "\n"
    "Copyright (c) 2026 the riposte authors\n"
    "\n"
    "Permission is hereby granted, free of charge, to any person obtaining a copy\n"
    "of this software and associated documentation files (the \"Software\"), to deal\n"
    "in the Software without restriction, including without limitation the rights\n"
    "to use, copy, modify, merge, publish, distribute, sublicense, and/or sell\n"
    "copies of the Software, and to permit persons to whom the Software is\n"
    "furnished to do so, subject to the following conditions:\n"
    "\n"
    "The above copyright notice and this permission notice shall be included in all\n"
    "copies or substantial portions of the Software.\n"
    "\n"
    "THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR\n"
    "IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,\n"
    "FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE\n"
    "AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER\n"
    "LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,\n"
    "OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE\n"
    "SOFTWARE.\n";

void options_table_show(const struct options *options, FILE *file) {
    if (options->version != SHOW_NOT) {
        fputs("riposte " RIPOSTE_VERSION "\n", file);
    } else if (options->license != SHOW_NOT) {
        fputs(license_text, file);
    } else {
        options_help_as(&options_table, options->help, file);
    }
}
