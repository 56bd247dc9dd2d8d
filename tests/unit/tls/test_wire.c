/* SPDX-License-Identifier: MIT
 *
 * The BIO by itself: where its reads end.
 */
#include "wire.h"

#include <criterion/criterion.h>
#include <string.h>

#include "riposte/filter.h"
#include "service.h"

TestSuite(wire, .timeout = 30);

/* Three records: of four bytes, of none, of 258. */
enum {
    FIRST_SIZE = 5 + 4,
    EMPTY_SIZE = 5,
    LAST_SIZE = 5 + 258,
    ALL_SIZE = FIRST_SIZE + EMPTY_SIZE + LAST_SIZE
};

static struct tls tls;
static struct tls_worker worker;
static struct wire_record record;
static BIO *bio;
static char all[ALL_SIZE];

static void begin(void) {
    static const char headers[][5] = {{23, 3, 3, 0, 4}, {23, 3, 3, 0, 0}, {23, 3, 3, 1, 2}};
    memset(all, 'x', sizeof(all));
    memcpy(all, headers[0], 5);
    memcpy(all + FIRST_SIZE, headers[1], 5);
    memcpy(all + FIRST_SIZE + EMPTY_SIZE, headers[2], 5);
    tls.wire_method = wire_method_create();
    worker.tls = &tls;
    worker.record = &record;
    bio = wire_create(&worker);
    cr_assert_not_null(bio);
}

static void end(void) {
    BIO_free(bio);
    BIO_meth_free(tls.wire_method);
}

/* Bytes of one read that asks for size_max; 0: there is nothing. */
static size_t read_once(size_t size_max) {
    char data[1024];
    size_t size = 0;
    const char *from = worker.received.data;
    if (BIO_read_ex(bio, data, size_max, &size) != 1) {
        cr_assert(BIO_should_retry(bio));
        return 0;
    }
    cr_assert(memcmp(data, from, size) == 0);
    return size;
}

Test(wire, a_read_ends_where_its_record_does, .init = begin, .fini = end) {
    worker.received = bytes_of(all, sizeof(all));
    cr_assert_eq(read_once(1024), (size_t)FIRST_SIZE);
    cr_assert_eq(read_once(1024), (size_t)EMPTY_SIZE);
    cr_assert_eq(read_once(1024), (size_t)LAST_SIZE);
    cr_assert_eq(read_once(1024), 0U);
    cr_assert_eq(worker.reads, 3U);
}

Test(wire, it_does_so_wherever_what_comes_is_cut, .init = begin, .fini = end) {
    static const size_t ends[] = {FIRST_SIZE, FIRST_SIZE + EMPTY_SIZE, ALL_SIZE};
    for (size_t cut = 0; cut <= sizeof(all); cut++) {
        size_t at = 0;
        for (int half = 0; half < 2; half++) {
            size_t stop = half == 0 ? cut : sizeof(all);
            worker.received = bytes_of(all + at, stop - at);
            worker.reads = 0;
            for (size_t size = read_once(1024); size > 0; size = read_once(1024)) {
                at += size;
                bool at_end = at == stop;
                for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
                    at_end = at_end || at == ends[i];
                }
                cr_assert(at_end, "cut at %zu, a read ended at %zu", cut, at);
            }
            cr_assert_eq(at, stop);
        }
        cr_assert_eq(record.header_size, 0);
    }
}

Test(wire, one_that_asks_for_less_gets_no_more, .init = begin, .fini = end) {
    worker.received = bytes_of(all, sizeof(all));
    cr_assert_eq(read_once(5), 5U);
    cr_assert_eq(read_once(3), 3U);
    cr_assert_eq(read_once(1024), 1U);
    cr_assert_eq(read_once(1024), (size_t)EMPTY_SIZE);
}

Test(wire, a_call_finds_so_many_records_and_no_more, .init = begin, .fini = end) {
    static char empties[2 * FILTER_WORK_MAX][EMPTY_SIZE];
    for (int i = 0; i < 2 * FILTER_WORK_MAX; i++) {
        memcpy(empties[i], all + FIRST_SIZE, EMPTY_SIZE);
    }
    worker.received = bytes_of(empties[0], sizeof(empties));
    unsigned count = 0;
    while (read_once(1024) > 0) {
        count++;
    }
    cr_assert_eq(count, (unsigned)FILTER_WORK_MAX);
    cr_assert_eq(worker.received.size, sizeof(empties) / 2);
}
