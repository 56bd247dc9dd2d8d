/* SPDX-License-Identifier: MIT
 *
 * fault: reads a variable, and obeys. See fault.h.
 */
#include "fault.h"

#ifdef RIPOSTE_DEBUG_COMMANDS

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FAULT_STALL_S = 3 };

/* What is wanted with a message of that kind; "": nothing. */
static const char *fault_wanted(enum message_kind kind) {
    const char *wanted = getenv("RIPOSTE_TAKE_OVER_FAULT");
    const char *name = message_name(kind);
    size_t name_size = strlen(name);
    bool is_meant = wanted != NULL && strncmp(wanted, name, name_size) == 0 && wanted[name_size] == ':';
    return is_meant ? wanted + name_size + 1 : "";
}

static void fault_stall(void) {
    struct timespec time = {.tv_sec = FAULT_STALL_S};
    nanosleep(&time, NULL);
}

void fault_strike(enum message_kind kind, char *bytes, size_t *size) {
    const char *what = fault_wanted(kind);
    if (strcmp(what, "die") == 0) {
        kill(getpid(), SIGKILL);
    } else if (strcmp(what, "stall") == 0) {
        fault_stall();
    } else if (strcmp(what, "bad") == 0) {
        memset(bytes, 0x55, *size);
    }
}

void fault_strike_behind(enum message_kind kind) {
    if (strcmp(fault_wanted(kind), "sent") == 0) {
        kill(getpid(), SIGKILL);
    }
}

void fault_strike_at(enum message_kind kind) {
    if (strcmp(fault_wanted(kind), "heard") == 0) {
        fault_stall();
    }
}

bool fault_in_layout(void) {
    return strcmp(fault_wanted(MESSAGE_STORE), "layout") == 0;
}

#endif
