/* SPDX-License-Identifier: MIT
 *
 * What the loop does when a ring that has worked answers with an errno that nobody expects. io_uring_enter2 is liburing's,
 * and this program's. What the transport does otherwise is tested by every engine test.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <liburing.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"

TestSuite(uring, .timeout = 60);

static _Atomic int refused_with; /* a negative errno; 0: the kernel is asked */

/* Takes the library's place for all of this program. */
int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags,
                    sigset_t *argument, size_t size) {
    int refused = atomic_load(&refused_with);
    if (refused != 0) {
        return refused;
    }
    long result = syscall(SYS_io_uring_enter, fd, to_submit, min_complete, flags, argument, size);
    return result < 0 ? -errno : (int)result;
}

static struct engine *start_or_skip(void) {
    static struct engine_listen listen;
    listen = dial_listen(&frames_protocol);
    struct engine_config config = dial_config(ENGINE_AUTO, &listen);
    struct engine *engine = dial_start(&config);
    if (engine_fallback_reason(engine)[0] != '\0') {
        dial_stop(engine);
        cr_skip_test("no io_uring here");
    }
    return engine;
}

static void expect_echo(int fd) {
    dial_send(fd, "\0\1a", 3);
    dial_expect(fd, "\0\1a", 3);
}

Test(uring, an_unexpected_errno_is_counted_and_the_clients_are_served_when_it_has_gone) {
    struct engine *engine = start_or_skip();
    int fd = dial(engine);
    expect_echo(fd);
    atomic_store(&refused_with, -EPERM);
    dial_send(fd, "\0\1b", 3);
    struct deadline counted = deadline_of("each worker has met the error");
    while (dial_counter(engine, ring_errors) < 10) {
        deadline_wait(&counted);
    }
    atomic_store(&refused_with, 0);
    dial_expect(fd, "\0\1b", 3);
    expect_echo(fd);
    close(fd);
    dial_stop(engine);
}

/* A list of connections is asked for, which nobody waits for: it takes the workers out of their sleep in the kernel. */
Test(uring, a_worker_whose_ring_fails_hears_of_a_stop) {
    struct engine *engine = start_or_skip();
    struct deadline counted = deadline_of("a worker has met the error");
    atomic_store(&refused_with, -EINVAL);
    engine_conn_list_end(engine_conn_list_begin(engine));
    while (dial_counter(engine, ring_errors) == 0) {
        deadline_wait(&counted);
    }
    engine_stop(engine, ENGINE_STOP_CLOSE);
    engine_join(engine);
    atomic_store(&refused_with, 0);
    engine_destroy(engine);
}
