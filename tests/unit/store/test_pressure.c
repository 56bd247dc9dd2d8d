/* SPDX-License-Identifier: MIT
 *
 * Every operation at random against a simple model, while the limit holds after each: with room for
 * everything, and with room for little.
 */
#include "fixture.h"

enum { KEYS = 3000, VALUE_SIZE_MAX = 3000 };

/* What the model knows of a key. A store that evicts may have less than the model, never something else. */
struct known {
    bool present;
    char *value;
    size_t size;
    uint32_t client_flags;
    uint32_t expires_tick;
    uint64_t cas;
};

struct model {
    struct fixture fixture;
    struct random random;
    bool evicts;
    struct known known[KEYS];
    unsigned key; /* of the operation at hand */
    char text[32];
};

static struct bytes model_key(struct model *model) {
    int size = snprintf(model->text, sizeof(model->text), "the key number %u", model->key);
    return bytes_of(model->text, (size_t)size);
}

static void model_forget(struct known *known) {
    free(known->value);
    *known = (struct known){0};
}

/* What the store has now, taken over into the model after it was checked against what it should be. */
static void model_look(struct model *model) {
    struct known *known = &model->known[model->key];
    struct item_view view;
    if (known->present && known->expires_tick != 0 &&
        known->expires_tick <= store_now_tick(model->fixture.worker)) {
        model_forget(known);
    }
    enum store_status status = store_get(model->fixture.worker, model_key(model), &view);
    if (status == STORE_MISS) {
        cr_assert(!known->present || model->evicts, "key %u was lost", model->key);
        model_forget(known);
        return;
    }
    cr_assert_eq(status, STORE_OK);
    cr_assert(known->present, "key %u came from nowhere", model->key);
    cr_assert(bytes_equal(view.value, bytes_of(known->value, known->size)));
    cr_assert(memcmp(view.value.data + view.value.size, "\r\n", 2) == 0);
    cr_assert_eq(view.client_flags, known->client_flags);
    cr_assert_eq(view.expires_tick, known->expires_tick);
    cr_assert_eq(view.cas, known->cas);
    cr_assert(bytes_equal(view.key, model_key(model)));
}

static size_t random_size(struct model *model) {
    return random_below(&model->random, random_below(&model->random, 8) == 0 ? VALUE_SIZE_MAX : 60);
}

static uint32_t random_expiry(struct model *model) {
    if (random_below(&model->random, 4) != 0) {
        return STORE_EXPIRES_NEVER;
    }
    return store_now_tick(model->fixture.worker) + (uint32_t)random_below(&model->random, 30);
}

static char *random_value(struct model *model, size_t size) {
    char *value = malloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        value[i] = (char)random_next(&model->random);
    }
    return value;
}

/* The store may have evicted the key while it made room: then the model does not know more than it. */
static bool model_agrees(struct model *model, enum store_status status, bool stored, bool needs_present) {
    if (status == STORE_OK) {
        return true;
    }
    if (model->evicts && needs_present && (status == STORE_NOT_STORED || status == STORE_MISS)) {
        model_forget(&model->known[model->key]);
        return false;
    }
    cr_assert_not(stored, "status %d for key %u", status, model->key);
    return false;
}

static void model_put(struct model *model) {
    struct known *known = &model->known[model->key];
    static const enum put_mode modes[] = {PUT_SET, PUT_SET, PUT_ADD, PUT_REPLACE};
    struct put_options options = {.mode = modes[random_below(&model->random, 4)]};
    struct known next = {.present = true,
                         .size = random_size(model),
                         .client_flags = (uint32_t)random_below(&model->random, 3),
                         .expires_tick = random_expiry(model)};
    next.value = random_value(model, next.size);
    model_look(model);
    bool stored = options.mode == PUT_SET || (options.mode == PUT_ADD) != known->present;
    struct put_result result;
    enum store_status status = fixture_put(&model->fixture, model_key(model), bytes_of(next.value, next.size),
                                           next.client_flags, next.expires_tick, &options, &result);
    if (options.mode == PUT_ADD && status == STORE_OK) {
        stored = true; /* it was evicted meanwhile */
    }
    if (!model_agrees(model, status, stored, options.mode == PUT_REPLACE)) {
        free(next.value);
        return;
    }
    cr_assert(stored);
    next.cas = result.cas;
    model_forget(known);
    *known = next;
}

static void model_append(struct model *model) {
    struct known *known = &model->known[model->key];
    const struct put_options options = {.mode = PUT_APPEND};
    size_t size = random_below(&model->random, 20);
    char *added = random_value(model, size);
    struct put_result result;
    model_look(model);
    enum store_status status =
        fixture_put(&model->fixture, model_key(model), bytes_of(added, size), 0, 0, &options, &result);
    if (model_agrees(model, status, known->present, true)) {
        cr_assert(known->present);
        known->value = realloc(known->value, known->size + size + 1);
        memcpy(known->value + known->size, added, size);
        known->size += size;
        known->cas = result.cas;
        cr_assert_eq(result.value_size, known->size);
    }
    free(added);
}

static void model_delete(struct model *model) {
    model_look(model);
    bool present = model->known[model->key].present;
    enum store_status status = store_delete(model->fixture.worker, model_key(model), NULL, NULL);
    cr_assert_eq(status, present ? STORE_OK : STORE_MISS);
    model_forget(&model->known[model->key]);
}

static void model_touch(struct model *model) {
    uint32_t expires_tick = random_expiry(model);
    model_look(model);
    struct known *known = &model->known[model->key];
    enum store_status status = store_touch(model->fixture.worker, model_key(model), expires_tick);
    if (model->evicts && status == STORE_MISS) {
        model_forget(known); /* to have room for an expiry it was made anew, and pushed out for that */
    }
    cr_assert_eq(status, known->present ? STORE_OK : STORE_MISS);
    known->expires_tick = expires_tick;
}

static void model_turn(struct model *model) {
    fixture_turn(&model->fixture, random_below(&model->random, 20) == 0 ? 1000 : 1);
}

static void model_step(struct model *model) {
    model->key = (unsigned)random_below(&model->random, KEYS);
    switch (random_below(&model->random, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        model_put(model);
        break;
    case 4:
        model_append(model);
        break;
    case 5:
        model_delete(model);
        break;
    case 6:
        model_touch(model);
        break;
    case 7:
        model_turn(model);
        break;
    default:
        model_look(model);
        break;
    }
}

static void run_model(struct store_config config, unsigned steps_count) {
    static struct model model;
    model.random = fixture_random();
    model.evicts = config.memory_size_max < 8 * FIXTURE_MIB;
    model.fixture = fixture_open_with(config);
    for (unsigned step = 0; step < steps_count; step++) {
        model_step(&model);
        fixture_levels(&model.fixture); /* the limit holds */
        if (step % 5000 == 0) {
            cr_assert(index_check(model.fixture.store));
        }
    }
    for (model.key = 0; model.key < KEYS; model.key++) {
        model_look(&model);
        model_forget(&model.known[model.key]);
    }
    if (model.evicts) {
        cr_expect_gt(fixture_count(&model.fixture, evictions), 1000);
    } else {
        cr_expect_eq(fixture_count(&model.fixture, evictions), 0);
    }
    cr_expect_eq(fixture_count(&model.fixture, no_memory), 0);
    fixture_close(&model.fixture);
}

Test(pressure, with_room_for_everything_the_store_agrees_with_a_model) {
    run_model(fixture_config(), 200000);
}

Test(pressure, with_room_for_little_the_store_agrees_and_keeps_its_limit) {
    struct store_config config = fixture_config();
    config.memory_size_max = 512 * 1024;
    config.item_size_max = 128 * 1024;
    run_model(config, 200000);
}

Test(pressure, the_limit_holds_for_items_of_every_size) {
    struct store_config config = fixture_config();
    config.memory_size_max = 2 * FIXTURE_MIB;
    struct fixture fixture = fixture_open_with(config);
    struct random random = fixture_random();
    for (unsigned i = 0; i < 30000; i++) {
        size_t value_size = random_below(&random, UINT64_C(1) << random_below(&random, 21));
        enum store_status status = fixture_set_number(&fixture, i, value_size);
        cr_assert(status == STORE_OK || status == STORE_TOO_LARGE, "%zu bytes: status %d", value_size,
                  status);
        fixture_levels(&fixture);
        if (random_below(&random, 10) == 0) {
            fixture_turn(&fixture, 1);
        }
    }
    fixture_close(&fixture);
}

Test(pressure, pins_hold_an_eighth_at_most_and_what_they_hold_stays) {
    struct store_config config = fixture_config();
    config.memory_size_max = FIXTURE_MIB;
    config.item_size_max = 100 * 1024;
    struct fixture fixture = fixture_open_with(config);
    struct item_view views[8];
    unsigned count = 0;
    for (unsigned i = 0; i < 64; i++) {
        struct item_view view;
        cr_assert_eq(fixture_set_number(&fixture, i, 50000), STORE_OK);
        cr_assert_eq(fixture_get_number(&fixture, i, &view), STORE_OK);
        if (store_pin(&view)) {
            cr_assert_lt(count, 8);
            views[count++] = view;
        }
        fixture_turn(&fixture, 1);
    }
    cr_expect_eq(count, FIXTURE_MIB / 8 / 53248, "an item of 50,000 bytes has a segment of 13 pages");
    fixture_levels(&fixture);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(views[i].value.data[0], (char)('a' + i % 26));
        store_unpin(views[i].pin);
    }
    fixture_close(&fixture);
}

Test(pressure, one_value_may_be_pinned_whatever_its_size) {
    struct store_config config = fixture_config();
    config.memory_size_max = FIXTURE_MIB;
    config.item_size_max = 500 * 1024;
    struct fixture fixture = fixture_open_with(config);
    struct item_view large, small;
    cr_assert_eq(fixture_set_number(&fixture, 1, 400000), STORE_OK);
    cr_assert_eq(fixture_set_number(&fixture, 2, 100), STORE_OK);
    cr_assert_eq(fixture_get_number(&fixture, 1, &large), STORE_OK);
    cr_assert_eq(fixture_get_number(&fixture, 2, &small), STORE_OK);
    cr_expect(store_pin(&large));
    cr_expect(store_pin(&large), "what is pinned may be pinned again");
    cr_expect_not(store_pin(&small));
    store_unpin(large.pin);
    store_unpin(large.pin);
    fixture_close(&fixture);
}
