/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "conn.h"
#include "conn_queue.h"

enum { CAPACITY = 8, SESSION_SIZE = 24 };

static struct conn_table table_of(uint32_t capacity) {
    struct conn_table table;
    cr_assert_eq(conn_table_init(&table, capacity, SESSION_SIZE, 0), 0);
    return table;
}

Test(conn, takes_every_slot_and_not_one_more) {
    struct conn_table table = table_of(CAPACITY);
    for (int i = 0; i < CAPACITY; i++) {
        cr_assert_not_null(conn_open(&table, 100 + i));
    }
    cr_assert_null(conn_open(&table, 200));
    cr_assert_eq(table.open_count, CAPACITY);
}

Test(conn, is_not_found_under_the_tag_of_an_earlier_owner) {
    struct conn_table table = table_of(CAPACITY);
    struct conn *conn = conn_open(&table, 3);
    uint64_t tag = tag_pack(OP_RECV, conn->generation, conn->index);
    cr_assert_eq(conn_find(&table, tag), conn);
    conn_release(&table, conn);
    cr_assert_null(conn_find(&table, tag));
    struct conn *next = conn_open(&table, 4);
    cr_assert_eq(next, conn, "the slot used last is the warmest");
    cr_assert_null(conn_find(&table, tag));
    cr_assert_eq(conn_find(&table, tag_pack(OP_RECV, next->generation, next->index)), next);
}

Test(conn, begins_with_a_zeroed_session) {
    struct conn_table table = table_of(CAPACITY);
    struct conn *conn = conn_open(&table, 3);
    memset(conn->session, 0xff, SESSION_SIZE);
    conn_release(&table, conn);
    conn = conn_open(&table, 3);
    for (int i = 0; i < SESSION_SIZE; i++) {
        cr_assert_eq(conn->session[i], 0);
    }
}

Test(conn, stays_small_enough_for_many_idle_ones) {
    struct conn_table table = table_of(CAPACITY);
    cr_assert_leq(table.slot_size, 256, "%zu", table.slot_size);
}

Test(conn, queues_are_first_in_first_out_and_hold_a_connection_once) {
    struct conn_table table = table_of(CAPACITY);
    struct conn_queue queue = CONN_QUEUE_EMPTY;
    struct conn *conns[3];
    for (int i = 0; i < 3; i++) {
        conns[i] = conn_open(&table, i);
        conn_queue_push(&table, &queue, conns[i], CONN_QUEUE_RUN);
        conn_queue_push(&table, &queue, conns[0], CONN_QUEUE_RUN);
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(conn_queue_pop(&table, &queue, CONN_QUEUE_RUN), conns[i]);
    }
    cr_assert_null(conn_queue_pop(&table, &queue, CONN_QUEUE_RUN));
}

Test(conn, released_in_a_queue_leaves_the_queue_whole) {
    struct conn_table table = table_of(CAPACITY);
    struct conn_queue queue = CONN_QUEUE_EMPTY;
    struct conn *first = conn_open(&table, 1), *second = conn_open(&table, 2);
    conn_queue_push(&table, &queue, first, CONN_QUEUE_ARM);
    conn_queue_push(&table, &queue, second, CONN_QUEUE_ARM);
    conn_release(&table, first);
    struct conn *heir = conn_open(&table, 3);
    cr_assert_eq(heir, first);
    conn_queue_push(&table, &queue, heir, CONN_QUEUE_ARM);
    cr_assert_eq(conn_queue_pop(&table, &queue, CONN_QUEUE_ARM), heir);
    cr_assert_eq(conn_queue_pop(&table, &queue, CONN_QUEUE_ARM), second);
    cr_assert_null(conn_queue_pop(&table, &queue, CONN_QUEUE_ARM));
}

Test(tag, gives_back_what_was_packed) {
    uint64_t tag = tag_pack(OP_SEND, 0x1abcdef, 0xfedcba98);
    cr_assert_eq(tag_op(tag), OP_SEND);
    cr_assert_eq(tag_generation(tag), 0xabcdef);
    cr_assert_eq(tag_index(tag), 0xfedcba98);
}
