/* SPDX-License-Identifier: MIT
 *
 * arena_file: the arena's memory as a file: opening it, making sure of room in it, taking over what another process
 * has left there. See arena.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "riposte/log.h"

/* Beyond RLIMIT_FSIZE ftruncate(2) is not only refused: it sends SIGXFSZ, which ends the process. */
static bool may_be_as_long(off_t size) {
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           (rlim_t)size <= limit.rlim_cur;
}

/* A file that is longer has an image behind the arena. */
static int lengthen(int fd, off_t size) {
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

int arena_file_open(const struct arena *arena, const struct arena_plan *plan) {
    /* A memfd, so that another process can be given the items; where there is none, anonymous memory serves. */
    int fd = plan->fd >= 0 ? fcntl(plan->fd, F_DUPFD_CLOEXEC, 0) : memfd_create("riposte", MFD_CLOEXEC);
    if (fd >= 0 && lengthen(fd, (off_t)(ARENA_FILE_OFFSET + arena->mapped_size)) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

bool arena_file_memory_is_strict(const char *path) {
    char mode = '0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool is_read = read(fd, &mode, 1) == 1;
    close(fd);
    return is_read && mode == '2';
}

/* Under the lock. */
static void room_missing(struct arena *arena, size_t size) {
    uint64_t used = arena_level(&arena->used) - size;
    atomic_store_explicit(&arena->used, used, memory_order_relaxed);
    if (used < arena_level(&arena->limit)) {
        atomic_store_explicit(&arena->limit, used, memory_order_relaxed);
        log_line(LOG_LEVEL_WARNING,
                 "the file system of the memory file is full, or the system has promised all it has: items "
                 "get no more "
                 "than the %zuk they have",
                 (size_t)(used / 1024));
    }
}

bool arena_file_reserve(struct arena *arena, const char *memory, size_t size) {
    if (!arena->reserves_room) {
        return true;
    }
    off_t offset = ARENA_FILE_OFFSET + (memory - arena->base);
    int status;
    arena_unlock(arena);
    do {
        /* Without flags: the pages are there from now on, and a later touch of one finds it. */
        status = fallocate(arena->memory_fd, 0, offset, (off_t)size);
    } while (status < 0 && errno == EINTR);
    arena_lock(arena);
    if (status < 0) {
        room_missing(arena, size);
    }
    return status == 0;
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

bool arena_file_adopt(struct arena *arena, uint32_t index, size_t size) {
    bool is_large = index >= arena->slots_count;
    if (index >= arena->segments_count || arena->segments[index].memory != NULL ||
        !(is_large ? window_adopt(arena, index, size) : slot_adopt(arena, index, size))) {
        return false;
    }
    struct segment *segment = &arena->segments[index];
    segment->arena = arena;
    segment->size = (uint32_t)size;
    segment->is_large = is_large;
    atomic_store_explicit(&arena->used, arena_level(&arena->used) + size, memory_order_relaxed);
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

void arena_file_adopted(struct arena *arena) {
    link_free(arena, 0, arena->slots_taken, &arena->bare_first);
    for (unsigned i = 0; i < arena->classes_count; i++) {
        struct arena_class *class = &arena->classes[i];
        link_free(arena, class->first, class->taken, &class->free_first);
    }
}
