/* SPDX-License-Identifier: MIT
 *
 * option: one reader and one writer per kind, in one table at the end. See option.h.
 */
#include "option.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "riposte/bytes.h"
#include "sysinfo.h"
#include "units.h"

struct kind {
    enum option_need need;
    const char *expected; /* without its limits */
    bool (*set)(const struct option *option, void *field, const char *text);
    void (*format)(const struct option *option, const void *field,
                   char text[OPTION_VALUE_SIZE_MAX]); /* NULL: has no text */
    struct units_text (*limit_format)(uint64_t limit);
};

/* --- storing within limits --------------------------------------------------------------------------------
 */

bool option_is_limited(const struct option *option) {
    bool has_limits = option->minimum < 0 || option->maximum > (uint64_t)option->minimum;
    return has_limits && option->maximum != UINT64_MAX;
}

static bool limits_kept(const struct option *option, uint64_t number) {
    return number <= option->maximum && (option->minimum < 0 || number >= (uint64_t)option->minimum);
}

static bool u32_store(const struct option *option, void *field, uint64_t number) {
    if (!limits_kept(option, number) || number > UINT32_MAX) {
        return false;
    }
    *(uint32_t *)field = (uint32_t)number;
    return true;
}

static bool u64_store(const struct option *option, void *field, uint64_t number) {
    if (!limits_kept(option, number)) {
        return false;
    }
    *(uint64_t *)field = number;
    return true;
}

static bool i32_store(const struct option *option, void *field, int64_t number) {
    if (number < option->minimum || (number > 0 && (uint64_t)number > option->maximum)) {
        return false;
    }
    *(int32_t *)field = (int32_t)number;
    return true;
}

/* --- one reader per kind; text is not NULL where the kind needs a value ------------------------------------
 */

static bool bool_set(const struct option *option, void *field, const char *text) {
    *(bool *)field = option->kind != OPTION_OFF;
    return text == NULL;
}

static bool repeat_set(const struct option *option, void *field, const char *text) {
    (void)option;
    (*(uint32_t *)field)++;
    return text == NULL;
}

static bool count_set(const struct option *option, void *field, const char *text) {
    uint64_t number;
    return bytes_parse_u64(bytes_from_string(text), &number) && u32_store(option, field, number);
}

static bool level_set(const struct option *option, void *field, const char *text) {
    return count_set(option, field, text == NULL ? "1" : text);
}

static bool power_set(const struct option *option, void *field, const char *text) {
    uint64_t number;
    return units_parse_size(bytes_from_string(text), 1, &number) && (number & (number - 1)) == 0 &&
           u32_store(option, field, number);
}

static bool thousands_set(const struct option *option, void *field, const char *text) {
    uint64_t number;
    return units_parse_count(bytes_from_string(text), &number) && u64_store(option, field, number);
}

static bool duration_set(const struct option *option, void *field, const char *text) {
    uint64_t time_ns;
    return units_parse_duration(bytes_from_string(text), &time_ns) && u64_store(option, field, time_ns);
}

static bool size_set(const struct option *option, void *field, const char *text) {
    uint64_t size;
    return units_parse_size(bytes_from_string(text), 1, &size) && u64_store(option, field, size);
}

static bool kilobytes_set(const struct option *option, void *field, const char *text) {
    uint64_t size;
    return units_parse_size(bytes_from_string(text), UNITS_KIB, &size) && u64_store(option, field, size);
}

static bool memory_set(const struct option *option, void *field, const char *text) {
    uint64_t size;
    struct bytes bytes = bytes_from_string(text);
    /* The machine is asked how much it has only where that is needed: it takes a dozen files. */
    bool is_size =
        units_parse_size(bytes, UNITS_MIB, &size) || units_parse_percent(bytes, sysinfo_memory_size(), &size);
    return is_size && u64_store(option, field, size);
}

static bool port_set(const struct option *option, void *field, const char *text) {
    int64_t port;
    return bytes_parse_i64(bytes_from_string(text), &port) && i32_store(option, field, port);
}

static bool auto_set(const struct option *option, void *field, const char *text) {
    uint32_t number;
    if (strcmp(text, "auto") == 0) {
        *(int32_t *)field = OPTION_AUTO_VALUE;
        return true;
    }
    return bytes_parse_u32(bytes_from_string(text), &number) && i32_store(option, field, number);
}

static bool octal_set(const struct option *option, void *field, const char *text) {
    uint64_t number;
    return units_parse_octal(bytes_from_string(text), &number) && u32_store(option, field, number);
}

static bool character_set(const struct option *option, void *field, const char *text) {
    (void)option;
    *(char *)field = *text;
    return *text > ' ' && *text <= '~' && text[1] == '\0';
}

/* The word of `words` ("auto|plain|zc") with that index; empty past the last. */
static struct bytes word_at(const char *words, uint32_t index) {
    size_t size = strcspn(words, "|");
    for (; index > 0; index--) {
        words += size + (words[size] == '|');
        size = strcspn(words, "|");
    }
    return bytes_of(words, size);
}

static bool word_set(const struct option *option, void *field, const char *text) {
    struct bytes word;
    for (uint32_t index = 0; (word = word_at(option->argument, index)).size > 0; index++) {
        if (bytes_equal_string(word, text)) {
            *(uint32_t *)field = index;
            return true;
        }
    }
    return false;
}

static bool show_set(const struct option *option, void *field, const char *text) {
    uint32_t index = 0;
    if (text != NULL && (option->argument == NULL || !word_set(option, &index, text))) {
        return false;
    }
    *(enum option_show *)field = text == NULL ? SHOW_PLAIN : (enum option_show)(SHOW_ARGUMENT + index);
    return true;
}

static bool text_set(const struct option *option, void *field, const char *text) {
    (void)option;
    *(const char **)field = text;
    return *text != '\0';
}

static bool decimal_set(const struct option *option, void *field, const char *text) {
    size_t whole = strspn(text, "0123456789");
    size_t point = text[whole] == '.';
    size_t fraction = strspn(text + whole + point, "0123456789");
    return whole > 0 && text[whole + point + fraction] == '\0' && text_set(option, field, text);
}

static bool list_set(const struct option *option, void *field, const char *text) {
    (void)option;
    struct option_list *list = field;
    if (list->count == OPTION_LIST_COUNT_MAX || *text == '\0') {
        return false;
    }
    list->texts[list->count++] = text;
    return true;
}

/* Appends a copy; options.c cuts it into names and values. */
static bool suboptions_set(const struct option *option, void *field, const char *text) {
    (void)option;
    struct option_suboptions *suboptions = field;
    size_t size = strlen(text) + 1;
    if (size > sizeof(suboptions->text) - suboptions->size) {
        return false;
    }
    memcpy(suboptions->text + suboptions->size, text, size);
    suboptions->size += size;
    return true;
}

/* --- one writer per type of field -------------------------------------------------------------------------
 */

static void bool_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%s", *(const bool *)field ? "yes" : "no");
}

static void u32_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%" PRIu32, *(const uint32_t *)field);
}

static void u64_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%" PRIu64, *(const uint64_t *)field);
}

static void port_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%" PRId32, *(const int32_t *)field);
}

static void auto_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    if (*(const int32_t *)field == OPTION_AUTO_VALUE) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "auto");
    } else {
        port_format(option, field, text);
    }
}

static void octal_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%" PRIo32, *(const uint32_t *)field);
}

static void character_format(const struct option *option, const void *field,
                             char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%c", *(const char *)field);
}

static void word_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    struct bytes word = word_at(option->argument, *(const uint32_t *)field);
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%.*s", (int)word.size, word.data);
}

static void text_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    const char *value = *(const char *const *)field;
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%s", value == NULL ? "NULL" : value);
}

static void list_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    const struct option_list *list = field;
    size_t at = 0;
    snprintf(text, OPTION_VALUE_SIZE_MAX, "NULL");
    for (unsigned i = 0; i < list->count && at < OPTION_VALUE_SIZE_MAX; i++) {
        int size = snprintf(text + at, OPTION_VALUE_SIZE_MAX - at, "%s%s", i == 0 ? "" : ",", list->texts[i]);
        at += (size_t)size;
    }
}

static struct units_text count_limit(uint64_t limit) {
    struct units_text result;
    result.text[bytes_format_u64(result.text, limit)] = '\0';
    return result;
}

static struct units_text octal_limit(uint64_t limit) {
    struct units_text result;
    snprintf(result.text, sizeof(result.text), "%" PRIo64, limit);
    return result;
}

/* --- the kinds ------------------------------------------------------------------------------------------ */

static const struct kind kinds[] = {
    [OPTION_ON] = {OPTION_NEEDS_NO_VALUE, "no value", bool_set, bool_format, NULL},
    [OPTION_OFF] = {OPTION_NEEDS_NO_VALUE, "no value", bool_set, bool_format, NULL},
    [OPTION_SWITCH] = {OPTION_NEEDS_NO_VALUE, "no value", bool_set, bool_format, NULL},
    [OPTION_REPEAT] = {OPTION_NEEDS_NO_VALUE, "no value", repeat_set, u32_format, NULL},
    [OPTION_SHOW] = {OPTION_MAY_HAVE_VALUE, "no value", show_set, u32_format, NULL},
    [OPTION_MODE] = {OPTION_MAY_HAVE_VALUE, "no value", show_set, u32_format, NULL},
    [OPTION_COUNT] = {OPTION_NEEDS_VALUE, "a number", count_set, u32_format, count_limit},
    [OPTION_LEVEL] = {OPTION_MAY_HAVE_VALUE, "a number", level_set, u32_format, count_limit},
    [OPTION_POWER] = {OPTION_NEEDS_VALUE, "a power of two", power_set, u32_format, units_format_size},
    [OPTION_THOUSANDS] = {OPTION_NEEDS_VALUE, "a number (500, 10k, 1.5m)", thousands_set, u64_format,
                          count_limit},
    [OPTION_DURATION] = {OPTION_NEEDS_VALUE, "a time (200ms, 10s, 5m)", duration_set, u64_format,
                         units_format_duration},
    [OPTION_SIZE] = {OPTION_NEEDS_VALUE, "a size", size_set, u64_format, units_format_size},
    [OPTION_KILOBYTES] = {OPTION_NEEDS_VALUE, "a size", kilobytes_set, u64_format, units_format_size},
    [OPTION_MEMORY] = {OPTION_NEEDS_VALUE, "a percentage or a size", memory_set, u64_format,
                       units_format_size},
    [OPTION_PORT] = {OPTION_NEEDS_VALUE, "a port", port_set, port_format, count_limit},
    [OPTION_AUTO] = {OPTION_NEEDS_VALUE, "auto or a number", auto_set, auto_format, count_limit},
    [OPTION_OCTAL] = {OPTION_NEEDS_VALUE, "an octal number", octal_set, octal_format, octal_limit},
    [OPTION_CHARACTER] = {OPTION_NEEDS_VALUE, "one printable character", character_set, character_format,
                          NULL},
    [OPTION_WORD] = {OPTION_NEEDS_VALUE, "one of", word_set, word_format, NULL},
    [OPTION_DECIMAL] = {OPTION_NEEDS_VALUE, "a decimal number", decimal_set, text_format, NULL},
    [OPTION_TEXT] = {OPTION_NEEDS_VALUE, "a text", text_set, text_format, NULL},
    [OPTION_LIST] = {OPTION_NEEDS_VALUE, "a text, at most 64 times", list_set, list_format, NULL},
    [OPTION_SUBOPTIONS] = {OPTION_NEEDS_VALUE, "names, 4096 bytes in all", suboptions_set, NULL, NULL},
    [OPTION_OTHER] = {OPTION_NEEDS_VALUE, NULL, NULL, NULL, NULL},
};

enum option_need option_need(const struct option *option) {
    return kinds[option->kind].need;
}

bool option_set(const struct option *option, void *values, const char *text) {
    if (text == NULL && kinds[option->kind].need == OPTION_NEEDS_VALUE) {
        return false;
    }
    if (option->kind == OPTION_OTHER) {
        return option->read(values, text);
    }
    return kinds[option->kind].set(option, (char *)values + option->offset, text);
}

bool option_clear(const struct option *option, void *values) {
    void *field = (char *)values + option->offset;
    if (option->kind == OPTION_SWITCH) {
        *(bool *)field = false;
        return true;
    }
    return option->kind == OPTION_LEVEL && level_set(option, field, "0");
}

void option_format(const struct option *option, const void *values, char text[OPTION_VALUE_SIZE_MAX]) {
    assert(kinds[option->kind].format != NULL);
    kinds[option->kind].format(option, (const char *)values + option->offset, text);
}

void option_expected(const struct option *option, char text[OPTION_VALUE_SIZE_MAX]) {
    const struct kind *kind = &kinds[option->kind];
    if (option->kind == OPTION_OTHER) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s", option->expected);
    } else if ((option->kind == OPTION_SHOW || option->kind == OPTION_MODE) && option->argument != NULL) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "nothing or %s", option->argument);
    } else if (option->kind == OPTION_WORD) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s %s", kind->expected, option->argument);
    } else if (kind->limit_format == NULL || !option_is_limited(option)) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s", kind->expected);
    } else if (option->kind == OPTION_OCTAL) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s up to %s", kind->expected,
                 kind->limit_format(option->maximum).text);
    } else {
        snprintf(
            text, OPTION_VALUE_SIZE_MAX, "%s from %s%s to %s", kind->expected, option->minimum < 0 ? "-" : "",
            kind->limit_format((uint64_t)(option->minimum < 0 ? -option->minimum : option->minimum)).text,
            kind->limit_format(option->maximum).text);
    }
}
