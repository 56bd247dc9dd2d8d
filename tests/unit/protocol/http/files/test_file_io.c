/* SPDX-License-Identifier: MIT
 *
 * file_io: what is opened without waiting for a disk.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file_io.h"

static char root[] = "/dev/shm/riposte-file-io-XXXXXX";
static int root_fd = -1;

static void init(void) {
    struct statfs system;
    if (statfs("/dev/shm", &system) != 0 || system.f_type != TMPFS_MAGIC || mkdtemp(root) == NULL) {
        cr_skip_test("/dev/shm is no tmpfs that may be written");
    }
    root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(root_fd, 0);
}

static void deinit(void) {
    char command[64];
    close(root_fd);
    snprintf(command, sizeof(command), "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(http_file_io, .init = init, .fini = deinit);

static int open_cached(const char *path) {
    return http_file_io_kernel.open(root_fd, path, true);
}

Test(http_file_io, on_tmpfs_no_name_has_to_be_waited_for) {
    cr_expect_eq(mkdirat(root_fd, "folder", 0700), 0);
    for (int i = 0; i < 3; i++) { /* the kernel remembers none of them */
        cr_expect_eq(open_cached("missing"), -ENOENT);
        cr_expect_eq(open_cached("folder/missing"), -ENOENT);
    }
}

Test(http_file_io, on_tmpfs_nothing_outside_is_opened) {
    cr_expect_eq(symlinkat("/etc", root_fd, "out"), 0);
    cr_expect_eq(symlinkat("..", root_fd, "up"), 0);
    cr_expect_lt(open_cached("out/passwd"), 0);
    cr_expect_lt(open_cached("up/missing"), 0);
    cr_expect_lt(open_cached("../missing"), 0);
}
