/* SPDX-License-Identifier: MIT
 *
 * Files of sockets: the same one is removed, and nothing else that has its name.
 */
#include "socket_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/riposte-files-XXXXXX";
static char paths[2][64];

static void folder_make(void) {
    cr_assert_not_null(mkdtemp(folder));
    for (unsigned i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%u", folder, i);
        cr_assert_eq(mknod(paths[i], S_IFSOCK | 0600, 0), 0);
    }
}

static void folder_remove(void) {
    unlink(paths[0]);
    unlink(paths[1]);
    rmdir(folder);
}

TestSuite(socket_files, .init = folder_make, .fini = folder_remove);

static struct socket_file file_at(const char *path) {
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    return (struct socket_file){path, {true, status.st_dev, status.st_ino}};
}

Test(socket_files, that_are_the_same_are_removed) {
    struct socket_files files = {.files = {file_at(paths[0]), file_at(paths[1])}, .count = 2};
    cr_expect(socket_file_is_there(&files.files[0]));
    socket_files_remove(&files);
    cr_expect_not(socket_file_is_there(&files.files[0]));
    cr_expect_neq(access(paths[0], F_OK), 0);
    cr_expect_neq(access(paths[1], F_OK), 0);
}

Test(socket_files, that_are_others_or_unknown_stay) {
    struct socket_file file = file_at(paths[0]), unknown = {.path = paths[1]}, elsewhere = file_at(paths[1]);
    elsewhere.file.device++;
    cr_assert_eq(rename(paths[1], paths[0]), 0);
    socket_file_remove(&file);
    cr_expect_eq(access(paths[0], F_OK), 0, "another file has its name");
    elsewhere.path = unknown.path = paths[0];
    socket_file_remove(&unknown);
    socket_file_remove(&elsewhere);
    cr_expect_eq(access(paths[0], F_OK), 0);
}

Test(socket_files, that_are_no_sockets_stay) {
    cr_assert_eq(unlink(paths[0]), 0);
    cr_assert_eq(mknod(paths[0], S_IFREG | 0600, 0), 0);
    struct socket_file file = file_at(paths[0]);
    socket_file_remove(&file);
    cr_expect_eq(access(paths[0], F_OK), 0, "whoever says that it is one");
}

Test(socket_files, that_are_links_by_now_stay) {
    struct socket_file file = file_at(paths[0]);
    char moved[80];
    snprintf(moved, sizeof(moved), "%s-moved", paths[0]);
    cr_assert_eq(rename(paths[0], moved), 0);
    cr_assert_eq(symlink(moved, paths[0]), 0);
    socket_file_remove(&file);
    struct stat status;
    cr_expect_eq(lstat(paths[0], &status), 0);
    unlink(moved);
}
