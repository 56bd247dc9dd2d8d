/* SPDX-License-Identifier: MIT
 *
 * option_table: the options, and the readers of those whose argument has a form of its own.
 */
#include "option_table.h"

#include <string.h>

#include "quantity.h"

/* The part of *rest before the next comma; moves *rest behind it. False: *rest is used up. */
static bool list_take(const char **rest, struct bytes *item) {
    if (*rest == NULL) {
        return false;
    }
    size_t size = strcspn(*rest, ",");
    *item = bytes_of(*rest, size);
    *rest = (*rest)[size] == ',' ? *rest + size + 1 : NULL;
    return true;
}

/* Splits "a:b". False: there is no colon. */
static bool pair_take(struct bytes text, struct bytes *left, struct bytes *right) {
    const char *colon = text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    if (colon == NULL) {
        return false;
    }
    *left = bytes_of(text.data, (size_t)(colon - text.data));
    *right = bytes_of(colon + 1, text.size - left->size - 1);
    return true;
}

static const char *read_value_size(const char *text, struct options *options) {
    return value_sizes_parse(bytes_from_string(text), &options->value_sizes)
               ? NULL
               : "a size (32, 16k), a range (100-1000) or sizes with shares (32:60,1k:30,16k:10), up to 1g";
}

static const char *read_ratio(const char *text, struct options *options) {
    struct bytes gets;
    struct bytes sets;
    uint32_t get_share;
    uint32_t set_share;
    if (!pair_take(bytes_from_string(text), &gets, &sets) || !bytes_parse_u32(gets, &get_share) ||
        !bytes_parse_u32(sets, &set_share) || (get_share == 0 && set_share == 0)) {
        return "two numbers, gets:sets, as in 90:10";
    }
    options->ratio_gets = get_share;
    options->ratio_sets = set_share;
    return NULL;
}

static const char *read_popularity(const char *text, struct options *options) {
    uint64_t millionths = 990000;
    struct bytes name = bytes_from_string(text);
    struct bytes exponent;
    if (bytes_equal_string(name, "uniform")) {
        options->zipf_exponent = 0;
        return NULL;
    }
    bool has_exponent = pair_take(bytes_from_string(text), &name, &exponent);
    if (!bytes_equal_string(name, "zipf") ||
        (has_exponent && !quantity_parse_millionths(exponent, &millionths)) || millionths == 0 ||
        millionths > 10000000) {
        return "uniform, zipf (exponent 0.99) or zipf:EXPONENT (above 0, at most 10)";
    }
    options->zipf_exponent = (double)millionths / 1e6;
    return NULL;
}

/* FROM:TO:STEP */
static bool sweep_range_add(struct bytes item, struct options *options) {
    struct bytes from_text;
    struct bytes to_text;
    struct bytes step_text;
    uint64_t from;
    uint64_t to;
    uint64_t step;
    if (!pair_take(item, &from_text, &to_text) || !pair_take(to_text, &to_text, &step_text) ||
        !quantity_parse_count(from_text, &from) || !quantity_parse_count(to_text, &to) ||
        !quantity_parse_count(step_text, &step) || from == 0 || from > to || step == 0) {
        return false;
    }
    for (uint64_t rate = from; rate <= to && options->sweep_count < OPTIONS_SWEEP_MAX; rate += step) {
        options->sweep_rates[options->sweep_count++] = rate;
    }
    return true;
}

static const char *read_sweep(const char *text, struct options *options) {
    static const char wrong[] = "rates (10k,20k,50k) or ranges FROM:TO:STEP (50k:400k:50k), at most 256";
    struct bytes item;
    options->sweep_count = 0;
    while (list_take(&text, &item)) {
        uint64_t rate;
        bool is_rate = quantity_parse_count(item, &rate) && rate > 0;
        if (options->sweep_count == OPTIONS_SWEEP_MAX || (!is_rate && !sweep_range_add(item, options))) {
            return wrong;
        }
        if (is_rate) {
            options->sweep_rates[options->sweep_count++] = rate;
        }
    }
    return NULL;
}

static bool cpus_add(struct bytes item, struct options *options) {
    const char *dash = item.size == 0 ? NULL : memchr(item.data, '-', item.size);
    uint32_t first;
    uint32_t last;
    size_t first_size = dash == NULL ? item.size : (size_t)(dash - item.data);
    if (!bytes_parse_u32(bytes_of(item.data, first_size), &first)) {
        return false;
    }
    last = first;
    if (dash != NULL && !bytes_parse_u32(bytes_of(dash + 1, item.size - first_size - 1), &last)) {
        return false;
    }
    if (first > last || last >= CPU_SETSIZE || options->cpus_count + (last - first) >= OPTIONS_CPUS_MAX) {
        return false;
    }
    for (uint32_t cpu = first; cpu <= last; cpu++) {
        options->cpus[options->cpus_count++] = cpu;
    }
    return true;
}

static const char *read_cpus(const char *text, struct options *options) {
    struct bytes item;
    options->cpus_count = 0;
    while (list_take(&text, &item)) {
        if (!cpus_add(item, options)) {
            return "CPU numbers, as in 1 or 2,4-7";
        }
    }
    return NULL;
}

/* In the order of the enums. */
static const char *const protocol_words[] = {"memcached", "meta", "noop", "http", "resp", NULL};
static const char *const refill_words[] = {"all", "any", NULL};
static const char *const arrival_words[] = {"closed", "fixed", "poisson", NULL};
static const char *const preload_words[] = {"auto", "no", "only", NULL};
static const char *const check_words[] = {"full", "length", "none", NULL};
static const char *const wait_words[] = {"auto", "spin", "sleep", NULL};
static const char *const receive_words[] = {"auto", "multishot", "single", NULL};

#define FIELD(name) offsetof(struct options, name)
#define HOUR_NS     (3600 * UINT64_C(1000000000))

const struct option_row option_table[] = {
    {.kind = OPTION_HEADING, .help = "The server"},
    {OPTION_WORD, 'P', "protocol", "NAME", FIELD(protocol), 0, 0, "memcached", protocol_words, NULL,
     "memcached (get, set), meta (mg, ms), noop (mn: neither keys nor\nvalues), http (GET, PUT) or resp "
     "(Redis, Valkey); a target with\nprotocol:// goes first, but memcached:// can be meta or noop too"},
    {OPTION_TEXT, 0, "unix", "PATH", FIELD(unix_path), 0, 0, NULL, NULL, NULL,
     "a Unix socket instead of host and port"},
    {OPTION_TEXT, 0, "meta-flags", "FLAGS", FIELD(meta_flags), 0, 0, "v", NULL, NULL,
     "flags of mg; v must be among them, k makes replies name their key"},

    {.kind = OPTION_HEADING, .help = "Connections"},
    {OPTION_COUNT, 'c', "connections", "N", FIELD(connections_count), 1, 1000000, "64", NULL, NULL,
     "connections, over all threads"},
    {OPTION_COUNT, 'T', "threads", "N", FIELD(threads_count), 1, 1024, "1", NULL, NULL,
     "threads, each with its own io_uring and its share of all else"},
    {OPTION_COUNT, 'd', "depth", "N", FIELD(depth), 1, 4096, "1", NULL, NULL,
     "requests in flight on one connection (pipelining)"},
    {OPTION_WORD, 0, "refill", "WHEN", FIELD(refill), 0, 0, "all", refill_words, NULL,
     "all: the next batch follows when all replies are in, so that a\nbatch is always one send; any: after "
     "each receive"},
    {OPTION_COUNT, 0, "idle", "N", FIELD(idle_count), 0, 1000000, "0", NULL, NULL,
     "connections more that never say a word"},
    {OPTION_COUNT, 0, "churn", "N", FIELD(churn_count), 0, UINT32_MAX, "0", NULL, NULL,
     "close each connection after N requests and make a new one;\nlatency then includes connecting. 0: "
     "connections stay"},

    {.kind = OPTION_HEADING, .help = "The load"},
    {OPTION_COUNT, 'r', "rate", "N", FIELD(rate_per_s), 0, 1000000000, "0", NULL, NULL,
     "requests per second, an open loop: latency counts from the\nintended time. 0: closed loop, as fast as "
     "replies come"},
    {OPTION_WORD, 0, "arrival", "HOW", FIELD(arrival), 0, 0, "poisson", arrival_words, NULL,
     "of an open loop: poisson (independent users) or fixed (a metronome)"},
    {OPTION_OTHER, 0, "sweep", "RATES", 0, 0, 0, NULL, NULL, read_sweep,
     "one run per rate, latency at each: 10k,20k,50k or 50k:400k:50k;\nends when the server no longer keeps "
     "up"},
    {OPTION_DURATION, 't', "duration", "TIME", FIELD(duration_ns), 0, 24 * HOUR_NS, "10s", NULL, NULL,
     "how long to measure (200ms, 10s, 5m), per rate of a sweep"},
    {OPTION_COUNT, 'n', "requests", "N", FIELD(requests_count), 0, UINT64_MAX, "0", NULL, NULL,
     "measure so many requests; without -t for as long as it takes"},
    {OPTION_DURATION, 'w', "warmup", "TIME", FIELD(warmup_ns), 0, HOUR_NS, "1s", NULL, NULL,
     "load that is not counted, before"},
    {OPTION_DURATION, 0, "timeout", "TIME", FIELD(timeout_ns), 1000000, HOUR_NS, "5s", NULL, NULL,
     "a connect or a reply that takes longer ends the run"},

    {.kind = OPTION_HEADING, .help = "The workload"},
    {OPTION_COUNT, 'k', "keys", "N", FIELD(keys_count), 1, UINT32_MAX, "10k", NULL, NULL, "key space"},
    {OPTION_COUNT, 0, "key-size", "BYTES", FIELD(key_size), 1, KEY_SIZE_MAX, "16", NULL, NULL,
     "of every key; prefix, then digits"},
    {OPTION_TEXT, 0, "key-prefix", "TEXT", FIELD(key_prefix), 0, 0, "key:", NULL, NULL,
     "what keys begin with"},
    {OPTION_OTHER, 'v', "value-size", "SIZES", 0, 0, 0, "32", NULL, read_value_size,
     "one size (32, 16k), a range (100-1000), or sizes with shares\n(32:60,1k:30,16k:10); a key always has "
     "the same size"},
    {OPTION_OTHER, 'R', "ratio", "GETS:SETS", 0, 0, 0, "100:0", NULL, read_ratio,
     "as in 90:10; drawn at random"},
    {OPTION_OTHER, 0, "popularity", "HOW", 0, 0, 0, "uniform", NULL, read_popularity,
     "of the keys: uniform, zipf (exponent 0.99) or zipf:EXPONENT"},
    {OPTION_COUNT, 's', "seed", "N", FIELD(seed), 0, UINT64_MAX, "1", NULL, NULL,
     "of keys, kinds and gaps; the same seed is the same load"},
    {OPTION_WORD, 0, "preload", "WHEN", FIELD(preload), 0, 0, "auto", preload_words, NULL,
     "auto: every key is stored first when there are gets;\nno; only: stored and nothing measured"},

    {.kind = OPTION_HEADING, .help = "The generator"},
    {OPTION_WORD, 0, "check", "LEVEL", FIELD(check), 0, 0, "full", check_words, NULL,
     "of each reply: full (kind, key, length, every byte), length, none"},
    {OPTION_OTHER, 0, "cpu", "LIST", 0, 0, 0, NULL, NULL, read_cpus,
     "run thread n on the n-th of these CPUs, as in 1 or 2,4-7"},
    {OPTION_WORD, 0, "wait", "HOW", FIELD(wait), 0, 0, "auto", wait_words, NULL,
     "spin: own the CPU, see replies at once; sleep: share it, pay a\nwake-up; auto: spin with --cpu or more "
     "CPUs than threads"},
    {OPTION_WORD, 0, "receive", "HOW", FIELD(receive), 0, 0, "auto", receive_words, NULL,
     "multishot into shared buffers (Linux 6.0), or single; auto takes\nmultishot where there is one and "
     "single with --churn"},

    {.kind = OPTION_HEADING, .help = "The output"},
    {OPTION_TEXT, 0, "json", "FILE", FIELD(json_path), 0, 0, NULL, NULL, NULL,
     "write settings and results as JSON; - is standard output, instead\nof the text"},
    {OPTION_FLAG, 'q', "quiet", NULL, FIELD(quiet), 0, 0, NULL, NULL, NULL, "no progress line"},
};

const size_t option_table_count = sizeof(option_table) / sizeof(option_table[0]);
