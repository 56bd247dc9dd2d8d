/* SPDX-License-Identifier: MIT
 *
 * What a worker takes for a reason to go on spinning, on both transports.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <unistd.h>

#include "deadline.h"
#include "dial.h"
#include "frames.h"

TestSuite(engine_spin, .timeout = 60);

#define ON_BOTH_TRANSPORTS(name) DIAL_ON_BOTH_TRANSPORTS(engine_spin, name)

/* Spins each time before it sleeps, for up to 10 ms: what it finds is counted, and chance is left out. */
static struct engine *spinner_start(enum engine_transport transport, const struct engine_listen *listen) {
    struct engine_config config = dial_config(transport, listen);
    config.workers_count = 1;
    config.spin_us = ENGINE_SPIN_US_MAX;
    return dial_start(&config);
}

static void echo(int fd) {
    const char frame[] = {0, 1, 'x'};
    dial_send(fd, frame, sizeof(frame));
    dial_expect(fd, frame, sizeof(frame));
}

ON_BOTH_TRANSPORTS(a_connection_that_asks_again_is_a_hit) {
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine *engine = spinner_start(*transport, &listen);
    int fd = dial(engine);
    struct deadline found = deadline_of("a spin has found a request");
    while (dial_counter(engine, spin_hits) == 0) {
        echo(fd);
        deadline_wait(&found);
    }
    close(fd);
    cr_assert_gt(dial_counter(engine, spun_ns), 0);
    dial_stop(engine);
}

ON_BOTH_TRANSPORTS(connections_that_ask_once_are_none) {
    enum { CONNECTIONS = 100 };
    struct engine_listen listen = dial_listen(&frames_protocol);
    struct engine *engine = spinner_start(*transport, &listen);
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = dial(engine);
        echo(fd);
        close(fd);
    }
    cr_assert_gt(dial_counter(engine, spins), 0);
    cr_assert_eq(dial_counter(engine, spin_hits), 0);
    dial_stop(engine);
}
