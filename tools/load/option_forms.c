/* SPDX-License-Identifier: MIT
 *
 * option_forms: readers of arguments that are more than a number, a word or a text.
 */
#include "options_table.h"

#include <string.h>

#include "scenario.h"
#include "units.h"

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
    size_t size = bytes_before(text, ':');
    if (size == text.size) {
        return false;
    }
    *left = bytes_of(text.data, size);
    *right = bytes_after(text, size + 1);
    return true;
}

bool form_value_size_read(void *values, const char *text) {
    struct options *options = values;
    return value_sizes_parse(bytes_from_string(text), &options->value_sizes);
}

bool form_ratio_read(void *values, const char *text) {
    struct options *options = values;
    struct bytes gets;
    struct bytes sets;
    uint32_t get_share;
    uint32_t set_share;
    if (!pair_take(bytes_from_string(text), &gets, &sets) || !bytes_parse_u32(gets, &get_share) ||
        !bytes_parse_u32(sets, &set_share) || (get_share == 0 && set_share == 0)) {
        return false;
    }
    options->ratio_gets = get_share;
    options->ratio_sets = set_share;
    return true;
}

bool form_popularity_read(void *values, const char *text) {
    struct options *options = values;
    uint64_t millionths = 990000;
    struct bytes name = bytes_from_string(text);
    struct bytes exponent;
    if (bytes_equal_string(name, "uniform")) {
        options->zipf_exponent = 0;
        return true;
    }
    bool has_exponent = pair_take(bytes_from_string(text), &name, &exponent);
    if (!bytes_equal_string(name, "zipf") ||
        (has_exponent && !units_parse_millionths(exponent, &millionths)) || millionths == 0 ||
        millionths > 10000000) {
        return false;
    }
    options->zipf_exponent = (double)millionths / 1e6;
    return true;
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
        !units_parse_count(from_text, &from) || !units_parse_count(to_text, &to) ||
        !units_parse_count(step_text, &step) || from == 0 || from > to || step == 0) {
        return false;
    }
    for (uint64_t rate = from; rate <= to && options->sweep_count < OPTIONS_SWEEP_MAX; rate += step) {
        options->sweep_rates[options->sweep_count++] = rate;
    }
    return true;
}

bool form_sweep_read(void *values, const char *text) {
    struct options *options = values;
    struct bytes item;
    options->sweep_count = 0;
    while (list_take(&text, &item)) {
        uint64_t rate;
        bool is_rate = units_parse_count(item, &rate) && rate > 0;
        if (options->sweep_count == OPTIONS_SWEEP_MAX || (!is_rate && !sweep_range_add(item, options))) {
            return false;
        }
        if (is_rate) {
            options->sweep_rates[options->sweep_count++] = rate;
        }
    }
    return true;
}

static bool cpus_add(struct bytes item, struct options *options) {
    uint32_t first;
    uint32_t last;
    size_t size = bytes_before(item, '-');
    if (!bytes_parse_u32(bytes_of(item.data, size), &first)) {
        return false;
    }
    last = first;
    if (size < item.size && !bytes_parse_u32(bytes_after(item, size + 1), &last)) {
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

bool form_cpus_read(void *values, const char *text) {
    struct options *options = values;
    struct bytes item;
    options->cpus_count = 0;
    while (list_take(&text, &item)) {
        if (!cpus_add(item, options)) {
            return false;
        }
    }
    return true;
}

/* May be empty. */
bool form_key_prefix_read(void *values, const char *text) {
    struct options *options = values;
    options->key_prefix = text;
    return strpbrk(text, " \r\n\t") == NULL;
}

bool form_arrival_read(void *values, const char *text) {
    struct options *options = values;
    bool is_fixed = strcmp(text, "fixed") == 0;
    options->arrival = is_fixed ? PLAN_FIXED : PLAN_POISSON;
    return is_fixed || strcmp(text, "poisson") == 0;
}

bool form_meta_flags_read(void *values, const char *text) {
    struct options *options = values;
    options->meta_flags = text;
    return strchr(text, 'v') != NULL && strpbrk(text, "\r\nqO") == NULL;
}
