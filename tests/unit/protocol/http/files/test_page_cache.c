/* SPDX-License-Identifier: MIT
 *
 * page_cache: when a block is believed to be in memory, and for how long.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "page_cache.h"
#include "riposte/clock.h"

enum { FD = 7, SIZE = HTTP_PAGE_CACHE_BLOCK_SIZE };

static struct http_page_cache cache;

/* A file whose bytes from `gone_from` to before `gone_to` are not in memory. */
static struct {
    uint64_t gone_from;
    uint64_t gone_to;
    ssize_t says; /* of reads that do not wait, unless it is 0 */
    unsigned looks;
    uint64_t fetched;
} file;

static ssize_t file_read(int fd, char *data, size_t size, uint64_t offset, bool cached) {
    cr_assert(fd == FD && offset + size <= SIZE);
    memset(data, 'x', size);
    if (!cached) {
        file.fetched += size;
        file.gone_to = file.gone_from;
        return (ssize_t)size;
    }
    file.looks++;
    if (file.says != 0) {
        return file.says;
    }
    return offset >= file.gone_from && offset < file.gone_to ? -EAGAIN : (ssize_t)size;
}

static const struct http_file_io io = {.read = file_read};

static const struct http_page_block block = {.fd = FD, .hash = 0x123456789abcdef0, .end = SIZE};

static bool has(uint64_t seconds) {
    return http_page_cache_has(&cache, &io, &block, (100 + seconds) * CLOCK_NS_PER_S);
}

static void fill(uint64_t seconds) {
    http_page_cache_fill(&cache, &io, &block, (100 + seconds) * CLOCK_NS_PER_S);
}

Test(page_cache, looks_at_each_part_and_the_last_byte_and_remembers_for_a_second) {
    cr_assert(has(0));
    unsigned looks = SIZE / HTTP_PAGE_CACHE_SAMPLE_SIZE + 1;
    cr_assert_eq(file.looks, looks);
    cr_assert(has(1));
    cr_assert_eq(file.looks, looks);
    cr_assert(has(2));
    cr_assert_eq(file.looks, 2 * looks);
}

Test(page_cache, misses_what_is_gone_wherever_it_is) {
    for (uint64_t at = 0; at < SIZE; at += HTTP_PAGE_CACHE_SAMPLE_SIZE) {
        file.gone_from = at;
        file.gone_to = at + HTTP_PAGE_CACHE_SAMPLE_SIZE;
        cr_assert_not(has(0));
    }
    file.gone_from = SIZE - 1; /* still being read */
    file.gone_to = SIZE;
    cr_assert_not(has(0));
}

Test(page_cache, reads_all_of_a_block_that_is_missing) {
    file.gone_to = 1;
    cr_assert_not(has(0));
    fill(0);
    cr_assert_eq(file.fetched, SIZE);
    cr_assert(has(0));
}

Test(page_cache, asks_no_more_where_bytes_cannot_be_had) {
    file.says = -EIO;
    cr_assert(has(0)); /* whoever sends it finds out */
    file.says = 0;
}

Test(page_cache, believes_a_file_system_that_cannot_say_for_ten_seconds_from_the_last_use) {
    file.says = -EOPNOTSUPP;
    cr_assert_not(has(0));
    fill(0);
    cr_assert(has(10));
    cr_assert(has(20));
    cr_assert_not(has(31));
}

Test(page_cache, takes_no_block_for_another) {
    struct http_page_block other = block;
    other.hash ^= (uint64_t)1 << 40;
    file.says = -EOPNOTSUPP;
    fill(0);
    cr_assert_not(http_page_cache_has(&cache, &io, &other, 100 * CLOCK_NS_PER_S));
    cr_assert(has(0));
}
