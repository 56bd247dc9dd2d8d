/* SPDX-License-Identifier: MIT
 *
 * signer: a queue that one thread fills and another one empties, and what is done in between. See signer.h.
 */
#include "signer.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "riposte/clock.h"
#include "riposte/reply.h"
#include "stack.h"

struct signer {
    _Atomic(struct signing *) waiting; /* newest first: pushed by the worker, all taken by the signer */
    _Atomic unsigned count;            /* that were submitted and are not done */
    _Atomic uint64_t progress_ns; /* the last was signed, or the first of those that wait came; monotonic */
    _Atomic bool late;            /* set by the worker, cleared by a signing that was done in time */
    uint64_t wait_ns_max;         /* tls_config.signature_wait_ns_max */
    sem_t settled;                /* the thread has asked for its priority */
    sem_t submitted;              /* one for each, and one for the end */
    _Atomic bool ends;
    pthread_t thread;
    void (*wake)(void *user, unsigned worker_index);
    void *user;
    unsigned worker_index;
};

/* --- one of them ------------------------------------------------------------------------------------------ */

/* The SSL reads nothing and writes to `said`. False, and it is as it was: memory has ended. */
static bool signing_part(struct signing *signing) {
    BIO *nothing = BIO_new(BIO_s_mem());
    signing->said = BIO_new(BIO_s_mem());
    if (nothing == NULL || signing->said == NULL) {
        BIO_free(nothing);
        BIO_free(signing->said);
        ERR_clear_error();
        return false;
    }
    signing->wire = SSL_get_rbio(signing->ssl);
    BIO_up_ref(signing->wire); /* the SSL gives up both that it has */
    SSL_set0_rbio(signing->ssl, nothing);
    SSL_set0_wbio(signing->ssl, signing->said);
    return true;
}

static struct signing *signing_begin(struct tls_connection *connection) {
    struct signing *signing = calloc(1, sizeof(*signing));
    if (signing == NULL) {
        return NULL;
    }
    signing->ssl = connection->ssl;
    if (!signing_part(signing)) {
        free(signing);
        return NULL;
    }
    signing->endpoint = (struct tls_endpoint){NULL, connection->endpoint->listen};
    signing->stand_in = *connection;
    signing->stand_in.endpoint = &signing->endpoint;
    signing->stand_in.may_sign = true;
    SSL_set_app_data(signing->ssl, &signing->stand_in);
    connection->signing = signing;
    return signing;
}

/* By whoever is last. */
static void signing_free(struct signing *signing) {
    SSL_free(signing->ssl);
    BIO_free(signing->wire);
    contexts_release(signing->stand_in.contexts);
    free(signing);
}

/* The handshake goes on, from its signature to where the client is to answer. */
static void signing_work(struct signing *signing) {
    int result = SSL_do_handshake(signing->ssl);
    signing->failed = result != 1 && SSL_get_error(signing->ssl, result) != SSL_ERROR_WANT_READ;
    signing->reason = signing->failed ? ERR_reason_error_string(ERR_peek_error()) : NULL;
    ERR_clear_error();
}

bool signing_end(struct tls_connection *connection, struct reply *output, const char **reason) {
    struct signing *signing = connection->signing;
    char *said;
    long size = BIO_get_mem_data(signing->said, &said);
    bool good = !signing->failed;
    if (size > 0) {
        reply_copy(output, bytes_of(said, (size_t)size));
    }
    *reason = signing->reason;
    BIO_up_ref(signing->wire); /* one for each direction */
    SSL_set0_rbio(signing->ssl, signing->wire);
    SSL_set0_wbio(signing->ssl, signing->wire);
    SSL_set_app_data(signing->ssl, connection);
    connection->asides = signing->stand_in.asides;
    connection->signing = NULL;
    free(signing);
    return good;
}

void signing_drop(struct tls_connection *connection) {
    struct signing *signing = connection->signing;
    connection->signing = NULL;
    connection->ssl = NULL;
    connection->contexts = NULL;
    /* acq_rel: it is freed by whoever comes second, with what the other has written. */
    if (atomic_exchange_explicit(&signing->state, SIGNING_DROPPED, memory_order_acq_rel) == SIGNING_DONE) {
        signing_free(signing);
    }
}

/* --- the queue -------------------------------------------------------------------------------------------- */

/*
 * relaxed, here and below: bounds of time; nothing is published through them. What one side reads a moment too late makes one signature
 * more the worker's, or one more wait.
 */
bool signer_is_late(struct signer *signer) {
    if (signer->wait_ns_max == 0 || atomic_load_explicit(&signer->count, memory_order_relaxed) == 0) {
        return false; /* where it was late, one may try whether it still is */
    }
    if (clock_monotonic_ns() - atomic_load_explicit(&signer->progress_ns, memory_order_relaxed) >
        signer->wait_ns_max) {
        atomic_store_explicit(&signer->late, true, memory_order_relaxed);
    }
    return atomic_load_explicit(&signer->late, memory_order_relaxed);
}

bool signer_submit(struct signer *signer, struct tls_connection *connection) {
    /* relaxed: a bound; nothing is published through it. */
    if (atomic_load_explicit(&signer->count, memory_order_relaxed) >= SIGNINGS_MAX) {
        return false;
    }
    struct signing *signing = signing_begin(connection);
    if (signing == NULL) {
        return false;
    }
    signing->submitted_ns = clock_monotonic_ns();
    if (atomic_load_explicit(&signer->count, memory_order_relaxed) == 0) {
        atomic_store_explicit(&signer->progress_ns, signing->submitted_ns, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&signer->count, 1, memory_order_relaxed);
    /* relaxed: what the pushes before it wrote is this thread's own. Who takes takes all, so that no address comes back meanwhile. */
    signing->next = atomic_load_explicit(&signer->waiting, memory_order_relaxed);
    /* release: whoever takes it finds it, and its SSL, as they are now. */
    while (!atomic_compare_exchange_weak_explicit(&signer->waiting, &signing->next, signing,
                                                  memory_order_release, memory_order_relaxed)) {
    }
    sem_post(&signer->submitted);
    return true;
}

/* All that wait, oldest first. */
static struct signing *signer_take(struct signer *signer) {
    /* acquire: pairs with the release of the newest push, before which the same thread has made the others. */
    struct signing *newest = atomic_exchange_explicit(&signer->waiting, NULL, memory_order_acquire);
    struct signing *oldest = NULL;
    while (newest != NULL) {
        struct signing *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void signer_note_progress(struct signer *signer, const struct signing *signing) {
    uint64_t now_ns = clock_monotonic_ns();
    atomic_store_explicit(&signer->progress_ns, now_ns, memory_order_relaxed);
    if (now_ns - signing->submitted_ns <= signer->wait_ns_max) {
        atomic_store_explicit(&signer->late, false, memory_order_relaxed);
    }
}

static void signer_serve(struct signer *signer, struct signing *signing) {
    /* relaxed: only spares the work; the exchange decides. */
    if (atomic_load_explicit(&signing->state, memory_order_relaxed) != SIGNING_DROPPED) {
        signing_work(signing);
        signer_note_progress(signer, signing);
    }
    atomic_fetch_sub_explicit(&signer->count, 1, memory_order_relaxed);
    /* acq_rel: who finds it done finds what was done; or it is freed here, behind the drop. It is not ours any more. */
    if (atomic_exchange_explicit(&signing->state, SIGNING_DONE, memory_order_acq_rel) == SIGNING_DROPPED) {
        signing_free(signing);
    } else if (signer->wake != NULL) {
        signer->wake(signer->user, signer->worker_index);
    }
}

/* --- the thread ------------------------------------------------------------------------------------------- */

/*
 * Whoever else is ready goes first (SCHED_IDLE, sched(7)): the worker displaces this thread at once when it wakes, which a nicer thread does
 * not ensure. Where that is refused it is a thread like any other.
 */
static void signer_stand_back(void) {
    const struct sched_param none = {0};
    int refused = sched_setscheduler(0, SCHED_IDLE, &none); /* 0: this thread */
    (void)refused;
}

static void signer_await(sem_t *semaphore) {
    while (sem_wait(semaphore) < 0) {
        assert(errno == EINTR);
    }
}

static void *signer_run(void *argument) {
    struct signer *signer = argument;
    struct signing *queue = NULL;
    signer_stand_back();
    sem_post(&signer->settled);
    for (;;) {
        signer_await(&signer->submitted);
        queue = queue == NULL ? signer_take(signer) : queue;
        if (queue == NULL) {
            /* relaxed: set before the post that was awaited. */
            assert(atomic_load_explicit(&signer->ends, memory_order_relaxed));
            return NULL;
        }
        struct signing *signing = queue;
        queue = signing->next; /* once served it may be gone */
        signer_serve(signer, signing);
    }
}

/* On any CPU that the process may use: the worker that makes the thread is tied to one. */
static int signer_start_thread(struct signer *signer) {
    cpu_set_t cpus;
    bool known = sched_getaffinity(getpid(), sizeof(cpus), &cpus) == 0;
    return stack_create_thread(&signer->thread, known ? &cpus : NULL, signer_run, signer);
}

struct signer *signer_create(const struct tls_config *config, unsigned worker_index) {
    struct signer *signer = calloc(1, sizeof(*signer));
    if (signer == NULL) {
        return NULL;
    }
    signer->wake = config->wake;
    signer->user = config->wake_user;
    signer->wait_ns_max = config->signature_wait_ns_max;
    signer->worker_index = worker_index;
    sem_init(&signer->settled, 0, 0);
    sem_init(&signer->submitted, 0, 0);
    if (signer_start_thread(signer) < 0) {
        sem_destroy(&signer->settled);
        sem_destroy(&signer->submitted);
        free(signer);
        return NULL;
    }
    signer_await(&signer->settled); /* a sandbox may forbid what it asks for from the return on */
    return signer;
}

void signer_destroy(struct signer *signer) {
    if (signer == NULL) {
        return;
    }
    /* relaxed: the post behind it orders it. */
    atomic_store_explicit(&signer->ends, true, memory_order_relaxed);
    sem_post(&signer->submitted); /* the last one: what still waits is served before, all of it dropped */
    pthread_join(signer->thread, NULL);
    sem_destroy(&signer->settled);
    sem_destroy(&signer->submitted);
    free(signer);
}
