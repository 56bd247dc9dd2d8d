/* SPDX-License-Identifier: MIT
 *
 * options_table: the rows, and what --help says around them. See options_table.h.
 */
#include "options_table.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "riposte/clock.h"

static const struct options_section sections[] = {{.title = "Options"}, {.title = NULL}};

static const struct option rows[] = {
    {.name = "delay",
     .letter = 'd',
     .kind = OPTION_DURATION,
     .offset = offsetof(struct options, delay_ns),
     .initial = "1s",
     .minimum = 100 * (int64_t)CLOCK_NS_PER_MS,
     .maximum = 3600 * CLOCK_NS_PER_S,
     .argument = "TIME",
     .help = "between two looks at the servers"},
    {.name = "once",
     .letter = '1',
     .kind = OPTION_ON,
     .offset = offsetof(struct options, once),
     .help = "look twice, --delay apart, print one screen and end: for scripts"},
    {.name = "columns",
     .kind = OPTION_COUNT,
     .offset = offsetof(struct options, columns),
     .initial = "80",
     .minimum = 40,
     .maximum = 256,
     .argument = "N",
     .help = "width of what --once prints"},
    {.name = "tls",
     .kind = OPTION_ON,
     .offset = offsetof(struct options, tls.is_on),
     .help = "servers speak TLS 1.2 or 1.3"},
    {.name = "tls-ca",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, tls.ca_path),
     .argument = "FILE",
     .help = "certificates that theirs must come from (PEM); without it those that the system trusts"},
    {.name = "tls-no-verify",
     .kind = OPTION_ON,
     .offset = offsetof(struct options, tls.no_verify),
     .help = "whoever answers is believed"},
    {.name = "tls-cert",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, tls.cert_path),
     .argument = "FILE",
     .help = "the client's own certificate and those behind it (PEM)"},
    {.name = "tls-key",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, tls.key_path),
     .argument = "FILE",
     .help = "the key of --tls-cert (PEM); without it that file has it too"},
    {.name = "tls-name",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, tls.name),
     .argument = "NAME",
     .help =
         "the name that servers are asked for and that their certificates must have; without it the host"},
    {.name = "help",
     .letter = 'h',
     .kind = OPTION_SHOW,
     .offset = offsetof(struct options, help),
     .argument = OPTIONS_HELP_WORDS,
     .help = "this text; its options as tables, for the manual, or as what completes the command line in a "
             "shell"},
    {.name = "version",
     .letter = 'V',
     .kind = OPTION_SHOW,
     .offset = offsetof(struct options, version),
     .help = "the version"},
};

enum { ROWS_COUNT = sizeof(rows) / sizeof(rows[0]) };

const struct options_table options_table = {
    .program = "riposte-top",
    .options = rows,
    .options_count = ROWS_COUNT,
    .sections = sections,
    .given_offset = offsetof(struct options, given),
    .operand = "server",
    .operand_offset = offsetof(struct options, servers),
    .operand_repeats = true,
    .introduction = "riposte-top " RIPOSTE_VERSION ": what caches do, second by second\n"
                    "\n"
                    "  riposte-top [options] [host[:port] | unix:PATH]...\n"
                    "\n"
                    "Shows requests by command, hits, memory, evictions, connections, workers and the "
                    "busiest keys of one "
                    "server, or of several and their sum. Of memcached it shows what that tells of itself. "
                    "Without a server "
                    "127.0.0.1:11211 is looked at.\n",
    .conclusion = "Keys: q ends, p pauses, s sorts by another column. A p99 of several servers is that of "
                  "the slowest.\n"
                  "\n"
                  "Exit status: 0; 1 with --once when a server did not answer; 64 usage; 68 a name cannot be "
                  "resolved; 69 "
                  "no terminal.\n",
};

static bool tls_is_named(const struct tls_settings *tls) {
    return tls->ca_path != NULL || tls->no_verify || tls->cert_path != NULL || tls->key_path != NULL ||
           tls->name != NULL;
}

static void show(const struct options *options) {
    if (options->version != SHOW_NOT) {
        puts("riposte-top " RIPOSTE_VERSION);
    } else {
        options_help_as(&options_table, options->help, stdout);
    }
}

enum options_outcome options_table_read(struct options *options, int arguments_count,
                                        const char *const *arguments, struct failure *failure) {
    static_assert(ROWS_COUNT <= sizeof(((struct options *)NULL)->given), "a mark for every row");
    memset(options, 0, sizeof(*options));
    enum options_outcome outcome =
        options_parse(&options_table, options, arguments_count, arguments, failure);
    if (outcome == OPTIONS_SHOW) {
        show(options);
    } else if (outcome == OPTIONS_COMPLETE && !options->tls.is_on && tls_is_named(&options->tls)) {
        failure_write(failure, EX_USAGE, "options of TLS need --tls");
        outcome = OPTIONS_REFUSED;
    } else if (outcome == OPTIONS_COMPLETE && options->servers.count == 0) {
        options->servers.texts[options->servers.count++] = "127.0.0.1:11211";
    }
    return outcome;
}
