/* SPDX-License-Identifier: MIT
 *
 * metrics: every counter once, rows of one name together, and nothing ever falls.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../fixture.h"
#include "counters.h"

TestSuite(metrics, .init = open_all, .fini = close_all);

enum { ROWS_MAX = 200, TEXT_SIZE_MAX = 96 };

struct rows {
    unsigned count;
    struct {
        char name[TEXT_SIZE_MAX];
        char labels[METRICS_LABELS_MAX][TEXT_SIZE_MAX];
        enum metrics_kind kind;
        double value;
    } row[ROWS_MAX];
};

static void keep_row(void *target, const struct metrics_row *row) {
    struct rows *rows = target;
    cr_assert_lt(rows->count, ROWS_MAX);
    cr_assert(row->help != NULL && row->help[0] != '\0', "%s", row->name);
    snprintf(rows->row[rows->count].name, TEXT_SIZE_MAX, "%s", row->name);
    for (unsigned i = 0; i < METRICS_LABELS_MAX && row->labels[i].name != NULL; i++) {
        snprintf(rows->row[rows->count].labels[i], TEXT_SIZE_MAX, "%s", row->labels[i].value);
    }
    rows->row[rows->count].kind = row->kind;
    rows->row[rows->count].value = row->value;
    rows->count++;
}

static struct rows *rows_read(void) {
    struct rows *rows = calloc(1, sizeof(*rows));
    struct metrics_source source = memcached_service_metrics(server.service);
    source.write(source.user, keep_row, rows);
    return rows;
}

/* -1 when there is no such row. */
static double value_of(const struct rows *rows, const char *name, const char *first, const char *second) {
    for (unsigned i = 0; i < rows->count; i++) {
        if (strcmp(rows->row[i].name, name) == 0 && strcmp(rows->row[i].labels[0], first) == 0 &&
            strcmp(rows->row[i].labels[1], second) == 0) {
            return rows->row[i].value;
        }
    }
    return -1;
}

Test(metrics, tell_of_every_counter_under_its_own_name) {
    struct rows *rows = rows_read();
#define EXPECT_ROW(name, help)                                                                               \
    cr_expect_eq(value_of(rows, "riposte_memcached_" #name "_total", "", ""), 0, #name);
    MC_COUNTERS(EXPECT_ROW)
#undef EXPECT_ROW
    cr_expect_eq(value_of(rows, "riposte_memcached_watchers", "", ""), 0);
    free(rows);
}

Test(metrics, have_rows_of_one_name_together_and_each_row_once) {
    struct rows *rows = rows_read();
    for (unsigned i = 0; i < rows->count; i++) {
        for (unsigned k = 0; k < i; k++) {
            bool same_name = strcmp(rows->row[i].name, rows->row[k].name) == 0;
            cr_expect(!same_name || strcmp(rows->row[k + 1].name, rows->row[k].name) == 0, "%s",
                      rows->row[i].name);
            cr_expect(!same_name ||
                          memcmp(rows->row[i].labels, rows->row[k].labels, sizeof(rows->row[i].labels)) != 0,
                      "%s", rows->row[i].name);
        }
        size_t size = strlen(rows->row[i].name);
        bool ends_in_total = size > 6 && strcmp(rows->row[i].name + size - 6, "_total") == 0;
        cr_expect_eq(ends_in_total, rows->row[i].kind == METRICS_COUNTER, "%s", rows->row[i].name);
    }
    free(rows);
}

Test(metrics, count_what_clients_ask_for_and_never_fall) {
    talk_check(&talk, "set a 0 0 1\r\n1\r\nget a\r\nget b\r\nstats reset\r\nget b\r\n",
               "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\nEND\r\nRESET\r\nEND\r\n");
    struct rows *rows = rows_read();
    cr_expect_eq(value_of(rows, "memcached_commands_total", "get", "hit"), 1);
    cr_expect_eq(value_of(rows, "memcached_commands_total", "get", "miss"), 2);
    cr_expect_eq(value_of(rows, "memcached_commands_total", "set", "hit"), 1);
    cr_expect_eq(value_of(rows, "riposte_memcached_get_misses_total", "", ""), 2);
    free(rows);
}
