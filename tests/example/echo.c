/* SPDX-License-Identifier: MIT
 *
 * echo: a whole server with a protocol of its own, on the public headers of libriposte and nothing else.
 *
 *      cc *.c $(pkg-config --cflags --libs riposte) -o echo
 *      ./echo 7777                          or: ./echo 7777 epoll /tmp/echo.socket veil
 *      systemd-socket-activate -l 7777 ./echo 0
 *      kill -TERM, or -USR2 to go on in a new process that takes the sockets over
 *
 * The files, each for one of the seams of the library:
 *
 *      protocol    what is spoken (riposte/protocol.h, reply.h)
 *      worker      what a thread keeps (struct engine_hooks)
 *      counts      what is counted, and a list of it (riposte/counter.h, metrics.h)
 *      veil        what stands between wire and protocol (riposte/filter.h)
 *      handover    sockets of others and for others (inherited_fds, ENGINE_STOP_HAND_OVER)
 *      echo        this: addresses, limits, start and stop (riposte/engine.h)
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <riposte/bytes.h>
#include <riposte/engine.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "handover.h"
#include "protocol.h"
#include "veil.h"
#include "worker.h"

/* The command line. */
struct arguments {
    uint16_t port;
    enum engine_transport transport;
    const char *path; /* of a Unix socket; NULL: none */
    const struct filter *filter;
};

/* Where it listens, with the sockets that it was started with, if any. */
struct places {
    struct engine_limits few; /* of the Unix socket: it is open to a few although the port is full */
    int tcp_fds[HANDOVER_SOCKETS_MAX];
    int unix_fds[HANDOVER_SOCKETS_MAX];
    struct engine_listen listens[2];
    unsigned count;
};

static struct engine_listen listen_tcp(uint16_t port) {
    struct engine_listen listen = {.protocol = &echo_protocol, .address_size = sizeof(struct sockaddr_in)};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&listen.address;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons(port);
    return listen;
}

static struct engine_listen listen_unix(const char *path, const struct engine_limits *limits) {
    struct engine_listen listen = {.protocol = &echo_protocol,
                                   .limits = limits,
                                   .address_size = sizeof(struct sockaddr_un),
                                   .unix_mode = 0600};
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&listen.address;
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof(un->sun_path), "%s", path != NULL ? path : "");
    return listen;
}

static void places_find(struct places *places, const struct arguments *arguments) {
    struct engine_listen *tcp = &places->listens[0];
    struct engine_listen *local = &places->listens[1];
    *tcp = listen_tcp(arguments->port);
    *local = listen_unix(arguments->path, &places->few);
    tcp->filter = local->filter = arguments->filter;
    /* Sockets that are there already count more than an address. */
    tcp->inherited_fds = places->tcp_fds;
    tcp->inherited_count = handover_take(AF_INET, places->tcp_fds);
    local->inherited_fds = places->unix_fds;
    local->inherited_count = handover_take(AF_UNIX, places->unix_fds);
    places->count = arguments->path != NULL || local->inherited_count > 0 ? 2 : 1;
}

/* --- serving ----------------------------------------------------------------------------------------------- */

/* Before the first thread: all of them inherit it. */
static sigset_t signals_block(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR2);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

static void say_sums(const struct engine *engine) {
    struct engine_counters sum;
    engine_counters_sum(engine, &sum);
    printf("%llu connections, %llu turned away, %llu lines\n",
           (unsigned long long)counter_read(&sum.connections_accepted),
           (unsigned long long)counter_read(&sum.connections_rejected),
           (unsigned long long)counter_read(&sum.requests));
}

/* Serves until a signal, which every thread has blocked. True: a successor is to go on. */
static bool serve(struct engine *engine, const sigset_t *signals) {
    int number;
    printf("ready on port %u (%s)\n", engine_port(engine, 0), engine_transport_name(engine));
    fflush(stdout);
    sigwait(signals, &number);
    /* Either way what has been received is answered; handed over, clients may still come, and wait. */
    engine_stop(engine, number == SIGUSR2 ? ENGINE_STOP_HAND_OVER : ENGINE_STOP_CLOSE);
    engine_join(engine);
    say_sums(engine);
    return number == SIGUSR2;
}

static int hand_over(const struct engine *engine, unsigned listens_count, char **words) {
    fflush(stdout); /* the successor writes to the same file */
    int pid = handover_start(engine, listens_count, words);
    printf("handed over to %d\n", pid);
    return pid > 0 ? 0 : 71;
}

static int fail(const struct engine_error *error) {
    fprintf(stderr, "echo: %s\n", error->message);
    return error->usage ? 64 : 71; /* EX_USAGE, EX_OSERR of sysexits.h(3) */
}

static int run(const struct engine_config *config, struct echo *echo, char **words) {
    sigset_t signals = signals_block();
    struct engine *engine;
    struct engine_error error;
    if (engine_create(config, &engine, &error) < 0) {
        return fail(&error);
    }
    echo->counted = (struct counted){.counts = echo->counts, .engine = engine};
    sources_add(&echo->sources, counts_source(&echo->counted));
    sources_add(&echo->sources, engine_source(engine));
    int result = engine_start(engine, &error) < 0 ? fail(&error) : 0;
    if (result == 0 && serve(engine, &signals)) {
        result = hand_over(engine, config->listens_count, words);
    }
    engine_destroy(engine);
    return result;
}

/* --- the start --------------------------------------------------------------------------------------------- */

/* False when the words make no sense. */
static bool arguments_read(struct arguments *arguments, int count, char **words) {
    static const char *const names[] = {
        [ENGINE_AUTO] = "auto", [ENGINE_URING] = "uring", [ENGINE_EPOLL] = "epoll"};
    uint32_t port;
    if (count < 2 || count > 5 || !bytes_parse_u32(bytes_from_string(words[1]), &port) || port > UINT16_MAX ||
        (count > 4 && strcmp(words[4], "veil") != 0)) {
        return false;
    }
    *arguments = (struct arguments){.port = (uint16_t)port,
                                    .path = count > 3 ? words[3] : NULL,
                                    .filter = count > 4 ? &veil_filter : NULL};
    for (int i = ENGINE_AUTO; i <= ENGINE_EPOLL; i++) {
        if (strcmp(count > 2 ? words[2] : "auto", names[i]) == 0) {
            arguments->transport = i;
            return true;
        }
    }
    return false;
}

int main(int count, char **words) {
    static struct echo echo; /* large, and shared by all threads */
    struct arguments arguments;
    struct places places;
    struct engine_config config;
    if (!arguments_read(&arguments, count, words)) {
        fprintf(stderr, "usage: echo PORT [auto|uring|epoll [PATH [veil]]]\n");
        return 64;
    }
    engine_config_init(&config);
    config.transport = arguments.transport;
    config.limits.connections_max = 64;
    config.limits.idle_timeout_ms = 60000;
    config.limits.input_size_max = 64 * 1024;
    places.few = config.limits;
    places.few.connections_max = 4;
    places_find(&places, &arguments);
    config.listens = places.listens;
    config.listens_count = places.count;
    config.hooks = worker_hooks(&echo);
    return run(&config, &echo, words);
}
