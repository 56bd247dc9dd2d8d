/* SPDX-License-Identifier: MIT
 *
 * hand_over_check: --check --take-over: asks the other process, takes nothing, and says what would not be carried over. See hand_over.h.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hand_over.h"
#include "riposte/log.h"
#include "units.h"

/* Exit statuses, as of --check. */
enum { CHECK_GOOD, CHECK_LOSES, CHECK_FAILS };

struct check {
    FILE *file;
    int status;
};

static void check_say(struct check *check, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void check_say(struct check *check, int status, const char *format, ...) {
    static const char *const marks[] = {"    ", "loses ", "fails "};
    va_list arguments;
    fprintf(check->file, "%-6s", marks[status]);
    va_start(arguments, format);
    vfprintf(check->file, format, arguments);
    va_end(arguments);
    fputc('\n', check->file);
    check->status = status > check->status ? status : check->status;
}

/* The list has been made from the flags, and knows which of its addresses the other process has. */
static void check_listens(struct check *check, struct server *server) {
    const struct taker *taker = &server->taker;
    char text[LISTEN_TEXT_SIZE_MAX];
    for (unsigned i = 0; i < taker->listeners_count; i++) {
        struct listen listen = taker_listen(taker, i);
        if (listen_list_match(&server->listens, &listen, false) == server->listens.count) {
            listen_text(&listen, text);
            check_say(check, CHECK_LOSES, "%s: no flag names it; it is closed, and its connections are",
                      text);
        }
    }
    for (unsigned i = 0; i < server->listens.count; i++) {
        const struct listen *listen = &server->listens.listens[i];
        listen_text(listen, text);
        if (!listen->is_taken) {
            check_say(check, CHECK_GOOD, "%s: is opened anew", text);
        } else if (listen->tls >= LISTEN_TLS_ON) {
            check_say(check, CHECK_LOSES,
                      "%s: connections over TLS are closed in order, and resume their sessions", text);
        }
    }
}

static void check_items(struct check *check, const struct server *server) {
    const struct options *options = &server->options;
    const struct message_settings *settings = &server->taker.settings;
    struct stat status = {0};
    if (options->max_item_size > settings->item_size_max) {
        check_say(check, CHECK_FAILS, "-I %s: the store was made for items of up to %s; it would be refused",
                  units_show_size(options->max_item_size).text,
                  units_show_size(settings->item_size_max).text);
    }
    if (options->memory_limit < settings->memory_limit) {
        check_say(check, CHECK_LOSES, "-m %s: what is beyond it of %s is evicted afterwards",
                  units_show_size(options->memory_limit).text, units_show_size(settings->memory_limit).text);
    }
    bool is_same = options->memory_file != NULL && stat(options->memory_file, &status) == 0 &&
                   (uint64_t)status.st_dev == settings->file_device &&
                   (uint64_t)status.st_ino == settings->file_inode;
    if (options->memory_file != NULL && !is_same) {
        check_say(check, CHECK_LOSES, "-e %s: is not used; the items stay in the memory that they are in",
                  options->memory_file);
    } else if (options->memory_file == NULL && settings->file_inode != 0) {
        check_say(check, CHECK_LOSES, "without -e the items are not left for the next start");
    }
}

int hand_over_check(struct server *server, FILE *file) {
    struct check check = {.file = file};
    struct failure failure = {0};
    const struct taker *taker = &server->taker;
    /* What a start would warn of is said below. */
    log_level_set(LOG_LEVEL_ERROR);
    if (!hand_over_ask(server, &failure) ||
        !taker_inherit(&server->taker, &server->inherited, &server->listens, &server->options, &failure)) {
        check_say(&check, CHECK_FAILS, "%s", failure.text);
    } else {
        check_say(&check, CHECK_GOOD,
                  "process %jd, version %s: %" PRIu64 " items, %" PRIu64 " connections, %" PRIu32 " workers",
                  (intmax_t)taker->pid, taker->settings.version, taker->settings.items_count,
                  taker->settings.connections_count, taker->settings.workers_count);
        check_listens(&check, server);
        check_items(&check, server);
    }
    inherited_close(&server->inherited);
    hand_over_end(server);
    return fflush(file) == 0 ? check.status : CHECK_FAILS;
}
