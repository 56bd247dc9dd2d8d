/* SPDX-License-Identifier: MIT
 *
 * The memory that OpenSSL gets for records.
 */
#include "record_buffers.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

/* Before Criterion's own libraries use OpenSSL, too. */
static bool installed;
__attribute__((constructor)) static void install(void) {
    installed = record_buffers_install();
}

static void begin(void) {
    cr_assert(installed);
}

TestSuite(record_buffers, .timeout = 30, .init = begin);

enum { RECORD_SIZE = 16384 + 325, SMALLEST = 16384 + 1, LARGEST = 17 * 1024 };

Test(record_buffers, what_was_given_back_is_what_is_taken_next) {
    char *first = OPENSSL_malloc(RECORD_SIZE);
    OPENSSL_free(first);
    for (int i = 0; i < 100; i++) {
        char *next = OPENSSL_malloc(RECORD_SIZE);
        cr_assert_eq(next, first);
        OPENSSL_free(next);
    }
}

Test(record_buffers, two_records_at_a_time_have_two_buffers_and_a_third_is_apart) {
    char *taken[3];
    for (int i = 0; i < 3; i++) {
        taken[i] = OPENSSL_malloc(LARGEST);
        memset(taken[i], 'a' + i, LARGEST);
    }
    for (int i = 0; i < 3; i++) {
        for (int at = 0; at < LARGEST; at++) {
            cr_assert_eq(taken[i][at], 'a' + i);
        }
    }
    char *first = taken[0];
    OPENSSL_free(taken[0]);
    cr_assert_eq((taken[0] = OPENSSL_malloc(SMALLEST)), first);
    for (int i = 0; i < 3; i++) {
        OPENSSL_free(taken[i]);
    }
}

Test(record_buffers, other_sizes_take_none) {
    char *first = OPENSSL_malloc(RECORD_SIZE);
    OPENSSL_free(first);
    static const size_t sizes[] = {1, 1024, SMALLEST - 1, LARGEST + 1, 1 << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *other = OPENSSL_malloc(sizes[i]);
        cr_assert_neq(other, first, "%zu bytes", sizes[i]);
        memset(other, 1, sizes[i]);
        OPENSSL_free(other);
    }
    OPENSSL_free(NULL);
}

Test(record_buffers, one_that_grows_keeps_its_bytes) {
    char *first = OPENSSL_malloc(RECORD_SIZE);
    memset(first, 'x', RECORD_SIZE);
    char *same = OPENSSL_realloc(first, LARGEST);
    cr_assert_eq(same, first);
    char *other = OPENSSL_realloc(same, 100000);
    cr_assert_neq(other, first);
    for (int at = 0; at < RECORD_SIZE; at++) {
        cr_assert_eq(other[at], 'x');
    }
    char *next = OPENSSL_malloc(RECORD_SIZE);
    cr_assert_eq(next, first, "it was given back");
    OPENSSL_free(next);
    OPENSSL_free(other);
}

static void *thread_give(void *memory) {
    OPENSSL_free(memory);
    return NULL;
}

Test(record_buffers, another_thread_may_give_back) {
    pthread_t thread;
    char *first = OPENSSL_malloc(RECORD_SIZE);
    cr_assert_eq(pthread_create(&thread, NULL, thread_give, first), 0);
    pthread_join(thread, NULL);
    char *next = OPENSSL_malloc(RECORD_SIZE);
    cr_assert_eq(next, first);
    OPENSSL_free(next);
}

static void *thread_take(void *seen) {
    char *taken = OPENSSL_malloc(RECORD_SIZE);
    memset(taken, 1, RECORD_SIZE);
    *(char **)seen = taken;
    OPENSSL_free(taken);
    return NULL;
}

Test(record_buffers, threads_have_their_own_and_there_may_be_any_number_of_them) {
    char *own = OPENSSL_malloc(RECORD_SIZE);
    OPENSSL_free(own);
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        char *seen = NULL;
        cr_assert_eq(pthread_create(&thread, NULL, thread_take, &seen), 0);
        pthread_join(thread, NULL);
        cr_assert_not_null(seen);
        cr_assert_neq(seen, own);
    }
}
