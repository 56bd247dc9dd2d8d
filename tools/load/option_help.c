/* SPDX-License-Identifier: MIT
 *
 * option_help: --help: the options out of their table, between a few words on what they are good for.
 */
#include <stdio.h>
#include <string.h>

#include "option_table.h"

static const char introduction[] =
    "riposte-load " RIPOSTE_VERSION ": loads a cache or a web server and says how it answered\n"
    "\n"
    "  riposte-load [options] [protocol://]host[:port][/path]\n"
    "\n"
    "  riposte-load 127.0.0.1:11211                        memcached, 64 connections, gets of 32 bytes, 10 "
    "s\n"
    "  riposte-load -d 16 redis://127.0.0.1                Redis or Valkey, 16 requests pipelined\n"
    "  riposte-load -c 16 http://127.0.0.1:8080/logo.png   every reply must equal the first\n"
    "  riposte-load http://127.0.0.1:8080/store/{key}      PUTs every key, then GETs them\n"
    "  riposte-load -R 90:10 -k 1m --popularity zipf -v 100 127.0.0.1       a cache's daily life\n"
    "  riposte-load -r 50k 127.0.0.1                       open loop: latency at 50,000 requests/s\n"
    "  riposte-load --sweep 50k:400k:50k -t 3s 127.0.0.1   latency at each rate, up to the knee\n"
    "  riposte-load noop://127.0.0.1                       mn: what a round trip costs without a cache\n"
    "  riposte-load --churn 1 127.0.0.1                    connect, one request, close\n"
    "  riposte-load --idle 10k -c 64 127.0.0.1             64 busy among 10,000 idle connections\n"
    "\n"
    "Closed loop or open loop? Without --rate each connection sends its next request when the last was "
    "answered:\n"
    "good for the highest throughput, but when the server stalls the load stops too, so that one long stall "
    "counts\n"
    "as one slow request (\"coordinated omission\"). With --rate the requests have their times, whatever the "
    "server\n"
    "does, and latency counts from the intended time: what users would see. Quote latencies of an open "
    "loop.\n";

static const char conclusion[] =
    "\n"
    "What is printed. requests/s and bytes/s count replies that came in the measured time. Latency covers "
    "every\n"
    "request of that time, until its last byte; percentiles are at most 1.6 % too high. A request that was "
    "due and\n"
    "could not be sent before the end counts with the time it had waited. Misses are no fault; error replies "
    "and\n"
    "wrong replies (another kind, key, length or value) are. \"lateness\" is the generator's own: from when "
    "a request\n"
    "was due and its connection free until it was encoded. \"busy\" is the share of time the generator had "
    "work: near\n"
    "100 % the figures describe the generator, not the server (a warning says so): give it more threads.\n"
    "\n"
    "For a comparison: server and generator on CPUs of their own (taskset, --cpu), the same seed, several "
    "rounds.\n"
    "\n"
    "Exit status: 0 every reply was right; 1 there were error replies or wrong replies; 2 the run ended "
    "early, since\n"
    "the server was dead, stalled beyond --timeout, or sent what is no reply; 64 usage; 71 no io_uring, "
    "descriptors\n"
    "or memory.\n";

/* The help of a row, its further lines set below the first. */
static void help_lines_print(const char *help) {
    enum { COLUMN = 28 };
    for (;;) {
        size_t size = strcspn(help, "\n");
        printf("%.*s", (int)size, help);
        if (help[size] == '\0') {
            return;
        }
        printf("\n%*s", COLUMN, "");
        help += size + 1;
    }
}

static void row_print(const struct option_row *row) {
    char left[64];
    char letter[] = {'-', row->letter, ',', '\0'};
    if (row->kind == OPTION_HEADING) {
        printf("\n%s\n", row->help);
        return;
    }
    snprintf(left, sizeof(left), "  %3s --%s %s", row->letter != 0 ? letter : "", row->name,
             row->argument != NULL ? row->argument : "");
    printf("%-27s ", left);
    help_lines_print(row->help);
    if (row->initial != NULL) {
        printf(" [%s]", row->initial);
    }
    printf("\n");
}

void option_help_print(void) {
    fputs(introduction, stdout);
    for (size_t i = 0; i < option_table_count; i++) {
        row_print(&option_table[i]);
    }
    printf("  -h, --help                this text\n  -V, --version             the version\n");
    fputs(conclusion, stdout);
}
