/* SPDX-License-Identifier: MIT
 *
 * store_file: a store in a file: judges what the file has, then takes it into a store, or makes an empty one. See
 * riposte/store_file.h and image.h.
 */
#include "riposte/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "expire.h"
#include "flush.h"
#include "flush_table.h"
#include "image.h"
#include "riposte/clock.h"

enum { TRIM_TURNS_MAX = 100000 };

/* --- the root block --------------------------------------------------------------------------------------- */

static const char magic[IMAGE_MAGIC_SIZE] = "riposte memory";

static bool descriptors_have_ended(int status) {
    return status == -EMFILE || status == -ENFILE;
}

int store_file_boot(char boot[IMAGE_BOOT_SIZE]) {
    memset(boot, 0, IMAGE_BOOT_SIZE);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return descriptors_have_ended(-errno) ? -errno : 0;
    }
    ssize_t size = read(fd, boot, IMAGE_BOOT_SIZE - 1);
    close(fd);
    boot[size < 0 ? 0 : size] = '\0';
    return 0;
}

void store_file_root_init(struct image_root *root, const char boot[IMAGE_BOOT_SIZE]) {
    memset(root, 0, sizeof(*root));
    memcpy(root->magic, magic, sizeof(magic));
    memcpy(root->boot, boot, IMAGE_BOOT_SIZE);
    root->version = IMAGE_VERSION;
    root->state = IMAGE_IN_USE;
}

static uint64_t homes_size(const struct image_root *root) {
    return root->homes_count * BUCKET_SIZE;
}

/* What can be said without a look at a section; what does not hold would be a wrong size of one. */
static bool sizes_are_right(const struct image_root *root) {
    uint64_t homes_max = root->limit_max / 2 / BUCKET_SIZE;
    uint64_t section_size = root->state == IMAGE_SHARED ? 0 : homes_size(root);
    return root->segment_shift >= ARENA_SEGMENT_SHIFT_MIN && root->segment_shift <= ARENA_SEGMENT_SHIFT_MAX &&
           root->limit >= STORE_MEMORY_SIZE_MIN && root->limit <= root->limit_max &&
           root->limit_max / ARENA_LIMIT_RAISE_MAX <= root->limit && root->item_size_max <= root->limit_max &&
           root->homes_min >= UINT64_C(1) << INDEX_POWER_MIN &&
           (root->homes_min & (root->homes_min - 1)) == 0 && root->homes_count >= root->homes_min &&
           (root->homes_count <= homes_max || root->homes_count == root->homes_min) &&
           root->overflow_taken <= BUCKET_OVERFLOW_MAX && root->overflow_free <= root->overflow_taken &&
           root->sections[IMAGE_HOMES].size == section_size;
}

/* Room for the index and a few segments, as store_memory_limit_set wants it. */
static bool limit_fits(const struct image_root *root, size_t limit) {
    size_t index_size = homes_size(root) + root->overflow_taken * BUCKET_SIZE;
    size_t least = index_size + limit / 16 + ((size_t)4 * ARENA_MOVES_SLOTS << root->segment_shift);
    return limit >= least && limit <= root->limit_max;
}

enum store_image store_file_judge(const struct image_root *root, size_t size,
                                  const char boot[IMAGE_BOOT_SIZE], const struct store_config *config,
                                  bool has_tables) {
    if (size == 0) {
        return STORE_IMAGE_NONE;
    }
    if (size < IMAGE_MAGIC_SIZE || memcmp(root->magic, magic, sizeof(magic)) != 0) {
        return STORE_IMAGE_FOREIGN;
    }
    if (size < sizeof(*root)) {
        return STORE_IMAGE_DAMAGED;
    }
    if (root->version != IMAGE_VERSION) {
        return STORE_IMAGE_VERSION;
    }
    if (root->state == IMAGE_IN_USE || (root->state == IMAGE_SHARED && !has_tables)) {
        return STORE_IMAGE_UNCLEAN;
    }
    if ((root->state != IMAGE_COMPLETE && root->state != IMAGE_SHARED) ||
        root->checksum != image_root_checksum(root) || !sizes_are_right(root)) {
        return STORE_IMAGE_DAMAGED;
    }
    if (boot[0] == '\0' || memcmp(root->boot, boot, IMAGE_BOOT_SIZE) != 0) {
        return STORE_IMAGE_BOOT;
    }
    if (config->item_size_max > root->item_size_max) {
        return STORE_IMAGE_ITEM_SIZE;
    }
    return limit_fits(root, config->memory_size_max) ? STORE_IMAGE_TAKEN : STORE_IMAGE_LIMIT;
}

/* --- from a file ------------------------------------------------------------------------------------------ */

/* What is taken is set by atomic_init: there are no workers yet, who are ordered behind it by their start. */

/* The root block; *size is what there is of it. 0, -errno. */
static int root_read(int fd, struct image_root *root, size_t *size) {
    ssize_t done;
    do {
        done = pread(fd, root, sizeof(*root), 0);
    } while (done < 0 && errno == EINTR);
    *size = done < 0 ? 0 : (size_t)done;
    return done < 0 ? -errno : 0;
}

/* From here on nobody trusts the file. Then all that was in it goes, where nothing of it is wanted. */
static int file_begin(int fd, const char boot[IMAGE_BOOT_SIZE], bool wanted) {
    struct image_root root;
    store_file_root_init(&root, boot);
    if (!wanted && ftruncate(fd, 0) < 0) {
        return -errno;
    }
    return image_root_write(fd, &root);
}

/* It is freed when nobody pins it: by the first worker that looks. */
static void retired_take(struct store *store, uint32_t index) {
    struct arena *arena = &store->arena;
    segment_set_state(&arena->segments[index], SEGMENT_RETIRED);
    arena_coming_add(arena, arena->segments[index].size);
    arena_list_push(arena, &store->orphans, index);
    atomic_init(&store->orphans_wait, true);
}

/* One in a queue has a live item; of a retired one nobody asks how much is dead. */
static bool row_is_sound(const struct image_segment *row) {
    return row->queue == IMAGE_RETIRED ||
           (row->queue < QUEUES_COUNT && row->used <= row->size && row->dead < row->used);
}

static bool segment_take(struct store *store, const struct image_segment *row) {
    struct arena *arena = &store->arena;
    if (!row_is_sound(row) || !arena_memory_adopt(arena, row->index, row->size)) {
        return false;
    }
    struct segment *segment = &arena->segments[row->index];
    atomic_init(&arena->numbers[row->index], row->number);
    atomic_init(&segment->used, row->used);
    atomic_init(&segment->dead, row->dead);
    atomic_init(&segment->expires_first, row->expires_first);
    atomic_init(&segment->expires_last, row->expires_last);
    if (row->queue == IMAGE_RETIRED) {
        retired_take(store, row->index);
    } else {
        segment_set_state(segment, SEGMENT_QUEUED);
        segment_push(arena, (enum segment_queue)row->queue, row->index);
    }
    return true;
}

static bool segments_take(struct store *store, const struct image_segment *rows, size_t count) {
    uint32_t expires_first = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        if (!segment_take(store, &rows[i])) {
            return false;
        }
        bool is_first = rows[i].queue != IMAGE_RETIRED && rows[i].expires_first < expires_first;
        expires_first = is_first ? rows[i].expires_first : expires_first;
    }
    arena_memory_adopted(&store->arena);
    expire_lower_due(store, expires_first);
    return true;
}

/* Homes and overflow buckets are charged; the store was made with the fewest homes. */
static bool index_take(struct store *store, const struct image_root *root) {
    struct index *index = &store->index;
    size_t taken_size = image_pages(homes_size(root));
    size_t overflow_size =
        root->overflow_taken == 0 ? 0 : (root->overflow_taken + 1) * (BUCKET_SIZE + sizeof(uint32_t));
    if (root->overflow_taken > index->overflow_max ||
        !arena_charge(&store->arena, taken_size - index->homes_size + overflow_size)) {
        return false;
    }
    if (!store->is_shared) {
        tables_use(&store->tables, (const char *)index->homes + index->homes_size,
                   taken_size - index->homes_size);
    }
    index->homes_size = taken_size;
    index->overflow_size = overflow_size;
    index->overflow_taken = (uint32_t)root->overflow_taken;
    index->overflow_free = (uint32_t)root->overflow_free;
    atomic_init(&index->overflow_count, root->overflow_count);
    atomic_init(&index->homes_count, root->homes_count);
    atomic_init(&index->items_count, root->items_count);
    atomic_init(&index->size, taken_size + overflow_size);
    return true;
}

/* As it is: the monotonic clock is that of the boot, and no part of a second is lost, however often. */
static void clock_keep(struct store *store, const struct image_root *root) {
    store->clock_start_ns = root->start_ns;
    atomic_init(&store->clock_start_unix_s, root->start_unix_s);
    atomic_init(&store->clock_advance_s, (uint32_t)root->advance_s);
}

/*
 * Ticks go on by the wall clock. Where that was set back meanwhile, nobody knows how much time has passed: none. Times of day are
 * from now on counted by the clock as it is: no part of a second that is cut off adds up over restarts.
 */
static void clock_take(struct store *store, const struct image_root *root, uint64_t now_ns) {
    uint64_t real_s = clock_real_ns() / CLOCK_NS_PER_S;
    uint64_t passed_s = real_s > root->stopped_unix_s ? real_s - root->stopped_unix_s : 0;
    uint64_t advance_s = root->stopped_tick - STORE_TICK_FIRST + passed_s;
    store->clock_start_ns = now_ns;
    atomic_init(&store->clock_start_unix_s, real_s - advance_s);
    atomic_init(&store->clock_advance_s, (uint32_t)advance_s);
}

static void rest_take(struct store *store, const struct image_root *root) {
    struct ghost *ghost = &store->ghost;
    atomic_init(&store->arena.sequence, root->sequence);
    atomic_init(&store->arena.flush_number, root->flush_number);
    atomic_init(&store->doubt_number, root->doubt_number);
    store->clock_started = true;
    atomic_init(&store->flush_at_tick, (uint32_t)root->flush_at_tick);
    atomic_init(&store->flushed_wait, root->flush_number != 0);
    atomic_init(&ghost->clocks[QUEUE_SMALL], root->ghost_clocks[QUEUE_SMALL]);
    atomic_init(&ghost->clocks[QUEUE_MAIN], root->ghost_clocks[QUEUE_MAIN]);
    atomic_init(&ghost->small_target, root->ghost_target);
    bool active = root->ghost_clocks[QUEUE_SMALL] + root->ghost_clocks[QUEUE_MAIN] != 0;
    atomic_init(&ghost->active, active);
}

/* Memory for a section that has none of its own; an empty one has none. */
static bool part_allocate(const struct image_root *root, enum image_section section, size_t size_max,
                          struct image_part *part) {
    size_t size = root->sections[section].size;
    *part = (struct image_part){NULL, size, false};
    if (size == 0 || size > size_max) {
        return size == 0;
    }
    part->memory = malloc(size);
    return part->memory != NULL;
}

/* The table is the store's from now on. */
static bool prefixes_take(struct store *store, const struct image_part *part) {
    struct flush_table *table = (struct flush_table *)(void *)part->memory;
    if (table != NULL &&
        (!flush_table_is_sound(table, part->size) || !arena_charge(&store->arena, part->size))) {
        free(table);
        return false;
    }
    flush_take(store, table, part->size);
    return true;
}

static bool sections_take(struct store *store, const struct image_root *root, bool keeps,
                          struct image_part parts[IMAGE_SECTIONS_COUNT]) {
    const struct image_part *segments = &parts[IMAGE_SEGMENTS];
    struct image_part *prefixes = &parts[IMAGE_PREFIXES], *note = &parts[IMAGE_NOTE];
    image_parts_find(store, root, parts);
    if (!index_take(store, root) || !image_parts_read(store, parts, root, keeps) ||
        !segments_take(store, (const struct image_segment *)(void *)segments->memory,
                       segments->size / sizeof(struct image_segment))) {
        return false;
    }
    bool taken = prefixes_take(store, prefixes);
    prefixes->memory = NULL; /* the store's, or gone */
    store->note = bytes_of(note->memory, note->size);
    note->memory = NULL;
    return taken;
}

/* The largest table that there can be. */
static size_t prefixes_size_max(void) {
    return sizeof(struct flush_table) +
           STORE_FLUSHED_PREFIXES_MAX * (sizeof(struct flush_row) + STORE_KEY_SIZE_MAX);
}

static bool contents_take(struct store *store, const struct image_root *root, bool keeps, uint64_t now_ns) {
    struct image_part parts[IMAGE_SECTIONS_COUNT] = {0};
    size_t segments_size_max = (size_t)store->arena.segments_count * sizeof(struct image_segment);
    bool taken = part_allocate(root, IMAGE_SEGMENTS, segments_size_max, &parts[IMAGE_SEGMENTS]) &&
                 part_allocate(root, IMAGE_PREFIXES, prefixes_size_max(), &parts[IMAGE_PREFIXES]) &&
                 part_allocate(root, IMAGE_NOTE, STORE_NOTE_SIZE_MAX, &parts[IMAGE_NOTE]) &&
                 sections_take(store, root, keeps, parts);
    for (unsigned i = IMAGE_SEGMENTS; i < IMAGE_SECTIONS_COUNT; i++) {
        free(parts[i].memory);
    }
    if (taken) {
        rest_take(store, root);
        /* A later start is of another clock: time_namespaces(7). */
        if (keeps && root->start_ns <= now_ns) {
            clock_keep(store, root);
        } else {
            clock_take(store, root, now_ns);
        }
    }
    if (taken && !keeps) {
        image_drop(store);
    }
    return taken;
}

/* Eviction until the limit, which may be a lower one now, has its reserve again. */
static bool contents_fit(struct store_worker *worker, size_t limit, bool keeps, uint64_t now_ns) {
    const struct arena *arena = &worker->store->arena;
    if (!store_memory_limit_set(worker, limit)) {
        return false;
    }
    for (unsigned i = 0;
         !keeps && i < TRIM_TURNS_MAX && arena_headroom(arena) < (int64_t)arena_reserve(arena); i++) {
        store_quiescent(worker, now_ns);
    }
    /* What is kept is evicted once it is settled, as after any lower limit. */
    return keeps || arena_headroom(arena) >= 0;
}

/* The counters that say what there is are those of a worker that has stored it. */
static int contents_settle(struct store *store, const struct image_root *root, size_t limit, bool keeps,
                           uint64_t now_ns) {
    struct store_worker *worker = store_worker_join(store, now_ns);
    if (worker == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = store->orphans.first; i != SEGMENT_NONE; i = store->arena.segments[i].next) {
        counter_add(&worker->counters.retired, 1);
    }
    counter_add(&worker->counters.items_added, root->items_count);
    counter_add(&worker->items_size_added, root->items_size);
    bool fits = contents_fit(worker, limit, keeps, now_ns);
    store_worker_leave(worker);
    return fits ? 0 : -ENOSPC;
}

/* Where a store is to come from. */
struct source {
    const struct store_config *config;
    int fd;
    int tables_fd; /* -1: they are in the file, or nobody has left any */
    bool keeps;
    uint64_t now_ns;
};

static int source_take(const struct source *source, const struct image_root *root, struct store **created) {
    struct store_config as_it_was = *source->config;
    bool is_shared = root->state == IMAGE_SHARED;
    as_it_was.memory_size_max = root->limit;
    as_it_was.hash_seed = root->hash_seed;
    as_it_was.index_power_min = (unsigned)__builtin_ctzl(root->homes_min);
    const struct store_shape shape = {.fd = source->fd,
                                      .tables_fd = is_shared ? source->tables_fd : -1,
                                      .limit_max = root->limit_max,
                                      .item_size_max = root->item_size_max,
                                      .segment_shift = (unsigned)root->segment_shift};
    int status = store_make(&as_it_was, &shape, created);
    if (status < 0) {
        return status;
    }
    (*created)->is_shared = is_shared;
    status =
        contents_take(*created, root, source->keeps, source->now_ns)
            ? contents_settle(*created, root, source->config->memory_size_max, source->keeps, source->now_ns)
            : -EBADMSG;
    (*created)->is_moved = source->keeps || status < 0;
    if (status < 0) {
        store_destroy(*created);
    }
    return status;
}

static int source_begin(const struct source *source, const char boot[IMAGE_BOOT_SIZE],
                        struct store **created) {
    const struct store_shape shape = {.fd = source->fd, .tables_fd = -1};
    int status = file_begin(source->fd, boot, false);
    return status < 0 ? status : store_make(source->config, &shape, created);
}

static enum store_image image_refused(int status) {
    return status == -ENOSPC   ? STORE_IMAGE_LIMIT
           : status == -ENOMEM ? STORE_IMAGE_ADDRESSES
                               : STORE_IMAGE_DAMAGED;
}

/* What is kept may still be taken back: only who has settled it writes there. */
static int source_open(const struct source *source, enum store_image *image, struct store **created) {
    struct image_root root;
    char boot[IMAGE_BOOT_SIZE];
    size_t size;
    *image = STORE_IMAGE_NONE;
    if (!store_config_is_valid(source->config)) {
        return -EINVAL;
    }
    int status = root_read(source->fd, &root, &size);
    status = status < 0 ? status : store_file_boot(boot);
    if (status < 0) {
        return status;
    }
    *image = store_file_judge(&root, size, boot, source->config, source->tables_fd >= 0);
    if (*image == STORE_IMAGE_FOREIGN || (source->keeps && *image != STORE_IMAGE_TAKEN)) {
        return -EEXIST;
    }
    if (*image == STORE_IMAGE_TAKEN) {
        status = source->keeps ? 0 : file_begin(source->fd, boot, true);
        status = status == 0 ? source_take(source, &root, created) : status;
        if (status == 0) {
            return 0;
        }
        if (descriptors_have_ended(status)) {
            *image = STORE_IMAGE_NONE;
            return status; /* nor would another store find one */
        }
        *image = image_refused(status);
    }
    return source->keeps ? -EEXIST : source_begin(source, boot, created);
}

int store_file_create(const struct store_config *config, int fd, uint64_t now_ns, enum store_image *image,
                      struct store **created) {
    const struct source source = {.config = config, .fd = fd, .tables_fd = -1, .now_ns = now_ns};
    return source_open(&source, image, created);
}

int store_file_take(const struct store_config *config, int fd, int tables_fd, uint64_t now_ns,
                    enum store_image *image, struct store **created) {
    const struct source source = {
        .config = config, .fd = fd, .tables_fd = tables_fd, .keeps = true, .now_ns = now_ns};
    return source_open(&source, image, created);
}

/* --- into a file ------------------------------------------------------------------------------------------ */

static int save(struct store *store, bool shares, uint64_t now_ns) {
    struct image_root root;
    char boot[IMAGE_BOOT_SIZE];
    int status = store_file_boot(boot);
    if (status < 0) {
        return status;
    }
    store_file_root_init(&root, boot);
    store->is_shared = shares;
    status = image_save(store, &root, now_ns);
    store->is_moved = status == 0;
    return status;
}

int store_file_save(struct store *store, uint64_t now_ns) {
    return save(store, false, now_ns);
}

int store_file_share(struct store *store, uint64_t now_ns) {
    return save(store, store->tables.fd >= 0, now_ns);
}

void store_file_resume(struct store *store) {
    struct image_root root;
    char boot[IMAGE_BOOT_SIZE];
    (void)store_file_boot(boot); /* of what is in use nobody asks */
    store_file_root_init(&root, boot);
    image_resume(store, &root);
    store->is_moved = false;
}

void store_file_settle(struct store *store) {
    struct image_root root;
    char boot[IMAGE_BOOT_SIZE];
    (void)store_file_boot(boot); /* of what is in use nobody asks */
    store_file_root_init(&root, boot);
    int status = store->arena.memory_fd < 0 ? 0 : image_root_write(store->arena.memory_fd, &root);
    assert(status == 0); /* the page is there, or nothing is in the way of one in memory */
    store->is_moved = false;
    image_drop(store);
}

int store_file_fd(const struct store *store) {
    return store->arena.memory_fd;
}

int store_file_tables_fd(const struct store *store) {
    return store->is_moved && store->is_shared ? store->tables.fd : -1;
}
