/* SPDX-License-Identifier: MIT
 *
 * landlock: makes a set of rules, enters it.
 */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * linux/landlock.h, of which some systems have an old one or none; the numbers are one for all machines (Linux 5.13, 5.19, 6.2,
 * 6.7, 6.10, 6.12).
 */
enum {
    LANDLOCK_SYS_CREATE_RULESET = 444,
    LANDLOCK_SYS_ADD_RULE = 445,
    LANDLOCK_SYS_RESTRICT_SELF = 446,
    LANDLOCK_VERSION = 1 << 0, /* create_ruleset: says which version the kernel has */
    LANDLOCK_PATH_BENEATH = 1, /* add_rule: a file, or a folder with all below it */
};

struct ruleset {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped; /* 1: abstract Unix sockets, 2: signals */
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

enum {
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_REG = 1 << 8,
    FS_OF_FILES = FS_WRITE_FILE | FS_READ_FILE, /* those that a rule about a single file may name */
};

/* All that each version can forbid: 1 to 12 the first one, then moving (2), truncating (3), ioctl of devices (5). */
static uint64_t fs_all(int version) {
    int bits = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;
    return (UINT64_C(1) << bits) - 1;
}

int landlock_open(void) {
    long version = syscall(LANDLOCK_SYS_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);
    if (version < 0) {
        return -errno;
    }
    const struct ruleset ruleset = {.handled_fs = fs_all((int)version), .scoped = version >= 6 ? 3 : 0};
    size_t size = version >= 6 ? sizeof(ruleset) : offsetof(struct ruleset, handled_net);
    long fd = syscall(LANDLOCK_SYS_CREATE_RULESET, &ruleset, size, 0);
    return fd < 0 ? -errno : (int)fd;
}

static uint64_t fs_of(unsigned may) {
    return ((may & LANDLOCK_MAY_READ) != 0 ? FS_READ_FILE : 0) |
           ((may & LANDLOCK_MAY_LIST) != 0 ? FS_READ_DIR : 0) |
           ((may & LANDLOCK_MAY_WRITE) != 0 ? FS_WRITE_FILE : 0) |
           ((may & LANDLOCK_MAY_MAKE) != 0 ? FS_MAKE_REG : 0) |
           ((may & LANDLOCK_MAY_REMOVE) != 0 ? FS_REMOVE_FILE : 0);
}

/* A folder takes every bit, a file only those of files. */
static int fd_allow(int rules, int fd, uint64_t access) {
    struct stat status;
    if (fstat(fd, &status) < 0) {
        return -errno;
    }
    const struct path_beneath beneath = {.allowed = S_ISDIR(status.st_mode) ? access : access & FS_OF_FILES,
                                         .parent_fd = fd};
    long result = syscall(LANDLOCK_SYS_ADD_RULE, rules, LANDLOCK_PATH_BENEATH, &beneath, 0);
    return result < 0 ? -errno : 0;
}

int landlock_allow(int rules, const char *path, unsigned may) {
    /* PATH: a rule needs the place, not the right to read it. */
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return 0; /* there is nothing to reach */
    }
    int result = fd_allow(rules, fd, fs_of(may));
    close(fd);
    return result;
}

int landlock_allow_folder_of(int rules, const char *path, unsigned may) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    if (slash == NULL) {
        return landlock_allow(rules, ".", may);
    }
    if (size >= sizeof(folder)) {
        return -ENAMETOOLONG;
    }
    memcpy(folder, path, size);
    folder[size] = '\0';
    return landlock_allow(rules, size == 0 ? "/" : folder, may);
}

int landlock_enter(int rules) {
    int result = syscall(LANDLOCK_SYS_RESTRICT_SELF, rules, 0) < 0 ? -errno : 0;
    close(rules);
    return result;
}
