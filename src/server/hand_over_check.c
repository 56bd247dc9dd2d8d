/* SPDX-License-Identifier: MIT
 *
 * hand_over_check: --check --take-over: asks the other process, takes nothing, and says what would not be carried over. See hand_over.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "doctor/doctor.h"
#include "doctor/trial.h"
#include "hand_over.h"
#include "process.h"
#include "riposte/log.h"
#include "units.h"

static const char *const take_over_sums[] = {
    [FINDING_GOOD] = "It would take over, and nothing would be lost.",
    [FINDING_FAIR] = "It would take over; what is fair would not be carried over.",
    [FINDING_WRONG] = "It would not take over: see what is wrong.",
};

/* Connections go where the same is spoken as before: adopt.c. */
static bool speaks_the_same(const struct listen *left, const struct listen *right) {
    return left->protocol->protocol == right->protocol->protocol &&
           (left->tls >= LISTEN_TLS_ON) == (right->tls >= LISTEN_TLS_ON);
}

/* One that the other process has, and what the flags make of it. */
static void check_taken(struct findings *findings, struct listen_list *list, const struct listen *listen) {
    char text[LISTEN_TEXT_SIZE_MAX];
    unsigned index = listen_list_match(list, listen, false);
    listen_text(listen, text);
    if (index == list->count) {
        findings_add(findings, FINDING_FAIR, "address",
                     "%s: no flag names it; it is closed, and its connections are", text);
    } else if (!speaks_the_same(listen, &list->listens[index])) {
        findings_add(findings, FINDING_FAIR, "address",
                     "%s: something else is spoken there from then on; its connections are closed", text);
    } else if (listen->tls >= LISTEN_TLS_ON) {
        findings_add(findings, FINDING_FAIR, "address",
                     "%s: connections over TLS are closed in order, and resume their sessions", text);
    }
}

/* Of an address of all (0.0.0.0, ::) and one of them the second cannot be opened while the first listens. */
static bool taken_has_port(const struct listeners_taken *taken, const struct listen *listen) {
    for (unsigned i = 0; i < taken->count && listen->address.ss_family != AF_UNIX; i++) {
        const struct listen known = listeners_listen(taken, i);
        if (known.address.ss_family != AF_UNIX &&
            address_port(&known.address) == address_port(&listen->address)) {
            return true;
        }
    }
    return false;
}

/* One that it has not. The other process keeps its own until then. */
static void check_opened(struct findings *findings, const struct server *server,
                         const struct listen *listen) {
    struct facts_port port;
    trial_port(server, listen, &port);
    if (*port.reason != '\0') {
        struct finding *finding = findings_add(findings, FINDING_WRONG, "address", "%s", port.reason);
        if (taken_has_port(&server->taker.listeners, listen)) {
            snprintf(finding->cure, sizeof(finding->cure),
                     "%jd has this port, and keeps it until it ends: name single addresses (-l "
                     "127.0.0.1,192.0.2.1) "
                     "instead of all, or start anew",
                     (intmax_t)server->taker.pid);
        }
    } else {
        findings_add(findings, FINDING_GOOD, "address", "%s: is opened anew", port.text);
    }
}

/* The list has been made from the flags, and knows which of its addresses the other process has. */
static void check_listens(struct findings *findings, struct server *server) {
    for (unsigned i = 0; i < server->taker.listeners.count; i++) {
        struct listen listen = listeners_listen(&server->taker.listeners, i);
        check_taken(findings, &server->listens, &listen);
    }
    for (unsigned i = 0; i < server->listens.count; i++) {
        if (!server->listens.listens[i].is_taken) {
            check_opened(findings, server, &server->listens.listens[i]);
        }
    }
}

/* How far -m may go from what a store was laid out for: README.md. What it was laid out for may be further than what it has. */
enum { CHECK_RAISE_MAX = 4, CHECK_LOWER_MAX = 12 };

static void check_memory(struct findings *findings, uint64_t wanted, uint64_t present) {
    if (wanted / CHECK_RAISE_MAX >= present || wanted < present / CHECK_LOWER_MAX) {
        findings_add(findings, FINDING_FAIR, "items",
                     "-m %s: too far from the %s that they were laid out for, if not for more; they are "
                     "carried over one by one "
                     "then, which takes longer",
                     units_show_size(wanted).text, units_show_size(present).text);
    }
    if (wanted < present) {
        findings_add(findings, FINDING_FAIR, "items", "-m %s: what is beyond it of %s is evicted afterwards",
                     units_show_size(wanted).text, units_show_size(present).text);
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
    check_memory(findings, options->memory_limit, settings->memory_limit);
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

/* Limits belong to this process, whatever the other one has. */
static void check_limits(struct findings *findings, struct server *server, struct facts *facts) {
    struct failure failure = {0};
    uint32_t wanted = server->options.conn_limit;
    if (!process_raise_limits(server, &failure)) {
        findings_add(findings, FINDING_WRONG, "descriptors", "%s", failure.text);
        return;
    }
    if (server->options.conn_limit < wanted) {
        findings_add(findings, FINDING_FAIR, "descriptors",
                     "%" PRIu64 " at most: -c becomes %" PRIu32 " instead of %" PRIu32,
                     server->descriptors_limit, server->options.conn_limit, wanted);
    }
    trial_engine(server, facts);
    if (!facts->engine_started) {
        findings_add(findings, FINDING_WRONG, "engine", "%s", facts->reason);
    }
    if (*facts->store_reason != '\0') {
        findings_add(findings, FINDING_WRONG, "items", "%s", facts->store_reason);
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
        check_limits(&findings, server, &facts);
    }
    inherited_close(&server->inherited);
    hand_over_end(server);
    int status = doctor_report(file, &server->options, &facts, &findings);
    return fflush(file) == 0 ? status : (int)FINDING_WRONG;
}
