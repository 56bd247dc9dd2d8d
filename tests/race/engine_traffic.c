/* SPDX-License-Identifier: MIT
 *
 * engine_traffic: workers, clients, readers of the counters and a stop, all at once, on both transports; for
 * ThreadSanitizer.
 *
 * A plain program: exit status 0 when every echo came back whole and every connection was given back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"
#include "riposte/engine.h"

enum { CLIENTS = 4, CONNECTIONS_EACH = 30, ECHOES_EACH = 20, FRAME_SIZE = 3000, PATIENCE_S = 60 };

struct traffic {
    struct engine *engine;
    _Atomic bool over; /* the clients are done: readers stop */
    _Atomic unsigned failures;
};

static void fail(struct traffic *traffic, const char *what) {
    fprintf(stderr, "engine_traffic: %s: %s\n", what, strerror(errno));
    atomic_fetch_add(&traffic->failures, 1);
}

static int dial(const struct traffic *traffic) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(engine_port(traffic->engine, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool echo(int fd, const char *frame) {
    char got[FRAME_SIZE];
    if (send(fd, frame, FRAME_SIZE, MSG_NOSIGNAL) != FRAME_SIZE) {
        return false;
    }
    for (size_t count = 0; count < FRAME_SIZE;) {
        ssize_t size = recv(fd, got + count, FRAME_SIZE - count, 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return false;
        }
        count += (size_t)size;
    }
    return memcmp(frame, got, FRAME_SIZE) == 0;
}

static void *client_main(void *argument) {
    struct traffic *traffic = argument;
    char frame[FRAME_SIZE];
    memset(frame, 'r', sizeof(frame));
    frame[0] = (char)((FRAME_SIZE - 2) >> 8);
    frame[1] = (char)(FRAME_SIZE - 2);
    for (int i = 0; i < CONNECTIONS_EACH; i++) {
        int fd = dial(traffic);
        if (fd < 0) {
            fail(traffic, "connect");
            return NULL;
        }
        for (int k = 0; k < ECHOES_EACH; k++) {
            if (!echo(fd, frame)) {
                fail(traffic, "echo");
            }
        }
        close(fd);
    }
    return NULL;
}

/* A reader like `stats`, not a spinning one. Ends with the clients, who wait at most PATIENCE_S for anything. */
static void *reader_main(void *argument) {
    const struct timespec pause = {.tv_nsec = 200000};
    struct traffic *traffic = argument;
    while (!atomic_load(&traffic->over)) {
        struct engine_counters sum;
        engine_counters_sum(traffic->engine, &sum);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static unsigned run(enum engine_transport transport) {
    struct engine_listen listen = {.protocol = &frames_protocol, .address_size = sizeof(struct sockaddr_in)};
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&listen.address;
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct engine_config config;
    engine_config_init(&config);
    config.transport = transport;
    config.workers_count = 3;
    config.pin = false;
    config.listens = &listen;
    config.listens_count = 1;
    struct traffic traffic = {0};
    struct engine_error error;
    if (engine_create(&config, &traffic.engine, &error) < 0 || engine_start(traffic.engine, &error) < 0) {
        fprintf(stderr, "engine_traffic: %s\n", error.message);
        return 1;
    }
    pthread_t clients[CLIENTS], reader;
    pthread_create(&reader, NULL, reader_main, &traffic);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_create(&clients[i], NULL, client_main, &traffic);
    }
    int idle = dial(&traffic); /* open while the engine stops */
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], NULL);
    }
    engine_stop(traffic.engine, ENGINE_STOP_CLOSE);
    engine_join(traffic.engine);
    atomic_store(&traffic.over, true);
    pthread_join(reader, NULL);
    struct engine_counters sum;
    engine_counters_sum(traffic.engine, &sum);
    if (counter_read(&sum.connections_current) != 0) {
        fail(&traffic, "connections left");
    }
    close(idle);
    engine_destroy(traffic.engine);
    return atomic_load(&traffic.failures);
}

int main(void) {
    unsigned failures = run(ENGINE_URING) + run(ENGINE_EPOLL);
    printf("engine_traffic: %u failures\n", failures);
    return failures == 0 ? 0 : 1;
}
