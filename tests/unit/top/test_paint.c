/* SPDX-License-Identifier: MIT
 *
 * The screen: within its columns and rows, whatever there is to show.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "paint.h"

enum { ROWS_MAX = 64, SECOND_NS = 1000000000 };

static char rows[ROWS_MAX][PAINT_COLUMNS_MAX + 1];
static unsigned rows_count;

static void line_keep(void *user, unsigned row, enum paint_style style, const char *text) {
    const struct paint_target *target = user;
    (void)style;
    cr_assert_lt(row, target->rows);
    cr_assert_leq(strlen(text), target->columns, "%s", text);
    snprintf(rows[row], sizeof(rows[row]), "%s", text);
    rows_count = row + 1 > rows_count ? row + 1 : rows_count;
}

static struct sample samples[VIEW_SERVERS_MAX][2];

/* A busy server with as many keys as there can be. */
static void sample_fill(struct sample *sample, uint64_t scale) {
    *sample =
        (struct sample){.answered = true, .is_riposte = true, .version = "0.1.0", .transport = "io_uring"};
    sample->time_ns = scale * SECOND_NS;
    sample->uptime_s = 100000 + scale;
    sample->memory_max = UINT64_C(64) << 30;
    for (unsigned i = 0; i < SAMPLE_COMMANDS_COUNT; i++) {
        sample->commands[i] = (struct sample_requests){.count = scale * 1234567,
                                                       .hits = scale * 1000000,
                                                       .misses = scale * 234567,
                                                       .has_hits = true,
                                                       .p99_ns = 1234567};
    }
    for (unsigned i = 0; i < SAMPLE_MEMORY_COUNT; i++) {
        sample->memory[i] = UINT64_C(7) << 30;
    }
    sample->keys_count = SAMPLE_KEYS_MAX;
    for (unsigned i = 0; i < SAMPLE_KEYS_MAX; i++) {
        memset(sample->keys[i].text, 'k', SAMPLE_KEY_SIZE_MAX - 1);
    }
    strcpy(sample->keys[0].text, "user%3A42%0A%7F%2"); /* as stats hotkeys has it, cut */
}

static void paint(unsigned servers, unsigned columns, unsigned target_rows, struct paint_state state) {
    struct view_pair pairs[VIEW_SERVERS_MAX];
    static struct view view;
    struct paint_target target = {
        .columns = columns, .rows = target_rows, .line = line_keep, .user = &target};
    for (unsigned i = 0; i < servers; i++) {
        sample_fill(&samples[i][0], 1);
        sample_fill(&samples[i][1], 2);
        pairs[i] = (struct view_pair){
            .address = "cache.example:11211", .before = &samples[i][0], .now = &samples[i][1]};
    }
    view_make(&view, pairs, servers, state.sort);
    rows_count = 0;
    memset(rows, 0, sizeof(rows));
    state.time = "12:34:56";
    paint_view(&target, &view, &state);
}

static bool shown(const char *text) {
    for (unsigned i = 0; i < rows_count; i++) {
        if (strstr(rows[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

Test(paint, shows_everything_of_one_server_on_80_by_24) {
    paint(1, 80, 24, (struct paint_state){.has_keys = true});
    cr_expect_eq(rows_count, 24);
    static const char *const texts[] = {"cache.example:11211  riposte 0.1.0 io_uring  up 1d 03:46:42",
                                        "requests",
                                        "hit ratio   81.00 %",
                                        "1,234,567",
                                        "memory",
                                        "items 7.000 GiB",
                                        "connections 7.000 GiB",
                                        "busiest keys",
                                        "kkkkkkk",
                                        "q quit   p pause   s sorted by rate"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cr_expect(shown(texts[i]), "no \"%s\"", texts[i]);
    }
}

Test(paint, shows_a_key_as_it_was_written_where_that_can_be_shown) {
    paint(1, 80, 100, (struct paint_state){0});
    cr_expect(shown("user:42%0A%7F%2 "));
}

Test(paint, stays_within_any_screen) {
    for (unsigned columns = 1; columns <= PAINT_COLUMNS_MAX; columns += 17) {
        for (unsigned target_rows = 1; target_rows <= ROWS_MAX; target_rows += 3) {
            paint(1, columns, target_rows, (struct paint_state){.has_keys = true});
            paint(VIEW_SERVERS_MAX, columns, target_rows, (struct paint_state){0});
        }
    }
}

Test(paint, lists_several_servers_and_says_how_many_more_there_are) {
    paint(VIEW_SERVERS_MAX, 80, 24,
          (struct paint_state){.has_keys = true, .paused = true, .sort = VIEW_BY_NAME});
    cr_expect(shown("32 of 32 servers answer  12:34:56  PAUSED"));
    cr_expect(shown("and 24 more"));
    cr_expect(shown("p go on   s sorted by name"));
}

Test(paint, says_which_server_does_not_answer) {
    static struct view view;
    static const struct sample silent;
    const struct view_pair pair = {.address = "gone:1", .before = &silent, .now = &silent};
    struct paint_target target = {.columns = 80, .rows = 24, .line = line_keep, .user = &target};
    view_make(&view, &pair, 1, VIEW_BY_RATE);
    paint_view(&target, &view, &(struct paint_state){.time = ""});
    cr_expect(shown("0 of 1 servers answer"));
    cr_expect(shown("gone:1"));
    cr_expect(shown("does not answer"));
}
