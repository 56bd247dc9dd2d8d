/* SPDX-License-Identifier: MIT
 *
 * tls-floor: what TLS costs a server in OpenSSL alone, and in src/tls on top of it: the bound that no server on this OpenSSL
 * goes below, beside what riposte makes of it. One process, no sockets (connection.h).
 *
 *      tls-floor                                  a table
 *      tls-floor --server openssl --work full     one figure, in ns
 *      valgrind --tool=callgrind --collect-atstart=no --toggle-collect=turn_count build/tls-floor --server riposte --work get --count 6400
 *                                                 the instructions of 6400 of them
 *
 * Works: get: a record comes, with 26 bytes, and one goes, with 66: a get of riposte-load's and a value of 32 bytes; full: a
 * connection and its handshake, key and certificate of P-256; resumed: the same, by the ticket of the one before. CPU time of
 * the server's calls, for 64 connections at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "record_buffers.h"
#include "riposte/bytes.h"
#include "riposte/clock.h"

enum {
    EXIT_USAGE = 64,
    REQUEST_SIZE = 26, /* get key:000000000000 and so on, as riposte-load asks */
    ANSWER_SIZE = 66,
    RUN_MS = 300,
    RUNS_COUNT = 5,
};

enum work { WORK_GET, WORK_FULL, WORK_RESUMED, WORKS_COUNT };

static const char *const work_names[WORKS_COUNT] = {"get", "full", "resumed"};
static const struct server_kind *const servers[] = {&server_openssl, &server_riposte};

enum { SERVERS_COUNT = sizeof(servers) / sizeof(servers[0]) };

struct measurement {
    const struct server_kind *server; /* NULL: the table */
    enum work work;
    const char *group; /* of the client's key share */
    uint32_t count;    /* 0: as many as take run_ms */
    uint32_t run_ms;   /* CPU time of the server */
};

/* One in progress. */
struct pass {
    const struct server_kind *server;
    SSL_CTX *client;
    bool counts;      /* what is done now */
    uint64_t took_ns; /* CPU time of the server's calls so far */
};

typedef void step_function(const struct server_kind *server, struct connection *connection);

static struct connection connections[CONNECTIONS_COUNT];

/* --- what is counted -------------------------------------------------------------------------------------- */

static void step_accept(const struct server_kind *server, struct connection *connection) {
    server->open(connection);
    server->receive(connection);
}

static void step_finish(const struct server_kind *server, struct connection *connection) {
    server->receive(connection);
}

static void step_answer(const struct server_kind *server, struct connection *connection) {
    server->receive(connection);
    server->send(connection, ANSWER_SIZE);
}

static void step_close(const struct server_kind *server, struct connection *connection) {
    server->close(connection);
}

static void turn_run(const struct pass *pass, step_function *step) {
    for (int i = 0; i < CONNECTIONS_COUNT; i++) {
        step(pass->server, &connections[i]);
    }
}

/* Of its own, so that callgrind finds by its name what is counted. */
__attribute__((noinline)) static void turn_count(struct pass *pass, step_function *step) {
    uint64_t began_ns = clock_thread_cpu_ns();
    turn_run(pass, step);
    pass->took_ns += clock_thread_cpu_ns() - began_ns;
}

/* A step of all connections. */
static void turn(struct pass *pass, step_function *step) {
    if (pass->counts) {
        turn_count(pass, step);
    } else {
        turn_run(pass, step);
    }
}

/* --- works ------------------------------------------------------------------------------------------------ */

static void handshakes_run(struct pass *pass, bool resumes) {
    for (int i = 0; i < CONNECTIONS_COUNT; i++) {
        client_hello(&connections[i], pass->client, resumes);
    }
    turn(pass, step_accept);
    for (int i = 0; i < CONNECTIONS_COUNT; i++) {
        client_finish(&connections[i]);
    }
    turn(pass, step_finish);
    for (int i = 0; i < CONNECTIONS_COUNT; i++) {
        client_take_ticket(&connections[i], resumes);
    }
}

static void closes_run(struct pass *pass) {
    turn(pass, step_close);
    for (int i = 0; i < CONNECTIONS_COUNT; i++) {
        client_end(&connections[i]);
    }
}

static void gets_run(struct pass *pass) {
    for (int i = 0; i < CONNECTIONS_COUNT; i++) {
        client_ask(&connections[i], REQUEST_SIZE);
    }
    turn(pass, step_answer);
    for (int i = 0; i < CONNECTIONS_COUNT; i++) {
        client_hear(&connections[i], ANSWER_SIZE);
    }
}

/* One for each connection. */
static void work_run(struct pass *pass, enum work work) {
    if (work == WORK_GET) {
        gets_run(pass);
        return;
    }
    handshakes_run(pass, work == WORK_RESUMED);
    closes_run(pass);
}

/* What one costs, in ns. What is done before the counting leaves tickets, open connections, and memory that was used before. */
static double measure(const struct measurement *what) {
    struct pass pass = {.server = what->server, .client = client_context_create(what->group)};
    uint64_t done = 0;
    pass.server->create();
    work_run(&pass, WORK_FULL);
    if (what->work == WORK_GET) {
        handshakes_run(&pass, false);
    }
    work_run(&pass, what->work);
    pass.counts = true;
    while (what->count > 0 ? done < what->count : pass.took_ns < what->run_ms * CLOCK_NS_PER_MS) {
        work_run(&pass, what->work);
        done += CONNECTIONS_COUNT;
    }
    pass.counts = false;
    if (what->work == WORK_GET) {
        closes_run(&pass);
    }
    pass.server->destroy();
    SSL_CTX_free(pass.client);
    return (double)pass.took_ns / (double)done;
}

/* --- the table -------------------------------------------------------------------------------------------- */

static int compare(const void *first, const void *second) {
    double difference = *(const double *)first - *(const double *)second;
    return (difference > 0) - (difference < 0);
}

/* The median of some runs of either server, which take turns. */
static void measure_both(struct measurement what, double found_ns[SERVERS_COUNT]) {
    double runs_ns[SERVERS_COUNT][RUNS_COUNT];
    for (int run = 0; run < RUNS_COUNT; run++) {
        for (int i = 0; i < SERVERS_COUNT; i++) {
            what.server = servers[i];
            runs_ns[i][run] = measure(&what);
        }
    }
    for (int i = 0; i < SERVERS_COUNT; i++) {
        qsort(runs_ns[i], RUNS_COUNT, sizeof(runs_ns[i][0]), compare);
        found_ns[i] = runs_ns[i][RUNS_COUNT / 2];
    }
}

static void row_print(const char *name, const double found_ns[SERVERS_COUNT]) {
    printf("%-28s%14.2f%14.2f%10.2f\n", name, found_ns[0] / 1000, found_ns[1] / 1000,
           found_ns[1] / found_ns[0]);
    fflush(stdout);
}

static void table_print(struct measurement what) {
    static const char *const groups[] = {"X25519", "P-256"};
    double found_ns[WORKS_COUNT][SERVERS_COUNT];
    char name[64];
    printf("%-28s%14s%14s%10s\n", "us of CPU", servers[0]->name, servers[1]->name, "ratio");
    measure_both(what, found_ns[WORK_GET]);
    row_print("a request and its answer", found_ns[WORK_GET]);
    for (int i = 0; i < 2; i++) {
        what.group = groups[i];
        for (what.work = WORK_FULL; what.work <= WORK_RESUMED; what.work++) {
            measure_both(what, found_ns[what.work]);
            snprintf(name, sizeof(name), "%s handshake, %s", work_names[what.work], groups[i]);
            row_print(name, found_ns[what.work]);
        }
        printf("%-28s%14.2f%14.2f\n", "  resumed / full", found_ns[WORK_RESUMED][0] / found_ns[WORK_FULL][0],
               found_ns[WORK_RESUMED][1] / found_ns[WORK_FULL][1]);
    }
}

/* --- the command line ------------------------------------------------------------------------------------- */

static int usage(void) {
    fprintf(stderr,
            "usage: tls-floor [--server openssl|riposte] [--work get|full|resumed] [--group X25519|P-256] "
            "[--ms N | --count N]\n"
            "       tls-floor --version    which OpenSSL\n"
            "  without --server a table of everything; with it one figure, in ns\n"
            "  --ms N     CPU time of the server in each run (%d)\n"
            "  --count N  instead: so many, in steps of %d\n",
            RUN_MS, CONNECTIONS_COUNT);
    return EXIT_USAGE;
}

static bool server_find(const char *name, const struct server_kind **server) {
    for (int i = 0; i < SERVERS_COUNT; i++) {
        if (strcmp(servers[i]->name, name) == 0) {
            *server = servers[i];
            return true;
        }
    }
    return false;
}

static bool work_find(const char *name, enum work *work) {
    for (*work = 0; *work < WORKS_COUNT; (*work)++) {
        if (strcmp(work_names[*work], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool argument_read(const char *flag, const char *text, struct measurement *what) {
    if (strcmp(flag, "--server") == 0) {
        return server_find(text, &what->server);
    }
    if (strcmp(flag, "--work") == 0) {
        return work_find(text, &what->work);
    }
    if (strcmp(flag, "--group") == 0) {
        what->group = text;
        return true;
    }
    uint32_t *number = strcmp(flag, "--ms") == 0      ? &what->run_ms
                       : strcmp(flag, "--count") == 0 ? &what->count
                                                      : NULL;
    return number != NULL && bytes_parse_u32(bytes_from_string(text), number) && *number > 0;
}

int main(int count, char **words) {
    record_buffers_install(); /* for both, before anything else of OpenSSL's: tls_create would come too late */
    if (count == 2 && strcmp(words[1], "--version") == 0) {
        puts(OpenSSL_version(OPENSSL_VERSION));
        return 0;
    }
    struct measurement what = {.work = WORK_GET, .group = "X25519", .run_ms = RUN_MS};
    for (int i = 1; i < count; i += 2) {
        if (i + 1 == count || !argument_read(words[i], words[i + 1], &what)) {
            return usage();
        }
    }
    if (what.server != NULL) {
        printf("%.1f\n", measure(&what));
    } else {
        table_print(what);
    }
    return 0;
}
