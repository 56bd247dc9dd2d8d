/* SPDX-License-Identifier: MIT
 *
 * HTTP on four threads: what they share beside the store. Three ask for files, for values whose types they make
 * up, for the metrics and the busiest keys, and have a line of the access log each time; the fourth changes the
 * files, and the token, all the time.
 *
 * The real protocol without sockets: each thread is a worker with a session of its own, as the engine would call
 * it. Checked: a file's answer is one of its states, whole, however little memory there is for files; a value
 * comes back with the type it was put with; who has the right token is let in.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "riposte/hotkeys.h"
#include "riposte/latency.h"
#include "riposte/slow_log.h"
#include "riposte/http.h"
#include "riposte/reply.h"
#include "torture.h"

enum {
    FILES = 12,
    ROUNDS = 4000, /* of each who asks */
    SIZE_STEP = 700,
    FILES_MEMORY = 24 * 1024, /* less than all files have */
    ANSWER_SIZE_MAX = 1 << 20,
    UNSENT_SIZE_MAX = 1 << 20,
    IOV_COUNT = 32,
    REQUEST_SIZE_MAX = 512,
};

struct site {
    struct http_service *service;
    char root[64];
    _Atomic unsigned working; /* threads that still ask */
};

/* One connection, on the worker of its thread. */
struct client {
    struct http_worker *worker;
    void *session;
    struct reply reply;
    uint64_t now_ns;
    char *answer; /* the last one */
    size_t answer_size;
};

static void client_open(struct client *client, struct torture_thread *thread, struct site *site) {
    *client = (struct client){.reply.unsent_size_max = UNSENT_SIZE_MAX, .now_ns = CLOCK_NS_PER_S};
    client->worker = http_worker_create(site->service, thread->worker, thread->index);
    client->session = calloc(1, http_protocol.session_size);
    client->answer = malloc(ANSWER_SIZE_MAX);
    torture_check(client->worker != NULL && client->session != NULL && client->answer != NULL, "no memory");
}

static void client_close(struct client *client) {
    http_protocol.on_close(client->session, &(struct protocol_peer){.fd = 0}, PROTOCOL_CLOSE_NORMAL,
                           http_worker_endpoint(client->worker, HTTP_ENDPOINT_OPEN));
    reply_discard(&client->reply);
    http_worker_destroy(client->worker);
    free(client->session);
    free(client->answer);
}

/* The bytes of a file that come next, as sendfile(2) would take them; false: others do, or none. */
static bool client_drain_file(struct client *client) {
    uint64_t offset;
    size_t size;
    const struct reply_file *file = reply_first_file(&client->reply, &offset, &size);
    if (file == NULL) {
        return false;
    }
    torture_check(client->answer_size + size < ANSWER_SIZE_MAX, "an endless answer");
    ssize_t got = pread(file->fd, client->answer + client->answer_size, size, (off_t)offset);
    torture_check(got == (ssize_t)size, "%zd of %zu bytes of a file", got, size);
    client->answer_size += size;
    reply_sent(&client->reply, size);
    return true;
}

static void client_drain(struct client *client) {
    struct iovec iov[IOV_COUNT];
    size_t size;
    unsigned count;
    while ((count = reply_iov(&client->reply, iov, IOV_COUNT, &size)) > 0 || client_drain_file(client)) {
        for (unsigned i = 0; i < count; i++) {
            torture_check(client->answer_size + iov[i].iov_len < ANSWER_SIZE_MAX, "an endless answer");
            memcpy(client->answer + client->answer_size, iov[i].iov_base, iov[i].iov_len);
            client->answer_size += iov[i].iov_len;
        }
        if (count > 0) {
            reply_sent(&client->reply, size);
        }
    }
    client->answer[client->answer_size] = '\0';
}

/*
 * Sends a request and returns where the body of its answer begins; `status` may be the first digits only. Each
 * request is half a second after the one before.
 */
static const char *client_ask(struct client *client, const char *request, unsigned status) {
    void *endpoint = http_worker_endpoint(client->worker, HTTP_ENDPOINT_OPEN);
    struct protocol_input input = {.bytes = bytes_from_string(request), .requests_max = 1};
    const struct timespec pause = {.tv_nsec = CLOCK_NS_PER_MS};
    struct progress progress;
    client->answer_size = 0;
    client->now_ns += CLOCK_NS_PER_S / 2;
    input.now_ns = client->now_ns;
    input.received_ns = client->now_ns - 1; /* the turn before: its latency is counted at once */
    do {
        progress = http_protocol.on_input(client->session, &input, &client->reply, endpoint);
        client_drain(client);
        input.bytes = bytes_of(input.bytes.data + progress.consumed, input.bytes.size - progress.consumed);
        if (progress.next == PROTOCOL_NEXT_LATER) {
            torture_check(nanosleep(&pause, NULL) == 0, "interrupted"); /* a thread asks the disk */
        }
    } while (progress.next == PROTOCOL_NEXT_AGAIN || progress.next == PROTOCOL_NEXT_LATER);
    char expected[16];
    int size = snprintf(expected, sizeof(expected), "HTTP/1.1 %u", status);
    torture_check(memcmp(client->answer, expected, (size_t)size) == 0, "%s: %.200s", request, client->answer);
    const char *body = strstr(client->answer, "\r\n\r\n");
    torture_check(body != NULL, "%.200s", client->answer);
    return body + 4;
}

/* --- files ------------------------------------------------------------------------------------------------------ */

/* A state of a file is a letter, repeated: how often tells the letter. */
static void file_write(const struct site *site, unsigned number, unsigned state) {
    static char text[26 * SIZE_STEP];
    char path[128];
    char made[128];
    size_t size = (state + 1) * SIZE_STEP;
    snprintf(path, sizeof(path), "%s/f%u.txt", site->root, number);
    snprintf(made, sizeof(made), "%s/new", site->root);
    memset(text, 'a' + (int)state, size);
    FILE *file = fopen(made, "w");
    torture_check(file != NULL && fwrite(text, 1, size, file) == size, "cannot write %s", made);
    fclose(file);
    torture_check(rename(made, path) == 0, "cannot rename to %s", path);
}

static void ask_for_file(struct torture_thread *thread, struct client *client) {
    char request[REQUEST_SIZE_MAX];
    snprintf(request, sizeof(request),
             "GET /f%u.txt HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer right\r\n\r\n",
             (unsigned)random_below(&thread->random, FILES));
    const char *body = client_ask(client, request, 200);
    size_t size = (size_t)(client->answer + client->answer_size - body);
    torture_check(size > 0 && size == (size_t)(body[0] - 'a' + 1) * SIZE_STEP, "%zu bytes of '%c'", size,
                  body[0]);
    for (size_t i = 0; i < size; i++) {
        torture_check(body[i] == body[0], "'%c' among '%c'", body[i], body[0]);
    }
}

/* --- values and figures ----------------------------------------------------------------------------------------- */

static void ask_for_type(struct torture_thread *thread, struct client *client) {
    char request[REQUEST_SIZE_MAX];
    char expected[64];
    unsigned type = (unsigned)random_below(&thread->random, 300);
    snprintf(request, sizeof(request),
             "PUT /cache/t%u-%u HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer right\r\nContent-Type: x/n%u\r\n"
             "Content-Length: 1\r\nIf-None-Match: \"none\"\r\n\r\nx",
             thread->index, type, type);
    client_ask(client, request, 20); /* 201 the first time, 204 later */
    snprintf(request, sizeof(request),
             "GET /cache/t%u-%u HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer right\r\n\r\n", thread->index,
             type);
    snprintf(expected, sizeof(expected), "\r\nContent-Type: x/n%u\r\n", type);
    client_ask(client, request, 200);
    torture_check(strstr(client->answer, expected) != NULL, "not x/n%u: %.300s", type, client->answer);
}

static void run_asker(struct torture_thread *thread) {
    struct site *site = thread->torture->shared;
    struct client client;
    client_open(&client, thread, site);
    for (unsigned i = 0; i < ROUNDS * thread->torture->scale; i++) {
        unsigned choice = (unsigned)random_below(&thread->random, 16);
        if (choice == 0 && i % 2 == 0) {
            client_ask(&client, "GET /stats.json HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer right\r\n\r\n",
                       200);
        } else if (choice == 0) {
            client_ask(&client, "GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer right\r\n\r\n",
                       200);
        } else if (choice < 4) {
            ask_for_type(thread, &client);
        } else {
            ask_for_file(thread, &client);
        }
        torture_pause(thread);
    }
    client_close(&client);
    atomic_fetch_sub(&site->working, 1);
}

/* --- the fourth ------------------------------------------------------------------------------------------------- */

static void token_write(const struct site *site) {
    char path[128];
    char message[512];
    snprintf(path, sizeof(path), "%s/token", site->root);
    FILE *file = fopen(path, "w");
    torture_check(file != NULL && fputs("right\n", file) >= 0, "cannot write %s", path);
    fclose(file);
    torture_check(http_service_token_load(site->service, path, message, sizeof(message)) == 0, "%s", message);
}

static void run_changer(struct torture_thread *thread) {
    struct site *site = thread->torture->shared;
    for (unsigned turn = 0; atomic_load(&site->working) > 0; turn++) {
        file_write(site, (unsigned)random_below(&thread->random, FILES),
                   (unsigned)random_below(&thread->random, 26));
        if (turn % 64 == 0) {
            token_write(site);
        }
        torture_turn(thread);
    }
}

int main(int argument_count, char **arguments) {
    struct torture torture;
    struct site site = {.root = "/tmp/riposte-race-XXXXXX"};
    torture_check(mkdtemp(site.root) != NULL, "no folder");
    torture_open(&torture, argument_count, arguments, (size_t)8 << 20, true);
    struct hotkeys *hotkeys = hotkeys_create(TORTURE_THREADS);
    torture_check(hotkeys != NULL, "no memory");
    struct latency *latency = latency_create(TORTURE_THREADS);
    struct slow_log *slow_log = slow_log_create(1);
    torture_check(latency != NULL && slow_log != NULL, "no memory");
    const struct http_config config = {
        .hotkeys = hotkeys,
        .latency = latency,
        .slow_log = slow_log,
        .sources = {latency_metrics(latency)},
        .sources_count = 1,
        .log_path = "/dev/null",
        .store = torture.store,
        .item_size_max = 8192,
        .cas_enabled = true,
        .flush_enabled = true,
        .timeout_ms = 30000,
        .files_root = site.root,
        .files_size_max = FILES_MEMORY,
        .workers_max = TORTURE_THREADS,
    };
    torture_check(http_service_create(&config, &site.service) == 0, "no service");
    for (unsigned i = 0; i < FILES; i++) {
        file_write(&site, i, i);
    }
    token_write(&site);
    torture.shared = &site;
    atomic_init(&site.working, TORTURE_THREADS - 1);
    void (*const runs[])(struct torture_thread *) = {run_asker, run_asker, run_asker, run_changer};
    torture_run(&torture, runs, TORTURE_THREADS);
    http_service_destroy(site.service);
    slow_log_destroy(slow_log);
    latency_destroy(latency);
    hotkeys_destroy(hotkeys);
    torture_close(&torture, "http");
    for (unsigned i = 0; i < FILES; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/f%u.txt", site.root, i);
        unlink(path);
    }
    char path[128];
    snprintf(path, sizeof(path), "%s/token", site.root);
    unlink(path);
    rmdir(site.root);
    return 0;
}
