/* SPDX-License-Identifier: MIT
 *
 * Which files are left within reach. Each case runs in a child: a process never comes out again.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"

static char folder[32];

static void setup(void) {
    strcpy(folder, "/tmp/riposte-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    int rules = landlock_open();
    if (rules < 0) {
        rmdir(folder);
        cr_skip_test("this kernel has no Landlock (%s)", strerror(-rules));
    }
    close(rules);
}

/* "<folder>/<name>"; two at a time. */
static const char *below(const char *name) {
    static char paths[2][96];
    static unsigned next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void file_make(const char *name) {
    int fd = open(below(name), O_CREAT | O_WRONLY, 0666);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void finish(void) {
    static const char *const names[] = {"in/file", "in/new", "in",    "out/file",
                                        "out/new", "out",    "alone", "."};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        remove(below(names[i]));
    }
    rmdir(folder);
}

TestSuite(landlock, .init = setup, .fini = finish, .timeout = 30);

static void make_files(void) {
    mkdir(below("in"), 0777);
    mkdir(below("out"), 0777);
    file_make("in/file");
    file_make("out/file");
    file_make("alone");
}

/* Runs `run` in a child that may do `may` below "in"; `run` returns how many things were wrong. */
static void behind(unsigned may, int (*run)(void)) {
    make_files();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        int rules = landlock_open();
        _exit(landlock_allow(rules, below("in"), may) < 0 || landlock_enter(rules) < 0 ? 100 : run());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d things are wrong", WEXITSTATUS(status));
}

static bool opens(const char *name, int flags) {
    int fd = open(below(name), flags, 0666);
    bool opened = fd >= 0;
    if (opened) {
        close(fd);
    }
    return opened || errno != EACCES;
}

static int read_only(void) {
    return !opens("in/file", O_RDONLY) + opens("in/file", O_WRONLY) + opens("in/new", O_WRONLY | O_CREAT) +
           opens("out/file", O_RDONLY) + opens("alone", O_RDONLY) + (unlink(below("in/file")) == 0) +
           opens("in", O_RDONLY | O_DIRECTORY);
}

Test(landlock, leaves_reading_in_one_folder) {
    behind(LANDLOCK_MAY_READ, read_only);
}

static int list_too(void) {
    return !opens("in", O_RDONLY | O_DIRECTORY) + opens("out", O_RDONLY | O_DIRECTORY) +
           opens("in/file", O_RDONLY);
}

Test(landlock, leaves_listing_one_folder) {
    behind(LANDLOCK_MAY_LIST, list_too);
}

static int append_log(void) {
    return !opens("in/file", O_WRONLY | O_APPEND) + !opens("in/new", O_WRONLY | O_CREAT | O_APPEND) +
           opens("in/file", O_RDONLY) + opens("out/new", O_WRONLY | O_CREAT) + (unlink(below("in/new")) == 0);
}

Test(landlock, leaves_writing_and_making_logs) {
    behind(LANDLOCK_MAY_WRITE | LANDLOCK_MAY_MAKE, append_log);
}

static int remove_only(void) {
    return (unlink(below("out/file")) == 0) + (unlink(below("in/file")) != 0) +
           opens("in/new", O_WRONLY | O_CREAT);
}

Test(landlock, leaves_removing_files) {
    behind(LANDLOCK_MAY_REMOVE, remove_only);
}

static int run_nothing(void) {
    execl("/bin/true", "true", (char *)NULL);
    return errno != EACCES;
}

Test(landlock, leaves_no_program_to_run) {
    behind(LANDLOCK_MAY_READ | LANDLOCK_MAY_LIST | LANDLOCK_MAY_WRITE | LANDLOCK_MAY_MAKE |
               LANDLOCK_MAY_REMOVE,
           run_nothing);
}

static int stays_open(int fd) {
    char byte;
    return read(fd, &byte, 1) < 0;
}

Test(landlock, takes_a_file_the_folder_of_one_and_what_is_not_there) {
    make_files();
    pid_t pid = fork();
    if (pid == 0) {
        int before = open(below("out/file"), O_RDONLY);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        int rules = landlock_open();
        int wrong = (landlock_allow(rules, below("alone"), LANDLOCK_MAY_READ | LANDLOCK_MAY_LIST) != 0) +
                    (landlock_allow(rules, below("nothing"), LANDLOCK_MAY_READ) != 0) +
                    (landlock_allow_folder_of(rules, below("in/file"), LANDLOCK_MAY_READ) != 0) +
                    (landlock_enter(rules) != 0);
        wrong += !opens("alone", O_RDONLY) + !opens("in/file", O_RDONLY) + opens("out/file", O_RDONLY) +
                 stays_open(before);
        _exit(wrong);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d things are wrong", WEXITSTATUS(status));
}
