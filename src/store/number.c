/* SPDX-License-Identifier: MIT
 *
 * number: incr and decr. A number is 1 to 20 digits below 2^64 at the beginning of a value, followed by its
 * end or white space.
 *
 * A result as long as the old value or shorter counts as the same item with another content: its marks
 * (read before, stale, won) stay, and spaces fill the old length. A longer one is a new item. See rewrite.h
 * for how either is stored. Worker's own thread.
 */
#include "put.h"
#include "rewrite.h"

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
    size_t digits_count = 0;
    while (digits_count < value.size && number_is_digit(value.data[digits_count])) {
        digits_count++;
    }
    if (digits_count > BYTES_U64_DIGITS_MAX ||
        (digits_count < value.size && !number_is_space(value.data[digits_count]))) {
        return false;
    }
    return bytes_parse_u64(bytes_of(value.data, digits_count), number);
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

static enum store_status number_plan_creation(const struct number *number, struct item_shape *shape) {
    const struct number_options *options = number->options;
    if (!options->create) {
        return STORE_MISS;
    }
    number->result->number = options->initial;
    number->result->created = true;
    number->result->expires_tick_before = options->create_expires_tick;
    shape->value_size = number_digits_count(options->initial);
    shape->key_is_binary = options->key_is_binary;
    return STORE_OK;
}

static enum store_status number_plan(const struct store_worker *worker, const void *input, struct item *old,
                                     struct item_shape *shape) {
    (void)worker;
    const struct number *number = input;
    uint64_t present;
    shape->has_cas = number->options->cas_new != 0;
    if (old == NULL) {
        return number_plan_creation(number, shape);
    }
    /* As memcached: before the comparison, unlike other values that are no number. */
    if (old->value_size == 0) {
        return STORE_NOT_NUMBER;
    }
    if (number->options->compare && number->options->cas_expected != item_cas(old)) {
        return STORE_EXISTS;
    }
    if (!number_parse(bytes_of(item_value(old), old->value_size), &present)) {
        return STORE_NOT_NUMBER;
    }
    number->result->number = number_apply(number->options, present);
    number->result->created = false;
    size_t digits_count = number_digits_count(number->result->number);
    shape->value_size = digits_count > old->value_size ? digits_count : old->value_size;
    shape->client_flags = item_client_flags(old);
    shape->key_is_binary = item_has(old, ITEM_KEY_BINARY);
    return STORE_OK;
}

static void number_fill(const void *input, struct item *item, struct item *old) {
    (void)old;
    const struct number *number = input;
    char digits[BYTES_U64_DIGITS_MAX];
    size_t digits_count = bytes_format_u64(digits, number->result->number);
    memcpy(item_value(item), digits, digits_count);
    memset(item_value(item) + digits_count, ' ', item->value_size - digits_count);
}

static uint64_t number_finish(const void *input, struct item *item, const struct item *old) {
    const struct number *number = input;
    const struct number_options *options = number->options;
    if (old != NULL) {
        number->result->expires_tick_before = item_expires(old);
    }
    number->result->expires_tick =
        options->touch && old != NULL ? options->touch_expires_tick : number->result->expires_tick_before;
    atomic_store_explicit(&item->expires_tick, number->result->expires_tick, memory_order_relaxed);
    if (old != NULL && item->value_size == old->value_size) {
        put_mark(item, item_marks(old) & (ITEM_FETCHED | ITEM_STALE | ITEM_WON));
    }
    return options->cas_new;
}

enum store_status store_add_number(struct store_worker *worker, struct bytes key,
                                   const struct number_options *options, struct number_result *result) {
    const struct number number = {.options = options, .result = result};
    const struct rewrite rewrite = {
        .key = key, .input = &number, .plan = number_plan, .fill = number_fill, .finish = number_finish};
    struct put_result stored;
    struct item *item;
    *result = (struct number_result){0};
    enum store_status status = rewrite_run(worker, &rewrite, &stored, &item);
    if (status != STORE_OK) {
        *result = (struct number_result){0};
        return status;
    }
    result->cas = stored.cas;
    result->key = item_key(item);
    result->key_is_binary = item_has(item, ITEM_KEY_BINARY);
    return STORE_OK;
}
