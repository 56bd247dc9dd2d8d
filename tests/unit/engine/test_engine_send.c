/* SPDX-License-Identifier: MIT
 *
 * Large answers, in the ways of sending, where something is refused.
 */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dial.h"
#include "riposte/reply.h"

TestSuite(engine_send, .timeout = 60);

enum { ANSWER_SIZE = 16 << 20 };

static char answer[ANSWER_SIZE];

static void keep(void *owner) {
    (void)owner;
}

/* Answers each byte with memory of its own. */
static struct progress large_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                      void *context) {
    (void)session;
    (void)context;
    reply_pin(reply, bytes_of(answer, sizeof(answer)), keep, NULL);
    return (struct progress){.consumed = input->bytes.size, .requests = 1};
}

static const struct protocol large_protocol = {.name = "large", .on_input = large_on_input};

/* For the threads to come, too; also where the tests run with root's rights. */
static void limit_locked_memory(rlim_t size) {
    struct rlimit limit = {.rlim_cur = size, .rlim_max = size};
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3];
    cr_assert_eq(syscall(SYS_capget, &header, rights), 0);
    rights[CAP_TO_INDEX(CAP_IPC_LOCK)].effective &= ~CAP_TO_MASK(CAP_IPC_LOCK);
    cr_assert_eq(syscall(SYS_capset, &header, rights), 0);
}

Test(engine_send, copies_where_zero_copy_finds_too_little_memory_to_lock) {
    limit_locked_memory(1 << 20);
    struct engine_listen listen = dial_listen(&large_protocol);
    struct engine_config config = dial_config(ENGINE_URING, &listen);
    config.workers_count = 1;
    config.ring_entries = 8;
    config.send = ENGINE_SEND_ZERO_COPY;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    for (int i = 0; i < 3; i++) {
        dial_send(fd, "?", 1);
        dial_expect(fd, answer, sizeof(answer));
    }
    cr_expect_eq(dial_counter(engine, closed_error), 0);
    close(fd);
    dial_stop(engine);
}

/* Answers each byte with more pieces than one, together larger than a bundle may be. */
static struct progress pieces_on_input(void *session, const struct protocol_input *input, struct reply *reply,
                                       void *context) {
    (void)session;
    (void)context;
    size_t size = input->bytes.data[0] == 's' ? 1000 : ANSWER_SIZE / 2;
    for (int i = 0; i < 2; i++) {
        reply_pin(reply, bytes_of(answer, size), keep, NULL);
    }
    return (struct progress){.consumed = input->bytes.size, .requests = 1};
}

static const struct protocol pieces_protocol = {.name = "pieces", .on_input = pieces_on_input};

/* The write time-out needs to see progress, which a bundle shows only when all of it is taken. */
Test(engine_send, bundles_only_what_is_soon_taken) {
    struct engine_listen listen = dial_listen(&pieces_protocol);
    struct engine_config config = dial_config(ENGINE_URING, &listen);
    config.send = ENGINE_SEND_BUNDLE;
    config.limits.output_size_max = 2 * ANSWER_SIZE;
    struct engine *engine = dial_start(&config);
    int fd = dial(engine);
    dial_send(fd, "l", 1);
    dial_expect(fd, answer, sizeof(answer));
    cr_expect_eq(dial_counter(engine, sends_bundle), 0);
    dial_send(fd, "s", 1);
    dial_expect(fd, answer, 2000);
    cr_expect_eq(dial_counter(engine, sends_bundle), strstr(engine_features(engine), "bundle") != NULL);
    close(fd);
    dial_stop(engine);
}
