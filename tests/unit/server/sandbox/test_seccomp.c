/* SPDX-License-Identifier: MIT
 *
 * Which system calls are left. Each case runs in a child: a process never gets one back.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "seccomp.h"

TestSuite(seccomp, .timeout = 30);

/* 0 as long as all is well; else the number of the first line that found something wrong. */
static int wrong_line;

#define EXPECT(condition) (wrong_line = wrong_line == 0 && !(condition) ? __LINE__ : wrong_line)
#define EXPECT_REFUSED(call)                                                                                 \
    do {                                                                                                     \
        errno = 0;                                                                                           \
        EXPECT((long)(call) == -1 && errno == EPERM);                                                        \
    } while (0)

/* Runs `run` in a child that has no other calls any more. */
static void behind(void (*run)(void)) {
    int ends[2];
    int line = 0;
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        int result = seccomp_restrict();
        if (result == 0) {
            run();
        }
        line = result == 0 ? wrong_line : result;
        ssize_t written = write(ends[1], &line, sizeof(line));
        _exit(written != sizeof(line));
    }
    close(ends[1]);
    ssize_t size = read(ends[0], &line, sizeof(line));
    int status = 0;
    close(ends[0]);
    waitpid(pid, &status, 0);
    if (line == -ENOSYS || line == -EINVAL) {
        cr_skip_test("this kernel has no filters of system calls");
    }
    cr_expect(size == sizeof(line) && WIFEXITED(status) && WEXITSTATUS(status) == 0 && line == 0,
              "line %d, status %#x", line, status);
}

static void programs_and_threads(void) {
    char *const arguments[] = {"/bin/true", NULL};
    pthread_t thread;
    EXPECT_REFUSED(execve("/bin/true", arguments, arguments + 1));
    EXPECT_REFUSED(syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, arguments + 1, 0));
    EXPECT_REFUSED(fork());
    EXPECT(pthread_create(&thread, NULL, (void *(*)(void *))abort, NULL) == EPERM);
}

Test(seccomp, allows_no_program_and_no_thread) {
    behind(programs_and_threads);
}

static int listener, pair[2];

static void sockets_make(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, sizeof(address));
    listen(listener, 1);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static void no_connection(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    EXPECT_REFUSED(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_REFUSED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    EXPECT_REFUSED(connect(listener, (struct sockaddr *)&address, sizeof(address)));
    EXPECT_REFUSED(bind(listener, (struct sockaddr *)&address, sizeof(address)));
    EXPECT_REFUSED(listen(listener, 1));
    /* What ends a connection. */
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    EXPECT(connect(listener, &none, sizeof(none.sa_family)) == 0);
}

Test(seccomp, allows_no_connection_but_to_end_one) {
    sockets_make();
    behind(no_connection);
}

static void rings(void) {
    char parameters[256] = {0};
    EXPECT_REFUSED(syscall(SYS_io_uring_setup, 8, parameters));
    EXPECT_REFUSED(epoll_create1(0));
}

Test(seccomp, allows_no_ring) {
    behind(rings);
}

static void memory(void) {
    size_t size = 4096;
    void *plain = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(plain != MAP_FAILED);
    EXPECT(mprotect(plain, size, PROT_READ) == 0);
    EXPECT_REFUSED(mprotect(plain, size, PROT_READ | PROT_EXEC));
    EXPECT_REFUSED(mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT(munmap(plain, size) == 0);
}

Test(seccomp, allows_no_executable_memory) {
    behind(memory);
}

static void others(void) {
    EXPECT(kill(getpid(), 0) == 0);
    EXPECT_REFUSED(kill(getppid(), 0));
    EXPECT_REFUSED(syscall(SYS_tgkill, getppid(), getppid(), 0));
    EXPECT_REFUSED(setuid(0));
    EXPECT_REFUSED(syscall(SYS_ptrace, 0, 0, 0, 0));
    EXPECT_REFUSED(prctl(PR_SET_DUMPABLE, 1));
    EXPECT(prctl(PR_SET_NAME, "name") == 0);
    cpu_set_t cpus;
    EXPECT(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
    EXPECT(sched_setaffinity(0, sizeof(cpus), &cpus) == 0);
    EXPECT_REFUSED(sched_setaffinity(getppid(), sizeof(cpus), &cpus));
}

Test(seccomp, allows_no_other_process_and_no_right) {
    behind(others);
}

static void serving(void) {
    int size = 1;
    char byte = 'x';
    EXPECT(write(pair[0], &byte, 1) == 1);
    EXPECT(ioctl(pair[1], SIOCINQ, &size) == 0 && size == 1);
    EXPECT(ioctl(pair[0], SIOCOUTQ, &size) == 0);
    EXPECT_REFUSED(ioctl(pair[0], SIOCGIFCONF, &size));
    EXPECT(recv(pair[1], &byte, 1, 0) == 1);
    EXPECT(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) == -1 && errno == EAGAIN);
    EXPECT(shutdown(pair[0], SHUT_RDWR) == 0);
    FILE *file = fopen("/proc/net/netstat", "re");
    EXPECT(file != NULL && fgetc(file) == 'T' && fclose(file) == 0);
    void *block = malloc(64 << 20);
    EXPECT(block != NULL);
    free(block);
}

Test(seccomp, allows_what_serving_takes) {
    sockets_make();
    fcntl(listener, F_SETFL, O_NONBLOCK);
    behind(serving);
}

static _Atomic int stage;

static void *other_thread(void *result) {
    while (stage == 0) {
        sched_yield();
    }
    errno = 0;
    *(bool *)result = socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM;
    return NULL;
}

Test(seccomp, holds_for_threads_that_run_already) {
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        bool refused = false;
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        pthread_create(&thread, NULL, other_thread, &refused);
        int result = seccomp_restrict();
        stage = 1;
        pthread_join(thread, NULL);
        _exit(result == -ENOSYS || result == -EINVAL ? 77 : result != 0 || !refused);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        cr_skip_test("this kernel has no filters of system calls");
    }
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
