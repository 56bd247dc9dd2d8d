/* SPDX-License-Identifier: MIT
 *
 * -u: whom a process becomes. Each test is a process of its own, so it may give its rights away.
 */
#include <criterion/criterion.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "privileges.h"

static struct failure failure;
static struct listen_list none;

static const struct passwd *nobody(void) {
    const struct passwd *entry = getpwnam("nobody");
    if (geteuid() != 0 || entry == NULL) {
        cr_skip_test("needs root and the user nobody");
    }
    return entry;
}

Test(privileges, cannot_go_to_a_user_that_is_not_there) {
    cr_expect_not(privileges_drop("no-such-user-here", &none, false, &failure));
    cr_expect_eq(failure.exit_status, EX_NOUSER);
    cr_expect_str_eq(failure.text, "-u no-such-user-here: there is no such user");
}

Test(privileges, stay_when_nobody_is_named) {
    uid_t before = geteuid();
    cr_expect(privileges_drop(NULL, &none, false, &failure));
    cr_expect_eq(geteuid(), before);
}

Test(privileges, of_root_go_for_good) {
    struct passwd user = *nobody();
    cr_assert(privileges_drop("nobody", &none, false, &failure), "%s", failure.text);
    uid_t real, effective, saved;
    cr_assert_eq(getresuid(&real, &effective, &saved), 0);
    cr_expect(real == user.pw_uid && effective == user.pw_uid && saved == user.pw_uid);
    cr_expect_eq(getegid(), user.pw_gid);
    cr_expect_eq(setuid(0), -1);
    gid_t groups[64];
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++) {
        cr_expect_neq(groups[i], 0, "still in the group of root");
    }
}

/* A file where a Unix socket is said to be, in the only folder of a list. */
static struct listen_list list_of(const char *path, uint64_t inode) {
    struct listen_list list = {.count = 1};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    memcpy(&list.listens[0].address, &un, sizeof(un));
    list.listens[0].address_size = sizeof(un);
    list.listens[0].file =
        (struct engine_socket_file){true, status.st_dev, inode == 0 ? status.st_ino : inode};
    return list;
}

Test(privileges, over_a_socket_go_with_them_but_not_over_what_has_its_name_since) {
    struct passwd user = *nobody();
    char own[] = "/tmp/riposte-own-XXXXXX", other[] = "/tmp/riposte-other-XXXXXX";
    struct stat status;
    close(mkstemp(own));
    close(mkstemp(other));
    cr_assert_eq(unlink(own) + unlink(other), 0);
    cr_assert_eq(mknod(own, S_IFSOCK | 0600, 0) + mknod(other, S_IFSOCK | 0600, 0), 0);
    pid_t child = fork();
    if (child == 0) {
        struct listen_list lists[] = {list_of(own, 0), list_of(other, 1)};
        lists[0].listens[lists[0].count++] = lists[1].listens[0];
        _exit(privileges_drop("nobody", &lists[0], false, &failure) ? 0 : 1);
    }
    int ended;
    cr_assert_eq(waitpid(child, &ended, 0), child);
    cr_expect_eq(ended, 0);
    cr_expect_eq(stat(own, &status), 0);
    cr_expect_eq(status.st_uid, user.pw_uid);
    cr_expect_eq(stat(other, &status), 0);
    cr_expect_eq(status.st_uid, 0);
    unlink(own);
    unlink(other);
}

Test(privileges, leave_core_files_allowed_only_on_request) {
    nobody();
    cr_assert(privileges_drop("nobody", &none, true, &failure), "%s", failure.text);
    cr_expect_eq(prctl(PR_GET_DUMPABLE), 1);
}

Test(privileges, take_the_unix_socket_along) {
    struct passwd user = *nobody();
    char path[] = "/tmp/riposte-socket-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    struct options options = {.unix_socket = path};
    struct listen_list list = {.count = 0};
    cr_assert(listen_list_make(&list, &options, &failure), "%s", failure.text);
    bool dropped = privileges_drop("nobody", &list, false, &failure);
    struct stat status = {0};
    cr_expect_eq(stat(path, &status), 0);
    unlink(path);
    cr_assert(dropped, "%s", failure.text);
    cr_expect_eq(status.st_uid, user.pw_uid);
}

/* The value of a line of /proc/self/status, in hexadecimal. */
static unsigned long long status_number(const char *name) {
    char line[256];
    unsigned long long number = ~0ULL;
    FILE *file = fopen("/proc/self/status", "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            number = strtoull(line + strlen(name), NULL, 16);
        }
    }
    fclose(file);
    return number;
}

Test(privileges, leave_no_capability_in_any_set) {
    nobody();
    cr_assert(privileges_drop("nobody", &none, false, &failure), "%s", failure.text);
    static const char *const names[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_expect_eq(status_number(names[i]), 0, "%s", names[i]);
    }
}

Test(privileges, can_never_be_gained_again_not_even_by_root) {
    cr_expect(privileges_drop(NULL, &none, false, &failure));
    cr_expect_eq(status_number("NoNewPrivs:"), 1);
}
