/* SPDX-License-Identifier: MIT
 *
 * store_file_pin: values that are being sent while the store goes to another process: where they are for both, and pinned there by
 * the one that takes it. What it is told may be anything.
 */
#include "riposte/store_file.h"
#include "segment.h"

bool store_file_offset(const struct store *store, struct bytes bytes, uint64_t *offset) {
    const struct arena *arena = &store->arena;
    size_t at = (size_t)((uintptr_t)bytes.data - (uintptr_t)arena->base);
    if (arena->memory_fd < 0 || at >= arena->mapped_size || bytes.size > arena->mapped_size - at) {
        return false;
    }
    *offset = ARENA_FILE_OFFSET + at;
    return true;
}

/* The segment whose addresses have the byte at `at`, from base; NULL: none. */
static struct segment *segment_at(struct arena *arena, size_t at) {
    if (at < arena->slots_size) {
        return &arena->segments[at >> arena->segment_shift];
    }
    for (unsigned i = 0; i < arena->classes_count; i++) {
        const struct arena_class *class = &arena->classes[i];
        if (at >= class->offset && (at - class->offset) >> class->shift < class->count) {
            return &arena->segments[class->first + ((at - class->offset) >> class->shift)];
        }
    }
    return NULL;
}

void *store_file_pin(struct store *store, uint64_t offset, size_t size, struct bytes *bytes) {
    struct arena *arena = &store->arena;
    size_t at = offset - ARENA_FILE_OFFSET;
    if (offset < ARENA_FILE_OFFSET || at >= arena->mapped_size) {
        return NULL;
    }
    struct segment *segment = segment_at(arena, at);
    if (segment == NULL || segment->memory == NULL ||
        (segment_state(segment) != SEGMENT_QUEUED && segment_state(segment) != SEGMENT_RETIRED)) {
        return NULL;
    }
    size_t in_segment = at - (size_t)(segment->memory - arena->base);
    if (in_segment >= segment->size || size > segment->size - in_segment) {
        return NULL;
    }
    segment_pin(segment);
    *bytes = bytes_of(arena->base + at, size);
    return segment;
}
