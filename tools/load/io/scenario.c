/* SPDX-License-Identifier: MIT
 *
 * scenario: makes of the options what all threads read: server, keys, values, request texts.
 */
#include "scenario.h"

#include <sched.h>
#include <string.h>

#include "exit_code.h"

/*
 * Connections that one source address surely has ports for: net.ipv4.ip_local_port_range is 28,000 wide by
 * default.
 */
enum { CONNECTIONS_PER_SOURCE = 20000 };

static bool target_find(struct scenario *scenario, struct failure *failure) {
    const struct options *options = scenario->options;
    if (options->unix_path != NULL) {
        return target_unix(options->unix_path, &scenario->target, failure);
    }
    bool is_https = options->tls.is_on && options->protocol == PROTOCOL_HTTP;
    return target_resolve(&options->target, is_https ? "443" : scenario->protocol->default_port,
                          &scenario->target, failure);
}

static bool tls_prepare(struct scenario *scenario, struct failure *failure) {
    const struct options *options = scenario->options;
    if (!options->tls.is_on) {
        return true;
    }
    const char *alpn = options->protocol == PROTOCOL_HTTP ? "http/1.1" : NULL;
    const char *host = options->target.host[0] != '\0' ? options->target.host : "127.0.0.1";
    scenario->tls = tls_context_create(&options->tls, host, alpn, EXIT_CODE_USAGE, failure);
    return scenario->tls != NULL;
}

static bool keys_describe(struct scenario *scenario, struct failure *failure) {
    const struct options *options = scenario->options;
    struct bytes prefix = bytes_from_string(options->key_prefix);
    enum keys_status status =
        keys_init(&scenario->workload.keys, prefix, options->key_size, options->keys_count);
    switch (status) {
    case KEYS_OK:
        return true;
    case KEYS_TOO_SHORT:
        failure_write(
            failure, EXIT_CODE_USAGE,
            "keys of %llu bytes have no room for the prefix \"%s\" and numbers up to %llu: raise --key-size",
            (unsigned long long)options->key_size, options->key_prefix,
            (unsigned long long)options->keys_count - 1);
        return false;
    case KEYS_TOO_LONG:
        failure_write(failure, EXIT_CODE_USAGE, "keys have at most %d bytes", KEY_SIZE_MAX);
        return false;
    }
    return false;
}

static bool workload_describe(struct scenario *scenario, struct failure *failure) {
    const struct options *options = scenario->options;
    struct workload *workload = &scenario->workload;
    if (!keys_describe(scenario, failure)) {
        return false;
    }
    popularity_init(&workload->popularity, options->keys_count, options->zipf_exponent);
    workload_ratio_set(workload, options->ratio_gets, options->ratio_sets);
    if (!values_init(&workload->values, &options->value_sizes)) {
        failure_write(failure, EXIT_CODE_SYSTEM, "no memory for the values");
        return false;
    }
    return true;
}

static bool encoder_describe(struct scenario *scenario, struct failure *failure) {
    const struct options *options = scenario->options;
    const struct value_sizes *sizes = &options->value_sizes;
    struct encoder_names names = {
        .host = options->unix_path != NULL ? "localhost" : scenario->target.name,
        .path = options->target.path[0] != '\0' ? options->target.path : "/",
        .meta_flags = options->meta_flags,
    };
    uint64_t value_size = sizes->size_min == sizes->size_max ? sizes->size_min : ENCODER_SIZES_DIFFER;
    value_size = scenario->protocol->is_bare ? 0 : value_size;
    if (!encoder_init(&scenario->encoder, scenario->protocol, &scenario->workload.keys, &names, value_size)) {
        failure_write(failure, EXIT_CODE_SYSTEM, "no memory for the request texts");
        return false;
    }
    return true;
}

static bool spin_choose(const struct options *options) {
    cpu_set_t cpus;
    switch (options->wait) {
    case WAIT_SPIN:
        return true;
    case WAIT_SLEEP:
        return false;
    case WAIT_AUTO:
        break;
    }
    if (options->cpus_count > 0) {
        return true;
    }
    /* One CPU at least is left for the server, if it runs here. */
    return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 &&
           (uint64_t)CPU_COUNT(&cpus) > options->threads_count;
}

static bool single_receive_choose(const struct options *options) {
    switch (options->receive) {
    case RECEIVE_AUTO:
        /* A receive that outlives its reply would have to be cancelled before each close. */
        return options->churn_count > 0;
    case RECEIVE_MULTISHOT:
        return false;
    case RECEIVE_SINGLE:
        return true;
    }
    return true;
}

static bool keyed_check(struct scenario *scenario, struct failure *failure) {
    const struct options *options = scenario->options;
    bool is_http = options->protocol == PROTOCOL_HTTP;
    bool is_bare = scenario->protocol->is_bare;
    scenario->is_keyed = !is_bare && (!is_http || strstr(options->target.path, "{key}") != NULL);
    if (!scenario->is_keyed && (options->ratio_sets > 0 || options->preload == PRELOAD_ONLY)) {
        failure_write(failure, EXIT_CODE_USAGE, "%s",
                      is_bare ? "there is nothing to store: the no-op mn knows neither keys nor values"
                              : "there is nothing to store under one fixed path: put {key} into it");
        return false;
    }
    scenario->preload = scenario->is_keyed && (options->preload == PRELOAD_ONLY ||
                                               (options->preload == PRELOAD_AUTO && options->ratio_gets > 0));
    return true;
}

bool scenario_init(struct scenario *scenario, const struct options *options, struct failure *failure) {
    *scenario = (struct scenario){.options = options, .protocol = protocol_of(options->protocol)};
    if (!keyed_check(scenario, failure) || !target_find(scenario, failure)) {
        return false;
    }
    scenario->spin = spin_choose(options);
    scenario->single_receive = single_receive_choose(options);
    scenario->rotate_sources =
        options->churn_count > 0 || options->connections_count + options->idle_count > CONNECTIONS_PER_SOURCE;
    if (!tls_prepare(scenario, failure) || !workload_describe(scenario, failure) ||
        !encoder_describe(scenario, failure)) {
        scenario_deinit(scenario);
        return false;
    }
    return true;
}

void scenario_deinit(struct scenario *scenario) {
    tls_context_destroy(scenario->tls);
    encoder_deinit(&scenario->encoder);
    values_deinit(&scenario->workload.values);
}

unsigned scenario_preload_depth(const struct scenario *scenario) {
    uint64_t size_max = scenario->options->value_sizes.size_max;
    /* Enough to keep the server busy, and at most about 128 KiB on the way on one connection. */
    return size_max <= 4096 ? 32 : size_max <= 32768 ? 4 : 1;
}

unsigned scenario_depth_max(const struct scenario *scenario) {
    unsigned depth = (unsigned)scenario->options->depth;
    unsigned preload_depth = scenario->preload ? scenario_preload_depth(scenario) : 1;
    return depth > preload_depth ? depth : preload_depth;
}
