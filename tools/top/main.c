/* SPDX-License-Identifier: MIT
 *
 * riposte-top: a full-screen view of caches. `riposte-top --help` says what it shows.
 *
 *      link (asks) -> sample (what was said) -> view (rates, sums, orders) -> paint (lines) -> terminal, or a pipe
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "link.h"
#include "options_table.h"
#include "paint.h"
#include "riposte/clock.h"
#include "terminal.h"

enum { ANSWER_LIMIT_MS = 2000, ONCE_ROWS = 1000, EXIT_SILENT_SERVER = 1, TIME_SIZE_MAX = 16 };

/* Everything that is looked at. */
struct watch {
    struct link links[VIEW_SERVERS_MAX];
    struct sample samples[VIEW_SERVERS_MAX][2]; /* the last two of each */
    unsigned links_count;
    unsigned latest; /* which of the two is newer */
    struct view view;
};

static int fail(const struct failure *failure) {
    fprintf(stderr, "riposte-top: %s\n", failure->text);
    return failure->exit_status;
}

/* --- looking ----------------------------------------------------------------------------------------------
 */

static bool watch_init(struct watch *watch, const struct options *options, struct failure *failure) {
    if (options->servers.count > VIEW_SERVERS_MAX) {
        return failure_set(failure, EX_USAGE, "more than %d servers", VIEW_SERVERS_MAX);
    }
    for (unsigned i = 0; i < options->servers.count; i++) {
        if (!link_init(&watch->links[i], options->servers.texts[i], &options->tls, failure)) {
            return false;
        }
        watch->links_count++;
    }
    return true;
}

static void watch_deinit(struct watch *watch) {
    for (unsigned i = 0; i < watch->links_count; i++) {
        link_deinit(&watch->links[i]);
    }
}

/* A new sample of each server takes the place of the older one. */
static void watch_look(struct watch *watch) {
    watch->latest ^= 1;
    for (unsigned i = 0; i < watch->links_count; i++) {
        link_sample(&watch->links[i], ANSWER_LIMIT_MS, &watch->samples[i][watch->latest]);
    }
}

static const struct view *watch_view(struct watch *watch, enum view_sort sort) {
    struct view_pair pairs[VIEW_SERVERS_MAX];
    for (unsigned i = 0; i < watch->links_count; i++) {
        pairs[i] = (struct view_pair){.address = watch->links[i].text,
                                      .before = &watch->samples[i][watch->latest ^ 1],
                                      .now = &watch->samples[i][watch->latest]};
    }
    view_make(&watch->view, pairs, watch->links_count, sort);
    return &watch->view;
}

static void time_now(char text[TIME_SIZE_MAX]) {
    time_t now = time(NULL);
    struct tm parts;
    strftime(text, TIME_SIZE_MAX, "%H:%M:%S", localtime_r(&now, &parts));
}

/* --- once -------------------------------------------------------------------------------------------------
 */

static void line_print(void *user, unsigned row, enum paint_style style, const char *text) {
    (void)user;
    (void)row;
    (void)style;
    puts(text);
}

/* As many lines as a terminal shows above the next prompt; all there are for a file or a pipe. */
static unsigned rows_once(void) {
    struct winsize size;
    bool is_terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
    return is_terminal ? size.ws_row - 1u : ONCE_ROWS;
}

static int run_once(struct watch *watch, const struct options *options) {
    const struct timespec delay = {.tv_sec = (time_t)(options->delay_ns / CLOCK_NS_PER_S),
                                   .tv_nsec = (long)(options->delay_ns % CLOCK_NS_PER_S)};
    const struct paint_target target = {.columns = options->columns, .rows = rows_once(), .line = line_print};
    char now[TIME_SIZE_MAX];
    watch_look(watch);
    nanosleep(&delay, NULL);
    watch_look(watch);
    time_now(now);
    const struct view *view = watch_view(watch, VIEW_BY_RATE);
    paint_view(&target, view, &(struct paint_state){.time = now});
    return view->answered_count == view->servers_count ? EXIT_SUCCESS : EXIT_SILENT_SERVER;
}

/* --- on the screen ----------------------------------------------------------------------------------------
 */

/* Until `end_ns`, or what is typed wants another picture. False: it is to end. */
static bool keys_wait(struct paint_state *state, uint64_t end_ns) {
    uint64_t now_ns = clock_monotonic_ns();
    switch (terminal_key(now_ns < end_ns ? (unsigned)((end_ns - now_ns) / CLOCK_NS_PER_MS) + 1 : 0)) {
    case TERMINAL_QUIT:
        return false;
    case TERMINAL_PAUSE:
        state->paused = !state->paused;
        break;
    case TERMINAL_SORT:
        state->sort = (enum view_sort)((state->sort + 1) % VIEW_SORTS_COUNT);
        break;
    case TERMINAL_RESIZED:
    case TERMINAL_NOTHING:
        break;
    }
    return true;
}

static int run_screen(struct watch *watch, const struct options *options, struct failure *failure) {
    char now[TIME_SIZE_MAX] = "";
    struct paint_state state = {.time = now, .has_keys = true};
    uint64_t look_ns = clock_monotonic_ns();
    if (!terminal_begin(failure)) {
        return fail(failure);
    }
    do {
        uint64_t now_ns = clock_monotonic_ns();
        if (now_ns >= look_ns) {
            look_ns = now_ns + options->delay_ns;
            if (!state.paused) {
                watch_look(watch);
                time_now(now);
            }
        }
        terminal_show(watch_view(watch, state.sort), &state);
    } while (keys_wait(&state, look_ns));
    terminal_end();
    return EXIT_SUCCESS;
}

int main(int arguments_count, char **arguments) {
    static struct watch watch; /* too large for a stack */
    struct options options;
    struct failure failure = {0};
    switch (options_table_read(&options, arguments_count, (const char *const *)arguments, &failure)) {
    case OPTIONS_SHOW:
        return EXIT_SUCCESS;
    case OPTIONS_REFUSED:
        return fail(&failure);
    case OPTIONS_COMPLETE:
        break;
    }
    if (!watch_init(&watch, &options, &failure)) {
        return fail(&failure);
    }
    int status = options.once ? run_once(&watch, &options) : run_screen(&watch, &options, &failure);
    watch_deinit(&watch);
    return status;
}
