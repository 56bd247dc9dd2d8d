/* SPDX-License-Identifier: MIT
 *
 * number: incr and decr. A number is what strtoull(3) reads at the beginning of a value, as in memcached: white space, a
 * '+', digits with any number of leading zeros, together below 2^64; then the value's end, white space or a NUL. But a
 * minus sign, and what lies behind the value, are none of it.
 *
 * A result as long as the old value or shorter counts as the same item with another content: its marks
 * (read before, stale, won) stay, and spaces fill the old length. A longer one is a new item. See put.h
 * for how either is stored. Worker's own thread.
 */
#include "index.h"
#include "put.h"

struct number {
    const struct number_options *options;
    struct number_result *result; /* filled by the plan; the last plan is the one that counts */
};

static bool number_is_digit(char character) {
    return character >= '0' && character <= '9';
}

static bool number_is_space(char character) {
    return character == ' ' || (character >= '\t' && character <= '\r');
}

static bool number_parse(struct bytes value, uint64_t *number) {
    uint64_t read = 0;
    size_t at = 0;
    while (at < value.size && number_is_space(value.data[at])) {
        at++;
    }
    at += at < value.size && value.data[at] == '+';
    size_t first = at;
    for (; at < value.size && number_is_digit(value.data[at]); at++) {
        uint64_t digit = (uint64_t)(value.data[at] - '0');
        if (__builtin_mul_overflow(read, 10, &read) || __builtin_add_overflow(read, digit, &read)) {
            return false;
        }
    }
    *number = read;
    return at > first && (at == value.size || number_is_space(value.data[at]) || value.data[at] == '\0');
}

static uint64_t number_apply(const struct number_options *options, uint64_t number) {
    if (!options->decrement) {
        return number + options->delta;
    }
    return number > options->delta ? number - options->delta : 0;
}

static size_t number_digits_count(uint64_t number) {
    char digits[BYTES_U64_DIGITS_MAX];
    return bytes_format_u64(digits, number);
}

static enum store_status number_plan_creation(const struct number *number, struct item_form *form) {
    const struct number_options *options = number->options;
    if (!options->create) {
        return STORE_MISS;
    }
    number->result->number = options->initial;
    number->result->created = true;
    number->result->expires_tick_before = options->create_expires_tick;
    form->value_size = number_digits_count(options->initial);
    form->key_is_binary = options->key_is_binary;
    form->expires_tick = options->create_expires_tick;
    return STORE_OK;
}

static enum store_status number_plan(const struct store_worker *worker, const void *input,
                                     const struct update_old *old, struct item_form *form) {
    const struct number *number = input;
    const struct number_options *options = number->options;
    uint64_t present;
    form->cas = options->cas_new;
    if (old->item == NULL) {
        return number_plan_creation(number, form);
    }
    size_t old_size = item_value_size(old->item);
    /* As memcached: before the comparison, unlike other values that are no number. */
    if (old_size == 0) {
        return STORE_NOT_NUMBER;
    }
    if (options->compare &&
        options->cas_expected != store_item_cas(worker->store, old->item, old->location)) {
        return STORE_EXISTS;
    }
    if (!number_parse(bytes_of(item_value(old->item), old_size), &present)) {
        return STORE_NOT_NUMBER;
    }
    number->result->number = number_apply(options, present);
    number->result->created = false;
    size_t digits_count = number_digits_count(number->result->number);
    form->value_size = digits_count > old_size ? digits_count : old_size;
    form->client_flags = item_client_flags(old->item);
    form->key_is_binary = item_has(old->item, ITEM_KEY_BINARY);
    form->has_expiry |= options->touch && options->touch_expires_tick != STORE_EXPIRES_NEVER;
    form->expires_tick = options->touch ? options->touch_expires_tick : item_expires(old->item);
    return STORE_OK;
}

static void number_fill(const void *input, struct item *item, const struct update_old *old) {
    (void)old;
    const struct number *number = input;
    char digits[BYTES_U64_DIGITS_MAX];
    size_t digits_count = bytes_format_u64(digits, number->result->number);
    memcpy(item_value(item), digits, digits_count);
    memset(item_value(item) + digits_count, ' ', item_value_size(item) - digits_count);
}

static void number_finish(const void *input, struct item *item, const struct update_old *old) {
    const struct number *number = input;
    const struct number_options *options = number->options;
    struct number_result *result = number->result;
    if (old->item != NULL) {
        result->expires_tick_before = item_expires(old->item);
    }
    result->expires_tick =
        options->touch && old->item != NULL ? options->touch_expires_tick : result->expires_tick_before;
    if (item_has(item, ITEM_HAS_EXPIRY)) {
        item_set_expires(item, result->expires_tick);
    }
    if (old->item != NULL && item_value_size(item) == item_value_size(old->item)) {
        item_set_mark(item, ITEM_STALE, item_has(old->item, ITEM_STALE));
        item_set_mark(item, ITEM_WON, item_has(old->item, ITEM_WON));
        item_set_used(item, item_used(old->item) & ITEM_FETCHED);
    }
}

enum store_status store_add_number(struct store_worker *worker, struct bytes key,
                                   const struct number_options *options, struct number_result *result) {
    const struct number number = {.options = options, .result = result};
    const struct update update = {.key = key,
                                  .hash = index_hash(&worker->store->index, key),
                                  .input = &number,
                                  .keeps_number = options->cas_new != 0,
                                  .plan = number_plan,
                                  .fill = number_fill,
                                  .finish = number_finish};
    struct put_result stored;
    uint32_t location;
    *result = (struct number_result){0};
    enum store_status status = update_run(worker, &update, &stored, &location);
    if (status != STORE_OK) {
        *result = (struct number_result){0};
        return status;
    }
    const struct item *item = arena_item(&worker->store->arena, location);
    result->cas = stored.cas;
    result->key = item_key(item);
    result->key_is_binary = item_has(item, ITEM_KEY_BINARY);
    return STORE_OK;
}
