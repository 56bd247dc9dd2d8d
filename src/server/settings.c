/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "option_value.h"

/*
 * A name whose value does not depend on the command line has it here; the others come from the row of the
 * table that claims them.
 */
static const struct setting {
    const char *name;
    const char *value;
} settings[] = {
    {"maxbytes", NULL},
    {"maxconns", NULL},
    {"tcpport", NULL},
    {"udpport", "0"},
    {"inter", NULL},
    {"verbosity", NULL},
    {"oldest", "0"},
    {"evictions", NULL},
    {"domain_socket", NULL},
    {"umask", NULL},
    {"shutdown_command", NULL},
    {"growth_factor", NULL},
    {"chunk_size", NULL},
    {"num_threads", NULL},
    {"num_threads_per_udp", "0"},
    {"stat_key_prefix", NULL},
    {"detail_enabled", NULL},
    {"reqs_per_event", NULL},
    {"cas_enabled", NULL},
    {"tcp_backlog", NULL},
    {"binding_protocol", NULL},
    {"auth_enabled_sasl", "no"},
    {"auth_enabled_ascii", NULL},
    {"item_size_max", NULL},
    {"maxconns_fast", NULL},
    {"hashpower_init", NULL},
    {"slab_reassign", NULL},
    {"slab_automove", NULL},
    {"slab_automove_ratio", NULL},
    {"slab_automove_window", NULL},
    {"slab_chunk_max", NULL},
    {"lru_crawler", NULL},
    {"lru_crawler_sleep", NULL},
    {"lru_crawler_tocrawl", NULL},
    {"tail_repair_time", NULL},
    {"flush_enabled", NULL},
    {"dump_enabled", NULL},
    {"hash_algorithm", "xxh3"},
    {"lru_maintainer_thread", NULL},
    {"lru_segmented", "no"},
    {"hot_lru_pct", NULL},
    {"warm_lru_pct", NULL},
    {"hot_max_factor", NULL},
    {"warm_max_factor", NULL},
    {"temp_lru", "no"},
    {"temporary_ttl", NULL},
    {"idle_timeout", NULL},
    {"watcher_logbuf_size", NULL},
    {"worker_logbuf_size", NULL},
    {"read_buf_mem_limit", NULL},
    {"track_sizes", NULL},
    {"inline_ascii_response", NULL},
    {"num_napi_ids", "(null)"},
    {"memory_file", "(null)"},
    {"client_flags_size", "4"},
};

/* Four values are worded otherwise than the flags they come from; NULL for all the rest. */
static const char *setting_worded(const char *name, const struct options *options) {
    if (strcmp(name, "evictions") == 0) {
        return options->evictions ? "on" : "off";
    }
    if (strcmp(name, "binding_protocol") == 0) {
        return options->protocol == PROTOCOL_ASCII ? "ascii" : "auto-negotiate";
    }
    if (strcmp(name, "detail_enabled") == 0) {
        return options->given[OPTION_INDEX_stat_key_prefix] ? "yes" : "no";
    }
    if (strcmp(name, "auth_enabled_ascii") == 0) {
        return options->auth_file != NULL ? options->auth_file : "no";
    }
    return NULL;
}

static const struct option *setting_option(const char *name) {
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        if (option_table[i].setting != NULL && strcmp(option_table[i].setting, name) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

static void setting_format(const struct setting *setting, const struct options *options,
                           char text[OPTION_VALUE_SIZE_MAX]) {
    const char *worded = setting->value == NULL ? setting_worded(setting->name, options) : setting->value;
    if (worded != NULL) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s", worded);
        return;
    }
    const struct option *option = setting_option(setting->name);
    assert(option != NULL);
    option_value_format(option, options, text);
}

void settings_write(void *options, void (*line)(void *target, const char *name, struct bytes value),
                    void *target) {
    char text[OPTION_VALUE_SIZE_MAX];
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        setting_format(&settings[i], options, text);
        /* A value is one word: a path or an address may hold anything. */
        for (char *character = text; *character != '\0'; character++) {
            *character = *character > ' ' && *character <= '~' ? *character : '_';
        }
        line(target, settings[i].name, bytes_from_string(text));
    }
}
