/* SPDX-License-Identifier: MIT
 *
 * Handshakes whose signatures are made by another thread: workers with a signer each, whose clients end at any moment, while certificates
 * are read again and counters are summed.
 *
 * The real filter without sockets, as the engine would call it: a worker's clients wait until their signer has woken it. Checked: each
 * handshake that was not left ends, and is counted once; who leaves is counted, too; nothing is freed twice or used behind its end.
 */
#include <sched.h>
#include <semaphore.h>
#include <string.h>

#include "tls_talk.h"
#include "torture.h"

enum {
    WORKERS = 3,
    CLIENTS = 8, /* of a worker at a time */
    ROUNDS = 60, /* of as many clients */
    REFRESHES = 10,
    LEAVES_ONE_OF = 3,
    LIVES = 2, /* of each worker: the second has the signer of the first */
};

struct signers {
    struct tls_place place;
    uint64_t seed;
    unsigned scale;
    sem_t woken[WORKERS];
    _Atomic uint64_t shaken;
    _Atomic uint64_t left;
    _Atomic unsigned working;
};

struct signers_worker {
    struct signers *signers;
    struct tls_place place; /* with a worker of its own */
    struct random random;
    unsigned index;
    pthread_t thread;
};

static void wake(void *user, unsigned worker_index) {
    struct signers *signers = user;
    sem_post(&signers->woken[worker_index]);
}

/* The client's hello is given to the filter, which comes to its signature. */
static void client_begin(struct signers_worker *worker, struct tls_talk *talk) {
    char hello[16384], plain[4096];
    tls_talk_begin(talk, &worker->place);
    SSL_do_handshake(talk->client);
    int size = BIO_read(SSL_get_wbio(talk->client), hello, sizeof(hello));
    torture_check(size > 0, "no hello");
    struct filter_progress progress = tls_filter.receive(talk->state, bytes_of(hello, (size_t)size), plain,
                                                         sizeof(plain), &talk->output, talk->context);
    torture_check(progress.next == FILTER_NEXT_LATER && progress.consumed == (size_t)size, "%d",
                  (int)progress.next);
}

static void client_await(struct signers_worker *worker, struct tls_talk *talk) {
    while (!tls_filter.ready(talk->state)) {
        sem_wait(&worker->signers->woken[worker->index]);
    }
}

static void round_play(struct signers_worker *worker) {
    struct tls_talk talks[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_begin(worker, &talks[i]);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (random_below(&worker->random, LEAVES_ONE_OF) == 0) {
            atomic_fetch_add(&worker->signers->left, 1);
        } else {
            client_await(worker, &talks[i]);
            tls_talk_receive(&talks[i], NULL, 0);
            torture_check(tls_talk_shake(&talks[i]), "no handshake");
            atomic_fetch_add(&worker->signers->shaken, 1);
        }
        tls_talk_end(&talks[i]);
    }
}

static void *worker_run(void *argument) {
    struct signers_worker *worker = argument;
    worker->place = worker->signers->place;
    for (unsigned life = 0; life < LIVES; life++) {
        worker->place.worker = tls_worker_create(worker->place.tls, worker->index);
        torture_check(worker->place.worker != NULL, "no worker");
        for (unsigned round = 0; round < ROUNDS * worker->signers->scale / LIVES; round++) {
            round_play(worker);
        }
        tls_worker_destroy(worker->place.worker);
    }
    atomic_fetch_sub(&worker->signers->working, 1);
    return NULL;
}

/* The main thread's part, until the workers are done: files are read again, counters summed. */
static void others_play(struct signers *signers) {
    char message[TLS_MESSAGE_SIZE_MAX];
    struct tls_counters sum;
    for (unsigned refresh = 0; atomic_load(&signers->working) > 0; refresh++) {
        tls_counters_sum(signers->place.tls, &sum);
        if (refresh < REFRESHES) {
            torture_check(tls_refresh(signers->place.tls, message) == 0, "%s", message);
        }
        sched_yield();
    }
}

int main(int count, char **arguments) {
    static struct signers signers;
    static struct signers_worker workers[WORKERS];
    signers.seed = torture_seed();
    signers.scale = torture_scale(count, arguments);
    signers.working = WORKERS;
    tls_place_init(&signers.place);
    signers.place.config.workers_max = WORKERS;
    signers.place.config.slow_signature_ns = 1;
    signers.place.config.wake = wake;
    signers.place.config.wake_user = &signers;
    char message[TLS_MESSAGE_SIZE_MAX];
    torture_check(tls_create(&signers.place.config, &signers.place.tls, message) == 0, "%s", message);
    for (unsigned i = 0; i < WORKERS; i++) {
        sem_init(&signers.woken[i], 0, 0);
        workers[i] = (struct signers_worker){.signers = &signers, .index = i};
        workers[i].random.state = signers.seed + i;
        torture_check(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) == 0, "no thread");
    }
    others_play(&signers);
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    struct tls_counters sum;
    tls_counters_sum(signers.place.tls, &sum);
    torture_check(counter_read(&sum.handshakes) == signers.shaken, "%" PRIu64, counter_read(&sum.handshakes));
    torture_check(counter_read(&sum.signatures_apart) == signers.shaken, "%" PRIu64,
                  counter_read(&sum.signatures_apart));
    torture_check(counter_read(&sum.handshake_errors) == signers.left, "%" PRIu64,
                  counter_read(&sum.handshake_errors));
    tls_place_close(&signers.place);
    printf("%" PRIu64 " handshakes, %" PRIu64 " left\n", (uint64_t)signers.shaken, (uint64_t)signers.left);
    return 0;
}
