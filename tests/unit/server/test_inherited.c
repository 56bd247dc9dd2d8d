/* SPDX-License-Identifier: MIT
 *
 * Sockets that a process is started with. Each case runs in a child whose descriptors 3, 4, ... are what the test says.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "inherited.h"

TestSuite(inherited, .timeout = 30);

static struct inherited inherited;
static struct listen_list list;
static struct options options;
static struct failure failure;

/* A socket on a free port of 127.0.0.1. */
static int tcp_socket(int type, bool listens) {
    int fd = socket(AF_INET, type, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(fd, (struct sockaddr *)&address, sizeof(address));
    if (listens) {
        listen(fd, 8);
    }
    return fd;
}

static int unix_socket(const char *name, size_t name_size) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, name_size);
    bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_size));
    listen(fd, 8);
    return fd;
}

/* `fds` become descriptors 3, 4, ..., and are all there is. */
static void be_started_with(const int *fds, unsigned count, const char *count_text, const char *names) {
    char pid[16];
    for (unsigned i = 0; i < count; i++) {
        int high = fcntl(fds[i], F_DUPFD, 100);
        dup2(high, 3 + (int)i);
        close(high);
    }
    for (int fd = 3 + (int)count; fd < 64; fd++) {
        close(fd);
    }
    snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", count_text, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

/* Runs `run` in a child; it returns NULL, or what is wrong. */
static void in_child(const char *(*run)(void)) {
    char wrong[256] = "";
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    int report = fcntl(ends[1], F_DUPFD, 200);
    close(ends[1]);
    pid_t pid = fork();
    if (pid == 0) {
        const char *text = run();
        ssize_t written = text == NULL ? 0 : write(report, text, strlen(text));
        _exit(text == NULL || written < 0 ? 0 : 1);
    }
    close(report);
    int status = 0;
    ssize_t size = read(ends[0], wrong, sizeof(wrong) - 1);
    waitpid(pid, &status, 0);
    close(ends[0]);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0 && size == 0, "%s", wrong);
}

#define WRONG_UNLESS(condition)                                                                              \
    if (!(condition)) {                                                                                      \
        return #condition;                                                                                   \
    }

static bool take(void) {
    return inherited_take(&inherited, &list, &failure);
}

static const char *names_say_what_is_spoken(void) {
    const int fds[] = {tcp_socket(SOCK_STREAM, true), tcp_socket(SOCK_STREAM, true),
                       unix_socket("\0riposte-test", 13)};
    be_started_with(fds, 3, "3", "riposte.socket:http:http-admin");
    WRONG_UNLESS(take());
    WRONG_UNLESS(list.count == 3 && inherited.count == 3);
    WRONG_UNLESS(strcmp(list.listens[0].protocol->name, "memcached") == 0);
    WRONG_UNLESS(strcmp(list.listens[1].protocol->name, "http") == 0);
    WRONG_UNLESS(strcmp(list.listens[2].protocol->name, "http-admin") == 0);
    WRONG_UNLESS(listen_own_path(&list.listens[2]) == NULL);
    return NULL;
}

Test(inherited, names_say_what_is_spoken) {
    in_child(names_say_what_is_spoken);
}

static const char *nobody_started_later_takes_them(void) {
    const int fds[] = {tcp_socket(SOCK_STREAM, true)};
    be_started_with(fds, 1, "1", "");
    WRONG_UNLESS(take());
    WRONG_UNLESS(fcntl(3, F_GETFD) == FD_CLOEXEC);
    WRONG_UNLESS(getenv("LISTEN_FDS") == NULL && getenv("LISTEN_PID") == NULL &&
                 getenv("LISTEN_FDNAMES") == NULL);
    inherited_close(&inherited);
    WRONG_UNLESS(fcntl(3, F_GETFD) < 0);
    return NULL;
}

Test(inherited, are_out_of_reach_of_programs_started_later) {
    in_child(nobody_started_later_takes_them);
}

static const char *those_of_one_address_are_one_listen(void) {
    int first = socket(AF_INET, SOCK_STREAM, 0);
    int second = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int one = 1;
    setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    setsockopt(second, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    WRONG_UNLESS(bind(first, (struct sockaddr *)&address, size) == 0);
    getsockname(first, (struct sockaddr *)&address, &size);
    WRONG_UNLESS(bind(second, (struct sockaddr *)&address, size) == 0);
    listen(first, 8);
    listen(second, 8);
    const int fds[] = {first, tcp_socket(SOCK_STREAM, true), second};
    int found[INHERITED_MAX];
    be_started_with(fds, 3, "3", "");
    WRONG_UNLESS(take());
    WRONG_UNLESS(list.count == 2);
    WRONG_UNLESS(inherited_of(&inherited, 0, found) == 2 && found[0] == 3 && found[1] == 5);
    WRONG_UNLESS(inherited_of(&inherited, 1, found) == 1 && found[0] == 4);
    return NULL;
}

Test(inherited, those_of_one_address_are_one_listen) {
    in_child(those_of_one_address_are_one_listen);
}

static const char *the_command_line_decides(void) {
    char text[64];
    const int fds[] = {tcp_socket(SOCK_STREAM, true)};
    be_started_with(fds, 1, "1", "");
    WRONG_UNLESS(take());
    snprintf(text, sizeof(text), "127.0.0.1:%u", address_port(&list.listens[0].address));
    options.port = 11211;
    options.http.texts[options.http.count++] = text;
    WRONG_UNLESS(listen_list_make(&list, &options, &failure));
    WRONG_UNLESS(list.count == 1 && strcmp(list.listens[0].protocol->name, "http") == 0);
    return NULL;
}

Test(inherited, a_flag_that_names_the_address_says_what_is_spoken_and_nothing_else_is_opened) {
    in_child(the_command_line_decides);
}

static const char *others_beside_them(void) {
    const int fds[] = {tcp_socket(SOCK_STREAM, true)};
    be_started_with(fds, 1, "1", "http");
    WRONG_UNLESS(take());
    options.port = -1;
    options.given[OPTION_INDEX_port] = true;
    WRONG_UNLESS(listen_list_make(&list, &options, &failure));
    WRONG_UNLESS(list.count == 2 && !list.listens[1].is_inherited);
    return NULL;
}

Test(inherited, have_others_beside_them_that_were_asked_for) {
    in_child(others_beside_them);
}

static const char *two_wills(void) {
    char text[64];
    const int fds[] = {tcp_socket(SOCK_STREAM, true)};
    be_started_with(fds, 1, "1", "http");
    WRONG_UNLESS(take());
    snprintf(text, sizeof(text), "127.0.0.1:%u", address_port(&list.listens[0].address));
    options.listen.texts[options.listen.count++] = text;
    options.port = 11211;
    WRONG_UNLESS(!listen_list_make(&list, &options, &failure) && failure.exit_status == EX_USAGE);
    WRONG_UNLESS(strstr(failure.text, "cannot speak http and memcached") != NULL);
    return NULL;
}

Test(inherited, a_name_and_a_flag_that_differ_are_refused) {
    in_child(two_wills);
}

/* Descriptor 3 is `fd`; what is said has `part`. */
static const char *refused(int fd, const char *count_text, const char *part) {
    failure = (struct failure){0};
    be_started_with(&fd, 1, count_text, "name");
    WRONG_UNLESS(!take());
    WRONG_UNLESS(failure.exit_status == EX_USAGE);
    return strstr(failure.text, part) != NULL ? NULL : failure.text;
}

static const char *a_file(void) {
    return refused(open("/dev/null", O_RDONLY), "1", "descriptor 3 (name) is no stream socket");
}

static const char *datagrams(void) {
    return refused(tcp_socket(SOCK_DGRAM, false), "1", "is no stream socket");
}

static const char *a_deaf_one(void) {
    return refused(tcp_socket(SOCK_STREAM, false), "1", "does not listen; the socket unit wants");
}

static const char *one_too_many(void) {
    return refused(tcp_socket(SOCK_STREAM, true), "2", "descriptor 4 () is not open");
}

static const char *a_number_too_large(void) {
    return refused(tcp_socket(SOCK_STREAM, true), "4097",
                   "LISTEN_FDS=4097: expected a number of sockets up to 4096");
}

static const char *no_number(void) {
    return refused(tcp_socket(SOCK_STREAM, true), "x", "LISTEN_FDS=x");
}

Test(inherited, refuses_what_does_not_listen) {
    in_child(a_file);
    in_child(datagrams);
    in_child(a_deaf_one);
    in_child(one_too_many);
    in_child(a_number_too_large);
    in_child(no_number);
}

static const char *those_of_another(void) {
    const int fds[] = {tcp_socket(SOCK_STREAM, true)};
    be_started_with(fds, 1, "1", "");
    setenv("LISTEN_PID", "1", 1);
    WRONG_UNLESS(take());
    WRONG_UNLESS(list.count == 0 && inherited.count == 0);
    WRONG_UNLESS(fcntl(3, F_GETFD) == 0);
    return NULL;
}

Test(inherited, leaves_those_of_another_process_alone) {
    in_child(those_of_another);
}
