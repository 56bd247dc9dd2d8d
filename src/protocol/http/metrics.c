/* SPDX-License-Identifier: MIT
 *
 * metrics: rows of every source, written in either format. The text is gathered in memory, then pinned to the reply; a question costs the
 * server some tens of microseconds, and asks no other worker to stop.
 */
#include "metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "log/access_log.h"
#include "answer.h"
#include "riposte/check.h"

enum { TEXT_CAPACITY_MIN = 16 * 1024, TEXT_SIZE_MAX = 4 << 20, ROW_SIZE_MAX = 1024, HOT_KEYS_MAX = 20 };

struct metrics_text {
    char *data; /* owned */
    size_t size;
    size_t capacity;
    bool failed;         /* memory has ended, or there is too much: nothing more is added */
    bool is_text;        /* Prometheus; else JSON */
    char last_name[128]; /* of the row before: HELP and TYPE stand once */
};

static void text_reserve(struct metrics_text *text, size_t size) {
    if (text->failed || text->capacity - text->size >= size) {
        return;
    }
    size_t capacity = text->capacity > 0 ? 2 * text->capacity : TEXT_CAPACITY_MIN;
    char *grown = capacity <= TEXT_SIZE_MAX ? realloc(text->data, capacity) : NULL;
    text->failed = grown == NULL;
    if (grown != NULL) {
        text->data = grown;
        text->capacity = capacity;
    }
}

__attribute__((format(printf, 2, 3))) static void text_add(struct metrics_text *text, const char *format,
                                                           ...) {
    va_list arguments;
    text_reserve(text, ROW_SIZE_MAX);
    if (text->failed) {
        return;
    }
    va_start(arguments, format);
    int size = vsnprintf(text->data + text->size, ROW_SIZE_MAX, format, arguments);
    va_end(arguments);
    assert(size >= 0 && size < ROW_SIZE_MAX);
    text->size += (size_t)size;
}

/* Whole numbers up to 2^53 without a point or exponent. */
static void text_add_value(struct metrics_text *text, double value) {
    if (value >= 0 && value <= 9007199254740992.0 && value == (double)(uint64_t)value) {
        text_add(text, "%" PRIu64, (uint64_t)value);
    } else {
        text_add(text, "%.9g", value);
    }
}

static unsigned labels_count(const struct metrics_row *row) {
    unsigned count = 0;
    while (count < METRICS_LABELS_MAX && row->labels[count].name != NULL) {
        count++;
    }
    return count;
}

static const char *kind_word(enum metrics_kind kind) {
    switch (kind) {
    case METRICS_COUNTER:
        return "counter";
    case METRICS_GAUGE:
        return "gauge";
    case METRICS_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

static void row_text(struct metrics_text *text, const struct metrics_row *row, bool is_new) {
    if (is_new) {
        text_add(text, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, kind_word(row->kind));
    }
    text_add(text, "%s%s", row->name, row->suffix != NULL ? row->suffix : "");
    for (unsigned i = 0; i < labels_count(row); i++) {
        text_add(text, "%s%s=\"%s\"", i == 0 ? "{" : ",", row->labels[i].name, row->labels[i].value);
    }
    text_add(text, "%s", labels_count(row) > 0 ? "} " : " ");
    text_add_value(text, row->value);
    text_add(text, "\n");
}

/* Rows of one name with labels become an object; a row's name in it is the values of its labels: "get,hit". */
static void row_json(struct metrics_text *text, const struct metrics_row *row, bool is_new) {
    bool is_first = text->size <= 1;
    if (is_new) {
        bool open =
            text->size > 0 && text->data[text->size - 1] == ' '; /* a labelled row leaves its object open */
        text_add(text, "%s%s\"%s\":", open ? "}" : "", is_first ? "" : ",", row->name);
    }
    for (unsigned i = 0; i < labels_count(row); i++) {
        text_add(text, "%s%s", i > 0 ? "," : is_new ? "{\"" : ",\"", row->labels[i].value);
    }
    text_add(text, "%s", labels_count(row) > 0 ? "\":" : "");
    text_add_value(text, row->value);
    text_add(text, "%s", labels_count(row) > 0 ? " " : "");
}

static void text_row(void *target, const struct metrics_row *row) {
    struct metrics_text *text = target;
    if (row->kind == METRICS_HISTOGRAM && !text->is_text) {
        return; /* latency_json has finer ones */
    }
    bool is_new = strcmp(text->last_name, row->name) != 0;
    snprintf(text->last_name, sizeof(text->last_name), "%s", row->name);
    if (text->is_text) {
        row_text(text, row, is_new);
    } else {
        row_json(text, row, is_new);
    }
}

static void own_rows(struct http_service *service, struct metrics_text *text) {
    struct http_counts counts;
    http_service_counts(service, &counts);
#define HTTP_COUNTER_ROW(name_, help_)                                                                       \
    text_row(text, &(struct metrics_row){.name = "riposte_http_" #name_ "_total",                            \
                                         .help = help_,                                                      \
                                         .kind = METRICS_COUNTER,                                            \
                                         .value = (double)counts.name_});
    HTTP_COUNTERS(HTTP_COUNTER_ROW)
#undef HTTP_COUNTER_ROW
}

static void log_rows(const struct http_access_log *log, struct metrics_text *text) {
    text_row(text, &(struct metrics_row){.name = "riposte_http_log_lines_total",
                                         .help = "lines handed to the writer of the access log",
                                         .kind = METRICS_COUNTER,
                                         .value = (double)atomic_load(&log->written)});
    text_row(text,
             &(struct metrics_row){.name = "riposte_http_log_dropped_total",
                                   .help = "lines lost: the writer did not keep up, or the file took no more",
                                   .kind = METRICS_COUNTER,
                                   .value = (double)atomic_load(&log->dropped)});
}

/* Every byte that is not plain as \u00HH: a key may be anything, and need not be UTF-8. */
static void text_add_key(struct metrics_text *text, struct bytes key) {
    char escaped[6 * HOTKEYS_KEY_SIZE_MAX + 1];
    char *at = escaped;
    for (size_t i = 0; i < key.size; i++) {
        unsigned char byte = (unsigned char)key.data[i];
        bool is_plain = byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
        if (is_plain) {
            *at++ = (char)byte;
        } else {
            at += snprintf(at, 7, "\\u%04x", byte);
        }
    }
    text_reserve(text, sizeof(escaped));
    if (!text->failed) {
        memcpy(text->data + text->size, escaped, (size_t)(at - escaped));
        text->size += (size_t)(at - escaped);
    }
}

static size_t value_size_of(struct http_worker *worker, struct bytes key) {
    static const struct get_options unused = {.no_use = true};
    struct item_view view;
    return store_get_with(worker->store, key, &unused, &view) == STORE_OK ? view.value.size : 0;
}

/* "hot_keys": an array, the busiest first. */
static void hot_keys_json(struct http_worker *worker, struct metrics_text *text) {
    struct hotkey rows[HOT_KEYS_MAX];
    unsigned count = hotkeys_top(worker->service->config.hotkeys, rows, HOT_KEYS_MAX);
    text_add(text, ",\"hot_keys\":[");
    for (unsigned i = 0; i < count; i++) {
        struct bytes key = bytes_of(rows[i].key, rows[i].key_size);
        text_add(text, "%s{\"key\":\"", i > 0 ? "," : "");
        text_add_key(text, key);
        text_add(text, "\",\"gets_per_s\":%.1f,\"sets_per_s\":%.1f,\"size\":%zu}", rows[i].reads_per_s,
                 rows[i].writes_per_s, value_size_of(worker, key));
    }
    text_add(text, "]");
}

/* Slots that hold something, each as its end in us and its count: whoever asks again subtracts. */
static void slots_json(struct metrics_text *text, const struct latency_summary *summary) {
    bool is_first = true;
    text_add(text, "\"slots\":[");
    for (unsigned slot = 0; slot < LATENCY_SLOTS_COUNT; slot++) {
        if (summary->slots[slot] > 0) {
            text_add(text, "%s[%.2f,%" PRIu64 "]", is_first ? "" : ",",
                     (double)latency_slot_end_ns(slot) / 1e3, summary->slots[slot]);
            is_first = false;
        }
    }
    text_add(text, "]");
}

/* "latency": an object, a member for each command that was met. */
static void latency_json(const struct latency *latency, struct metrics_text *text) {
    struct latency_summary summary;
    bool is_first = true;
    text_add(text, ",\"latency\":{");
    for (unsigned i = 0; i < LATENCY_COMMANDS_COUNT; i++) {
        latency_read(latency, (enum latency_command)i, &summary);
        if (summary.count > 0) {
            text_add(text, "%s\"%s\":{\"count\":%" PRIu64 ",\"p50_us\":%.1f,\"p99_us\":%.1f,",
                     is_first ? "" : ",", latency_command_name((enum latency_command)i), summary.count,
                     (double)latency_percentile_ns(&summary, 500000) / 1e3,
                     (double)latency_percentile_ns(&summary, 990000) / 1e3);
            text_add(text, "\"p99.9_us\":%.1f,\"max_us\":%.1f,",
                     (double)latency_percentile_ns(&summary, 999000) / 1e3, (double)summary.max_ns / 1e3);
            slots_json(text, &summary);
            text_add(text, "}");
            is_first = false;
        }
    }
    text_add(text, "}");
}

static void text_make(struct http_worker *worker, struct metrics_text *text) {
    struct http_service *service = worker->service;
    if (!text->is_text) {
        text_add(text, "{");
    }
    own_rows(service, text);
    if (service->log != NULL) {
        log_rows(service->log, text);
    }
    for (unsigned i = 0; i < service->config.sources_count; i++) {
        const struct metrics_source *source = &service->config.sources[i];
        source->write(source->user, text_row, text);
    }
    if (!text->is_text) {
        bool open = !text->failed && text->size > 0 && text->data[text->size - 1] == ' ';
        text_add(text, "%s", open ? "}" : "");
        if (service->config.hotkeys != NULL) {
            hot_keys_json(worker, text);
        }
        if (service->config.latency != NULL) {
            latency_json(service->config.latency, text);
        }
        text_add(text, "}\n");
    }
}

void http_metrics(struct http_call *call, const struct http_request *request, bool is_text) {
    struct metrics_text text = {.is_text = is_text};
    call->work += PROTOCOL_WORK_COSTLY; /* hundreds of rows, sums over all workers */
    text_make(call->worker, &text);
    if (text.failed) {
        free(text.data);
        http_answer_page(call, &request->exchange, HTTP_STATUS_UNAVAILABLE, "there is no memory for the text",
                         "");
        return;
    }
    const struct http_answer answer = {
        .status = HTTP_STATUS_OK,
        .type = bytes_from_string(is_text ? "text/plain; version=0.0.4; charset=utf-8" : "application/json"),
        .size = text.size,
        .fields = bytes_from_string("Cache-Control: no-store\r\n"),
    };
    size_t head_size;
    http_answer_head(call, &request->exchange, &answer, 0, &head_size);
    reply_commit(call->reply, head_size);
    if (request->exchange.head_only) {
        free(text.data);
    } else {
        reply_pin(call->reply, bytes_of(text.data, text.size), free, text.data);
    }
    http_answer_end(call, &request->exchange, answer.status);
}
