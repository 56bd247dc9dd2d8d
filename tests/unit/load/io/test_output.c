/* SPDX-License-Identifier: MIT
 *
 * Requests on their way: small values in one piece, large ones by reference, short sends.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

enum { HEAD_SIZE_MAX = 64 };

static struct workload workload;
static struct encoder encoder;
static struct output output;

static void make(const char *sizes_text, unsigned requests_max) {
    struct value_sizes sizes;
    struct encoder_names names = {.host = "h", .path = "/", .meta_flags = "v"};
    cr_assert(value_sizes_parse(bytes_from_string(sizes_text), &sizes));
    cr_assert(values_init(&workload.values, &sizes));
    cr_assert_eq(keys_init(&workload.keys, bytes_from_string("key:"), 16, 1000), KEYS_OK);
    cr_assert(encoder_init(&encoder, protocol_of(PROTOCOL_MEMCACHED), &workload.keys, &names,
                           ENCODER_SIZES_DIFFER));
    cr_assert(output_init(&output, &encoder, requests_max, sizes.size_max));
}

static void unmake(void) {
    output_deinit(&output);
    encoder_deinit(&encoder);
    values_deinit(&workload.values);
}

static void add(uint32_t key, bool is_set) {
    struct value value = value_of(&workload.values, key);
    if (is_set) {
        output_add_set(&output, &encoder, key, &value);
    } else {
        output_add_get(&output, &encoder, key);
    }
}

/* What add() should have put on the wire. */
static size_t expected_text(uint32_t key, bool is_set, char *target) {
    size_t size = 0;
    struct value value = value_of(&workload.values, key);
    if (!is_set) {
        return (size_t)snprintf(target, HEAD_SIZE_MAX, "get key:%012u\r\n", key);
    }
    size = (size_t)snprintf(target, HEAD_SIZE_MAX, "set key:%012u 0 0 %zu\r\n", key, value.size);
    value_copy(&value, target + size);
    size += value.size;
    memcpy(target + size, "\r\n", 2);
    return size + 2;
}

/* Takes everything out as a kernel would that sends `step` bytes at a time. */
static size_t drain(size_t step, char *target) {
    size_t done = 0;
    struct iovec first;
    bool is_empty = false;
    while (!is_empty) {
        cr_assert(output_finish(&output, &first) > 0);
        struct msghdr *message = output_message(&output);
        cr_assert_eq(message->msg_iov[0].iov_base, first.iov_base);
        size_t taken = 0;
        for (size_t i = 0; i < message->msg_iovlen && taken < step; i++) {
            size_t left = step - taken;
            size_t size = message->msg_iov[i].iov_len < left ? message->msg_iov[i].iov_len : left;
            memcpy(target + done + taken, message->msg_iov[i].iov_base, size);
            taken += size;
        }
        done += taken;
        is_empty = output_sent(&output, taken);
    }
    cr_assert(output_is_empty(&output));
    return done;
}

static void expect_same_whatever_the_step(const char *sizes_text, const bool *sets, unsigned count) {
    static const size_t steps[] = {1 << 30, 100000, 4097, 1000, 7};
    make(sizes_text, count);
    char *expected = malloc(4 << 20);
    char *found = malloc(4 << 20);
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        size_t size = 0;
        for (unsigned request = 0; request < count; request++) {
            add(request, sets[request]);
            size += expected_text(request, sets[request], expected + size);
        }
        cr_assert_eq(drain(steps[i], found), size, "steps of %zu", steps[i]);
        cr_assert_eq(memcmp(expected, found, size), 0, "steps of %zu", steps[i]);
    }
    free(expected);
    free(found);
    unmake();
}

Test(output, small_requests_leave_in_one_piece) {
    struct iovec first;
    make("32", 16);
    for (unsigned i = 0; i < 16; i++) {
        add(i, i % 2 == 0);
    }
    cr_expect_eq(output_finish(&output, &first), 1);
    cr_expect_eq(first.iov_len, output.size);
    unmake();
}

Test(output, sends_the_same_bytes_however_short_the_sends_are) {
    const bool sets[] = {true, false, true, true, false, true};
    expect_same_whatever_the_step("32", sets, 6);
    expect_same_whatever_the_step("0-20", sets, 6);
    expect_same_whatever_the_step("4096-4097", sets, 6);
    expect_same_whatever_the_step("200000", sets, 6);
    expect_same_whatever_the_step("10:1,100000:1", sets, 6);
}

Test(output, tells_what_had_not_left_when_it_is_dropped) {
    struct iovec first;
    make("32", 2);
    add(1, true);
    add(2, false);
    size_t whole = output.size;
    output_finish(&output, &first);
    cr_assert_not(output_sent(&output, 10));
    cr_expect_eq(output_drop(&output), whole - 10);
    cr_expect(output_is_empty(&output));
    add(1, true);
    output_finish(&output, &first);
    cr_expect_eq(output_drop(&output), first.iov_len);
    unmake();
}

Test(output, may_be_filled_again_after_it_was_reset) {
    make("32", 2);
    for (unsigned round = 0; round < 10; round++) {
        add(1, true);
        add(2, false);
        struct iovec first;
        output_finish(&output, &first);
        output_reset(&output);
        cr_assert(output_is_empty(&output));
    }
    unmake();
}
