/* SPDX-License-Identifier: MIT
 *
 * options_table: the rows, what --help says around them, and what one option says of another. See
 * options_table.h.
 */
#include "options_table.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "units.h"

/* What the parser fills: the options, and what only this file wants to know. */
struct command_line {
    struct options options; /* first: the readers of option_forms.c get this struct */
    enum option_show help;
    enum option_show version;
    const char *target; /* NULL: none was given */
    bool given[64];
};

/* --- the rows ---------------------------------------------------------------------------------------------
 */

enum section { SERVER, TLS, CONNECTIONS, LOAD, WORKLOAD, GENERATOR, OUTPUT, SECTION_COUNT };

static const struct options_section sections[] = {
    [SERVER] = {.title = "The server"},       [TLS] = {.title = "TLS"},
    [CONNECTIONS] = {.title = "Connections"}, [LOAD] = {.title = "The load"},
    [WORKLOAD] = {.title = "The workload"},   [GENERATOR] = {.title = "The generator"},
    [OUTPUT] = {.title = "The output"},       [SECTION_COUNT] = {.title = NULL},
};

#define HOUR_NS     (3600 * INT64_C(1000000000))
#define FIELD(name) offsetof(struct command_line, name)

/* Readers stand in place of a field where the argument has a form of its own. */
#define ROW(section_, name_, letter_, kind_, field_, initial_, limits_minimum, limits_maximum, argument_,    \
            help_)                                                                                           \
    {                                                                                                        \
        .section = (section_), .name = (name_), .letter = (letter_), .kind = OPTION_##kind_,                 \
        .offset = FIELD(field_), .initial = (initial_), .minimum = (limits_minimum),                         \
        .maximum = (limits_maximum), .argument = (argument_), .help = (help_)                                \
    }
#define OTHER(section_, name_, letter_, read_, initial_, expected_, argument_, help_)                        \
    {                                                                                                        \
        .section = (section_), .name = (name_), .letter = (letter_), .kind = OPTION_OTHER, .read = (read_),  \
        .initial = (initial_), .expected = (expected_), .argument = (argument_), .help = (help_)             \
    }

static_assert(sizeof(enum refill) == sizeof(uint32_t), "a WORD's field may be an enum");

/* Words stand in the order of their enums. */
static const struct option rows[] = {
    ROW(SERVER, "protocol", 'P', WORD, options.protocol, "memcached", 0, 0, "memcached|meta|noop|http|resp",
        "memcached (get, set), meta (mg, ms), noop (mn: neither keys nor values), http (GET, PUT) or resp "
        "(Redis, Valkey); a target with protocol:// goes first, but memcached:// can be meta or noop too"),
    ROW(SERVER, "unix", 0, TEXT, options.unix_path, NULL, 0, 0, "PATH",
        "a Unix socket instead of host and port"),
    OTHER(SERVER, "meta-flags", 0, form_meta_flags_read, "v", "flags with v among them and neither q nor O",
          "FLAGS", "flags of mg; v must be among them, k makes replies name their key"),

    ROW(TLS, "tls", 0, ON, options.tls.is_on, NULL, 0, 0, NULL,
        "connections speak TLS 1.2 or 1.3; so they do when the target is https:// or rediss://"),
    ROW(TLS, "tls-ca", 0, TEXT, options.tls.ca_path, NULL, 0, 0, "FILE",
        "certificates that the server's must come from (PEM); without it those that the system trusts"),
    ROW(TLS, "tls-no-verify", 0, ON, options.tls.no_verify, NULL, 0, 0, NULL, "whoever answers is believed"),
    ROW(TLS, "tls-cert", 0, TEXT, options.tls.cert_path, NULL, 0, 0, "FILE",
        "the client's own certificate and those behind it (PEM)"),
    ROW(TLS, "tls-key", 0, TEXT, options.tls.key_path, NULL, 0, 0, "FILE",
        "the key of --tls-cert (PEM); without it that file has it too"),
    ROW(TLS, "tls-name", 0, TEXT, options.tls.name, NULL, 0, 0, "NAME",
        "the name that the server is asked for (SNI) and that its certificate must have; without it the "
        "target's host"),
    ROW(TLS, "tls-ciphers", 0, TEXT, options.tls.ciphers, NULL, 0, 0, "LIST",
        "suites of TLS 1.3 (TLS_AES_128_GCM_SHA256) or ciphers of TLS 1.2, colons between; see "
        "openssl-ciphers(1)"),
    ROW(TLS, "tls-version", 0, WORD, options.tls.version, "auto", 0, 0, "auto|1.2|1.3", "only this one"),
    ROW(TLS, "tls-resume", 0, ON, options.tls.resume, NULL, 0, 0, NULL,
        "with --churn: a connection takes up the session of the one before it; without this every handshake "
        "is a full "
        "one"),

    ROW(CONNECTIONS, "connections", 'c', THOUSANDS, options.connections_count, "64", 1, 1000000, "N",
        "connections, over all threads"),
    ROW(CONNECTIONS, "threads", 'T', THOUSANDS, options.threads_count, "1", 1, 1024, "N",
        "threads, each with its own io_uring and its share of all else"),
    ROW(CONNECTIONS, "depth", 'd', THOUSANDS, options.depth, "1", 1, 4096, "N",
        "requests in flight on one connection (pipelining)"),
    ROW(CONNECTIONS, "refill", 0, WORD, options.refill, "all", 0, 0, "all|any",
        "all: the next batch follows when all replies are in, so that a batch is always one send; any: after "
        "each "
        "receive"),
    ROW(CONNECTIONS, "idle", 0, THOUSANDS, options.idle_count, "0", 0, 1000000, "N",
        "connections more that never say a word"),
    ROW(CONNECTIONS, "churn", 0, THOUSANDS, options.churn_count, "0", 0, UINT32_MAX, "N",
        "close each connection after N requests and make a new one; latency then includes connecting (and "
        "the handshake of TLS). 0: "
        "connections stay"),

    ROW(LOAD, "rate", 'r', THOUSANDS, options.rate_per_s, "0", 0, 1000000000, "N",
        "requests per second, an open loop: latency counts from the intended time. 0: closed loop, as fast "
        "as "
        "replies come"),
    OTHER(LOAD, "arrival", 0, form_arrival_read, "poisson",
          "poisson or fixed; a closed loop is what runs without --rate", "poisson|fixed",
          "of an open loop: poisson (independent users) or fixed (a metronome)"),
    OTHER(LOAD, "sweep", 0, form_sweep_read, NULL,
          "rates (10k,20k,50k) or ranges FROM:TO:STEP (50k:400k:50k), at most 256", "RATES",
          "one run per rate, latency at each: 10k,20k,50k or 50k:400k:50k; ends when the server no longer "
          "keeps up"),
    ROW(LOAD, "duration", 't', DURATION, options.duration_ns, "10s", 0, 24 * HOUR_NS, "TIME",
        "how long to measure (200ms, 10s, 5m), per rate of a sweep"),
    ROW(LOAD, "requests", 'n', THOUSANDS, options.requests_count, "0", 0, UINT64_MAX, "N",
        "measure so many requests; without -t for as long as it takes"),
    ROW(LOAD, "warmup", 'w', DURATION, options.warmup_ns, "1s", 0, HOUR_NS, "TIME",
        "load that is not counted, before"),
    ROW(LOAD, "timeout", 0, DURATION, options.timeout_ns, "5s", 1000000, HOUR_NS, "TIME",
        "a connect or a reply that takes longer ends the run"),

    ROW(WORKLOAD, "keys", 'k', THOUSANDS, options.keys_count, "10k", 1, UINT32_MAX, "N", "key space"),
    ROW(WORKLOAD, "key-size", 0, THOUSANDS, options.key_size, "16", 1, KEY_SIZE_MAX, "BYTES",
        "of every key; prefix, then digits"),
    OTHER(WORKLOAD, "key-prefix", 0, form_key_prefix_read, "key:", "a text without spaces", "TEXT",
          "what keys begin with"),
    OTHER(WORKLOAD, "value-size", 'v', form_value_size_read, "32",
          "a size (32, 16k), a range (100-1000) or sizes with shares (32:60,1k:30,16k:10), up to 1g", "SIZES",
          "one size (32, 16k), a range (100-1000), or sizes with shares (32:60,1k:30,16k:10); a key always "
          "has the "
          "same size"),
    OTHER(WORKLOAD, "ratio", 'R', form_ratio_read, "100:0", "two numbers, gets:sets, as in 90:10",
          "GETS:SETS", "as in 90:10; drawn at random"),
    OTHER(WORKLOAD, "popularity", 0, form_popularity_read, "uniform",
          "uniform, zipf (exponent 0.99) or zipf:EXPONENT (above 0, at most 10)", "HOW",
          "of the keys: uniform, zipf (exponent 0.99) or zipf:EXPONENT"),
    ROW(WORKLOAD, "seed", 's', THOUSANDS, options.seed, "1", 0, UINT64_MAX, "N",
        "of keys, kinds and gaps; the same seed is the same load"),
    ROW(WORKLOAD, "preload", 0, WORD, options.preload, "auto", 0, 0, "auto|no|only",
        "auto: every key is stored first when there are gets; no; only: stored and nothing measured"),

    ROW(GENERATOR, "check", 0, WORD, options.check, "full", 0, 0, "full|length|none",
        "of each reply: full (kind, key, length, every byte), length, none"),
    OTHER(GENERATOR, "cpu", 0, form_cpus_read, NULL, "CPU numbers, as in 1 or 2,4-7", "LIST",
          "run thread n on the n-th of these CPUs, as in 1 or 2,4-7"),
    ROW(GENERATOR, "wait", 0, WORD, options.wait, "auto", 0, 0, "auto|spin|sleep",
        "spin: own the CPU, see replies at once; sleep: share it, pay a wake-up; auto: spin with --cpu or "
        "more CPUs "
        "than threads"),
    ROW(GENERATOR, "receive", 0, WORD, options.receive, "auto", 0, 0, "auto|multishot|single",
        "multishot into shared buffers (Linux 6.0), or single; auto takes multishot where there is one and "
        "single "
        "with --churn"),

    ROW(OUTPUT, "json", 0, TEXT, options.json_path, NULL, 0, 0, "FILE",
        "write settings and results as JSON; - is standard output, instead of the text"),
    ROW(OUTPUT, "quiet", 'q', ON, options.quiet, NULL, 0, 0, NULL, "no progress line"),
    ROW(OUTPUT, "help", 'h', SHOW, help, NULL, 0, 0, OPTIONS_HELP_WORDS,
        "this text; its options as tables, for the manual, or as what completes the command line in a shell"),
    ROW(OUTPUT, "version", 'V', SHOW, version, NULL, 0, 0, NULL, "the version"),
};

enum { ROWS_COUNT = sizeof(rows) / sizeof(rows[0]) };

/* What users of redis-benchmark and memtier_benchmark type. */
static const struct options_alias aliases[] = {
    {"clients", "connections"},  {"pipeline", "depth"}, {"test-time", "duration"},
    {"data-size", "value-size"}, {NULL, NULL},
};

const struct options_table options_table = {
    .program = "riposte-load",
    .options = rows,
    .options_count = ROWS_COUNT,
    .sections = sections,
    .aliases = aliases,
    .given_offset = offsetof(struct command_line, given),
    .operand = "target",
    .operand_offset = offsetof(struct command_line, target),
    .introduction =
        "riposte-load " RIPOSTE_VERSION ": loads a cache or a web server and says how it answered\n"
        "\n"
        "  riposte-load [options] [protocol://]host[:port][/path]\n"
        "\n"
        "  riposte-load 127.0.0.1:11211                        memcached, 64 connections, gets of 32 bytes, "
        "10 s\n"
        "  riposte-load -d 16 redis://127.0.0.1                Redis or Valkey, 16 requests pipelined\n"
        "  riposte-load -c 16 http://127.0.0.1:8080/logo.png   every reply must equal the first\n"
        "  riposte-load http://127.0.0.1:8080/store/{key}      PUTs every key, then GETs them\n"
        "  riposte-load -R 90:10 -k 1m --popularity zipf -v 100 127.0.0.1       a cache's daily life\n"
        "  riposte-load -r 50k 127.0.0.1                       open loop: latency at 50,000 requests/s\n"
        "  riposte-load --sweep 50k:400k:50k -t 3s 127.0.0.1   latency at each rate, up to the knee\n"
        "  riposte-load noop://127.0.0.1                       mn: what a round trip costs without a cache\n"
        "  riposte-load --churn 1 127.0.0.1                    connect, one request, close\n"
        "  riposte-load --tls --tls-ca ca.pem --churn 1 cache.example.org       full handshakes per second\n"
        "  riposte-load --idle 10k -c 64 127.0.0.1             64 busy among 10,000 idle connections\n"
        "\n"
        "Closed loop or open loop? Without --rate each connection sends its next request when the last was "
        "answered: good for the highest throughput, but when the server stalls the load stops too, so that "
        "one "
        "long stall counts as one slow request (\"coordinated omission\"). With --rate the requests have "
        "their "
        "times, whatever the server does, and latency counts from the intended time: what users would see. "
        "Quote "
        "latencies of an open loop.\n",
    .conclusion =
        "What is printed. requests/s and bytes/s count replies that came in the measured time. Latency "
        "covers "
        "every request of that time, until its last byte; percentiles are at most 1.6 % too high. A request "
        "that "
        "was due and could not be sent before the end counts with the time it had waited. Misses are no "
        "fault; "
        "error replies and wrong replies (another kind, key, length or value) are. \"lateness\" is the "
        "generator's own: from when a request was due and its connection free until it was encoded. \"busy\" "
        "is "
        "the share of time the generator had work: near 100 % the figures describe the generator, not the "
        "server "
        "(a warning says so): give it more threads.\n"
        "\n"
        "For a comparison: server and generator on CPUs of their own (taskset, --cpu), the same seed, "
        "several "
        "rounds.\n"
        "\n"
        "Exit status: 0 every reply was right; 1 there were error replies or wrong replies; 2 the run ended "
        "early, "
        "since the server was dead, stalled beyond --timeout, or sent what is no reply; 64 usage; 71 no "
        "io_uring, "
        "descriptors or memory.\n",
};

/* --- what one option says of another ----------------------------------------------------------------------
 */

static const char *tls_contradiction_find(const struct tls_settings *tls) {
    bool is_named = tls->ca_path != NULL || tls->no_verify || tls->cert_path != NULL ||
                    tls->key_path != NULL || tls->name != NULL || tls->ciphers != NULL ||
                    tls->version != TLS_VERSION_AUTO || tls->resume;
    if (is_named && !tls->is_on) {
        return "options of TLS need --tls, or a target https://";
    }
    if (tls->key_path != NULL && tls->cert_path == NULL) {
        return "--tls-key needs the certificate that it is of (--tls-cert)";
    }
    return NULL;
}

/* A reason why the options cannot go together, or NULL. */
static const char *contradiction_find(const struct options *options) {
    if (options->threads_count > options->connections_count) {
        return "there must be at least as many connections as threads";
    }
    if (options->sweep_count > 0 && options->rate_per_s > 0) {
        return "--sweep and --rate exclude each other";
    }
    if (options->duration_ns == 0 && options->requests_count == 0) {
        return "the run would have no end: give -t or -n";
    }
    if (options->sweep_count > 0 && options->duration_ns == 0) {
        return "--sweep needs a duration for each rate";
    }
    if (strpbrk(options->target.path, " \r\n\t") != NULL) {
        return "a path has no spaces; write %20";
    }
    return tls_contradiction_find(&options->tls);
}

/* A target's protocol goes before the option's; but memcached:// may be spoken to in each of its dialects. */
static enum protocol_kind protocol_choose(const struct options *options) {
    bool is_dialect_of_memcached = options->protocol == PROTOCOL_META || options->protocol == PROTOCOL_NOOP;
    if (!options->target.has_protocol ||
        (options->target.protocol == PROTOCOL_MEMCACHED && is_dialect_of_memcached)) {
        return options->protocol;
    }
    return options->target.protocol;
}

static bool target_take(struct command_line *line, struct failure *failure) {
    const char *text = line->target != NULL ? line->target : "";
    const char *reason;
    if (*text == '\0' && line->options.unix_path == NULL) {
        return failure_set(failure, EXIT_CODE_USAGE,
                           "a target is missing, as in 127.0.0.1:11211; see --help");
    }
    if (!target_parse(text, &line->options.target, &reason)) {
        return failure_set(failure, EXIT_CODE_USAGE, "%s: %s", text, reason);
    }
    line->options.protocol = protocol_choose(&line->options);
    line->options.tls.is_on |= line->options.target.has_tls;
    return true;
}

static bool was_given(const struct command_line *line, size_t offset) {
    for (unsigned i = 0; i < ROWS_COUNT; i++) {
        if (rows[i].kind != OPTION_OTHER && rows[i].offset == offset) {
            return line->given[i];
        }
    }
    return false;
}

static bool options_complete(struct command_line *line, struct failure *failure) {
    if (line->options.requests_count > 0 && !was_given(line, FIELD(options.duration_ns))) {
        line->options.duration_ns = 0;
    }
    if (!target_take(line, failure)) {
        return false;
    }
    const char *contradiction = contradiction_find(&line->options);
    return contradiction == NULL || failure_set(failure, EXIT_CODE_USAGE, "%s", contradiction);
}

static void show(const struct command_line *line) {
    if (line->version != SHOW_NOT) {
        puts("riposte-load " RIPOSTE_VERSION);
    } else {
        options_help_as(&options_table, line->help, stdout);
    }
}

enum options_outcome options_table_read(struct options *options, int arguments_count,
                                        const char *const *arguments, struct failure *failure) {
    static_assert(ROWS_COUNT <= sizeof(((struct command_line *)NULL)->given), "a mark for every row");
    struct command_line line = {0};
    enum options_outcome outcome = options_parse(&options_table, &line, arguments_count, arguments, failure);
    if (outcome == OPTIONS_SHOW) {
        show(&line);
    }
    if (outcome == OPTIONS_COMPLETE && !options_complete(&line, failure)) {
        outcome = OPTIONS_REFUSED;
    }
    *options = line.options;
    return outcome;
}
