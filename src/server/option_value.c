/* SPDX-License-Identifier: MIT
 *
 * option_value: one reader and one writer per kind, in one table at the end. See option_value.h.
 */
#include "option_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "quantity.h"
#include "riposte/bytes.h"
#include "sysinfo.h"

struct kind {
    enum option_need need;
    bool (*set)(const struct option *option, struct options *options, const char *text);
    void (*format)(const struct option *option, const void *field,
                   char text[OPTION_VALUE_SIZE_MAX]); /* NULL: has no text */
    const char *expected;                             /* without its limits */
};

static void *field_of(const struct option *option, struct options *options) {
    return (char *)options + option->offset;
}

/* --- storing within limits --------------------------------------------------------------------------------
 */

static bool limits_kept(const struct option *option, uint64_t number) {
    return number <= INT64_MAX && (int64_t)number >= option->minimum && (int64_t)number <= option->maximum;
}

static bool u32_store(const struct option *option, struct options *options, uint64_t number) {
    if (!limits_kept(option, number) || number > UINT32_MAX) {
        return false;
    }
    *(uint32_t *)field_of(option, options) = (uint32_t)number;
    return true;
}

static bool u64_store(const struct option *option, struct options *options, uint64_t number) {
    if (!limits_kept(option, number)) {
        return false;
    }
    *(uint64_t *)field_of(option, options) = number;
    return true;
}

/* --- one reader per kind; text is not NULL where the kind needs a value ------------------------------------
 */

static bool on_set(const struct option *option, struct options *options, const char *text) {
    *(bool *)field_of(option, options) = true;
    return text == NULL;
}

static bool off_set(const struct option *option, struct options *options, const char *text) {
    *(bool *)field_of(option, options) = false;
    return text == NULL;
}

static bool repeat_set(const struct option *option, struct options *options, const char *text) {
    (*(unsigned *)field_of(option, options))++;
    return text == NULL;
}

static bool show_set(const struct option *option, struct options *options, const char *text) {
    *(enum options_show *)field_of(option, options) = text == NULL ? SHOW_PLAIN : SHOW_MARKDOWN;
    return text == NULL || (option->argument != NULL && strcmp(text, option->argument) == 0);
}

static bool count_set(const struct option *option, struct options *options, const char *text) {
    uint64_t number;
    return bytes_parse_u64(bytes_from_string(text), &number) && u32_store(option, options, number);
}

static bool level_set(const struct option *option, struct options *options, const char *text) {
    return count_set(option, options, text == NULL ? "1" : text);
}

static bool power_set(const struct option *option, struct options *options, const char *text) {
    uint64_t number;
    return quantity_parse(bytes_from_string(text), 1, &number) && (number & (number - 1)) == 0 &&
           u32_store(option, options, number);
}

static bool size_set(const struct option *option, struct options *options, const char *text) {
    uint64_t size;
    return quantity_parse(bytes_from_string(text), 1, &size) && u64_store(option, options, size);
}

static bool kilobytes_set(const struct option *option, struct options *options, const char *text) {
    uint64_t size;
    return quantity_parse(bytes_from_string(text), QUANTITY_KIB, &size) && u64_store(option, options, size);
}

static bool memory_set(const struct option *option, struct options *options, const char *text) {
    uint64_t size;
    struct bytes digits = bytes_from_string(text);
    if (!quantity_parse_percent(digits, sysinfo_memory_size(), &size) &&
        !quantity_parse(digits, QUANTITY_MIB, &size)) {
        return false;
    }
    return u64_store(option, options, size);
}

static bool port_set(const struct option *option, struct options *options, const char *text) {
    int64_t port;
    if (!bytes_parse_i64(bytes_from_string(text), &port) || port < option->minimum ||
        port > option->maximum) {
        return false;
    }
    *(int32_t *)field_of(option, options) = (int32_t)port;
    return true;
}

static bool spin_set(const struct option *option, struct options *options, const char *text) {
    uint64_t spin_us;
    if (strcmp(text, "auto") == 0) {
        *(int32_t *)field_of(option, options) = ENGINE_SPIN_AUTO;
        return true;
    }
    if (!bytes_parse_u64(bytes_from_string(text), &spin_us) || !limits_kept(option, spin_us)) {
        return false;
    }
    *(int32_t *)field_of(option, options) = (int32_t)spin_us;
    return true;
}

static bool octal_set(const struct option *option, struct options *options, const char *text) {
    uint64_t number;
    return quantity_parse_octal(bytes_from_string(text), &number) && u32_store(option, options, number);
}

static bool character_set(const struct option *option, struct options *options, const char *text) {
    *(char *)field_of(option, options) = *text;
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

static bool word_set(const struct option *option, struct options *options, const char *text) {
    struct bytes word;
    for (uint32_t index = 0; (word = word_at(option->argument, index)).size > 0; index++) {
        if (bytes_equal_string(word, text)) {
            *(uint32_t *)field_of(option, options) = index;
            return true;
        }
    }
    return false;
}

static bool text_set(const struct option *option, struct options *options, const char *text) {
    *(const char **)field_of(option, options) = text;
    return *text != '\0';
}

static bool decimal_set(const struct option *option, struct options *options, const char *text) {
    size_t whole = strspn(text, "0123456789");
    size_t point = text[whole] == '.';
    size_t fraction = strspn(text + whole + point, "0123456789");
    return whole > 0 && text[whole + point + fraction] == '\0' && text_set(option, options, text);
}

static bool list_set(const struct option *option, struct options *options, const char *text) {
    struct text_list *list = field_of(option, options);
    if (list->count == OPTIONS_LIST_COUNT_MAX || *text == '\0') {
        return false;
    }
    list->texts[list->count++] = text;
    return true;
}

/* Appends a copy; options.c cuts it into names and values. */
static bool extended_set(const struct option *option, struct options *options, const char *text) {
    struct extended_text *extended = field_of(option, options);
    size_t size = strlen(text) + 1;
    if (size > sizeof(extended->text) - extended->size) {
        return false;
    }
    memcpy(extended->text + extended->size, text, size);
    extended->size += size;
    return true;
}

/* --- one writer per type of field -------------------------------------------------------------------------
 */

static void text_format(const char *value, char text[OPTION_VALUE_SIZE_MAX]) {
    snprintf(text, OPTION_VALUE_SIZE_MAX, "%s", value);
}

static void bool_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    text_format(*(const bool *)field ? "yes" : "no", text);
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

static void spin_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    if (*(const int32_t *)field == ENGINE_SPIN_AUTO) {
        text_format("auto", text);
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

static void string_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    const char *value = *(const char *const *)field;
    text_format(value == NULL ? "NULL" : value, text);
}

static void list_format(const struct option *option, const void *field, char text[OPTION_VALUE_SIZE_MAX]) {
    (void)option;
    const struct text_list *list = field;
    size_t at = 0;
    text_format("NULL", text);
    for (unsigned i = 0; i < list->count && at < OPTION_VALUE_SIZE_MAX; i++) {
        int size = snprintf(text + at, OPTION_VALUE_SIZE_MAX - at, "%s%s", i == 0 ? "" : ",", list->texts[i]);
        at += (size_t)size;
    }
}

/* --- the kinds ------------------------------------------------------------------------------------------ */

static const struct kind kinds[] = {
    [OPTION_ON] = {OPTION_NEEDS_NO_VALUE, on_set, bool_format, "no value"},
    [OPTION_OFF] = {OPTION_NEEDS_NO_VALUE, off_set, bool_format, "no value"},
    [OPTION_SWITCH] = {OPTION_NEEDS_NO_VALUE, on_set, bool_format, "no value"},
    [OPTION_REPEAT] = {OPTION_NEEDS_NO_VALUE, repeat_set, u32_format, "no value"},
    [OPTION_SHOW] = {OPTION_MAY_HAVE_VALUE, show_set, u32_format, "no value"},
    [OPTION_COUNT] = {OPTION_NEEDS_VALUE, count_set, u32_format, "a number"},
    [OPTION_LEVEL] = {OPTION_MAY_HAVE_VALUE, level_set, u32_format, "a number"},
    [OPTION_POWER] = {OPTION_NEEDS_VALUE, power_set, u32_format, "a power of two"},
    [OPTION_SIZE] = {OPTION_NEEDS_VALUE, size_set, u64_format, "a size"},
    [OPTION_KILOBYTES] = {OPTION_NEEDS_VALUE, kilobytes_set, u64_format, "a size"},
    [OPTION_MEMORY] = {OPTION_NEEDS_VALUE, memory_set, u64_format, "a percentage or a size"},
    [OPTION_PORT] = {OPTION_NEEDS_VALUE, port_set, port_format, "a port"},
    [OPTION_SPIN] = {OPTION_NEEDS_VALUE, spin_set, spin_format, "auto or a number"},
    [OPTION_OCTAL] = {OPTION_NEEDS_VALUE, octal_set, octal_format, "an octal number"},
    [OPTION_CHARACTER] = {OPTION_NEEDS_VALUE, character_set, character_format, "one printable character"},
    [OPTION_WORD] = {OPTION_NEEDS_VALUE, word_set, word_format, "one of"},
    [OPTION_DECIMAL] = {OPTION_NEEDS_VALUE, decimal_set, string_format, "a decimal number"},
    [OPTION_TEXT] = {OPTION_NEEDS_VALUE, text_set, string_format, "a text"},
    [OPTION_LIST] = {OPTION_NEEDS_VALUE, list_set, list_format, "a text, at most 64 times"},
    [OPTION_EXTENDED_LIST] = {OPTION_NEEDS_VALUE, extended_set, NULL, "names, 4096 bytes in all"},
};

enum option_need option_value_need(const struct option *option) {
    return kinds[option->kind].need;
}

bool option_value_set(const struct option *option, struct options *options, const char *text) {
    if (text == NULL && kinds[option->kind].need == OPTION_NEEDS_VALUE) {
        return false;
    }
    return kinds[option->kind].set(option, options, text);
}

bool option_value_clear(const struct option *option, struct options *options) {
    if (option->kind == OPTION_SWITCH) {
        return off_set(option, options, NULL);
    }
    return option->kind == OPTION_LEVEL && level_set(option, options, "0");
}

void option_value_format(const struct option *option, const struct options *options,
                         char text[OPTION_VALUE_SIZE_MAX]) {
    assert(kinds[option->kind].format != NULL);
    kinds[option->kind].format(option, (const char *)options + option->offset, text);
}

static bool sized_in_bytes(enum option_kind kind) {
    return kind == OPTION_SIZE || kind == OPTION_MEMORY || kind == OPTION_KILOBYTES || kind == OPTION_POWER;
}

void option_value_expected(const struct option *option, char text[OPTION_VALUE_SIZE_MAX]) {
    const char *expected = kinds[option->kind].expected;
    char least[QUANTITY_TEXT_SIZE_MAX], most[QUANTITY_TEXT_SIZE_MAX];
    if (option->kind == OPTION_SHOW && option->argument != NULL) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "nothing or %s", option->argument);
    } else if (option->kind == OPTION_WORD) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s %s", expected, option->argument);
    } else if (option->maximum > option->minimum && option->kind == OPTION_OCTAL) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s up to %" PRIo64, expected, option->maximum);
    } else if (option->maximum > option->minimum && sized_in_bytes(option->kind)) {
        quantity_format(option->minimum, least);
        quantity_format(option->maximum, most);
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s from %s to %s", expected, least, most);
    } else if (option->maximum > option->minimum) {
        snprintf(text, OPTION_VALUE_SIZE_MAX, "%s from %" PRId64 " to %" PRId64, expected, option->minimum,
                 option->maximum);
    } else {
        text_format(expected, text);
    }
}
