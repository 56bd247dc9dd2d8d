/* SPDX-License-Identifier: MIT
 *
 * hand_over_check: --check --take-over: asks the other process, takes nothing, and says what would not be carried over. See hand_over.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "doctor/doctor.h"
#include "hand_over.h"
#include "riposte/log.h"
#include "units.h"

static const char *const take_over_sums[] = {
    [FINDING_GOOD] = "It would take over, and nothing would be lost.",
    [FINDING_FAIR] = "It would take over; what is fair would not be carried over.",
    [FINDING_WRONG] = "It would not take over: see what is wrong.",
};

/* The list has been made from the flags, and knows which of its addresses the other process has. */
static void check_listens(struct findings *findings, struct server *server) {
    const struct taker *taker = &server->taker;
    char text[LISTEN_TEXT_SIZE_MAX];
    for (unsigned i = 0; i < taker->listeners_count; i++) {
        struct listen listen = taker_listen(taker, i);
        if (listen_list_match(&server->listens, &listen, false) == server->listens.count) {
            listen_text(&listen, text);
            findings_add(findings, FINDING_FAIR, "address",
                         "%s: no flag names it; it is closed, and its connections are", text);
        }
    }
    for (unsigned i = 0; i < server->listens.count; i++) {
        const struct listen *listen = &server->listens.listens[i];
        listen_text(listen, text);
        if (!listen->is_taken) {
            findings_add(findings, FINDING_GOOD, "address", "%s: is opened anew", text);
        } else if (listen->tls >= LISTEN_TLS_ON) {
            findings_add(findings, FINDING_FAIR, "address",
                         "%s: connections over TLS are closed in order, and resume their sessions", text);
        }
    }
}

static void check_items(struct findings *findings, const struct server *server) {
    const struct options *options = &server->options;
    const struct message_settings *settings = &server->taker.settings;
    struct stat status = {0};
    bool can_send = (server->taker.abilities & MESSAGE_CAN_SEND_ITEMS) != 0;
    if (options->max_item_size > settings->item_size_max) {
        findings_add(
            findings, can_send ? FINDING_FAIR : FINDING_WRONG, "items",
            "-I %s: the store was made for items of up to %s; %s",
            units_show_size(options->max_item_size).text, units_show_size(settings->item_size_max).text,
            can_send ? "they are carried over one by one, which takes longer" : "it would be refused");
    }
    if (options->memory_limit < settings->memory_limit) {
        findings_add(findings, FINDING_FAIR, "items", "-m %s: what is beyond it of %s is evicted afterwards",
                     units_show_size(options->memory_limit).text,
                     units_show_size(settings->memory_limit).text);
    }
    bool is_same = options->memory_file != NULL && stat(options->memory_file, &status) == 0 &&
                   (uint64_t)status.st_dev == settings->file_device &&
                   (uint64_t)status.st_ino == settings->file_inode;
    if (options->memory_file != NULL && !is_same) {
        findings_add(findings, FINDING_FAIR, "items",
                     "-e %s: is not used; the items stay in the memory that they are in",
                     options->memory_file);
    } else if (options->memory_file == NULL && settings->file_inode != 0) {
        findings_add(findings, FINDING_FAIR, "items", "without -e the items are not left for the next start");
    }
}

int hand_over_check(struct server *server, FILE *file) {
    static struct facts facts;       /* too large for a stack that may be small */
    static struct findings findings; /* likewise */
    struct failure failure = {0};
    const struct taker *taker = &server->taker;
    /* What a start would warn of is said below. */
    log_level_set(LOG_LEVEL_ERROR);
    findings.sums = take_over_sums;
    facts_read(&facts, "");
    if (!hand_over_ask(server, &failure) ||
        !taker_inherit(&server->taker, &server->inherited, &server->listens, &server->options, &failure)) {
        findings_add(&findings, FINDING_WRONG, "process", "%s", failure.text);
    } else {
        findings_add(&findings, FINDING_GOOD, "process",
                     "%jd, version %s: %" PRIu64 " items, %" PRIu64 " connections, %" PRIu32 " workers",
                     (intmax_t)taker->pid, taker->settings.version, taker->settings.items_count,
                     taker->settings.connections_count, taker->settings.workers_count);
        check_listens(&findings, server);
        check_items(&findings, server);
    }
    inherited_close(&server->inherited);
    hand_over_end(server);
    int status = doctor_report(file, &server->options, &facts, &findings);
    return fflush(file) == 0 ? status : (int)FINDING_WRONG;
}
