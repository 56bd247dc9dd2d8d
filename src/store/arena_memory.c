/* SPDX-License-Identifier: MIT
 *
 * arena_memory: what the arena's memory is: how a range is laid out for a limit, the file behind it, room in that file, and
 * taking over what another process has left there. See arena.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "riposte/log.h"

enum {
    ARENA_SEGMENTS_WANTED = 256,   /* about so many at least: eviction is as fine as a segment */
    ARENA_SEGMENTS_OF_WORKER = 32, /* and so many for each worker, which keeps up to six of them open */
    ARENA_ITEM_GROWTH_MAX = 64,    /* an item that is copied may get an expiry and a number of its own */
};

#define ARENA_SLOT_STEPS_MAX ((size_t)UINT32_MAX / 8 * 7) /* locations of slots; the others are for windows */

static unsigned log2_floor(size_t number) {
    return 63 - (unsigned)__builtin_clzl(number);
}

static unsigned segment_shift_for(size_t limit, unsigned workers_max) {
    size_t wanted = (size_t)workers_max * ARENA_SEGMENTS_OF_WORKER;
    if (wanted < ARENA_SEGMENTS_WANTED) {
        wanted = ARENA_SEGMENTS_WANTED;
    }
    /* To the nearest power, about: -m less the engine's part is just below one, and half the size has twice the tails. */
    size_t size = limit / wanted + limit / wanted / 3;
    unsigned shift = size == 0 ? 0 : log2_floor(size);
    if (shift < ARENA_SEGMENT_SHIFT_MIN) {
        return ARENA_SEGMENT_SHIFT_MIN;
    }
    return shift < ARENA_SEGMENT_SHIFT_MAX ? shift : ARENA_SEGMENT_SHIFT_MAX;
}

/* A step more wastes half of it in every item; that nobody should pay who does not raise the limit. */
size_t arena_memory_limit_max(size_t limit) {
    unsigned shift = ARENA_STEP_SHIFT_MIN;
    while (limit * ARENA_LIMIT_RAISE_MIN >> shift > ARENA_SLOT_STEPS_MAX) {
        shift++;
    }
    size_t reached = ARENA_SLOT_STEPS_MAX << shift;
    return limit * ARENA_LIMIT_RAISE_MAX < reached ? limit * ARENA_LIMIT_RAISE_MAX : reached;
}

/* Lays out the slots. */
static void slots_lay_out(struct arena *arena, size_t limit_max) {
    arena->slots_count = (uint32_t)(limit_max >> arena->segment_shift);
    arena->slots_size = (size_t)arena->slots_count << arena->segment_shift;
    arena->step_shift = ARENA_STEP_SHIFT_MIN;
    while (arena->slots_size >> arena->step_shift > ARENA_SLOT_STEPS_MAX) {
        arena->step_shift++;
    }
    arena->step_mask = (UINT32_C(1) << arena->step_shift) - 1;
    arena->unit_shift = (uint8_t)(arena->segment_shift - arena->step_shift);
    arena->unit_mask = (UINT32_C(1) << arena->unit_shift) - 1;
    arena->large_first = (uint32_t)(arena->slots_size >> arena->step_shift);
    arena->segments_count = arena->slots_count;
    arena->mapped_size = arena_round_up(arena->slots_size, ARENA_LARGE_PAGE_SIZE);
}

/* Lays out the windows behind them: of each size as many as half full ones would fill the limit. */
static void windows_lay_out(struct arena *arena, size_t limit_max, size_t item_size_max) {
    unsigned shift = arena->segment_shift - 1u;
    if (shift < ARENA_SEGMENT_SHIFT_MIN) {
        shift = ARENA_SEGMENT_SHIFT_MIN;
    }
    for (;; shift++) {
        struct arena_class *class = &arena->classes[arena->classes_count++];
        assert(arena->classes_count < ARENA_CLASSES_MAX);
        *class = (struct arena_class){.offset = arena->mapped_size,
                                      .shift = shift,
                                      .first = arena->segments_count,
                                      .count = (uint32_t)((limit_max >> (shift - 1)) + 1),
                                      .free_first = SEGMENT_NONE,
                                      .ready_first = SEGMENT_NONE};
        arena->segments_count += class->count;
        arena->mapped_size += (size_t) class->count << shift;
        if ((size_t)1 << shift >= item_size_max) {
            return;
        }
    }
}

void arena_memory_lay_out(const struct arena_plan *plan, struct arena *arena) {
    arena->limit_max = plan->limit_max;
    arena->item_size_max = plan->item_size_max;
    arena->segment_shift =
        (uint8_t)(plan->segment_shift != 0 ? plan->segment_shift
                                           : segment_shift_for(plan->limit, plan->workers_max));
    slots_lay_out(arena, plan->limit_max);
    windows_lay_out(arena, plan->limit_max, plan->item_size_max + ARENA_ITEM_GROWTH_MAX);
}

/* --- the file ------------------------------------------------------------------------------------------- */

/* Beyond RLIMIT_FSIZE ftruncate(2) is not only refused: it sends SIGXFSZ, which ends the process. */
static bool may_be_as_long(off_t size) {
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           (rlim_t)size <= limit.rlim_cur;
}

/* A file that is longer has an image behind the arena. */
int arena_memory_lengthen(int fd, off_t size) {
    struct stat status;
    if (fstat(fd, &status) == 0 && status.st_size >= size) {
        return 0;
    }
    if (!may_be_as_long(size)) {
        errno = EFBIG;
        return -1;
    }
    return ftruncate(fd, size);
}

int arena_memory_open(const struct arena *arena, const struct arena_plan *plan) {
    /* A memfd, so that another process can be given the items; where there is none, anonymous memory serves. */
    int fd = plan->fd >= 0 ? fcntl(plan->fd, F_DUPFD_CLOEXEC, 0) : memfd_create("riposte", MFD_CLOEXEC);
    if (fd >= 0 && arena_memory_lengthen(fd, (off_t)(ARENA_FILE_OFFSET + arena->mapped_size)) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

bool arena_memory_is_strict(const char *path) {
    char mode = '0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool is_read = read(fd, &mode, 1) == 1;
    close(fd);
    return is_read && mode == '2';
}

/* Under the lock. relaxed: as arena_level. */
static void set_limit(struct arena *arena, uint64_t limit) {
    atomic_store_explicit(&arena->limit, limit, memory_order_relaxed);
}

/* Under the lock. */
static void room_missing(struct arena *arena, size_t size) {
    arena_level_subtract(&arena->used, size);
    uint64_t used = arena_level(&arena->used);
    if (used >= arena_level(&arena->limit)) {
        return;
    }
    set_limit(arena, used);
    if (!arena->is_short) { /* while it looks for room a line each second would be many */
        arena->is_short = true;
        log_line(LOG_LEVEL_WARNING,
                 "the file system of the memory file is full, or the system has promised all it has: items "
                 "get no more "
                 "than the %zuk they have",
                 (size_t)(used / 1024));
    }
}

bool arena_memory_has_room(struct arena *arena, const char *memory, size_t size) {
    off_t offset = ARENA_FILE_OFFSET + (memory - arena->base);
    int status;
    arena_unlock(arena);
    do {
        /* Without flags: the pages are there from now on, and a later touch of one finds it. */
        status = fallocate(arena->memory_fd, 0, offset, (off_t)size);
    } while (status < 0 && errno == EINTR);
    arena_lock(arena);
    return status == 0;
}

bool arena_memory_reserve(struct arena *arena, const char *memory, size_t size) {
    if (!arena->reserves_room || arena_memory_has_room(arena, memory, size)) {
        return true;
    }
    room_missing(arena, size);
    return false;
}

void arena_memory_found_room(struct arena *arena, size_t more) {
    uint64_t limit = arena_level(&arena->limit), used = arena_level(&arena->used);
    uint64_t wanted = arena_level(&arena->limit_wanted), found = (limit > used ? limit : used) + more;
    set_limit(arena, found < wanted ? found : wanted);
    if (arena->is_short && found >= wanted) {
        arena->is_short = false;
        log_line(LOG_LEVEL_INFO, "there is room in the memory file again: items get up to %zuk",
                 (size_t)(wanted / 1024));
    }
}

/* --- giving it back --- */

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18 */
#endif

/* MADV_DONTNEED of memory that is locked (-k) is EINVAL. Before Linux 5.18 such memory stays. */
void arena_memory_drop_private(void *memory, size_t size) {
    if (madvise(memory, size, MADV_DONTNEED) < 0 && errno == EINVAL) {
        madvise(memory, size, MADV_DONTNEED_LOCKED);
    }
}

/* A hole in the file, whose length stays, not MADV_REMOVE, which is EINVAL where memory is locked. */
void arena_memory_drop(const struct arena *arena, const char *memory, size_t size) {
    if (arena->memory_fd < 0) {
        arena_memory_drop_private((void *)(uintptr_t)memory, size);
        return;
    }
    off_t offset = ARENA_FILE_OFFSET + (memory - arena->base);
    int status;
    do {
        status = fallocate(arena->memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, (off_t)size);
    } while (status < 0 && errno == EINTR);
}

/* --- what another process has left --- */

static struct arena_class *class_of(struct arena *arena, uint32_t index) {
    for (unsigned i = 0; i < arena->classes_count; i++) {
        struct arena_class *class = &arena->classes[i];
        if (index >= class->first && index - class->first < class->count) {
            return class;
        }
    }
    return NULL;
}

static bool slot_adopt(struct arena *arena, uint32_t index, size_t size) {
    if (size != arena_segment_size(arena)) {
        return false;
    }
    arena->segments[index].memory = arena->base + ((size_t)index << arena->segment_shift);
    arena->slots_taken = index >= arena->slots_taken ? index + 1 : arena->slots_taken;
    return true;
}

static bool window_adopt(struct arena *arena, uint32_t index, size_t size) {
    struct arena_class *class = class_of(arena, index);
    if (class == NULL || size == 0 || size % ARENA_PAGE_SIZE != 0 || size > (size_t)1 << class->shift) {
        return false;
    }
    uint32_t window = index - class->first;
    arena->segments[index].memory = arena->base + class->offset + ((size_t)window << class->shift);
    class->taken = window >= class->taken ? window + 1 : class->taken;
    return true;
}

bool arena_memory_adopt(struct arena *arena, uint32_t index, size_t size) {
    bool is_large = index >= arena->slots_count;
    if (index >= arena->segments_count || arena->segments[index].memory != NULL ||
        !(is_large ? window_adopt(arena, index, size) : slot_adopt(arena, index, size))) {
        return false;
    }
    struct segment *segment = &arena->segments[index];
    segment->arena = arena;
    segment->size = (uint32_t)size;
    segment->is_large = is_large;
    arena_level_add(&arena->used, size);
    return true;
}

/* Segments from `first` on that were not adopted go on a list of free ones. */
static void link_free(struct arena *arena, uint32_t first, uint32_t count, uint32_t *list) {
    for (uint32_t index = first; index < first + count; index++) {
        if (arena->segments[index].memory == NULL) {
            arena->segments[index].next = *list;
            *list = index;
        }
    }
}

void arena_memory_adopted(struct arena *arena) {
    link_free(arena, 0, arena->slots_taken, &arena->bare_first);
    for (unsigned i = 0; i < arena->classes_count; i++) {
        struct arena_class *class = &arena->classes[i];
        link_free(arena, class->first, class->taken, &class->free_first);
    }
}
