/* SPDX-License-Identifier: MIT
 *
 * fake_server: a tiny memcached that answers rightly, until it is told not to. One thread serves all its
 * connections, so that what it does to one request it does to all that wait.
 *
 * GET lines of HTTP are answered too, with one page for every path; and the meta no-op mn.
 * It stores nothing: the value of a key follows from the key, as the generator knows it.
 */
#ifndef LOAD_FAKE_SERVER_H
#define LOAD_FAKE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "workload.h"

/* What happens at request number at_request (from 1, over all connections), or from there on. */
enum fake_fault {
    FAKE_NONE,
    FAKE_STALL,        /* once: everything waits for stall_ms */
    FAKE_SILENT,       /* from there on: no answers, connections stay */
    FAKE_DRIP,         /* from there on: a byte every 20 ms */
    FAKE_CLOSE,        /* once: the connection is closed instead of an answer */
    FAKE_CLOSE_MIDDLE, /* once: half an answer, then closed */
    FAKE_ERROR,        /* once: SERVER_ERROR */
    FAKE_MISS,         /* once: END */
    FAKE_WRONG_KEY,    /* once: another key's name, with its value */
    FAKE_WRONG_VALUE,  /* once: one byte is another */
    FAKE_WRONG_LENGTH, /* once: an honest VALUE of another length */
    FAKE_SHORT,        /* once: fewer bytes than announced */
    FAKE_GARBAGE,      /* once: what is no reply */
    FAKE_EXTRA,        /* once: the answer twice */
    FAKE_INTERRUPT,    /* once: SIGINT to this process, and the right answer */
};

struct fake_server {
    enum fake_fault fault;
    uint64_t at_request;
    unsigned stall_ms;
    unsigned
        close_every; /* HTTP: so many replies on a connection, the last says Connection: close; 0: it stays */
    uint16_t port;   /* set by fake_server_start */
    struct workload
        workload; /* what the generator is told too: keys "key:" of 16 bytes, values of value_size */
    int listener;
    int stop_event;
    pthread_t thread;
    _Atomic uint64_t requests; /* answered, or not answered, so far */
    _Atomic uint64_t noops;    /* those of them that were mn */
    _Atomic uint64_t accepted; /* connections */
};

enum { FAKE_CONNECTIONS_MAX = 64, FAKE_INPUT_MAX = 65536 };

/*
 * Listens on a free port of 127.0.0.1 and serves until fake_server_stop. fault, at_request, stall_ms are set
 * by the caller.
 */
void fake_server_start(struct fake_server *server, const char *value_sizes);
void fake_server_stop(struct fake_server *server);

/*
 * A port whose connections are never answered: its accept queue is full. The descriptors to be closed are put
 * into fds[3].
 */
uint16_t fake_full_listener(int *fds);

/* A port that nobody listens on. */
uint16_t fake_dead_port(void);

#endif
