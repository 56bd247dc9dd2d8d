/* SPDX-License-Identifier: MIT
 *
 * Handshakes whose signature is made by another thread: they end as others do, and whoever closes meanwhile leaves nothing behind.
 */
#include "signer.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "riposte/clock.h"
#include "tls_talk.h"

TestSuite(signer, .timeout = 120);

static struct tls_place place;
static struct tls_talk talk;

/* Every key is slow here. */
static void begin(void) {
    tls_place_init(&place);
    place.config.slow_signature_ns = 1;
    tls_place_open(&place);
}

static struct tls_counters sums(void) {
    struct tls_counters sum;
    tls_counters_sum(place.tls, &sum);
    return sum;
}

#define counted(name) counter_read(&((struct tls_counters[1]){sums()})->name)

/* Bytes of a client that wants to speak; owned by the caller. */
static struct bytes hello(void) {
    char *data = malloc(16384);
    SSL_do_handshake(talk.client);
    int size = BIO_read(SSL_get_wbio(talk.client), data, 16384);
    cr_assert_gt(size, 0);
    return bytes_of(data, (size_t)size);
}

static struct filter_progress receive(void *state, struct bytes wire) {
    char plain[4096];
    return tls_filter.receive(state, wire, plain, sizeof(plain), &talk.output, talk.context);
}

static void await(const void *state) {
    uint64_t ends_ns = clock_monotonic_ns() + 60 * CLOCK_NS_PER_S;
    while (!tls_filter.ready(state)) {
        cr_assert_lt(clock_monotonic_ns(), ends_ns);
        sched_yield();
    }
}

Test(signer, makes_the_signature_of_every_full_handshake) {
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    begin();
    for (unsigned i = 0; i < 2; i++) {
        tls_talk_begin(&talk, &place);
        SSL_set_min_proto_version(talk.client, versions[i]);
        SSL_set_max_proto_version(talk.client, versions[i]);
        SSL_set_verify(talk.client, SSL_VERIFY_PEER, NULL);
        cr_assert(tls_talk_shake(&talk));
        tls_talk_say(&talk, "hello", 5);
        cr_assert(talk.plain_size == 5 && memcmp(talk.plain, "hello", 5) == 0);
        cr_expect_eq(tls_talk_send(&talk, "answer", 6, 1), 6);
        tls_talk_end(&talk);
        cr_expect_eq(counted(signatures_apart), i + 1);
        cr_expect_eq(counted(handshakes), i + 1);
    }
    cr_expect_eq(counted(handshake_errors), 0);
    tls_place_close(&place);
}

Test(signer, is_not_asked_where_keys_are_quick) {
    tls_place_init(&place);
    place.config.slow_signature_ns = CLOCK_NS_PER_S;
    tls_place_open(&place);
    tls_talk_begin(&talk, &place);
    cr_assert(tls_talk_shake(&talk));
    tls_talk_end(&talk);
    cr_expect_eq(counted(signatures_apart), 0);
    tls_place_close(&place);
}

Test(signer, is_not_asked_where_a_session_goes_on) {
    begin();
    tls_talk_begin(&talk, &place);
    cr_assert(tls_talk_shake(&talk));
    char heard[16];
    int error;
    tls_talk_hear(&talk, heard, sizeof(heard), &error); /* the ticket */
    SSL_SESSION *session = SSL_get1_session(talk.client);
    SSL_shutdown(talk.client);
    tls_talk_end(&talk);
    tls_talk_begin(&talk, &place);
    SSL_set_session(talk.client, session);
    cr_assert(tls_talk_shake(&talk));
    tls_talk_end(&talk);
    SSL_SESSION_free(session);
    cr_expect_eq(counted(handshakes_resumed), 1);
    cr_expect_eq(counted(signatures_apart), 1);
    tls_place_close(&place);
}

Test(signer, leaves_bytes_that_came_early_where_they_are) {
    begin();
    tls_talk_begin(&talk, &place);
    struct bytes said = hello();
    char both[16400];
    memcpy(both, said.data, said.size);
    memcpy(both + said.size, "\x16\x03\x03", 3);
    struct filter_progress progress = receive(talk.state, bytes_of(both, said.size + 3));
    cr_expect_eq(progress.next, FILTER_NEXT_LATER);
    cr_expect(progress.opening);
    cr_expect_eq(progress.consumed, said.size);
    await(talk.state);
    progress = receive(talk.state, bytes_of(both + said.size, 3));
    cr_expect_eq(progress.next, FILTER_NEXT_INPUT);
    cr_expect_eq(progress.consumed, 3);
    cr_expect_gt(talk.output.unsent_size, 500);
    free((char *)(uintptr_t)said.data);
    tls_talk_end(&talk);
    tls_place_close(&place);
}

Test(signer, tells_a_handshake_that_fails_there) {
    begin();
    tls_talk_begin(&talk, &place);
    SSL_set1_sigalgs_list(talk.client, "RSA-PSS+SHA256"); /* the key is of P-256 */
    cr_expect_not(tls_talk_shake(&talk));
    cr_expect_eq(talk.next, FILTER_NEXT_BROKEN);
    tls_talk_end(&talk);
    cr_expect_eq(counted(handshake_errors), 1);
    cr_expect_eq(counted(handshakes), 0);
    tls_place_close(&place);
}

/* Before, while and after it is done; the place closes behind the last one at once. */
Test(signer, frees_what_closed_connections_have_left) {
    begin();
    for (int i = 0; i < 200; i++) {
        tls_talk_begin(&talk, &place);
        struct bytes said = hello();
        cr_expect_eq(receive(talk.state, said).next, FILTER_NEXT_LATER);
        if (i % 3 == 0) {
            await(talk.state);
        } else if (i % 3 == 1) {
            sched_yield();
        }
        free((char *)(uintptr_t)said.data);
        tls_talk_end(&talk);
    }
    cr_expect_eq(counted(handshake_errors), 200);
    tls_place_close(&place);
}

/* Contexts that were in force when it was taken are freed behind it. */
Test(signer, goes_on_over_a_refresh) {
    char message[TLS_MESSAGE_SIZE_MAX];
    begin();
    tls_talk_begin(&talk, &place);
    struct bytes said = hello();
    cr_expect_eq(receive(talk.state, said).next, FILTER_NEXT_LATER);
    cr_assert_eq(tls_refresh(place.tls, message), 0);
    struct tls_talk first = talk;
    tls_talk_begin(&talk, &place);
    cr_expect(tls_talk_shake(&talk));
    tls_talk_end(&talk);
    talk = first;
    free((char *)(uintptr_t)said.data);
    tls_talk_end(&talk);
    tls_place_close(&place);
}

/* --- the bound -------------------------------------------------------------------------------------------- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned woken;

static void wait_at_gate(void *user, unsigned worker_index) {
    (void)user;
    (void)worker_index;
    atomic_fetch_add(&woken, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

/* The signer stands still behind the first: as many as may wait do, and one more is refused. */
Test(signer, refuses_one_more_than_may_wait) {
    static struct tls_talk talks[SIGNINGS_MAX + 2];
    tls_place_init(&place);
    place.config.slow_signature_ns = 1;
    place.config.wake = wait_at_gate;
    pthread_mutex_lock(&gate);
    tls_place_open(&place);
    for (int i = 0; i < SIGNINGS_MAX + 2; i++) {
        tls_talk_begin(&talk, &place);
        struct bytes said = hello();
        enum filter_next next = receive(talk.state, said).next;
        cr_assert_eq(next, i <= SIGNINGS_MAX ? FILTER_NEXT_LATER : FILTER_NEXT_BROKEN, "the %d.", i);
        while (i == 0 && atomic_load(&woken) == 0) {
            sched_yield();
        }
        free((char *)(uintptr_t)said.data);
        talks[i] = talk;
    }
    cr_expect_eq(talk.output.unsent_size, 7, "an alert");
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < SIGNINGS_MAX + 2; i++) {
        tls_talk_end(&talks[i]);
    }
    tls_place_close(&place);
}

/* It stands still behind the first, and has a second before it. */
Test(signer, leaves_signatures_to_the_worker_where_it_gets_no_cpu) {
    struct tls_talk talks[3];
    enum filter_next nexts[3];
    tls_place_init(&place);
    place.config.slow_signature_ns = 1;
    place.config.signature_wait_ns_max = 1;
    place.config.wake = wait_at_gate;
    pthread_mutex_lock(&gate);
    tls_place_open(&place);
    unsigned woken_before = atomic_load(&woken);
    for (int i = 0; i < 3; i++) {
        tls_talk_begin(&talk, &place);
        struct bytes said = hello();
        nexts[i] = receive(talk.state, said).next;
        while (i == 0 && atomic_load(&woken) == woken_before) {
            sched_yield();
        }
        free((char *)(uintptr_t)said.data);
        talks[i] = talk;
    }
    cr_expect_eq(nexts[0], FILTER_NEXT_LATER);
    cr_expect_eq(nexts[1], FILTER_NEXT_LATER, "it has done all that it had");
    cr_expect_eq(nexts[2], FILTER_NEXT_INPUT);
    cr_expect_gt(talks[2].output.unsent_size, 500);
    cr_expect_eq(counted(signatures_late), 1);
    pthread_mutex_unlock(&gate);
    await(talks[1].state);
    for (int i = 0; i < 3; i++) {
        tls_talk_end(&talks[i]);
    }
    tls_talk_begin(&talk, &place);
    cr_expect(tls_talk_shake(&talk), "one tries whether it is late still");
    tls_talk_end(&talk);
    cr_expect_eq(counted(signatures_late), 1);
    tls_place_close(&place);
}
