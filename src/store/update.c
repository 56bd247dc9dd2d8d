/* SPDX-License-Identifier: MIT
 *
 * update: replaces an item by one that is made from it (see update.h): append and prepend, a delete that leaves something,
 * incr and decr.
 */
#include "update.h"

#include "index.h"
#include "index_grow.h"
#include "link.h"
#include "segment.h"

/* One attempt. */
struct update_attempt {
    struct update_old old;
    struct item_form form; /* of the new item, as planned */
    struct item *item;     /* the new item; NULL before it is made */
};

enum update_step { UPDATE_DONE, UPDATE_AGAIN, UPDATE_RENUMBER, UPDATE_NO_MEMORY };

static enum store_status update_look(struct store_worker *worker, const struct update *update,
                                     struct update_attempt *attempt) {
    attempt->old.location = link_find(worker, update->hash, update->key);
    attempt->old.item =
        attempt->old.location == 0 ? NULL : arena_item(&worker->store->arena, attempt->old.location);
    attempt->form = (struct item_form){.has_expiry = attempt->old.item != NULL &&
                                                     item_has(attempt->old.item, ITEM_HAS_EXPIRY)};
    bool has_expiry = attempt->form.has_expiry;
    enum store_status status = update->plan(worker, update->input, &attempt->old, &attempt->form);
    attempt->form.has_expiry |= has_expiry;
    attempt->form.key = update->key;
    return status;
}

static bool same_form(const struct item_form *left, const struct item_form *right) {
    return left->value_size == right->value_size && left->client_flags == right->client_flags &&
           item_form_marks(left) == item_form_marks(right) && left->cas == right->cas;
}

/*
 * Making the item may have cost a quiescent state: then the old one is looked for again. False when it no longer
 * fits the plan.
 */
static bool update_confirm(struct store_worker *worker, const struct update *update,
                           struct update_attempt *attempt, uint64_t epoch_before) {
    if (likely(epoch_tag(&worker->member) == epoch_before)) {
        return true; /* step 4 of the argument in epoch.h */
    }
    struct item_form made = attempt->form;
    return update_look(worker, update, attempt) == STORE_OK && same_form(&made, &attempt->form);
}

static bool update_changes(const struct update *update, const struct update_attempt *attempt) {
    return update->is_change && attempt->old.item != NULL &&
           item_value_size(attempt->item) == item_value_size(attempt->old.item);
}

/* Stores the new item, unless the key has another item by now. */
static enum update_step update_exchange(struct store_worker *worker, const struct update *update,
                                        struct update_attempt *attempt, struct put_result *result) {
    struct place place;
    link_open(worker, update->hash, update->key, &place);
    if (place.location != attempt->old.location) {
        place_close(&place);
        return UPDATE_AGAIN;
    }
    update->finish(update->input, attempt->item, &attempt->old);
    bool changes = update_changes(update, attempt);
    if (!put_publish(worker, &place, attempt->item, update->keeps_number, result)) {
        return UPDATE_RENUMBER;
    }
    counter_add(&worker->counters.items_changed, changes);
    return UPDATE_DONE;
}

/* The item is made; fills and stores it. */
static enum update_step update_store(struct store_worker *worker, const struct update *update,
                                     struct update_attempt *attempt, uint64_t epoch_before,
                                     struct put_result *result) {
    if (!put_supply(worker)) {
        put_drop(worker, attempt->item);
        return UPDATE_NO_MEMORY;
    }
    enum update_step step = UPDATE_AGAIN;
    if (update_confirm(worker, update, attempt, epoch_before)) {
        update->fill(update->input, attempt->item, &attempt->old);
        step = update_exchange(worker, update, attempt, result);
    }
    if (step != UPDATE_DONE) {
        put_drop(worker, attempt->item);
    }
    return step;
}

enum store_status update_run(struct store_worker *worker, const struct update *update,
                             struct put_result *result, uint32_t *location) {
    struct update_attempt attempt;
    uint64_t number = 0; /* of the item's own, where that of its place was too low */
    for (;;) {
        enum store_status status = update_look(worker, update, &attempt);
        if (status != STORE_OK) {
            return status;
        }
        uint64_t epoch_before = epoch_tag(&worker->member);
        if (unlikely(number != 0)) {
            attempt.form.cas = number;
            attempt.form.cas_is_drawn = true;
        }
        attempt.item = put_make(worker, &attempt.form, update->hash);
        if (attempt.item == NULL) {
            return STORE_NO_MEMORY;
        }
        switch (update_store(worker, update, &attempt, epoch_before, result)) {
        case UPDATE_DONE:
            if (location != NULL) {
                *location = arena_location_of(&worker->store->arena, attempt.item);
            }
            index_help_resize(worker);
            return STORE_OK;
        case UPDATE_AGAIN:
            break;
        case UPDATE_RENUMBER:
            if (update->keeps_number) {
                segment_close_all(worker);
            } else {
                number = put_draw_number(worker);
            }
            break;
        case UPDATE_NO_MEMORY:
            return STORE_NO_MEMORY;
        }
    }
}

/*
 * --- append and prepend: a value behind or before the present one. Flags, expiry and the form of the key stay the old
 * item's; the marks of stale and won go, as with every ordinary store. ---
 */

struct append {
    struct item *added;
    const struct put_options *options;
};

static enum store_status append_plan_creation(const struct append *append, struct item_form *form) {
    if (!append->options->create) {
        return STORE_NOT_STORED;
    }
    form->value_size = item_value_size(append->added);
    form->client_flags = item_client_flags(append->added);
    form->key_is_binary = item_has(append->added, ITEM_KEY_BINARY);
    form->expires_tick = append->options->create_expires_tick;
    return STORE_OK;
}

static enum store_status append_plan(const struct store_worker *worker, const void *input,
                                     const struct update_old *old, struct item_form *form) {
    const struct append *append = input;
    form->cas = append->options->cas_new;
    if (old->item == NULL) {
        return append_plan_creation(append, form);
    }
    if (append->options->compare &&
        append->options->cas_expected != store_item_cas(worker->store, old->item, old->location)) {
        return STORE_EXISTS;
    }
    form->value_size = item_value_size(old->item) + item_value_size(append->added);
    form->client_flags = item_client_flags(old->item);
    form->key_is_binary = item_has(old->item, ITEM_KEY_BINARY);
    form->expires_tick = item_expires(old->item);
    bool fits = put_fits(worker, item_key(old->item).size, form->value_size, form->client_flags != 0);
    return fits ? STORE_OK : STORE_NOT_STORED;
}

static char *append_copy(char *to, struct item *from) {
    if (from == NULL) {
        return to;
    }
    bytes_copy_large(to, item_value(from), item_value_size(from));
    return to + item_value_size(from);
}

static void append_fill(const void *input, struct item *item, const struct update_old *old) {
    const struct append *append = input;
    bool behind = append->options->mode == PUT_APPEND;
    char *middle = append_copy(item_value(item), behind ? old->item : append->added);
    append_copy(middle, behind ? append->added : old->item);
}

static void append_finish(const void *input, struct item *item, const struct update_old *old) {
    (void)input;
    if (old->item != NULL && item_has(item, ITEM_HAS_EXPIRY)) {
        item_set_expires(item, item_expires(old->item));
    }
}

/* Not inlined: every store_put would make room on the stack for it. */
static __attribute__((noinline)) enum store_status append_put(struct store_worker *worker, struct item **item,
                                                              const struct put_options *options,
                                                              struct put_result *result) {
    struct item *added = *item;
    if (result != NULL) {
        *result = (struct put_result){0};
    }
    const struct append append = {.added = added, .options = options};
    const struct update update = {.key = item_key(added),
                                  .hash = index_hash(&worker->store->index, item_key(added)),
                                  .input = &append,
                                  .keeps_number = options->cas_new != 0,
                                  .plan = append_plan,
                                  .fill = append_fill,
                                  .finish = append_finish};
    enum store_status status = update_run(worker, &update, result, NULL);
    if (likely(status != STORE_NO_MEMORY)) {
        put_drop(worker, added);
        *item = NULL;
    }
    return status;
}

enum store_status store_put(struct store_worker *worker, struct item **item,
                            const struct put_options *options, struct put_result *result) {
    bool appends = options->mode == PUT_APPEND || options->mode == PUT_PREPEND;
    return unlikely(appends) ? append_put(worker, item, options, result)
                             : put_item(worker, item, options, result);
}

/* --- delete: taking an item out, or keeping it as stale or without its value --- */

static bool delete_compares(const struct store_worker *worker, const struct delete_options *options,
                            const struct item *item, uint32_t location) {
    return options == NULL || !options->compare ||
           options->cas_expected == store_item_cas(worker->store, item, location);
}

static enum store_status delete_plain(struct store_worker *worker, struct bytes key,
                                      const struct delete_options *options) {
    struct place place;
    enum store_status status = STORE_OK;
    link_open(worker, index_hash(&worker->store->index, key), key, &place);
    if (place.item == NULL) {
        status = STORE_MISS;
    } else if (!delete_compares(worker, options, place.item, place.location)) {
        status = STORE_EXISTS;
    } else {
        link_remove(worker, &place);
    }
    place_close(&place);
    index_help_resize(worker);
    return status;
}

static uint32_t delete_expires(const struct delete_options *options, const struct item *old) {
    if (options->touch) {
        return options->touch_expires_tick;
    }
    return options->drop_value ? STORE_EXPIRES_NEVER : item_expires(old);
}

static enum store_status delete_plan(const struct store_worker *worker, const void *input,
                                     const struct update_old *old, struct item_form *form) {
    const struct delete_options *options = input;
    if (old->item == NULL) {
        return STORE_MISS;
    }
    if (!delete_compares(worker, options, old->item, old->location)) {
        return STORE_EXISTS;
    }
    form->value_size = options->drop_value ? 0 : item_value_size(old->item);
    form->client_flags = options->drop_value ? options->client_flags : item_client_flags(old->item);
    form->key_is_binary = item_has(old->item, ITEM_KEY_BINARY);
    form->expires_tick = delete_expires(options, old->item);
    form->cas = options->cas_new;
    if (form->cas == 0 && !options->invalidate) {
        form->cas = store_item_cas(worker->store, old->item, old->location);
        form->cas_is_drawn = item_number_is_drawn(old->item);
    }
    return STORE_OK;
}

static void delete_fill(const void *input, struct item *item, const struct update_old *old) {
    (void)input;
    memcpy(item_value(item), item_value(old->item), item_value_size(item));
}

static void delete_finish(const void *input, struct item *item, const struct update_old *old) {
    const struct delete_options *options = input;
    if (item_has(item, ITEM_HAS_EXPIRY)) {
        item_set_expires(item, delete_expires(options, old->item));
    }
    if (options->invalidate) {
        item_set_mark(item, ITEM_STALE, true);
    }
    if (!options->drop_value) {
        item_set_used(item, item_used(old->item) & ITEM_FETCHED);
    }
}

enum store_status store_delete(struct store_worker *worker, struct bytes key,
                               const struct delete_options *options, struct put_result *result) {
    if (result != NULL) {
        *result = (struct put_result){0};
    }
    if (options == NULL || (!options->invalidate && !options->drop_value)) {
        return delete_plain(worker, key, options);
    }
    const struct update update = {.key = key,
                                  .hash = index_hash(&worker->store->index, key),
                                  .input = options,
                                  .keeps_number = options->cas_new != 0 || !options->invalidate,
                                  .is_change = !options->drop_value,
                                  .plan = delete_plan,
                                  .fill = delete_fill,
                                  .finish = delete_finish};
    return update_run(worker, &update, result, NULL);
}

/*
 * --- incr and decr. A number is what strtoull(3) reads at the beginning of a value, as in memcached: white space, a '+', digits
 * with any number of leading zeros, together below 2^64; then the value's end, white space or a NUL. But a minus sign, and what
 * lies behind the value, are none of it.
 *
 * A result as long as the old value or shorter counts as the same item with another content: its marks (read before, stale,
 * won) stay, and spaces fill the old length. A longer one is a new item. ---
 */

/* Bytes; memcached keeps a longer value in several chunks, and takes none of these for a number. */
enum { NUMBER_VALUE_SIZE_MAX = 512 << 10 };

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
    if (old_size == 0 || old_size > NUMBER_VALUE_SIZE_MAX) {
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
                                  .is_change = true,
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
    result->value_size = stored.value_size;
    result->key = item_key(item);
    result->key_is_binary = item_has(item, ITEM_KEY_BINARY);
    return STORE_OK;
}
