/* SPDX-License-Identifier: MIT
 *
 * units: a number is read into billionths, then scaled by its unit out of a table. See units.h.
 */
#include "units.h"

#include <inttypes.h>
#include <stdio.h>

#include "riposte/clock.h"

enum { BILLION = 1000000000, DECIMALS_MAX = 9, OCTAL_DIGITS_MAX = 11 };

/* Tables of these end in a name of NULL. */
struct unit {
    const char *name;
    uint64_t factor;
};

/* --- reading ----------------------------------------------------------------------------------------------
 */

static size_t digits_count(struct bytes text) {
    size_t count = 0;
    while (count < text.size && text.data[count] >= '0' && text.data[count] <= '9') {
        count++;
    }
    return count;
}

/* The decimals behind a point, as billionths: at least one, at most nine. Moves *text behind them. */
static bool decimals_take(struct bytes *text, uint64_t *billionths) {
    size_t count = digits_count(*text);
    if (count > DECIMALS_MAX || !bytes_parse_u64(bytes_of(text->data, count), billionths)) {
        return false;
    }
    for (size_t i = count; i < DECIMALS_MAX; i++) {
        *billionths *= 10;
    }
    *text = bytes_after(*text, count);
    return true;
}

/* The factor of the unit called `name`; 0 when there is none. */
static uint64_t factor_find(struct bytes name, const struct unit *units) {
    for (; units->name != NULL; units++) {
        if (bytes_equal_string(name, units->name)) {
            return units->factor;
        }
    }
    return 0;
}

static bool scaled_parse(struct bytes text, const struct unit *units, uint64_t *result) {
    uint64_t whole;
    uint64_t billionths = 0;
    size_t count = digits_count(text);
    if (!bytes_parse_u64(bytes_of(text.data, count), &whole)) {
        return false;
    }
    text = bytes_after(text, count);
    if (text.size > 0 && text.data[0] == '.') {
        text = bytes_after(text, 1);
        if (!decimals_take(&text, &billionths)) {
            return false;
        }
    }
    unsigned __int128 factor = factor_find(text, units);
    unsigned __int128 scaled = whole * factor + billionths * factor / BILLION;
    if (factor == 0 || billionths * factor % BILLION != 0 || scaled > UINT64_MAX) {
        return false;
    }
    *result = (uint64_t)scaled;
    return true;
}

bool units_parse_size(struct bytes text, uint64_t unit, uint64_t *size) {
    const struct unit units[] = {
        {"", unit},       {"k", UNITS_KIB}, {"K", UNITS_KIB}, {"m", UNITS_MIB},
        {"M", UNITS_MIB}, {"g", UNITS_GIB}, {"G", UNITS_GIB}, {NULL, 0},
    };
    return scaled_parse(text, units, size);
}

bool units_parse_count(struct bytes text, uint64_t *count) {
    static const struct unit units[] = {
        {"", 1},        {"k", 1000},    {"K", 1000},    {"m", 1000000},
        {"M", 1000000}, {"g", BILLION}, {"G", BILLION}, {NULL, 0},
    };
    return scaled_parse(text, units, count);
}

/* Largest first: the writer takes the first that fits. */
static const struct unit durations[] = {
    {"h", 3600 * CLOCK_NS_PER_S}, {"m", 60 * CLOCK_NS_PER_S},
    {"s", CLOCK_NS_PER_S},        {"ms", CLOCK_NS_PER_MS},
    {"us", CLOCK_NS_PER_US},      {"ns", 1},
    {"", CLOCK_NS_PER_S},         {NULL, 0},
};

bool units_parse_duration(struct bytes text, uint64_t *time_ns) {
    return scaled_parse(text, durations, time_ns);
}

bool units_parse_millionths(struct bytes text, uint64_t *millionths) {
    static const struct unit units[] = {{"", 1000000}, {NULL, 0}};
    return scaled_parse(text, units, millionths);
}

bool units_parse_percent(struct bytes text, uint64_t whole, uint64_t *part) {
    uint64_t percent;
    if (text.size == 0 || text.data[text.size - 1] != '%' ||
        !bytes_parse_u64(bytes_of(text.data, text.size - 1), &percent) || percent < 1 || percent > 100) {
        return false;
    }
    *part = (uint64_t)((unsigned __int128)whole * percent / 100);
    return true;
}

bool units_parse_octal(struct bytes text, uint64_t *number) {
    uint64_t value = 0;
    if (text.size == 0 || text.size > OCTAL_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '7') {
            return false;
        }
        value = value * 8 + (uint64_t)(text.data[i] - '0');
    }
    *number = value;
    return true;
}

/* --- writing ----------------------------------------------------------------------------------------------
 */

struct units_text units_format_size(uint64_t size) {
    static const char *const suffixes[] = {"", "k", "m", "g"};
    struct units_text result;
    unsigned power = 0;
    while (power + 1 < sizeof(suffixes) / sizeof(suffixes[0]) && size > 0 && size % 1024 == 0) {
        size /= 1024;
        power++;
    }
    snprintf(result.text, sizeof(result.text), "%" PRIu64 "%s", size, suffixes[power]);
    return result;
}

struct units_text units_format_duration(uint64_t time_ns) {
    struct units_text result;
    const struct unit *unit = durations;
    while (time_ns % unit->factor != 0) {
        unit++; /* ends at ns */
    }
    if (time_ns == 0) {
        snprintf(result.text, sizeof(result.text), "0s");
    } else {
        snprintf(result.text, sizeof(result.text), "%" PRIu64 "%s", time_ns / unit->factor, unit->name);
    }
    return result;
}

struct units_text units_show_count(uint64_t count) {
    char digits[BYTES_U64_DIGITS_MAX];
    size_t digits_size = bytes_format_u64(digits, count);
    struct units_text result;
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
static struct units_text show_scaled(uint64_t value, uint64_t factor, const char *unit) {
    struct units_text result;
    uint64_t whole = value / factor;
    int decimals = factor == 1 ? 0 : whole < 10 ? 3 : whole < 100 ? 2 : 1;
    /* The nearest double is exact enough: the four digits shown need 14 bits. */
    snprintf(result.text, sizeof(result.text), "%.*f %s", decimals, (double)value / (double)factor, unit);
    return result;
}

struct units_text units_show_size(uint64_t size) {
    if (size < UNITS_KIB) {
        return show_scaled(size, 1, "B");
    }
    if (size < UNITS_MIB) {
        return show_scaled(size, UNITS_KIB, "KiB");
    }
    if (size < UNITS_GIB) {
        return show_scaled(size, UNITS_MIB, "MiB");
    }
    return show_scaled(size, UNITS_GIB, "GiB");
}

struct units_text units_show_duration(uint64_t time_ns) {
    if (time_ns < CLOCK_NS_PER_US) {
        return show_scaled(time_ns, 1, "ns");
    }
    if (time_ns < CLOCK_NS_PER_MS) {
        return show_scaled(time_ns, CLOCK_NS_PER_US, "us");
    }
    if (time_ns < CLOCK_NS_PER_S) {
        return show_scaled(time_ns, CLOCK_NS_PER_MS, "ms");
    }
    return show_scaled(time_ns, CLOCK_NS_PER_S, "s");
}
