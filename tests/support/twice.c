/* SPDX-License-Identifier: MIT
 *
 * twice: the filter, and what tests may ask of it.
 */
#include "twice.h"

#include <stdlib.h>
#include <sys/uio.h>

#include "riposte/clock.h"
#include "riposte/reply.h"

enum { STEP_NS = 100 * 1000 };

_Atomic int twice_opened, twice_closed;
bool twice_opens;
size_t twice_step_size;
_Atomic unsigned twice_steps;

struct twice {
    bool open;
    bool half; /* the first byte of a pair has come */
    char first;
};

static void burn(uint64_t cpu_ns) {
    uint64_t ends_ns = clock_thread_cpu_ns() + cpu_ns;
    while (clock_thread_cpu_ns() < ends_ns) {
        continue;
    }
}

static struct filter_progress twice_open(void *state, struct reply *output, void *context) {
    (void)state;
    (void)context;
    atomic_fetch_add(&twice_opened, 1);
    reply_copy_string(output, "hi");
    return (struct filter_progress){.next = FILTER_NEXT_INPUT, .opening = twice_opens};
}

static void twice_close(void *state, void *context) {
    (void)state;
    (void)context;
    atomic_fetch_add(&twice_closed, 1);
}

static void twice_finish(void *state, struct reply *output, void *context) {
    (void)state;
    (void)context;
    reply_copy_string(output, "bye");
}

static struct filter_progress twice_receive(void *state, struct bytes wire, char *plain,
                                            size_t plain_size_max, struct reply *output, void *context) {
    (void)context;
    struct twice *twice = state;
    struct filter_progress progress = {.next = FILTER_NEXT_INPUT};
    bool is_much = twice_step_size > 0 && wire.size > twice_step_size;
    if (is_much) {
        wire.size = twice_step_size;
        burn(STEP_NS);
        atomic_fetch_add(&twice_steps, 1);
        progress.work = FILTER_WORK_MAX;
        progress.next = FILTER_NEXT_AGAIN;
    }
    while (progress.consumed < wire.size) {
        if (progress.plain_size == plain_size_max) {
            progress.next = FILTER_NEXT_AGAIN;
            return progress;
        }
        char byte = wire.data[progress.consumed++];
        twice->half = !twice->half;
        if (twice->half) {
            twice->first = byte;
        } else if (twice->first == '>' && byte == '<') {
            progress.next = FILTER_NEXT_ENDED;
            return progress;
        } else if (twice->first != byte) {
            reply_copy_string(output, "error");
            progress.next = FILTER_NEXT_BROKEN;
            return progress;
        } else if (!twice->open) {
            twice->open = byte == 'k';
        } else {
            plain[progress.plain_size++] = byte;
        }
    }
    progress.opening = twice_opens && !twice->open;
    return progress;
}

static size_t twice_send(void *state, const struct iovec *plain, unsigned plain_count, struct reply *output,
                         void *context) {
    (void)context;
    const struct twice *twice = state;
    size_t taken = 0;
    for (unsigned i = 0; i < plain_count && twice->open; i++) {
        const char *data = plain[i].iov_base;
        for (size_t k = 0; k < plain[i].iov_len; k++) {
            reply_copy(output, bytes_of((char[]){data[k], data[k]}, 2));
        }
        taken += plain[i].iov_len;
    }
    return taken;
}

const struct filter twice_filter = {
    .name = "twice",
    .state_size = sizeof(struct twice),
    .open = twice_open,
    .receive = twice_receive,
    .send = twice_send,
    .finish = twice_finish,
    .close = twice_close,
};

char *twice_frame(size_t size, size_t *wire_size) {
    *wire_size = 2 * (size + 2);
    char *wire = malloc(*wire_size);
    for (size_t i = 0; i < size + 2; i++) {
        char byte = (char)(i == 0 ? size >> 8 : i == 1 ? size : i * 7 + size);
        wire[2 * i] = wire[2 * i + 1] = byte;
    }
    return wire;
}

int twice_dial(const struct engine *engine) {
    int fd = dial(engine);
    dial_expect(fd, "hi", 2);
    return fd;
}

int twice_dial_opened(const struct engine *engine) {
    int fd = twice_dial(engine);
    dial_send(fd, "kk", 2);
    return fd;
}
