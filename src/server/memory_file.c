/* SPDX-License-Identifier: MIT
 *
 * memory_file: opens it, and says what becomes of it. See memory_file.h.
 */
#include "memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sysexits.h>
#include <unistd.h>

#include <linux/magic.h>

#include "riposte/clock.h"
#include "riposte/log.h"
#include "riposte/store_file.h"
#include "take_over/fault.h"
#include "units.h"

enum { MEMORY_FILE_MODE = 0600, BLOCK_SIZE = 512 /* of st_blocks: stat(2) */ };

static bool open_failed(const char *path, struct failure *failure) {
    const char *cure = errno == ELOOP ? "it is a link; name the file itself" : strerror(errno);
    return failure_set(failure, EX_OSERR, "-e %s cannot be opened: %s", path, cure);
}

/* Whether it can be the server's alone. */
static bool file_suits(const char *path, int fd, struct failure *failure) {
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        return failure_set(failure, EX_USAGE,
                           "-e %s is no regular file; name one on tmpfs, as /dev/shm/riposte", path);
    }
    if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return failure_set(failure, EX_USAGE,
                           "-e %s belongs to another user, or others may write it; remove it or name another",
                           path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return failure_set(failure, EX_OSERR, "-e %s is in use by another process; each server needs its own",
                           path);
    }
    /* What has no room shall be told so, not killed at the first touch of a page. */
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1) < 0) {
        return failure_set(failure, EX_OSERR, "-e %s: %s; take a file on tmpfs, with room, as in /dev/shm",
                           path,
                           errno == EOPNOTSUPP ? "its file system cannot reserve room" : strerror(errno));
    }
    return true;
}

static bool is_memory(int fd) {
    struct statfs system;
    struct statx status;
    /* EMPTY_PATH: of the descriptor itself. */
    bool has_dax = statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 &&
                   (status.stx_attributes & STATX_ATTR_DAX) != 0;
    return has_dax ||
           (fstatfs(fd, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == HUGETLBFS_MAGIC ||
                                          system.f_type == RAMFS_MAGIC));
}

static void warn_of_room(const char *path, int fd, uint64_t memory_size) {
    struct statfs system;
    struct stat status;
    if (fstatfs(fd, &system) < 0 || fstat(fd, &status) < 0 || system.f_blocks == 0) {
        return;
    }
    uint64_t room =
        (uint64_t)system.f_bavail * (uint64_t)system.f_bsize + (uint64_t)status.st_blocks * BLOCK_SIZE;
    if (room < memory_size) {
        log_line(LOG_LEVEL_WARNING,
                 "-e %s: its file system has room for %s of the %s that -m leaves to items; they get no more "
                 "than that",
                 path, units_show_size(room).text, units_show_size(memory_size).text);
    }
}

bool memory_file_open(const char *path, uint64_t memory_size, int *fd, struct failure *failure) {
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, MEMORY_FILE_MODE);
    if (*fd < 0) {
        return open_failed(path, failure);
    }
    if (!file_suits(path, *fd, failure)) {
        close(*fd);
        *fd = -1;
        return false;
    }
    if (!is_memory(*fd)) {
        log_line(LOG_LEVEL_WARNING,
                 "-e %s is not on tmpfs or DAX: the kernel writes to its disk whatever items change", path);
    }
    warn_of_room(path, *fd, memory_size);
    return true;
}

bool memory_file_try(const char *path, struct failure *failure) {
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        return true; /* a start would make it */
    }
    if (fd < 0) {
        return open_failed(path, failure);
    }
    bool suits = file_suits(path, fd, failure);
    close(fd);
    return suits;
}

static const char *image_text(enum store_image image) {
    switch (image) {
    case STORE_IMAGE_TAKEN:
    case STORE_IMAGE_NONE:
    case STORE_IMAGE_FOREIGN:
        break;
    case STORE_IMAGE_UNCLEAN:
        return "the server that had it did not stop in order";
    case STORE_IMAGE_VERSION:
        return "it was left by another version, with another layout";
    case STORE_IMAGE_DAMAGED:
        return "it is damaged";
    case STORE_IMAGE_BOOT:
        return "the machine was booted since";
    case STORE_IMAGE_ITEM_SIZE:
        return "it was made with a smaller -I";
    case STORE_IMAGE_ADDRESSES:
        return "the system refuses the addresses that it needs (ulimit -v)";
    case STORE_IMAGE_LIMIT:
        return "it was made with another -m, too far from this one";
    }
    return "it is new";
}

static uint64_t items_count(struct store *store) {
    struct store_levels levels;
    store_stats(store, &levels);
    return levels.items_count;
}

int memory_file_create_store(const char *path, int fd, const struct store_config *config,
                             struct store **store) {
    enum store_image image;
    uint64_t begin_ns = clock_monotonic_ns();
    int status = store_file_create(config, fd, begin_ns, &image, store);
    if (status < 0) {
        return status;
    }
    if (image == STORE_IMAGE_TAKEN) {
        log_line(LOG_LEVEL_INFO, "-e %s: %" PRIu64 " items are taken, in %" PRIu64 " ms", path,
                 items_count(*store), (clock_monotonic_ns() - begin_ns) / CLOCK_NS_PER_MS);
    } else {
        log_line(image == STORE_IMAGE_NONE ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "-e %s starts empty: %s",
                 path, image_text(image));
    }
    return 0;
}

void memory_file_compare(const char **path, uint64_t device, uint64_t inode) {
    struct stat status = {0};
    if (*path == NULL || (stat(*path, &status) == 0 && (uint64_t)status.st_dev == device &&
                          (uint64_t)status.st_ino == inode)) {
        return;
    }
    log_line(LOG_LEVEL_WARNING, "-e %s is not used: the items stay in the memory that they are in", *path);
    *path = NULL;
}

static const char *taken_text(enum store_image image) {
    switch (image) {
    case STORE_IMAGE_VERSION:
        return "they have the layout of another version";
    case STORE_IMAGE_ITEM_SIZE:
        return "they were laid out for a smaller -I";
    case STORE_IMAGE_ADDRESSES:
        return "the system refuses the addresses that their memory needs (ulimit -v)";
    case STORE_IMAGE_LIMIT:
        return "they were laid out for another -m, too far from this one";
    case STORE_IMAGE_TAKEN:
    case STORE_IMAGE_NONE:
    case STORE_IMAGE_FOREIGN:
    case STORE_IMAGE_UNCLEAN:
    case STORE_IMAGE_DAMAGED:
    case STORE_IMAGE_BOOT:
        break;
    }
    return "their memory is damaged";
}

int memory_taken_create_store(int fd, int tables_fd, const struct store_config *config, struct store **store,
                              const char **why) {
    enum store_image image = STORE_IMAGE_VERSION;
    int status = fault_in_layout()
                     ? -EEXIST
                     : store_file_take(config, fd, tables_fd, clock_monotonic_ns(), &image, store);
    *why = taken_text(image);
    return status;
}

void memory_file_leave(const char *path, struct store *store) {
    uint64_t count = items_count(store);
    int status = store_file_save(store, clock_monotonic_ns());
    if (status == 0) {
        log_line(LOG_LEVEL_INFO, "-e %s: %" PRIu64 " items are left for the next start", path, count);
    } else {
        log_line(LOG_LEVEL_WARNING, "-e %s: the items cannot be left for the next start: %s", path,
                 strerror(-status));
    }
}
