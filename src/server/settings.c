/* SPDX-License-Identifier: MIT
 *
 * settings: each name with where its value comes from. See settings.h.
 */
#include "settings.h"

#include <inttypes.h>
#include <stdio.h>

/* Five values are worded otherwise than the flags they come from. */

static const char *evictions_word(const struct options *options) {
    return options->evictions ? "on" : "off";
}

static const char *protocol_word(const struct options *options) {
    return options->protocol == PROTOCOL_ASCII ? "ascii" : "auto-negotiate";
}

static const char *detail_word(const struct options *options) {
    return options->given[OPTION_INDEX_stat_key_prefix] ? "yes" : "no";
}

static const char *auth_word(const struct options *options) {
    return options->auth_file != NULL ? options->auth_file : "no";
}

static const char *memory_file_word(const struct options *options) {
    return options->memory_file != NULL ? options->memory_file : "(null)";
}

static const struct setting {
    const char *name;
    const char *fixed;                                  /* the value, whatever the command line says, or */
    const char *(*word)(const struct options *options); /* a function that finds it, or */
    enum option_index option;                           /* the option whose value it is */
} settings[] = {
    {"maxconns", .option = OPTION_INDEX_conn_limit},
    {"tcpport", .option = OPTION_INDEX_port},
    {"udpport", .fixed = "0"},
    {"inter", .option = OPTION_INDEX_listen},
    {"verbosity", .option = OPTION_INDEX_verbose},
    {"oldest", .fixed = "0"},
    {"evictions", .word = evictions_word},
    {"domain_socket", .option = OPTION_INDEX_unix_socket},
    {"umask", .option = OPTION_INDEX_unix_mask},
    {"shutdown_command", .option = OPTION_INDEX_enable_shutdown},
    {"growth_factor", .option = OPTION_INDEX_slab_growth_factor},
    {"chunk_size", .option = OPTION_INDEX_slab_min_size},
    {"num_threads", .option = OPTION_INDEX_threads},
    {"num_threads_per_udp", .fixed = "0"},
    {"stat_key_prefix", .option = OPTION_INDEX_stat_key_prefix},
    {"detail_enabled", .word = detail_word},
    {"reqs_per_event", .option = OPTION_INDEX_max_reqs_per_event},
    {"cas_enabled", .option = OPTION_INDEX_cas},
    {"tcp_backlog", .option = OPTION_INDEX_listen_backlog},
    {"binding_protocol", .word = protocol_word},
    {"auth_enabled_sasl", .fixed = "no"},
    {"auth_enabled_ascii", .word = auth_word},
    {"item_size_max", .option = OPTION_INDEX_max_item_size},
    {"maxconns_fast", .option = OPTION_INDEX_maxconns_fast},
    {"hashpower_init", .option = OPTION_INDEX_hashpower},
    {"slab_reassign", .option = OPTION_INDEX_slab_reassign},
    {"slab_automove", .option = OPTION_INDEX_slab_automove},
    {"slab_automove_ratio", .option = OPTION_INDEX_slab_automove_ratio},
    {"slab_automove_window", .option = OPTION_INDEX_slab_automove_window},
    {"slab_chunk_max", .option = OPTION_INDEX_slab_chunk_max},
    {"lru_crawler", .option = OPTION_INDEX_lru_crawler},
    {"lru_crawler_sleep", .option = OPTION_INDEX_lru_crawler_sleep},
    {"lru_crawler_tocrawl", .option = OPTION_INDEX_lru_crawler_tocrawl},
    {"tail_repair_time", .option = OPTION_INDEX_tail_repair_time},
    {"flush_enabled", .option = OPTION_INDEX_flush_all},
    {"dump_enabled", .option = OPTION_INDEX_dumping},
    {"hash_algorithm", .fixed = "xxh3"},
    {"lru_maintainer_thread", .option = OPTION_INDEX_lru_maintainer},
    {"lru_segmented", .fixed = "no"},
    {"hot_lru_pct", .option = OPTION_INDEX_hot_lru_pct},
    {"warm_lru_pct", .option = OPTION_INDEX_warm_lru_pct},
    {"hot_max_factor", .option = OPTION_INDEX_hot_max_factor},
    {"warm_max_factor", .option = OPTION_INDEX_warm_max_factor},
    {"temp_lru", .fixed = "no"},
    {"temporary_ttl", .option = OPTION_INDEX_temporary_ttl},
    {"idle_timeout", .option = OPTION_INDEX_idle_timeout},
    {"watcher_logbuf_size", .option = OPTION_INDEX_watcher_logbuf_size},
    {"worker_logbuf_size", .option = OPTION_INDEX_worker_logbuf_size},
    {"read_buf_mem_limit", .option = OPTION_INDEX_read_buf_mem_limit},
    {"track_sizes", .option = OPTION_INDEX_track_sizes},
    {"inline_ascii_response", .option = OPTION_INDEX_inline_ascii_resp},
    {"num_napi_ids", .fixed = "(null)"},
    {"memory_file", .word = memory_file_word},
    {"client_flags_size", .fixed = "4"},
};

/* Where there are certificates. */
static const struct setting settings_tls[] = {
    {"ssl_enabled", .option = OPTION_INDEX_enable_ssl},
    {"ssl_chain_cert", .option = OPTION_INDEX_ssl_chain_cert},
    {"ssl_key", .option = OPTION_INDEX_ssl_key},
    {"ssl_verify_mode", .option = OPTION_INDEX_ssl_verify_mode},
    {"ssl_keyformat", .option = OPTION_INDEX_ssl_keyformat},
    {"ssl_ciphers", .option = OPTION_INDEX_ssl_ciphers},
    {"ssl_ca_cert", .option = OPTION_INDEX_ssl_ca_cert},
    {"ssl_wbuf_size", .option = OPTION_INDEX_ssl_wbuf_size},
    {"ssl_session_cache", .option = OPTION_INDEX_ssl_session_cache},
    {"ssl_kernel_tls", .option = OPTION_INDEX_ssl_kernel_tls},
    {"ssl_min_version", .option = OPTION_INDEX_ssl_min_version},
};

static void setting_format(const struct setting *setting, const struct options *options,
                           char text[OPTION_VALUE_SIZE_MAX]) {
    const char *word = setting->word != NULL ? setting->word(options) : setting->fixed;
    if (word != NULL) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s", word);
    } else {
        option_format(&options_table.options[setting->option], options, text);
    }
}

/* Who is told the lines, and of what. */
struct settings_reader {
    const struct options *options;
    void (*line)(void *target, const char *name, struct bytes value);
    void *target;
};

static void settings_tell(const struct settings_reader *reader, const struct setting *rows,
                          size_t rows_count) {
    char text[OPTION_VALUE_SIZE_MAX];
    for (size_t i = 0; i < rows_count; i++) {
        setting_format(&rows[i], reader->options, text);
        /* A value is one word: a path or an address may hold anything. */
        for (char *character = text; *character != '\0'; character++) {
            *character = *character > ' ' && *character <= '~' ? *character : '_';
        }
        reader->line(reader->target, rows[i].name, bytes_from_string(text));
    }
}

void settings_write(void *options, uint64_t memory_limit,
                    void (*line)(void *target, const char *name, struct bytes value), void *target) {
    const struct settings_reader reader = {options, line, target};
    char text[OPTION_VALUE_SIZE_MAX];
    snprintf(text, sizeof(text), "%" PRIu64, memory_limit);
    line(target, "maxbytes", bytes_from_string(text)); /* the one that changes while the server runs */
    settings_tell(&reader, settings, sizeof(settings) / sizeof(settings[0]));
    if (reader.options->ssl_chain_cert.count > 0) {
        settings_tell(&reader, settings_tls, sizeof(settings_tls) / sizeof(settings_tls[0]));
    }
}
