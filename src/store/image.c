/* SPDX-License-Identifier: MIT
 *
 * image: moving a store's structures into its file, and out of it. See image.h.
 */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "arena_ready.h"
#include "flush_table.h"
#include "reclaim.h"
#include "segment.h"
#include "riposte/clock.h"

enum { IMAGE_PIECE_SIZE = 1024 * 1024, IMAGE_ATTEMPTS = 16 };

static int write_all(int fd, const char *bytes, size_t size, off_t offset) {
    while (size > 0) {
        ssize_t done = pwrite(fd, bytes, size, offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return done < 0 ? -errno : -EIO;
        }
        bytes += done;
        size -= (size_t)done;
        offset += done;
    }
    return 0;
}

static int read_all(int fd, char *bytes, size_t size, off_t offset) {
    while (size > 0) {
        ssize_t done = pread(fd, bytes, size, offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return done < 0 ? -errno : -EIO;
        }
        bytes += done;
        size -= (size_t)done;
        offset += done;
    }
    return 0;
}

static size_t piece_of(size_t size) {
    return size < IMAGE_PIECE_SIZE ? size : IMAGE_PIECE_SIZE;
}

static off_t offset_behind(off_t offset, size_t size) {
    return offset + (off_t)image_pages(size);
}

static off_t sections_offset(const struct store *store) {
    return (off_t)(ARENA_FILE_OFFSET + store->arena.mapped_size);
}

int image_root_write(int fd, const struct image_root *root) {
    return write_all(fd, (const char *)root, sizeof(*root), 0);
}

void image_parts_find(const struct store *store, const struct image_root *root,
                      struct image_part parts[IMAGE_SECTIONS_COUNT]) {
    if (store->is_shared) {
        return;
    }
    const struct index *index = &store->index;
    size_t overflow_count = root->overflow_taken == 0 ? 0 : root->overflow_taken + 1;
    bool has_ghosts = store->evict && root->ghost_clocks[QUEUE_SMALL] + root->ghost_clocks[QUEUE_MAIN] != 0;
    parts[IMAGE_HOMES] = (struct image_part){(char *)index->homes, root->homes_count * BUCKET_SIZE, true};
    parts[IMAGE_OVERFLOW] = (struct image_part){(char *)index->overflow, overflow_count * BUCKET_SIZE, true};
    parts[IMAGE_LINKS] = (struct image_part){(char *)index->overflow_links,
                                             overflow_count * sizeof(*index->overflow_links), true};
    parts[IMAGE_FLOORS] =
        (struct image_part){(char *)store->floors, (store->floors_mask + 1) * sizeof(*store->floors), true};
    parts[IMAGE_GHOSTS] =
        (struct image_part){(char *)store->ghost.entries, has_ghosts ? store->ghost.mapped_size : 0, true};
}

/* --- saving --- */

/* relaxed, both: no worker is there any more. */
static uint64_t load(const _Atomic uint64_t *value) {
    return atomic_load_explicit(value, memory_order_relaxed);
}

static uint32_t load_u32(const _Atomic uint32_t *value) {
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* What nobody reads any more is free: no worker is there. What is pinned stays an orphan. */
static void free_orphans(struct store *store) {
    reclaim_free_orphans(store);
    for (uint32_t number; (number = store->orphan_buckets) != 0;) {
        store->orphan_buckets = store->index.overflow_links[number];
        store->index.overflow_links[number] = store->index.overflow_free;
        store->index.overflow_free = number;
    }
    /* relaxed: as load. */
    atomic_store_explicit(&store->orphans_wait, store->orphans.first != SEGMENT_NONE, memory_order_relaxed);
}

static void sum_items(const struct store *store, struct image_root *root) {
    for (unsigned i = 0; i < epoch_members_count(&store->epoch); i++) {
        const struct store_worker *worker = store_member(store, i);
        assert(!worker->joined);
        root->items_count +=
            counter_read(&worker->counters.items_added) - counter_read(&worker->counters.items_removed);
        root->items_size +=
            counter_read(&worker->items_size_added) - counter_read(&worker->items_size_removed);
    }
}

static void root_fill(const struct store *store, uint64_t now_ns, struct image_root *root) {
    const struct arena *arena = &store->arena;
    uint64_t elapsed_ns = now_ns > store->clock_start_ns ? now_ns - store->clock_start_ns : 0;
    root->limit = store->ghost.store_size;
    root->limit_max = arena->limit_max;
    root->item_size_max = arena->item_size_max;
    root->segment_shift = arena->segment_shift;
    root->hash_seed = store->index.hash_seed;
    root->homes_count = index_homes_count(&store->index);
    root->homes_min = store->index.homes_min;
    root->overflow_taken = store->index.overflow_taken;
    root->overflow_free = store->index.overflow_free;
    root->overflow_count = load(&store->index.overflow_count);
    root->sequence = load(&arena->sequence);
    root->flush_number = load(&arena->flush_number);
    root->doubt_number = load(&store->doubt_number);
    root->stopped_unix_s = clock_real_ns() / CLOCK_NS_PER_S;
    root->stopped_tick = STORE_TICK_FIRST + elapsed_ns / CLOCK_NS_PER_S + load_u32(&store->clock_advance_s);
    root->start_unix_s = load(&store->clock_start_unix_s);
    root->start_ns = store->clock_start_ns;
    root->advance_s = load_u32(&store->clock_advance_s);
    root->flush_at_tick = load_u32(&store->flush_at_tick);
    root->ghost_clocks[QUEUE_SMALL] = load(&store->ghost.clocks[QUEUE_SMALL]);
    root->ghost_clocks[QUEUE_MAIN] = load(&store->ghost.clocks[QUEUE_MAIN]);
    root->ghost_target = load(&store->ghost.small_target);
    sum_items(store, root);
}

static struct image_segment row_of(const struct arena *arena, uint32_t index, uint32_t queue) {
    const struct segment *segment = &arena->segments[index];
    return (struct image_segment){.number = arena_number(arena, index),
                                  .index = index,
                                  .size = segment->size,
                                  .used = load_u32(&segment->used),
                                  .dead = load_u32(&segment->dead),
                                  .expires_first = load_u32(&segment->expires_first),
                                  .expires_last = load_u32(&segment->expires_last),
                                  .queue = queue};
}

/* The rows of a list of segments. Returns how many. */
static size_t rows_fill(const struct arena *arena, const struct arena_list *list, uint32_t queue,
                        struct image_segment *rows) {
    size_t count = 0;
    for (uint32_t i = list->first; i != SEGMENT_NONE; i = arena->segments[i].next) {
        rows[count++] = row_of(arena, i, queue);
    }
    return count;
}

/* The rows of all segments that are in use: queued, or retired and pinned; NULL: no memory. */
static struct image_segment *segments_list(const struct store *store, size_t *count) {
    const struct arena *arena = &store->arena;
    size_t most = 1, at = 0;
    for (uint32_t i = 0; (i = arena_scan(arena, i)) != SEGMENT_NONE; i++) {
        enum segment_state state = segment_state(&arena->segments[i]);
        assert(state == SEGMENT_FREE || state == SEGMENT_QUEUED || state == SEGMENT_RETIRED);
        most += state != SEGMENT_FREE;
    }
    struct image_segment *rows = calloc(most, sizeof(*rows));
    for (unsigned queue = 0; queue < QUEUES_COUNT && rows != NULL; queue++) {
        at += rows_fill(arena, &arena->queues[queue], queue, rows + at);
    }
    at += rows == NULL ? 0 : rows_fill(arena, &store->orphans, IMAGE_RETIRED, rows + at);
    *count = at;
    return rows;
}

/* Before anything is moved: a file system that is nearly full is not filled up in vain. */
static int room_check(int fd, const struct image_part parts[IMAGE_SECTIONS_COUNT]) {
    struct statvfs status;
    uint64_t needed = 0;
    for (unsigned i = 0; i < IMAGE_SECTIONS_COUNT; i++) {
        needed += image_pages(parts[i].size);
    }
    /* A memfd has no file system with an end: all figures are 0. */
    if (fstatvfs(fd, &status) < 0 || status.f_blocks == 0) {
        return 0;
    }
    return (uint64_t)status.f_bavail * status.f_frsize < needed ? -ENOSPC : 0;
}

/* Writes a part, *done bytes of it in the end. Their memory is gone then, where it is a table. */
static int part_write(const struct store *store, off_t offset, const struct image_part *part, size_t *done,
                      uint64_t *checksum) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    int status = 0;
    for (*done = 0; *done < part->size && status == 0;) {
        char *piece = part->memory + *done;
        size_t size = piece_of(part->size - *done);
        XXH3_64bits_update(&state, piece, size);
        status = write_all(store->arena.memory_fd, piece, size, offset + (off_t)*done);
        if (status == 0) {
            *done += size;
            /* Whole pages only. */
            if (part->is_table && size == IMAGE_PIECE_SIZE) {
                tables_drop(&store->tables, piece, size);
            }
        }
    }
    *checksum = XXH3_64bits_digest(&state);
    return status;
}

/* After a failure: what was written comes back. A file that was just written can be read. */
static void part_restore(int fd, off_t offset, const struct image_part *part, size_t done) {
    if (part->is_table) {
        int status = read_all(fd, part->memory, done, offset);
        assert(status == 0);
    }
}

static int parts_write(const struct store *store, const struct image_part parts[IMAGE_SECTIONS_COUNT],
                       struct image_root *root) {
    int fd = store->arena.memory_fd;
    size_t done[IMAGE_SECTIONS_COUNT] = {0};
    off_t offsets[IMAGE_SECTIONS_COUNT];
    int status = room_check(fd, parts);
    unsigned count = 0;
    for (off_t offset = sections_offset(store); count < IMAGE_SECTIONS_COUNT && status == 0; count++) {
        root->sections[count].size = parts[count].size;
        offsets[count] = offset;
        status = part_write(store, offset, &parts[count], &done[count], &root->sections[count].checksum);
        offset = offset_behind(offset, parts[count].size);
    }
    for (unsigned i = 0; i < count && status < 0; i++) {
        part_restore(fd, offsets[i], &parts[i], done[i]);
    }
    return status;
}

static int sections_write(struct store *store, struct image_root *root) {
    struct image_part parts[IMAGE_SECTIONS_COUNT] = {0};
    size_t segments_count;
    /* relaxed: as load. */
    struct flush_table *table = atomic_load_explicit(&store->flush_table, memory_order_relaxed);
    struct image_segment *segments = segments_list(store, &segments_count);
    if (segments == NULL) {
        return -ENOMEM;
    }
    image_parts_find(store, root, parts);
    parts[IMAGE_SEGMENTS] = (struct image_part){(char *)segments, segments_count * sizeof(*segments), false};
    parts[IMAGE_PREFIXES] = (struct image_part){(char *)table, table == NULL ? 0 : table->size, false};
    parts[IMAGE_NOTE] = (struct image_part){(char *)(uintptr_t)store->note.data, store->note.size, false};
    int status = parts_write(store, parts, root);
    free(segments);
    return status;
}

/* All that sections_write has moved comes back. */
static void sections_restore(const struct store *store, const struct image_root *root) {
    struct image_part parts[IMAGE_SECTIONS_COUNT] = {0};
    off_t offset = sections_offset(store);
    image_parts_find(store, root, parts);
    for (unsigned i = 0; i < IMAGE_SEGMENTS; i++) {
        part_restore(store->arena.memory_fd, offset, &parts[i], parts[i].size);
        offset = offset_behind(offset, parts[i].size);
    }
}

int image_save(struct store *store, struct image_root *root, uint64_t now_ns) {
    int fd = store->arena.memory_fd;
    if (fd < 0) {
        return -ENOTSUP;
    }
    free_orphans(store);
    arena_ready_strip(&store->arena);
    root_fill(store, now_ns, root);
    int status = sections_write(store, root);
    if (status == 0) {
        root->state = store->is_shared ? IMAGE_SHARED : IMAGE_COMPLETE;
        image_root_seal(root);
        status = image_root_write(fd, root);
        if (status < 0) {
            sections_restore(store, root);
        }
    }
    if (status < 0) {
        image_drop(store);
    }
    return status;
}

void image_drop(struct store *store) {
    /* It frees memory; whether it does changes nothing. */
    (void)!ftruncate(store->arena.memory_fd, sections_offset(store));
}

void image_resume(struct store *store, struct image_root *root) {
    int status = image_root_write(store->arena.memory_fd, root);
    assert(status == 0); /* the page is there */
    root_fill(store, 0, root);
    sections_restore(store, root);
    image_drop(store);
}

/* --- reading --- */

static bool part_read(int fd, off_t offset, const struct image_part *part, bool keeps, uint64_t checksum) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (size_t done = 0; done < part->size;) {
        char *piece = part->memory + done;
        size_t size = piece_of(part->size - done);
        if (read_all(fd, piece, size, offset + (off_t)done) < 0) {
            return false;
        }
        XXH3_64bits_update(&state, piece, size);
        /* Its memory goes at once; where the file system cannot, it goes at the end. */
        if (!keeps) {
            fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset + (off_t)done, (off_t)size);
        }
        done += size;
    }
    return XXH3_64bits_digest(&state) == checksum;
}

bool image_parts_read(const struct store *store, const struct image_part parts[IMAGE_SECTIONS_COUNT],
                      const struct image_root *root, bool keeps) {
    off_t offset = sections_offset(store);
    for (unsigned i = 0; i < IMAGE_SECTIONS_COUNT; i++) {
        if (root->sections[i].size != parts[i].size ||
            !part_read(store->arena.memory_fd, offset, &parts[i], keeps, root->sections[i].checksum)) {
            return false;
        }
        offset = offset_behind(offset, parts[i].size);
    }
    return true;
}
