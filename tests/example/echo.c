/* SPDX-License-Identifier: MIT
 *
 * echo: a whole server with a protocol of its own, on the public headers of libriposte and nothing else.
 *
 *      cc echo.c $(pkg-config --cflags --libs riposte) -o echo
 *      ./echo 7777                          or: ./echo 7777 epoll /tmp/echo.socket
 *
 *      server  echo                         the greeting
 *      client  hello
 *      server  1 hello                      a line comes back behind how often its worker has heard it
 *      client  later
 *      server  later                        a tenth of a second later
 *      client  ticks
 *      server  tick                         and so on, until the client ends
 *
 * and help, and quit. A line ends with \n or \r\n, has at most LINE_SIZE_MAX bytes and comes within LINE_TIMEOUT_MS.
 * From top to bottom: what a worker keeps, what a connection keeps, the protocol, the server.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <riposte/bytes.h>
#include <riposte/clock.h>
#include <riposte/engine.h>
#include <riposte/protocol.h>
#include <riposte/reply.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum {
    LINE_SIZE_MAX = 1024,       /* bytes, the line end included */
    HEARD_COUNT = 1 << 16,      /* a power of two */
    FORGET_INTERVAL_MS = 60000, /* after which counts are halved */
    LINE_TIMEOUT_MS = 5000,     /* from its first byte to its end */
    LATER_MS = 100,
};

/* --- what a worker keeps: made, used and freed on its own thread, so nothing here needs a lock ------------- */

struct worker {
    unsigned index;
    unsigned naps; /* times it has slept */
    unsigned connections_count;
    uint64_t forget_ns;          /* when counts are halved next; 0 before the first turn */
    uint32_t heard[HEARD_COUNT]; /* lines by hash; two that fall on one place are counted together */
};

static void *worker_start(void *user, unsigned worker_index) {
    (void)user;
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker != NULL) {
        worker->index = worker_index;
    }
    return worker;
}

/* Once per turn of the loop: the place for what is done for all connections, here forgetting. */
static unsigned worker_turn(void *worker_user, uint64_t now_ns) {
    struct worker *worker = worker_user;
    if (worker->forget_ns <= now_ns) {
        for (size_t i = 0; i < HEARD_COUNT && worker->forget_ns != 0; i++) {
            worker->heard[i] /= 2;
        }
        worker->forget_ns = now_ns + FORGET_INTERVAL_MS * CLOCK_NS_PER_MS;
    }
    return (unsigned)((worker->forget_ns - now_ns) / CLOCK_NS_PER_MS) + 1;
}

/* Between these two no request runs: a store that others write to would be let go of here. */
static void worker_offline(void *worker_user) {
    struct worker *worker = worker_user;
    worker->naps++;
}

static void worker_online(void *worker_user, uint64_t now_ns) {
    (void)worker_user;
    (void)now_ns;
}

static void worker_stop(void *worker_user) {
    struct worker *worker = worker_user;
    printf("worker %u ends with %u connections after %u naps\n", worker->index, worker->connections_count,
           worker->naps);
    free(worker);
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), folded to a place of the table. */
static uint32_t *worker_heard(struct worker *worker, struct bytes line) {
    uint32_t hash = 2166136261;
    for (size_t i = 0; i < line.size; i++) {
        hash = (hash ^ (unsigned char)line.data[i]) * 16777619;
    }
    return &worker->heard[(hash ^ hash >> 16) & (HEARD_COUNT - 1)];
}

/* --- the protocol ------------------------------------------------------------------------------------------ */

/* What a connection keeps; all zero when it begins. */
struct session {
    uint64_t begun_ns; /* when the line at the front of the input was first seen unfinished; 0: it was not */
    uint64_t due_ns;   /* when the "later" or "ticks" there is answered (again); 0: not asked for yet */
};

/* The first line of `input` without its end, and how many bytes it takes with it; 0 when it is not all here. */
static size_t line_first(struct bytes input, struct bytes *line) {
    const char *end = memchr(input.data, '\n', input.size);
    if (end == NULL) {
        return 0;
    }
    size_t size = (size_t)(end - input.data);
    *line = bytes_of(input.data, size > 0 && end[-1] == '\r' ? size - 1 : size);
    return size + 1;
}

static enum protocol_next echo_on_open(void *session, int fd, struct reply *reply, void *context) {
    (void)session;
    (void)fd;
    struct worker *worker = context;
    worker->connections_count++;
    reply_copy_string(reply, "echo\r\n");
    return PROTOCOL_NEXT_INPUT;
}

/* While it looks at the input of others, the count of this line comes into the CPU's cache. */
static void echo_prefetch(const void *session, struct bytes input, void *context) {
    (void)session;
    struct bytes line;
    if (input.size > 0 && line_first(input, &line) > 0) {
        __builtin_prefetch(worker_heard(context, line));
    }
}

static const char help_text[] = "help   this\r\n"
                                "later  is answered a tenth of a second later\r\n"
                                "ticks  is answered ten times a second, until you end\r\n"
                                "quit   ends the connection\r\n"
                                "All else comes back behind a count.\r\n";

/* The text is there for ever. What is freed with its last reader would be let go of here. */
static void help_release(void *owner) {
    (void)owner;
}

static void answer_echo(struct worker *worker, struct bytes line, struct reply *reply) {
    uint32_t *heard = worker_heard(worker, line);
    char *text = reply_reserve(reply, BYTES_U64_DIGITS_MAX + 1);
    size_t size = bytes_format_u64(text, ++*heard);
    text[size++] = ' ';
    reply_commit(reply, size);
    reply_copy(reply, line);
    reply_copy_string(reply, "\r\n");
}

/* True when the time has come that was set by the first call, and sets the next one. */
static bool session_is_due(struct session *session, uint64_t now_ns) {
    bool due = session->due_ns != 0 && now_ns >= session->due_ns;
    if (due || session->due_ns == 0) {
        session->due_ns = now_ns + LATER_MS * CLOCK_NS_PER_MS;
    }
    return due;
}

/* Answers a line: NEXT_INPUT. Or leaves it where it is, to be asked again. */
static enum protocol_next answer(struct session *session, struct worker *worker, struct bytes line,
                                 uint64_t now_ns, struct reply *reply) {
    if (bytes_equal_string(line, "later")) {
        if (!session_is_due(session, now_ns)) {
            return PROTOCOL_NEXT_LATER; /* owed: also to a client that sends no more */
        }
        reply_copy_string(reply, "later\r\n");
        session->due_ns = 0;
    } else if (bytes_equal_string(line, "ticks")) {
        if (session_is_due(session, now_ns)) {
            reply_copy_string(reply, "tick\r\n");
        }
        return PROTOCOL_NEXT_EVENT; /* for as long as the client listens */
    } else if (bytes_equal_string(line, "quit")) {
        reply_close(reply); /* what was answered before is sent first */
    } else if (bytes_equal_string(line, "help")) {
        reply_pin(reply, bytes_from_string(help_text), help_release, NULL);
    } else {
        answer_echo(worker, line, reply);
    }
    return PROTOCOL_NEXT_INPUT;
}

/* For a client that breaks the rules. */
static enum protocol_next refuse(struct reply *reply, const char *text) {
    reply_copy_string(reply, text);
    reply_close(reply);
    return PROTOCOL_NEXT_INPUT;
}

/* `rest` has no whole line: too long, too slow, or not all here yet. */
static enum protocol_next wait_for_line(struct session *session, struct bytes rest, uint64_t now_ns,
                                        struct reply *reply) {
    if (rest.size >= LINE_SIZE_MAX) {
        return refuse(reply, "too long\r\n");
    }
    if (session->begun_ns == 0) {
        session->begun_ns = now_ns;
    }
    if (now_ns - session->begun_ns >= LINE_TIMEOUT_MS * CLOCK_NS_PER_MS) {
        return refuse(reply, "too slow\r\n");
    }
    return PROTOCOL_NEXT_REST; /* looks again after a while, whether more comes or not */
}

/*
 * Reads whole lines from the front of the input. What it leaves comes again with more behind it, so a line that was cut
 * anywhere needs no state but when it began.
 */
static struct progress echo_on_input(void *session_memory, const struct protocol_input *input,
                                     struct reply *reply, void *context) {
    struct session *session = session_memory;
    struct progress progress = {.next = PROTOCOL_NEXT_INPUT};
    while (progress.next == PROTOCOL_NEXT_INPUT && progress.consumed < input->bytes.size) {
        struct bytes rest =
            bytes_of(input->bytes.data + progress.consumed, input->bytes.size - progress.consumed);
        struct bytes line;
        size_t size = line_first(rest, &line);
        if (progress.requests == input->requests_max || reply_full(reply)) {
            progress.next = PROTOCOL_NEXT_AGAIN; /* others first, or until the client has read */
        } else if (size == 0) {
            progress.next = wait_for_line(session, rest, input->now_ns, reply);
        } else if (size > LINE_SIZE_MAX) {
            progress.next = refuse(reply, "too long\r\n");
        } else {
            progress.next = answer(session, context, line, input->now_ns, reply);
            if (progress.next == PROTOCOL_NEXT_INPUT) {
                progress.consumed += size;
                progress.requests++;
                session->begun_ns = 0;
            }
        }
    }
    return progress;
}

/* Whatever ended it: the place to free what a session holds. */
static void echo_on_close(void *session, int fd, enum protocol_close reason, void *context) {
    (void)session;
    (void)fd;
    (void)reason;
    struct worker *worker = context;
    worker->connections_count--;
}

static const struct protocol echo_protocol = {
    .name = "echo",
    .session_size = sizeof(struct session),
    .reject_text = "full\r\n",
    .on_open = echo_on_open,
    .prefetch = echo_prefetch,
    .on_input = echo_on_input,
    .on_close = echo_on_close,
};

/* --- the server -------------------------------------------------------------------------------------------- */

static struct engine_listen listen_tcp(uint16_t port) {
    struct engine_listen listen = {.protocol = &echo_protocol, .address_size = sizeof(struct sockaddr_in)};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&listen.address;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons(port);
    return listen;
}

/* With limits of its own: it is open to a few although the port is full. Not used where `path` is NULL. */
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

/* Serves until SIGINT or SIGTERM, which every thread has blocked. */
static void serve(struct engine *engine, const sigset_t *signals) {
    struct engine_counters sum;
    int number;
    printf("ready on port %u (%s)\n", engine_port(engine, 0), engine_transport_name(engine));
    fflush(stdout);
    sigwait(signals, &number);
    engine_stop(engine, ENGINE_STOP_CLOSE); /* what has been received is answered */
    engine_join(engine);
    engine_counters_sum(engine, &sum);
    printf("%llu connections, %llu turned away, %llu lines\n",
           (unsigned long long)counter_read(&sum.connections_accepted),
           (unsigned long long)counter_read(&sum.connections_rejected),
           (unsigned long long)counter_read(&sum.requests));
}

static int fail(const struct engine_error *error) {
    fprintf(stderr, "echo: %s\n", error->message);
    return error->usage ? 64 : 71; /* EX_USAGE, EX_OSERR */
}

/* The command line; false when it makes no sense. *path is NULL where there is none. */
static bool read_arguments(int count, char **arguments, uint16_t *port, enum engine_transport *transport,
                           const char **path) {
    static const char *const names[] = {
        [ENGINE_AUTO] = "auto", [ENGINE_URING] = "uring", [ENGINE_EPOLL] = "epoll"};
    uint32_t number;
    if (count < 2 || count > 4 || !bytes_parse_u32(bytes_from_string(arguments[1]), &number) ||
        number > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)number;
    *path = count > 3 ? arguments[3] : NULL;
    for (int i = ENGINE_AUTO; i <= ENGINE_EPOLL; i++) {
        if (strcmp(count > 2 ? arguments[2] : "auto", names[i]) == 0) {
            *transport = i;
            return true;
        }
    }
    return false;
}

/* Before the first thread: all of them inherit it. */
static sigset_t block_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

int main(int argument_count, char **arguments) {
    uint16_t port;
    const char *path;
    struct engine_config config;
    engine_config_init(&config);
    if (!read_arguments(argument_count, arguments, &port, &config.transport, &path)) {
        fprintf(stderr, "usage: echo PORT [auto|uring|epoll [PATH]]\n");
        return 64; /* EX_USAGE of sysexits.h(3) */
    }
    config.limits.connections_max = 64;
    config.limits.idle_timeout_ms = 60000;
    config.limits.input_size_max = 64 * 1024;
    struct engine_limits few = config.limits;
    few.connections_max = 4;
    const struct engine_listen listens[] = {listen_tcp(port), listen_unix(path, &few)};
    config.listens = listens;
    config.listens_count = path != NULL ? 2 : 1;
    config.hooks = (struct engine_hooks){.worker_start = worker_start,
                                         .turn = worker_turn,
                                         .offline = worker_offline,
                                         .online = worker_online,
                                         .worker_stop = worker_stop};
    sigset_t signals = block_signals();
    struct engine *engine;
    struct engine_error error;
    if (engine_create(&config, &engine, &error) < 0) {
        return fail(&error);
    }
    int result = engine_start(engine, &error) < 0 ? fail(&error) : 0;
    if (result == 0) {
        serve(engine, &signals);
    }
    engine_destroy(engine);
    return result;
}
