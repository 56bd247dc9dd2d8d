/* SPDX-License-Identifier: MIT
 *
 * Log lines: two workers whose requests are watched, a worker whose watchers come and go, and a worker with
 * two watchers that stay: one that reads all the time and one that never does until the end.
 *
 * The real protocol without sockets: each thread is a worker with sessions of its own, as the engine would
 * call it. Checked of every watcher: lines are whole and what their request must have caused; lines of one
 * worker come in order; the number of each line is the next, or as much higher as the watcher was told that
 * it lost. Of the two that stay: what came and what was lost is together what was published; and the sums in
 * `stats` say the same.
 */
#include <string.h>
#include <sys/uio.h>

#include "riposte/memcached.h"
#include "riposte/reply.h"
#include "torture.h"

enum {
    KEYS = 10000,   /* of each producer */
    VISITS = 600,   /* watchers that come and go */
    STEPS_MAX = 40, /* of such a watcher */
    LINES_PER_KEY = 4,
    PRODUCERS = 3, /* the third only says the last words */
    LAST_PRODUCER = 2,
    FD_BASE = 1 << 24, /* numbers that no descriptor has */
    UNSENT_SIZE_MAX = 16 * 1024,
    REQUESTS_MAX = 20,
    LINE_SIZE_MAX = 512,
    IOV_COUNT = 16,
};

struct log {
    struct memcached_service *service;
    _Atomic uint64_t published; /* lines, as those who caused them count */
    _Atomic unsigned working;   /* threads that still cause lines */
};

/* One connection; its worker is that of its thread. */
struct client {
    struct memcached_worker *worker;
    void *session;
    struct reply reply;
    int fd;
};

/* What one watcher was told. */
struct stream {
    char line[LINE_SIZE_MAX]; /* of which line_size bytes have come */
    size_t line_size;
    bool all;                     /* watches everything that is published */
    uint64_t number;              /* of the last line; 0 before the first */
    uint64_t announced;           /* lost since then */
    uint64_t came, lost;          /* lines so far */
    unsigned place[PRODUCERS][2]; /* key and kind of the last line of each */
};

static void client_open(struct client *client, struct memcached_worker *worker, int fd) {
    *client = (struct client){.worker = worker, .fd = fd, .reply.unsent_size_max = UNSENT_SIZE_MAX};
    client->session = calloc(1, memcached_protocol.session_size);
    torture_check(client->session != NULL, "no memory");
    memcached_protocol.on_open(client->session, &(struct protocol_peer){.fd = fd}, &client->reply, worker);
}

static void client_close(struct client *client) {
    memcached_protocol.on_close(client->session, &(struct protocol_peer){.fd = client->fd},
                                PROTOCOL_CLOSE_NORMAL, client->worker);
    reply_discard(&client->reply);
    free(client->session);
}

static void client_step(struct client *client, const char *request) {
    const struct protocol_input input = {
        .bytes = bytes_from_string(request), .requests_max = REQUESTS_MAX, .memory_size_max = SIZE_MAX};
    struct progress progress =
        memcached_protocol.on_input(client->session, &input, &client->reply, client->worker);
    torture_check(progress.consumed == strlen(request), "of %s", request);
}

static void client_expect(struct client *client, const char *request, const char *answer) {
    struct iovec iov;
    size_t size = 0;
    client_step(client, request);
    unsigned count = reply_iov(&client->reply, &iov, 1, &size);
    torture_check(count == 1 && size == strlen(answer) && memcmp(iov.iov_base, answer, size) == 0, "%s: %.*s",
                  request, (int)size, (const char *)iov.iov_base);
    reply_sent(&client->reply, size);
}

/* --- what a watcher is told ----------------------------------------------------------------------------- */

/* The line that `producer` causes by its key `number`; kinds in the order in which they come. */
static void text_of(char *text, unsigned kind, unsigned producer, unsigned number) {
    static const char *const formats[] = {
        "type=item_store key=%u-%u status=stored cmd=set ttl=0 clsid=1 cfd=%u size=5",
        "type=item_get key=%u-%u status=found clsid=1 cfd=%u size=5",
        "type=deleted key=%u-%u cmd=delete clsid=1 size=5",
    };
    snprintf(text, LINE_SIZE_MAX, formats[kind], producer, number, FD_BASE + producer);
}

static unsigned kind_of(const char *type) {
    return strcmp(type, "item_store") == 0 ? 0 : strcmp(type, "item_get") == 0 ? 1 : 2;
}

static void stream_check_item(struct stream *stream, const char *text) {
    char type[16] = "", expected[LINE_SIZE_MAX];
    unsigned producer, number;
    torture_check(sscanf(text, "type=%15s key=%u-%u ", type, &producer, &number) == 3, "%s", text);
    torture_check(producer < PRODUCERS, "%s", text);
    unsigned kind = kind_of(type);
    text_of(expected, kind, producer, number);
    torture_check(strcmp(text, expected) == 0, "%s", text);
    unsigned *place = stream->place[producer];
    torture_check(number > place[0] || (number == place[0] && kind >= place[1]), "out of order: %s", text);
    place[0] = number;
    place[1] = kind;
}

static void stream_check_connection(const char *text) {
    char expected[LINE_SIZE_MAX];
    const char *fd = strstr(text, " cfd=");
    bool begins = strncmp(text, "type=conn_new ", strlen("type=conn_new ")) == 0;
    torture_check(fd != NULL, "%s", text);
    snprintf(expected, sizeof(expected), "type=%s rip=unix rport=0 transport=local%s cfd=%u",
             begins ? "conn_new" : "conn_close", begins ? "" : " reason=normal",
             (unsigned)strtoul(fd + strlen(" cfd="), NULL, 10));
    torture_check(strcmp(text, expected) == 0, "%s", text);
}

static void stream_line(struct stream *stream) {
    char micros[8] = "";
    uint64_t number, lost;
    int head_size = 0;
    if (sscanf(stream->line, "skipped=%" SCNu64 "%n", &lost, &head_size) == 1) {
        torture_check(stream->line[head_size] == '\0' && stream->announced == 0, "%s", stream->line);
        stream->announced = lost;
        stream->lost += lost;
        return;
    }
    torture_check(
        sscanf(stream->line, "ts=%*[0-9].%7[0-9] gid=%" SCNu64 " %n", micros, &number, &head_size) == 2, "%s",
        stream->line);
    torture_check(strlen(micros) == 6 && head_size > 0, "%s", stream->line);
    uint64_t missing = number - stream->number - 1;
    torture_check(number > stream->number, "%" PRIu64 " after %" PRIu64, number, stream->number);
    torture_check(stream->number == 0 ||
                      (stream->all ? missing == stream->announced : missing >= stream->announced),
                  "%" PRIu64 " missing, %" PRIu64 " announced", missing, stream->announced);
    const char *text = stream->line + head_size;
    if (strncmp(text, "type=conn", strlen("type=conn")) == 0) {
        stream_check_connection(text);
    } else {
        stream_check_item(stream, text);
    }
    stream->number = number;
    stream->announced = 0;
    stream->came++;
}

static void stream_add(struct stream *stream, struct bytes bytes) {
    for (size_t i = 0; i < bytes.size; i++) {
        torture_check(stream->line_size < LINE_SIZE_MAX, "an endless line: %.*s", LINE_SIZE_MAX,
                      stream->line);
        stream->line[stream->line_size++] = bytes.data[i];
        if (bytes.data[i] == '\n') {
            stream->line[stream->line_size - 1] = '\0';
            stream_line(stream);
            stream->line_size = 0;
        }
    }
}

/* Takes over what waits to be sent to the watcher. False when nothing did. */
static bool stream_read(struct stream *stream, struct client *client) {
    struct iovec iov[IOV_COUNT];
    size_t size;
    unsigned count = reply_iov(&client->reply, iov, IOV_COUNT, &size);
    for (unsigned i = 0; i < count; i++) {
        stream_add(stream, bytes_of(iov[i].iov_base, iov[i].iov_len));
    }
    if (count > 0) {
        reply_sent(&client->reply, size);
    }
    return count > 0;
}

static void stream_read_all(struct stream *stream, struct client *client) {
    do {
        client_step(client, "");
    } while (stream_read(stream, client));
    torture_check(stream->line_size == 0, "ends in the middle of a line: %.*s", (int)stream->line_size,
                  stream->line);
}

/* --- the threads ---------------------------------------------------------------------------------------- */

static void produce(struct client *client, unsigned producer, unsigned number) {
    char request[64];
    snprintf(request, sizeof(request), "set %u-%u 0 0 5\r\nvalue\r\n", producer, number);
    client_expect(client, request, "STORED\r\n");
    char answer[64];
    snprintf(request, sizeof(request), "get %u-%u\r\n", producer, number);
    snprintf(answer, sizeof(answer), "VALUE %u-%u 0 5\r\nvalue\r\nEND\r\n", producer, number);
    client_expect(client, request, answer);
    snprintf(request, sizeof(request), "delete %u-%u\r\n", producer, number);
    client_expect(client, request, "DELETED\r\n");
}

static void run_producer(struct torture_thread *thread, struct memcached_worker *worker) {
    struct log *log = thread->torture->shared;
    unsigned producer = thread->index % 2, keys = KEYS * thread->torture->scale;
    struct client client;
    client_open(&client, worker, (int)(FD_BASE + producer));
    for (unsigned number = 1; number <= keys; number++) {
        produce(&client, producer, number);
        torture_pause(thread);
    }
    client_close(&client);
    atomic_fetch_add(&log->published, keys * LINES_PER_KEY + 2); /* and its coming and going */
}

static void run_visitors(struct torture_thread *thread, struct memcached_worker *worker) {
    struct log *log = thread->torture->shared;
    unsigned visits = VISITS * thread->torture->scale;
    for (unsigned visit = 0; visit < visits; visit++) {
        struct stream stream = {.all = visit % 2 == 0};
        struct client client;
        client_open(&client, worker, FD_BASE + PRODUCERS + (int)visit);
        client_expect(&client, stream.all ? "watch fetchers mutations deletions connevents\r\n" : "watch\r\n",
                      "OK\r\n");
        for (uint64_t steps = random_below(&thread->random, STEPS_MAX); steps > 0; steps--) {
            client_step(&client, "");
            if (random_below(&thread->random, 4) > 0) { /* else it does not read for a while */
                stream_read(&stream, &client);
            }
            torture_turn(thread);
        }
        client_close(&client);
        atomic_fetch_add(&log->published, 2);
    }
}

static uint64_t statistic(const char *text, const char *name) {
    const char *line = strstr(text, name);
    torture_check(line != NULL, "no %s", name);
    return strtoull(line + strlen(name), NULL, 10);
}

/* The sums of all workers, whatever each of their watchers has taken. */
static void check_statistics(struct client *client, uint64_t published) {
    char text[16 * 1024];
    struct iovec iov[IOV_COUNT];
    size_t size, used = 0;
    client_step(client, "stats\r\n");
    unsigned count = reply_iov(&client->reply, iov, IOV_COUNT, &size);
    torture_check(size < sizeof(text), "%zu bytes", size);
    for (unsigned i = 0; i < count; used += iov[i++].iov_len) {
        memcpy(text + used, iov[i].iov_base, iov[i].iov_len);
    }
    text[used] = '\0';
    reply_sent(&client->reply, size);
    uint64_t written = statistic(text, "STAT log_worker_written ");
    uint64_t told = statistic(text, "STAT log_watcher_sent ") + statistic(text, "STAT log_watcher_skipped ");
    torture_check(written == published, "%" PRIu64 " of %" PRIu64, written, published);
    torture_check(told >= 2 * published, "%" PRIu64 " of %" PRIu64, told, published);
}

static void check_whole(const struct stream *stream, const char *name, uint64_t published) {
    printf("race_watch: %s: %" PRIu64 " lines, %" PRIu64 " lost, of %" PRIu64 "\n", name, stream->came,
           stream->lost, published);
    torture_check(stream->came + stream->lost == published, "%s: %" PRIu64 " and %" PRIu64 " of %" PRIu64,
                  name, stream->came, stream->lost, published);
    torture_check(stream->number == published, "%s: the last is %" PRIu64, name, stream->number);
}

static void run_stayers(struct torture_thread *thread, struct memcached_worker *worker) {
    struct log *log = thread->torture->shared;
    struct client own, reader, sleeper;
    struct stream read = {.all = true}, slept = {.all = true};
    client_open(&own, worker, FD_BASE + LAST_PRODUCER);
    client_open(&reader, worker, FD_BASE + PRODUCERS);
    client_open(&sleeper, worker, FD_BASE + PRODUCERS);
    client_expect(&reader, "watch fetchers mutations deletions connevents\r\n", "OK\r\n");
    client_expect(&sleeper, "watch fetchers mutations deletions connevents\r\n", "OK\r\n");
    pthread_barrier_wait(&thread->torture->barrier); /* now there may be lines */
    while (atomic_load(&log->working) > 0) {
        client_step(&reader, "");
        stream_read(&read, &reader);
        client_step(&sleeper, "");
        torture_turn(thread);
    }
    stream_read_all(&read, &reader);
    stream_read_all(&slept, &sleeper);
    produce(&own, LAST_PRODUCER, 1); /* brings the count of what was lost last */
    uint64_t published = atomic_load(&log->published) + LINES_PER_KEY;
    stream_read_all(&read, &reader);
    stream_read_all(&slept, &sleeper);
    check_whole(&read, "the reader", published);
    check_whole(&slept, "who never reads", published);
    torture_check(slept.lost > 0 && slept.came > 0, "the ring has ended for nobody");
    check_statistics(&own, published);
    client_close(&sleeper);
    client_close(&reader);
    client_close(&own);
}

static void run(struct torture_thread *thread) {
    struct log *log = thread->torture->shared;
    struct memcached_worker *worker = memcached_worker_create(log->service, thread->worker, thread->index);
    torture_check(worker != NULL, "no memory");
    if (thread->index == 0) {
        run_stayers(thread, worker);
    } else {
        pthread_barrier_wait(&thread->torture->barrier);
        if (thread->index == 3) {
            run_visitors(thread, worker);
        } else {
            run_producer(thread, worker);
        }
        atomic_fetch_sub(&log->working, 1);
    }
    memcached_worker_destroy(worker);
}

int main(int argument_count, char **arguments) {
    void (*const runs[])(struct torture_thread *) = {run};
    struct torture torture;
    struct log log = {.working = TORTURE_THREADS - 1};
    torture_open(&torture, argument_count, arguments, 64 * 1024 * 1024, true);
    const struct memcached_config config = {.store = torture.store,
                                            .item_size_max = 8192,
                                            .watch_enabled = true,
                                            .prefix_delimiter = ':',
                                            .connections_max = 100,
                                            .workers_max = TORTURE_THREADS};
    torture_check(memcached_service_create(&config, &log.service) == 0, "no memory");
    torture.shared = &log;
    torture_run(&torture, runs, 1);
    memcached_service_destroy(log.service);
    torture_close(&torture, "race_watch");
    return 0;
}
