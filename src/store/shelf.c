/* SPDX-License-Identifier: MIT
 *
 * shelf: see shelf.h.
 */
#include "shelf.h"

#include <assert.h>

#include "memory.h"

enum {
    SHELF_EVEN_MAX = 128, /* charges up to here are multiples of MEMORY_STEP_MIN, a class each: 1 to 8 */
    SHELF_EVEN_LOG2 = 7,
    SHELF_EVEN_CLASSES = SHELF_EVEN_MAX / MEMORY_STEP_MIN,
    SHELF_STEPS = 1 << MEMORY_STEPS_LOG2,
};

/* The class of a charge: the steps of memory.h, counted. */
static unsigned shelf_class_of(size_t charge) {
    if (charge <= SHELF_EVEN_MAX) {
        return (unsigned)(charge / MEMORY_STEP_MIN);
    }
    unsigned log2 = 63 - (unsigned)__builtin_clzl(charge - 1);
    unsigned step = (unsigned)((charge - 1) >> (log2 - MEMORY_STEPS_LOG2)) - SHELF_STEPS;
    return SHELF_EVEN_CLASSES + 1 + (log2 - SHELF_EVEN_LOG2) * SHELF_STEPS + step;
}

/* The charge of a class. */
static size_t shelf_charge(unsigned class) {
    if (class <= SHELF_EVEN_CLASSES) {
        return (size_t) class * MEMORY_STEP_MIN;
    }
    unsigned steps = class - SHELF_EVEN_CLASSES - 1;
    size_t unit = (size_t)SHELF_EVEN_MAX / SHELF_STEPS << steps / SHELF_STEPS;
    return unit * (SHELF_STEPS + 1 + steps % SHELF_STEPS);
}

static void *shelf_pop(struct shelf *shelf, unsigned class) {
    struct shelf_class *shelf_class = &shelf->classes[class];
    void *block = shelf_class->blocks;
    if (block == NULL) {
        return NULL;
    }
    shelf_class->blocks = *(void **)block;
    shelf_class->count--;
    if (shelf_class->count < shelf_class->idle_count) {
        shelf_class->idle_count = shelf_class->count;
    }
    shelf->size -= shelf_charge(class);
    return block;
}

void *shelf_take(struct shelf *shelf, size_t charge) {
    return charge <= SHELF_BLOCK_MAX ? shelf_pop(shelf, shelf_class_of(charge)) : NULL;
}

bool shelf_put(struct shelf *shelf, void *block, size_t charge) {
    if (charge > SHELF_BLOCK_MAX || shelf->size + charge > shelf->size_max) {
        return false;
    }
    unsigned class = shelf_class_of(charge);
    assert(shelf_charge(class) == charge);
    struct shelf_class *shelf_class = &shelf->classes[class];
    *(void **)block = shelf_class->blocks;
    shelf_class->blocks = block;
    shelf_class->count++;
    shelf->size += charge;
    return true;
}

void *shelf_take_idle(struct shelf *shelf, size_t *charge) {
    for (unsigned class = 0; class < SHELF_CLASSES; class ++) {
        if (shelf->classes[class].idle_count != 0) {
            *charge = shelf_charge(class);
            shelf->classes[class].idle_count--;
            return shelf_pop(shelf, class);
        }
    }
    for (unsigned class = 0; class < SHELF_CLASSES; class ++) {
        shelf->classes[class].idle_count = shelf->classes[class].count;
    }
    return NULL;
}

void *shelf_take_any(struct shelf *shelf, size_t *charge) {
    for (unsigned class = 0; class < SHELF_CLASSES && shelf->size != 0; class ++) {
        *charge = shelf_charge(class);
        void *block = shelf_pop(shelf, class);
        if (block != NULL) {
            return block;
        }
    }
    return NULL;
}
