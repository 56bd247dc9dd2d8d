/* SPDX-License-Identifier: MIT
 *
 * watch: watchers, kinds and rings.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "watch.h"

enum { LINES_MANY = 10000, PRODUCERS = 4 };

static struct watch watch;
static _Atomic unsigned observed;

static void open_watch(void) {
    watch_init(&watch, &observed);
}

static void close_watch(void) {
    watch_deinit(&watch);
}

TestSuite(watch, .init = open_watch, .fini = close_watch, .timeout = 120);

static struct watcher *added(unsigned kinds, int fd) {
    struct watcher *watcher = NULL;
    cr_assert_eq(watch_add(&watch, kinds, fd, &watcher), WATCH_ADDED);
    return watcher;
}

static struct watch_fate publish(enum watch_kind kind, const char *line) {
    return watch_publish(&watch, kind, bytes_from_string(line));
}

/* All that waits, ended by a NUL; to be freed. */
static char *taken(struct watcher *watcher) {
    char *text = NULL;
    size_t size = 0;
    struct bytes front;
    while ((front = watcher_front(watcher)).size > 0) {
        text = realloc(text, size + front.size + 1);
        memcpy(text + size, front.data, front.size);
        size += front.size;
        watcher_drop(watcher, front.size);
    }
    text = realloc(text, size + 1);
    text[size] = '\0';
    return text;
}

Test(watch, heads_each_line_with_time_and_number) {
    struct watcher *watcher = added(WATCH_FETCHERS, 7);
    unsigned long long seconds;
    unsigned micros;
    int end = 0;
    publish(WATCH_FETCHERS, "one");
    publish(WATCH_FETCHERS, "two");
    char *text = taken(watcher);
    cr_assert_eq(sscanf(text, "ts=%llu.%6u gid=1 one\n%n", &seconds, &micros, &end), 2, "%s", text);
    cr_assert_eq(sscanf(text + end, "ts=%llu.%6u gid=2 two%n", &seconds, &micros, &end), 2, "%s", text);
    cr_expect_eq(text[strlen(text) - 1], '\n');
    free(text);
    watch_remove(&watch, watcher);
}

/* As one that goes on with another one's lines. */
Test(watch, numbers_only_grow) {
    struct watcher *watcher = added(WATCH_FETCHERS, 7);
    watch_number_from(&watch, 41);
    publish(WATCH_FETCHERS, "one");
    watch_number_from(&watch, 7);
    cr_expect_eq(watch_last_number(&watch), 42);
    char *text = taken(watcher);
    cr_expect_not_null(strstr(text, " gid=42 one"), "%s", text);
    free(text);
    watch_remove(&watch, watcher);
}

Test(watch, gives_everybody_what_they_asked_for) {
    struct watcher *first = added(WATCH_FETCHERS, 7);
    struct watcher *second = added(WATCH_FETCHERS | WATCH_DELETIONS, 8);
    cr_expect_eq(atomic_load(&observed), WATCH_FETCHERS | WATCH_DELETIONS);
    cr_expect_eq(publish(WATCH_FETCHERS, "fetched").sent_count, 2);
    cr_expect_eq(publish(WATCH_DELETIONS, "deleted").sent_count, 1);
    cr_expect_eq(publish(WATCH_EVICTIONS, "evicted").sent_count, 0);
    char *text = taken(first);
    cr_expect(strstr(text, "fetched\n") != NULL && strstr(text, "deleted") == NULL, "%s", text);
    free(text);
    text = taken(second);
    cr_expect(strstr(text, "fetched\n") != NULL && strstr(text, "deleted\n") != NULL, "%s", text);
    free(text);
    watch_remove(&watch, second);
    cr_expect_eq(atomic_load(&observed), WATCH_FETCHERS);
    watch_remove(&watch, first);
    cr_expect_eq(atomic_load(&observed), 0);
}

Test(watch, knows_its_watchers) {
    struct watcher *watcher = added(0, 7);
    cr_expect(watch_has(&watch, 7));
    cr_expect_not(watch_has(&watch, 8));
    cr_expect_eq(watch_count(&watch), 1);
    watch_remove(&watch, watcher);
    cr_expect_not(watch_has(&watch, 7));
    cr_expect_eq(watch_count(&watch), 0);
}

Test(watch, has_room_for_twenty) {
    struct watcher *watchers[WATCHERS_MAX];
    struct watcher *none;
    for (int i = 0; i < WATCHERS_MAX; i++) {
        watchers[i] = added(WATCH_FETCHERS, i);
    }
    cr_expect_eq(watch_add(&watch, WATCH_EVICTIONS, 99, &none), WATCH_TOO_MANY);
    cr_expect_eq(atomic_load(&observed), WATCH_FETCHERS);
    for (int i = 0; i < WATCHERS_MAX; i++) {
        watch_remove(&watch, watchers[i]);
    }
}

Test(watch, tells_who_does_not_read_how_many_lines_were_lost) {
    struct watcher *watcher = added(WATCH_FETCHERS, 7);
    char line[WATCH_LINE_SIZE_MAX + 1];
    char lost[64];
    unsigned skipped_count = 0;
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (unsigned i = 0; i < LINES_MANY; i++) {
        skipped_count += publish(WATCH_FETCHERS, line).skipped_count;
    }
    cr_assert_gt(skipped_count, 0);
    cr_assert_lt(skipped_count, LINES_MANY);
    char *text = taken(watcher);
    cr_expect(strstr(text, "skipped=") == NULL, "what was there is whole");
    free(text);
    cr_expect_eq(publish(WATCH_FETCHERS, "next").sent_count, 1);
    cr_expect_eq(publish(WATCH_FETCHERS, "last").sent_count, 1);
    text = taken(watcher);
    snprintf(lost, sizeof(lost), "skipped=%u\nts=", skipped_count);
    cr_expect_eq(strncmp(text, lost, strlen(lost)), 0, "%s", text);
    cr_expect(strstr(text + strlen(lost), "skipped=") == NULL, "said once: %s", text);
    free(text);
    watch_remove(&watch, watcher);
}

static void *produce(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < LINES_MANY; i++) {
        publish(WATCH_MUTATIONS, "a line from one of several threads");
    }
    return NULL;
}

/* Counts the lines of a text and checks that none is torn; `rest` is what a piece ended with. */
static unsigned lines_check(struct bytes piece, char *rest, size_t *rest_size) {
    unsigned count = 0;
    for (size_t i = 0; i < piece.size; i++) {
        rest[(*rest_size)++] = piece.data[i];
        cr_assert_lt(*rest_size, 128);
        if (piece.data[i] == '\n') {
            rest[*rest_size - 1] = '\0';
            if (strncmp(rest, "skipped=", 8) == 0) {
                count += (unsigned)strtoul(rest + 8, NULL, 10);
            } else {
                cr_assert(strstr(rest, " a line from one of several threads") != NULL, "%s", rest);
                count++;
            }
            *rest_size = 0;
        }
    }
    return count;
}

Test(watch, loses_no_line_unnoticed_while_threads_write_and_one_reads) {
    struct watcher *watcher = added(WATCH_MUTATIONS, 7);
    pthread_t threads[PRODUCERS];
    char rest[128];
    size_t rest_size = 0;
    unsigned count = 0;
    for (int i = 0; i < PRODUCERS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, produce, NULL), 0);
    }
    for (int i = 0; i < LINES_MANY; i++) {
        struct bytes front = watcher_front(watcher);
        count += lines_check(front, rest, &rest_size);
        watcher_drop(watcher, front.size);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (bool last = false; watcher_front(watcher).size > 0 || !last;) {
        if (watcher_front(watcher).size == 0) {
            publish(WATCH_MUTATIONS,
                    "is a line from one of several threads"); /* brings the rest of the count */
            last = true;
        }
        struct bytes front = watcher_front(watcher);
        count += lines_check(front, rest, &rest_size);
        watcher_drop(watcher, front.size);
    }
    cr_expect_eq(rest_size, 0);
    cr_expect_eq(count, PRODUCERS * LINES_MANY + 1);
    watch_remove(&watch, watcher);
}
