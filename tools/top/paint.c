/* SPDX-License-Identifier: MIT
 *
 * paint: from the top: what it is, the sums, servers, commands, memory, workers, keys. See paint.h.
 */
#include "paint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

enum {
    BAR_WIDTH = 30,
    COMMANDS_SHOWN_MIN = 3, /* also when nothing happens */
    SERVERS_SHARE = 3,      /* at most this part of the rows is for the servers */
    NUMBER_SIZE_MAX = 32,
    MEMORY_INDENT = 8,
    PERCENT = 100,
    NS_PER_US = 1000,
    TENTHS_BELOW_US = 100,
};

struct painter {
    const struct paint_target *target;
    unsigned row;
    unsigned rows; /* that are left for the body */
};

static void line(struct painter *painter, enum paint_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void line(struct painter *painter, enum paint_style style, const char *format, ...) {
    char text[PAINT_COLUMNS_MAX + 1];
    unsigned columns =
        painter->target->columns < PAINT_COLUMNS_MAX ? painter->target->columns : PAINT_COLUMNS_MAX;
    va_list arguments;
    if (painter->row >= painter->rows) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, columns + 1, format, arguments);
    va_end(arguments);
    painter->target->line(painter->target->user, painter->row++, style, text);
}

/* --- numbers ----------------------------------------------------------------------------------------------
 */

struct number {
    char text[NUMBER_SIZE_MAX];
};

static struct number number_of_rate(double per_s) {
    struct number number;
    snprintf(number.text, sizeof(number.text), "%s", units_show_count((uint64_t)(per_s + 0.5)).text);
    return number;
}

static struct number number_of_percent(double percent) {
    struct number number = {"-"};
    if (percent >= 0) {
        snprintf(number.text, sizeof(number.text), "%.2f %%", percent);
    }
    return number;
}

/* Microseconds, with tenths below a hundred. What nobody tells is a dash. */
static struct number number_of_us(uint64_t time_ns) {
    struct number number = {"-"};
    double us = (double)time_ns / NS_PER_US;
    if (us >= TENTHS_BELOW_US) {
        snprintf(number.text, sizeof(number.text), "%s", units_show_count((uint64_t)us).text);
    } else if (time_ns > 0) {
        snprintf(number.text, sizeof(number.text), "%.1f", us);
    }
    return number;
}

static struct units_text size_of_rate(double per_s) {
    return units_show_size((uint64_t)(per_s + 0.5));
}

/* --- parts ------------------------------------------------------------------------------------------------
 */

/* "3d 04:05:06" */
static struct number uptime_of(uint64_t uptime_s) {
    struct number number;
    unsigned day_s = 86400, hour_s = 3600, minute_s = 60;
    snprintf(number.text, sizeof(number.text), "%llud %02u:%02u:%02u", (unsigned long long)(uptime_s / day_s),
             (unsigned)(uptime_s % day_s / hour_s), (unsigned)(uptime_s % hour_s / minute_s),
             (unsigned)(uptime_s % minute_s));
    return number;
}

static void title_paint(struct painter *painter, const struct view *view, const struct paint_state *state) {
    const char *paused = state->paused ? "  PAUSED" : "";
    if (view->servers_count == 1 && view->servers[0].now->answered) {
        const struct sample *now = view->servers[0].now;
        line(painter, PAINT_TITLE, "%s  %s %s%s%s  up %s  %s%s", view->servers[0].address,
             now->is_riposte ? "riposte" : "memcached", now->version, *now->transport == '\0' ? "" : " ",
             now->transport, uptime_of(now->uptime_s).text, state->time, paused);
    } else {
        line(painter, view->answered_count < view->servers_count ? PAINT_WARNING : PAINT_TITLE,
             "%u of %u servers answer  %s%s", view->answered_count, view->servers_count, state->time, paused);
    }
}

static void sums_paint(struct painter *painter, const struct view *view) {
    const struct view_server *all = &view->all;
    line(painter, PAINT_PLAIN, "%-14s%12s/s   hit ratio %9s   connections %s of %s", "requests",
         number_of_rate(all->requests_per_s).text,
         number_of_percent(view_hit_percent(all->hits_per_s, all->misses_per_s)).text,
         units_show_count(view->connections).text, units_show_count(view->connections_max).text);
    line(painter, PAINT_PLAIN, "%-14s%12s/s   evictions %7s/s   new connections %s/s", "in",
         size_of_rate(all->read_per_s).text, number_of_rate(all->evictions_per_s).text,
         number_of_rate(all->accepts_per_s).text);
    line(painter, PAINT_PLAIN, "%-14s%12s/s   expired   %7s/s   yields %s/s", "out",
         size_of_rate(all->written_per_s).text, number_of_rate(all->reclaimed_per_s).text,
         number_of_rate(all->yields_per_s).text);
}

static void servers_paint(struct painter *painter, const struct view *view) {
    unsigned most = painter->target->rows / SERVERS_SHARE;
    line(painter, PAINT_HEADING, "%-26s%11s%10s%9s%8s%10s", "server", "requests/s", "hits", "memory", "conns",
         "evict/s");
    for (unsigned i = 0; i < view->servers_count && i < most; i++) {
        const struct view_server *server = &view->servers[i];
        const struct sample *now = server->now;
        if (!now->answered) {
            line(painter, PAINT_WARNING, "%-26.25s does not answer", server->address);
            continue;
        }
        double used =
            now->memory_max == 0 ? -1 : PERCENT * (double)now->memory[SAMPLE_ITEMS] / (double)now->memory_max;
        line(painter, PAINT_PLAIN, "%-26.25s%11s%10s%9s%8s%10s", server->address,
             number_of_rate(server->requests_per_s).text,
             number_of_percent(view_hit_percent(server->hits_per_s, server->misses_per_s)).text,
             number_of_percent(used).text, units_show_count(now->connections).text,
             number_of_rate(server->evictions_per_s).text);
    }
    if (view->servers_count > most) {
        line(painter, PAINT_PLAIN, "and %u more", view->servers_count - most);
    }
}

static void commands_paint(struct painter *painter, const struct view *view) {
    unsigned shown = 0;
    line(painter, PAINT_HEADING, "%-10s%13s%11s%13s%10s%10s%10s", "command", "requests/s", "hits", "misses/s",
         "p50 us", "p99 us", "p99.9 us");
    for (unsigned i = 0; i < SAMPLE_COMMANDS_COUNT; i++) {
        const struct view_command *command = &view->commands[i];
        if (command->total == 0 && shown >= COMMANDS_SHOWN_MIN) {
            continue;
        }
        shown++;
        line(painter, PAINT_PLAIN, "%-10s%13s%11s%13s%10s%10s%10s", sample_command_names[command->command],
             number_of_rate(command->per_s).text,
             command->has_hits
                 ? number_of_percent(view_hit_percent(command->hits_per_s, command->misses_per_s)).text
                 : "",
             command->has_hits ? number_of_rate(command->misses_per_s).text : "",
             number_of_us(command->p50_ns).text, number_of_us(command->p99_ns).text,
             number_of_us(command->p999_ns).text);
    }
}

/* "items 625.8 KiB, index ..." in as many lines as it takes. */
static void kinds_paint(struct painter *painter, const struct view *view) {
    char text[PAINT_COLUMNS_MAX] = "";
    size_t at = 0;
    for (unsigned i = 0; i < SAMPLE_MEMORY_COUNT; i++) {
        char kind[NUMBER_SIZE_MAX * 2];
        size_t size = (size_t)snprintf(kind, sizeof(kind), "%s %s", sample_memory_names[i],
                                       units_show_size(view->memory[i]).text);
        if (view->memory[i] == 0) {
            continue;
        }
        if (at > 0 && MEMORY_INDENT + at + 2 + size + 1 > painter->target->columns) {
            line(painter, PAINT_PLAIN, "%*s%s,", MEMORY_INDENT, "", text);
            at = 0;
        }
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at == 0 ? "" : ", ", kind);
    }
    if (at > 0) {
        line(painter, PAINT_PLAIN, "%*s%s", MEMORY_INDENT, "", text);
    }
}

static void memory_paint(struct painter *painter, const struct view *view) {
    char bar[BAR_WIDTH + 1];
    uint64_t items = view->memory[SAMPLE_ITEMS];
    double share = view->memory_max == 0 ? 0 : (double)items / (double)view->memory_max;
    unsigned filled = share >= 1 ? BAR_WIDTH : (unsigned)(share * BAR_WIDTH + 0.5);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    line(painter, PAINT_PLAIN, "%-*s[%s] %.1f %% of %s, %s items", MEMORY_INDENT, "memory", bar,
         PERCENT * share, units_show_size(view->memory_max).text, units_show_count(view->items).text);
    kinds_paint(painter, view);
}

static void workers_paint(struct painter *painter, const struct view *view) {
    if (view->workers_count == 0) {
        line(painter, PAINT_PLAIN, "workers %s", units_show_count(view->threads).text);
    } else {
        line(painter, PAINT_PLAIN, "workers %u: the busiest %s, the idlest %s requests/s",
             view->workers_count, number_of_rate(view->worker_most_per_s).text,
             number_of_rate(view->worker_least_per_s).text);
    }
}

static int hex_of(char byte) {
    return byte >= '0' && byte <= '9' ? byte - '0' : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* As the key was written, where that can be shown: %3A is a colon; spaces, control bytes and others stay as they are. */
static void key_decode(const char *text, char decoded[SAMPLE_KEY_SIZE_MAX]) {
    size_t size = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        int high = text[i] == '%' ? hex_of(text[i + 1]) : -1;
        int low = high >= 0 ? hex_of(text[i + 2]) : -1;
        int byte = low >= 0 ? high << 4 | low : 0;
        bool is_shown = byte > ' ' && byte <= '~';
        decoded[size++] = is_shown ? (char)byte : text[i];
        i += is_shown ? 2 : 0;
    }
    decoded[size] = '\0';
}

static void keys_paint(struct painter *painter, const struct view *view) {
    if (view->keys_count == 0) {
        return;
    }
    line(painter, PAINT_HEADING, "%-44s%11s%11s%12s", "busiest keys", "gets/s", "sets/s", "size");
    for (unsigned i = 0; i < view->keys_count; i++) {
        const struct sample_key *key = &view->keys[i];
        char text[SAMPLE_KEY_SIZE_MAX];
        key_decode(key->text, text);
        line(painter, PAINT_PLAIN, "%-44.43s%11s%11s%12s", text, units_show_count(key->gets_per_s).text,
             units_show_count(key->sets_per_s).text, units_show_size(key->size).text);
    }
}

void paint_view(const struct paint_target *target, const struct view *view, const struct paint_state *state) {
    struct painter painter = {.target = target,
                              .rows = target->rows - (state->has_keys && target->rows > 0 ? 1 : 0)};
    title_paint(&painter, view, state);
    if (view->answered_count > 0) {
        sums_paint(&painter, view);
    }
    if (view->servers_count > 1 || view->answered_count == 0) {
        line(&painter, PAINT_PLAIN, "%s", "");
        servers_paint(&painter, view);
    }
    if (view->answered_count > 0) {
        line(&painter, PAINT_PLAIN, "%s", "");
        commands_paint(&painter, view);
        line(&painter, PAINT_PLAIN, "%s", "");
        memory_paint(&painter, view);
        workers_paint(&painter, view);
        keys_paint(&painter, view);
    }
    if (state->has_keys) {
        painter.rows = target->rows;
        painter.row = target->rows - 1;
        line(&painter, PAINT_HEADING, "q quit   p %s   s sorted by %s", state->paused ? "go on" : "pause",
             view_sort_names[state->sort]);
    }
}
