/* SPDX-License-Identifier: MIT
 *
 * -P and MEMCACHED_PORT_FILENAME: files for scripts.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "pidfile.h"

static char folder[] = "/tmp/riposte-pidfile-XXXXXX";
static char path[64];
static struct failure failure;

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
    pidfile_remove(path);
    cr_expect_neq(access(path, F_OK), 0);
}

Test(pidfile, replaces_whatever_stood_there) {
    char expected[32];
    snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
    static const char *const contents[] = {"", "x", "123456789012345678901234567890\n", "2147483647\n",
                                           "-5\n"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        content_write(contents[i]);
        cr_assert(pidfile_write(path, &failure), "%s", failure.text);
        expect_content(expected);
    }
}

Test(pidfile, leaves_the_file_of_another_process) {
    content_write("1\n");
    pidfile_remove(path);
    expect_content("1\n");
}

Test(pidfile, says_where_it_cannot_be_written) {
    cr_expect_not(pidfile_write("/proc/none/pid", &failure));
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_str_eq(failure.text, "-P /proc/none/pid cannot be written: No such file or directory");
}
