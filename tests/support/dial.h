/* SPDX-License-Identifier: MIT
 *
 * dial: an engine on a free port of the loopback, and clients of it that block. Every failure ends the
 * Criterion test.
 */
#ifndef TESTS_DIAL_H
#define TESTS_DIAL_H

#include <stddef.h>
#include <sys/socket.h>

#include "riposte/engine.h"

/* A test of `suite` that runs on each transport; *transport says on which. */
#define DIAL_ON_BOTH_TRANSPORTS(suite, name)                                                                 \
    ParameterizedTestParameters(suite, name) {                                                               \
        static enum engine_transport transports[] = {ENGINE_URING, ENGINE_EPOLL};                            \
        return cr_make_param_array(enum engine_transport, transports, 2);                                    \
    }                                                                                                        \
    ParameterizedTest(enum engine_transport *transport, suite, name)

/* A listen for any free TCP port, and one for a Unix socket at `path`. */
struct engine_listen dial_listen(const struct protocol *protocol);
struct engine_listen dial_listen_unix(const struct protocol *protocol, const char *path);

/* The defaults, on `transport`, two workers that are not pinned, one listen. */
struct engine_config dial_config(enum engine_transport transport, const struct engine_listen *listen);

/* Creates and starts; stops, expects that no connection is left, and destroys. */
struct engine *dial_start(const struct engine_config *config);
void dial_stop(struct engine *engine);

/* One of the engine's counters, summed over the workers: dial_counter(engine, requests). */
#define dial_counter(engine, name) counter_read(&((struct engine_counters[1]){dial_counters(engine)})->name)
struct engine_counters dial_counters(const struct engine *engine);

/* A connected socket, to be closed by the caller; waits at most 20 s for anything. */
int dial(const struct engine *engine);
int dial_port(const struct engine *engine, unsigned listen_index);
int dial_address(const void *address, socklen_t size, int family);

void dial_send(int fd, const void *data, size_t size);

/* Nothing comes, and no end, for so long. */
void dial_expect_open(int fd, int quiet_ms);

/* The next bytes are these; there are no more. */
void dial_expect(int fd, const void *data, size_t size);
void dial_expect_end(int fd);

#endif
