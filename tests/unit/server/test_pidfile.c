/* SPDX-License-Identifier: MIT
 *
 * -P: a file for scripts, made new or not at all.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "pidfile.h"

static struct failure failure;
static char folder[] = "/tmp/riposte-pidfile-XXXXXX";
static char path[64];

static void folder_make(void) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pid", folder);
}

static void folder_remove(void) {
    unlink(path);
    rmdir(folder);
}

TestSuite(pidfile, .init = folder_make, .fini = folder_remove);

static void content_write(const char *content) {
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    fputs(content, file);
    fclose(file);
}

static void expect_content(const char *expected) {
    char content[64] = "";
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    size_t size = fread(content, 1, sizeof(content) - 1, file);
    content[size] = '\0';
    fclose(file);
    cr_expect_str_eq(content, expected);
}

Test(pidfile, holds_the_id_of_this_process) {
    char expected[32];
    snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
    cr_assert(pidfile_write(path, &failure), "%s", failure.text);
    expect_content(expected);
    pidfile_remove(path, getpid());
    cr_expect_neq(access(path, F_OK), 0);
}

/* The largest id that a process may have is 2^22 (proc(5), pid_max): 2147483647 is nobody. */
Test(pidfile, replaces_one_of_a_process_that_is_gone) {
    char expected[32];
    snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
    const char *const contents[] = {"", "2147483647\n", "2147483647", expected};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        content_write(contents[i]);
        cr_assert(pidfile_write(path, &failure), "%s", failure.text);
        expect_content(expected);
    }
}

Test(pidfile, of_a_process_that_lives_is_an_error) {
    char content[32];
    snprintf(content, sizeof(content), "%d\n", (int)getppid());
    content_write(content);
    cr_assert_not(pidfile_write(path, &failure));
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_not_null(strstr(failure.text, "which is alive"), "%s", failure.text);
    expect_content(content);
}

Test(pidfile, leaves_a_text_that_is_no_pid_alone) {
    static const char *const contents[] = {"x", "12 13\n", "123456789012345678901234567890\n", "-5\n",
                                           "2147483648\n"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        content_write(contents[i]);
        cr_expect_not(pidfile_write(path, &failure), "%s", contents[i]);
        cr_expect_not_null(strstr(failure.text, "not a pid file"), "%s", failure.text);
        expect_content(contents[i]);
    }
}

/* Root writing through a link that anybody put into /tmp would destroy what it points to. */
Test(pidfile, is_not_written_through_a_link) {
    char target[80];
    snprintf(target, sizeof(target), "%s/target", folder);
    cr_assert_eq(symlink(target, path), 0);
    cr_expect_not(pidfile_write(path, &failure));
    cr_expect_neq(access(target, F_OK), 0, "the link was followed");
    struct stat status;
    cr_assert_eq(lstat(path, &status), 0);
    cr_expect(S_ISLNK(status.st_mode), "the link is still there");
}

Test(pidfile, a_pipe_in_its_place_is_not_waited_for) {
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_not(pidfile_write(path, &failure));
}

Test(pidfile, leaves_the_file_of_another_process) {
    content_write("1\n");
    pidfile_remove(path, getpid());
    expect_content("1\n");
}

Test(pidfile, says_where_it_cannot_be_written) {
    cr_expect_not(pidfile_write("/proc/none/pid", &failure));
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_str_eq(failure.text, "-P /proc/none/pid cannot be written: No such file or directory");
}
