/* SPDX-License-Identifier: MIT
 *
 * quantity: see quantity.h. A number is read into billionths, then scaled by its unit.
 */
#include "quantity.h"

#include <stdio.h>

#include "riposte/clock.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit count_units[] = {{"", 1}, {"k", 1000}, {"m", 1000000}, {"g", 1000000000}};
static const struct unit size_units[] = {{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}};
static const struct unit duration_units[] = {
    {"", CLOCK_NS_PER_S},         {"ns", 1},
    {"us", CLOCK_NS_PER_US},      {"ms", CLOCK_NS_PER_MS},
    {"s", CLOCK_NS_PER_S},        {"m", 60 * CLOCK_NS_PER_S},
    {"h", 3600 * CLOCK_NS_PER_S},
};
static const struct unit millionth_units[] = {{"", 1000000}};

enum { BILLION = 1000000000, DECIMALS_MAX = 9 };

static size_t digits_count(struct bytes text) {
    size_t count = 0;
    while (count < text.size && text.data[count] >= '0' && text.data[count] <= '9') {
        count++;
    }
    return count;
}

static struct bytes bytes_behind(struct bytes text, size_t count) {
    return bytes_of(text.data + count, text.size - count);
}

/* The decimals behind a point, as billionths: at least one, at most nine. Moves *text behind them. */
static bool decimals_take(struct bytes *text, uint64_t *billionths) {
    size_t count = digits_count(*text);
    if (count == 0 || count > DECIMALS_MAX || !bytes_parse_u64(bytes_of(text->data, count), billionths)) {
        return false;
    }
    for (size_t i = count; i < DECIMALS_MAX; i++) {
        *billionths *= 10;
    }
    *text = bytes_behind(*text, count);
    return true;
}

static const struct unit *unit_find(struct bytes name, const struct unit *units, size_t units_count) {
    for (size_t i = 0; i < units_count; i++) {
        if (bytes_equal_string(name, units[i].name)) {
            return &units[i];
        }
    }
    return NULL;
}

static bool quantity_parse(struct bytes text, const struct unit *units, size_t units_count,
                           uint64_t *result) {
    uint64_t whole;
    uint64_t billionths = 0;
    size_t count = digits_count(text);
    if (!bytes_parse_u64(bytes_of(text.data, count), &whole)) {
        return false;
    }
    text = bytes_behind(text, count);
    if (text.size > 0 && text.data[0] == '.') {
        text = bytes_behind(text, 1);
        if (!decimals_take(&text, &billionths)) {
            return false;
        }
    }
    const struct unit *unit = unit_find(text, units, units_count);
    if (unit == NULL || (billionths * (unsigned __int128)unit->factor) % BILLION != 0) {
        return false;
    }
    unsigned __int128 scaled =
        (unsigned __int128)whole * unit->factor + billionths * (unsigned __int128)unit->factor / BILLION;
    if (scaled > UINT64_MAX) {
        return false;
    }
    *result = (uint64_t)scaled;
    return true;
}

bool quantity_parse_count(struct bytes text, uint64_t *count) {
    return quantity_parse(text, count_units, sizeof(count_units) / sizeof(count_units[0]), count);
}

bool quantity_parse_size(struct bytes text, uint64_t *size) {
    return quantity_parse(text, size_units, sizeof(size_units) / sizeof(size_units[0]), size);
}

bool quantity_parse_duration(struct bytes text, uint64_t *time_ns) {
    return quantity_parse(text, duration_units, sizeof(duration_units) / sizeof(duration_units[0]), time_ns);
}

bool quantity_parse_millionths(struct bytes text, uint64_t *millionths) {
    return quantity_parse(text, millionth_units, 1, millionths);
}

struct quantity_text quantity_format_count(uint64_t count) {
    char digits[BYTES_U64_DIGITS_MAX];
    size_t digits_size = bytes_format_u64(digits, count);
    struct quantity_text result;
    size_t used = 0;
    for (size_t i = 0; i < digits_size; i++) {
        if (i > 0 && (digits_size - i) % 3 == 0) {
            result.text[used++] = ',';
        }
        result.text[used++] = digits[i];
    }
    result.text[used] = '\0';
    return result;
}

/* `value` in `unit`s with four significant digits where there is a remainder to show. */
static struct quantity_text format_scaled(uint64_t value, uint64_t factor, const char *unit) {
    struct quantity_text result;
    uint64_t whole = value / factor;
    int decimals = factor == 1 ? 0 : whole < 10 ? 3 : whole < 100 ? 2 : 1;
    /* The nearest double is exact enough: the four digits shown need 14 bits. */
    snprintf(result.text, sizeof(result.text), "%.*f %s", decimals, (double)value / (double)factor, unit);
    return result;
}

struct quantity_text quantity_format_duration(uint64_t time_ns) {
    if (time_ns < CLOCK_NS_PER_US) {
        return format_scaled(time_ns, 1, "ns");
    }
    if (time_ns < CLOCK_NS_PER_MS) {
        return format_scaled(time_ns, CLOCK_NS_PER_US, "us");
    }
    if (time_ns < CLOCK_NS_PER_S) {
        return format_scaled(time_ns, CLOCK_NS_PER_MS, "ms");
    }
    return format_scaled(time_ns, CLOCK_NS_PER_S, "s");
}

struct quantity_text quantity_format_size(uint64_t size) {
    if (size < 1024) {
        return format_scaled(size, 1, "B");
    }
    if (size < 1024 * 1024) {
        return format_scaled(size, 1024, "KiB");
    }
    if (size < 1024 * 1024 * 1024) {
        return format_scaled(size, 1024 * 1024, "MiB");
    }
    return format_scaled(size, 1024 * 1024 * 1024, "GiB");
}
