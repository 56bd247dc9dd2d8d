/* SPDX-License-Identifier: MIT
 *
 * Connections move from engine to engine while their clients go on: to the same engine, to one with the other transport, to one with
 * more or fewer workers, under one store. As riposte does between two processes, but in one, so that ThreadSanitizer sees it.
 *
 *      counters    16 increments of a number of their own and of one that all share, in one piece: every answer is the next number,
 *                  and the shared one ends at the sum of all
 *      uploaders   a value of up to 1 MiB in pieces that end anywhere, then the same read back
 *      readers     large values asked for in a pipeline and read slowly, so that much is unsent; each byte is the right one
 *      comers      a connection for one request each: those that come meanwhile wait and are answered
 *
 * Checked besides: no connection is closed, and none is left.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "riposte/engine_move.h"
#include "riposte/memcached.h"
#include "torture.h"

enum {
    MOVES = 24,
    WORKERS_MAX = 3,
    CLIENTS_EACH = 3,
    KINDS = 4,
    CLIENTS = CLIENTS_EACH * KINDS,
    DEPTH = 16,
    VALUE_SIZE_MAX = 1 << 20,
    LARGE_SIZE = 300000,
    LARGE_DEPTH = 6,
    PATIENCE_S = 60,
    LINE_SIZE_MAX = 256,
};

struct moves {
    struct store *store;
    struct memcached_service *service;
    struct engine *engine; /* the one that serves; the main thread's */
    uint64_t seed;
    uint16_t port;
    _Atomic bool over;
    _Atomic uint64_t shared_sum;
};

/* --- the server ----------------------------------------------------------------------------------------------- */

struct thread {
    struct store_worker *store;
    struct memcached_worker *memcached;
};

static void *thread_start(void *user, unsigned worker_index) {
    struct moves *moves = user;
    struct thread *thread = calloc(1, sizeof(*thread));
    torture_check(thread != NULL, "no memory");
    thread->store = store_worker_join(moves->store, clock_monotonic_ns());
    torture_check(thread->store != NULL, "worker %u did not get in", worker_index);
    thread->memcached = memcached_worker_create(moves->service, thread->store, worker_index);
    torture_check(thread->memcached != NULL, "no memory");
    return thread;
}

static unsigned thread_turn(void *worker_user, uint64_t now_ns) {
    return store_quiescent(((struct thread *)worker_user)->store, now_ns);
}

static void thread_offline(void *worker_user) {
    store_offline(((struct thread *)worker_user)->store);
}

static void thread_online(void *worker_user, uint64_t now_ns) {
    store_online(((struct thread *)worker_user)->store, now_ns);
}

static void thread_stop(void *worker_user) {
    struct thread *thread = worker_user;
    memcached_worker_destroy(thread->memcached);
    store_worker_leave(thread->store);
    free(thread);
}

static void *thread_context(void *worker_user) {
    return ((struct thread *)worker_user)->memcached;
}

/* Listens on the sockets of `old`, unless that is NULL. */
static struct engine *make_engine(struct moves *moves, enum engine_transport transport,
                                  unsigned workers_count, const struct engine *old) {
    int fds[WORKERS_MAX];
    struct engine_listen listen = {.protocol = &memcached_protocol,
                                   .context_of = thread_context,
                                   .address_size = sizeof(struct sockaddr_in)};
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&listen.address;
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (old != NULL) {
        listen.inherited_count = engine_listener_fds(old, 0, fds, WORKERS_MAX);
        listen.inherited_fds = fds;
    }
    struct engine_config config;
    engine_config_init(&config);
    config.transport = transport;
    config.workers_count = workers_count;
    config.pin = false;
    config.listens = &listen;
    config.listens_count = 1;
    config.hooks = (struct engine_hooks){moves,          thread_start,  thread_turn, NULL,
                                         thread_offline, thread_online, thread_stop};
    struct engine *engine;
    struct engine_error error;
    torture_check(engine_create(&config, &engine, &error) == 0, "%s", error.message);
    if (old != NULL) {
        engine_stop(engine, ENGINE_STOP_PAUSE);
    }
    torture_check(engine_start(engine, &error) == 0, "%s", error.message);
    return engine;
}

struct taker {
    struct engine *engine;
    unsigned worker_index;
};

static bool take(void *user, const struct engine_moved *moved) {
    struct taker *taker = user;
    struct engine_moved copy = *moved;
    copy.fd = fcntl(moved->fd, F_DUPFD_CLOEXEC, 0);
    enum engine_adoption adoption = engine_adopt(taker->engine, taker->worker_index, &copy);
    torture_check(adoption == ENGINE_ADOPTED, "%s", engine_adoption_text(adoption));
    taker->worker_index = (taker->worker_index + 1) % engine_workers_count(taker->engine);
    return true;
}

static void check_nobody_closed(const struct engine *engine) {
    struct engine_counters sum;
    engine_counters_sum(engine, &sum);
    torture_check(counter_read(&sum.closed_handed_over) == 0 && counter_read(&sum.closed_no_memory) == 0 &&
                      counter_read(&sum.closed_error) == 0 && counter_read(&sum.closed_conn_memory) == 0,
                  "handed over %" PRIu64 ", no memory %" PRIu64 ", error %" PRIu64
                  ", all hold too much %" PRIu64,
                  counter_read(&sum.closed_handed_over), counter_read(&sum.closed_no_memory),
                  counter_read(&sum.closed_error), counter_read(&sum.closed_conn_memory));
}

static void move_to_new(struct moves *moves, enum engine_transport transport, unsigned workers_count) {
    struct engine *old = moves->engine;
    struct engine_error error;
    struct taker taker = {.engine = make_engine(moves, transport, workers_count, old)};
    engine_await_pause(taker.engine);
    engine_stop(old, ENGINE_STOP_FREEZE);
    engine_await_pause(old);
    unsigned count = engine_export(old, take, &taker);
    torture_check(count == engine_frozen(old).connections_count, "%u", count);
    check_nobody_closed(old);
    engine_stop(old, ENGINE_STOP_HAND_OVER);
    engine_join(old);
    engine_destroy(old);
    moves->engine = taker.engine;
    torture_check(engine_resume(taker.engine, &error) == 0, "%s", error.message);
}

static void move_back(struct moves *moves) {
    struct engine_error error;
    engine_stop(moves->engine, ENGINE_STOP_FREEZE);
    engine_await_pause(moves->engine);
    torture_check(engine_resume(moves->engine, &error) == 0, "%s", error.message);
}

/* --- clients -------------------------------------------------------------------------------------------------- */

struct client {
    struct moves *moves;
    pthread_t thread;
    struct random random;
    unsigned index;
    int fd;
    uint64_t rounds;
};

static void client_dial(struct client *client) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(client->moves->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    int failed = connect(client->fd, (struct sockaddr *)&address, sizeof(address));
    torture_check(failed == 0, "connect: %s", strerror(errno));
}

static void client_send(struct client *client, const char *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(client->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        torture_check(sent > 0, "client %u: send: %s", client->index, strerror(errno));
        data += sent;
        size -= (size_t)sent;
    }
}

static void client_receive(struct client *client, char *data, size_t size) {
    while (size > 0) {
        ssize_t got = recv(client->fd, data, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        torture_check(got > 0, "client %u: %s", client->index,
                      got == 0 ? "the connection has ended" : strerror(errno));
        data += got;
        size -= (size_t)got;
    }
}

static void client_line(struct client *client, char line[LINE_SIZE_MAX]) {
    size_t size = 0;
    do {
        torture_check(size < LINE_SIZE_MAX - 1, "client %u: an endless line", client->index);
        client_receive(client, line + size, 1);
    } while (line[size++] != '\n');
    line[size] = '\0';
}

static void client_expect(struct client *client, const char *expected) {
    char line[LINE_SIZE_MAX];
    client_line(client, line);
    torture_check(strcmp(line, expected) == 0, "client %u: %s instead of %s", client->index, line, expected);
}

static void client_pause(struct client *client) {
    const struct timespec pause = {.tv_nsec = (long)random_below(&client->random, 2000000)};
    nanosleep(&pause, NULL);
}

static bool client_goes_on(struct client *client) {
    client->rounds++;
    return !atomic_load(&client->moves->over);
}

static char byte_of(unsigned index, uint64_t round, size_t at) {
    return (char)('!' + (index * 31 + round * 7 + at + at / 89) % 90);
}

static void run_counter(struct client *client) {
    char request[DEPTH * LINE_SIZE_MAX], expected[LINE_SIZE_MAX], line[LINE_SIZE_MAX];
    uint64_t own = 0;
    int size = snprintf(request, sizeof(request), "set own-%u 0 0 1\r\n0\r\n", client->index);
    client_send(client, request, (size_t)size);
    client_expect(client, "STORED\r\n");
    size = 0;
    for (int i = 0; i < DEPTH; i++) {
        size += snprintf(request + size, LINE_SIZE_MAX, "incr own-%u 1\r\nincr shared 1\r\n", client->index);
    }
    while (client_goes_on(client)) {
        uint64_t shared = 0;
        client_send(client, request, (size_t)size);
        for (int i = 0; i < DEPTH; i++) {
            uint64_t number = 0;
            snprintf(expected, sizeof(expected), "%" PRIu64 "\r\n", ++own);
            client_expect(client, expected);
            client_line(client, line);
            torture_check(bytes_parse_u64(bytes_of(line, strlen(line) - 2), &number) && number > shared,
                          "client %u: %s after %" PRIu64, client->index, line, shared);
            shared = number;
        }
    }
    atomic_fetch_add(&client->moves->shared_sum, own);
}

static void run_uploader(struct client *client) {
    char *value = malloc(VALUE_SIZE_MAX + 2), *got = malloc(VALUE_SIZE_MAX);
    char line[LINE_SIZE_MAX];
    torture_check(value != NULL && got != NULL, "no memory");
    while (client_goes_on(client)) {
        size_t size = 1 + random_below(&client->random, VALUE_SIZE_MAX);
        for (size_t i = 0; i < size; i++) {
            value[i] = byte_of(client->index, client->rounds, i);
        }
        memcpy(value + size, "\r\n", 2);
        client_send(client, line,
                    (size_t)snprintf(line, sizeof(line), "set up-%u 5 0 %zu\r\n", client->index, size));
        for (size_t at = 0; at < size + 2;) {
            size_t part = 1 + random_below(&client->random, 200000);
            part = part < size + 2 - at ? part : size + 2 - at;
            client_send(client, value + at, part);
            at += part;
            client_pause(client);
        }
        client_expect(client, "STORED\r\n");
        client_send(client, line, (size_t)snprintf(line, sizeof(line), "get up-%u\r\n", client->index));
        char head[LINE_SIZE_MAX];
        snprintf(head, sizeof(head), "VALUE up-%u 5 %zu\r\n", client->index, size);
        client_expect(client, head);
        client_receive(client, got, size);
        torture_check(memcmp(value, got, size) == 0, "client %u: another value", client->index);
        client_expect(client, "\r\n");
        client_expect(client, "END\r\n");
    }
    free(value);
    free(got);
}

/* Reads what it has asked for in pieces, with pauses. */
static void reader_take(struct client *client, const char *value, char *got) {
    char head[LINE_SIZE_MAX];
    snprintf(head, sizeof(head), "VALUE large-%u 0 %d\r\n", client->index, LARGE_SIZE);
    client_expect(client, head);
    for (size_t at = 0; at < LARGE_SIZE;) {
        size_t part = 1 + random_below(&client->random, 100000);
        part = part < LARGE_SIZE - at ? part : LARGE_SIZE - at;
        client_receive(client, got + at, part);
        at += part;
        client_pause(client);
    }
    torture_check(memcmp(value, got, LARGE_SIZE) == 0, "client %u: another value", client->index);
    client_expect(client, "\r\n");
    client_expect(client, "END\r\n");
}

static void run_reader(struct client *client) {
    char *value = malloc(LARGE_SIZE), *got = malloc(LARGE_SIZE);
    char line[LINE_SIZE_MAX];
    int small = 16 * 1024;
    torture_check(value != NULL && got != NULL, "no memory");
    setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (size_t i = 0; i < LARGE_SIZE; i++) {
        value[i] = byte_of(client->index, 0, i);
    }
    client_send(client, line,
                (size_t)snprintf(line, sizeof(line), "set large-%u 0 0 %d\r\n", client->index, LARGE_SIZE));
    client_send(client, value, LARGE_SIZE);
    client_send(client, "\r\n", 2);
    client_expect(client, "STORED\r\n");
    int size = snprintf(line, sizeof(line), "get large-%u\r\n", client->index);
    while (client_goes_on(client)) {
        for (int i = 0; i < LARGE_DEPTH; i++) {
            client_send(client, line, (size_t)size);
        }
        for (int i = 0; i < LARGE_DEPTH; i++) {
            reader_take(client, value, got);
        }
    }
    free(value);
    free(got);
}

static void run_comer(struct client *client) {
    while (client_goes_on(client)) {
        client_send(client, "get nothing\r\n", strlen("get nothing\r\n"));
        client_expect(client, "END\r\n");
        close(client->fd);
        client_pause(client);
        client_dial(client);
    }
}

static void *client_main(void *argument) {
    static void (*const runs[KINDS])(struct client *) = {run_counter, run_uploader, run_reader, run_comer};
    struct client *client = argument;
    client_dial(client);
    runs[client->index % KINDS](client);
    close(client->fd);
    return NULL;
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

static void say(struct moves *moves, const char *request, const char *answer) {
    struct client client = {.moves = moves, .index = CLIENTS};
    client_dial(&client);
    client_send(&client, request, strlen(request));
    client_expect(&client, answer);
    close(client.fd);
}

static void move_on(struct moves *moves, unsigned move) {
    static const enum engine_transport transports[] = {ENGINE_EPOLL, ENGINE_URING, ENGINE_URING,
                                                       ENGINE_EPOLL};
    const struct timespec pause = {.tv_nsec = 30000000};
    nanosleep(&pause, NULL); /* clients get to the middle of something */
    if (move % 5 == 4) {
        move_back(moves);
    } else {
        move_to_new(moves, transports[move % 4], 1 + move % WORKERS_MAX);
    }
}

static void run_clients(struct moves *moves, unsigned moves_count, uint64_t rounds[KINDS]) {
    struct client clients[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.moves = moves, .index = i, .random = {moves->seed + i}};
        torture_check(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]) == 0, "no thread");
    }
    for (unsigned move = 0; move < moves_count; move++) {
        move_on(moves, move);
    }
    atomic_store(&moves->over, true);
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        rounds[i % KINDS] += clients[i].rounds;
    }
}

int main(int argument_count, char **arguments) {
    struct moves moves = {.seed = torture_seed()};
    uint64_t rounds[KINDS] = {0};
    char sum[LINE_SIZE_MAX];
    unsigned moves_count = MOVES * torture_scale(argument_count, arguments);
    const struct store_config store_config = {.memory_size_max = 128 << 20,
                                              .item_size_max = 2 << 20,
                                              .evict = true,
                                              .workers_max = 2 * WORKERS_MAX,
                                              .hash_seed = moves.seed};
    torture_check(store_create(&store_config, &moves.store) == 0, "no store");
    const struct memcached_config config = {
        .store = moves.store, .item_size_max = 2 << 20, .connections_max = 100, .workers_max = WORKERS_MAX};
    torture_check(memcached_service_create(&config, &moves.service) == 0, "no memory");
    moves.engine = make_engine(&moves, ENGINE_URING, 2, NULL);
    moves.port = engine_port(moves.engine, 0);
    say(&moves, "set shared 0 0 1\r\n0\r\n", "STORED\r\n");
    run_clients(&moves, moves_count, rounds);
    snprintf(sum, sizeof(sum), "%" PRIu64 "\r\n", atomic_load(&moves.shared_sum) + 1);
    say(&moves, "incr shared 1\r\n", sum);
    check_nobody_closed(moves.engine);
    engine_stop(moves.engine, ENGINE_STOP_CLOSE);
    engine_join(moves.engine);
    engine_destroy(moves.engine);
    memcached_service_destroy(moves.service);
    store_destroy(moves.store);
    printf("race_move: %u moves; %" PRIu64 " pipelines of increments, %" PRIu64 " uploads, %" PRIu64
           " pipelines of large values, %" PRIu64 " comers\n",
           moves_count, rounds[0], rounds[1], rounds[2], rounds[3]);
    return 0;
}
