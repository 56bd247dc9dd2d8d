/* SPDX-License-Identifier: MIT
 *
 * sample: finds a line's place by its name. See sample.h.
 */
#include "sample.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

const char *const sample_command_names[] = {
    [SAMPLE_GET] = "get",     [SAMPLE_SET] = "set",   [SAMPLE_DELETE] = "delete",
    [SAMPLE_TOUCH] = "touch", [SAMPLE_INCR] = "incr", [SAMPLE_DECR] = "decr",
    [SAMPLE_CAS] = "cas",     [SAMPLE_META] = "me",   [SAMPLE_FLUSH] = "flush",
};

const char *const sample_memory_names[] = {
    [SAMPLE_ITEMS] = "items", [SAMPLE_INDEX] = "index",     [SAMPLE_GHOSTS] = "ghosts",
    [SAMPLE_FREE] = "free",   [SAMPLE_BUFFERS] = "buffers", [SAMPLE_CONNECTIONS] = "connections",
};

const char *const sample_questions[] = {
    [SAMPLE_STATS] = "stats",
    [SAMPLE_STATS_RIPOSTE] = "stats riposte",
    [SAMPLE_STATS_LATENCY] = "stats latency",
    [SAMPLE_STATS_HOTKEYS] = "stats hotkeys",
};

/* --- numbers ----------------------------------------------------------------------------------------------
 */

struct place {
    const char *name;
    size_t offset; /* of a uint64_t in struct sample */
};

#define PLACE(field) offsetof(struct sample, field)
#define COMMAND(command, field)                                                                              \
    (offsetof(struct sample, commands) + (command) * sizeof(struct sample_requests) +                        \
     offsetof(struct sample_requests, field))

/* Lines of plain `stats`. */
static const struct place places[] = {
    {"uptime", PLACE(uptime_s)},
    {"curr_connections", PLACE(connections)},
    {"max_connections", PLACE(connections_max)},
    {"total_connections", PLACE(connections_total)},
    {"bytes_read", PLACE(bytes_read)},
    {"bytes_written", PLACE(bytes_written)},
    {"curr_items", PLACE(items)},
    {"limit_maxbytes", PLACE(memory_max)},
    {"evictions", PLACE(evictions)},
    {"reclaimed", PLACE(reclaimed)},
    {"conn_yields", PLACE(yields)},
    {"threads", PLACE(threads)},
    {"bytes", PLACE(memory[SAMPLE_ITEMS])},
    {"cmd_get", COMMAND(SAMPLE_GET, count)},
    {"get_hits", COMMAND(SAMPLE_GET, hits)},
    {"get_misses", COMMAND(SAMPLE_GET, misses)},
    {"cmd_set", COMMAND(SAMPLE_SET, count)},
    {"delete_hits", COMMAND(SAMPLE_DELETE, hits)},
    {"delete_misses", COMMAND(SAMPLE_DELETE, misses)},
    {"cmd_touch", COMMAND(SAMPLE_TOUCH, count)},
    {"touch_hits", COMMAND(SAMPLE_TOUCH, hits)},
    {"touch_misses", COMMAND(SAMPLE_TOUCH, misses)},
    {"incr_hits", COMMAND(SAMPLE_INCR, hits)},
    {"incr_misses", COMMAND(SAMPLE_INCR, misses)},
    {"decr_hits", COMMAND(SAMPLE_DECR, hits)},
    {"decr_misses", COMMAND(SAMPLE_DECR, misses)},
    {"cas_hits", COMMAND(SAMPLE_CAS, hits)},
    {"cas_misses", COMMAND(SAMPLE_CAS, misses)},
    {"cmd_meta", COMMAND(SAMPLE_META, count)},
    {"cmd_flush", COMMAND(SAMPLE_FLUSH, count)},
};

/* And of `stats riposte`. */
static const struct place own_places[] = {
    {"index_size", PLACE(memory[SAMPLE_INDEX])},
    {"ghosts_size", PLACE(memory[SAMPLE_GHOSTS])},
    {"free_size", PLACE(memory[SAMPLE_FREE])},
    {"engine_fixed_memory_size", PLACE(memory[SAMPLE_BUFFERS])},
    {"conn_memory", PLACE(memory[SAMPLE_CONNECTIONS])},
};

#define PLACES_COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void number_place(struct sample *sample, const struct place *list, size_t count, struct bytes name,
                         struct bytes value) {
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal_string(name, list[i].name)) {
            bytes_parse_u64(value, (uint64_t *)(void *)((char *)sample + list[i].offset));
            return;
        }
    }
}

/* The whole of "12.7", or what stands before another letter. */
static uint64_t number_of(struct bytes text) {
    uint64_t number = 0;
    size_t digits = 0;
    while (digits < text.size && isdigit((unsigned char)text.data[digits])) {
        digits++;
    }
    return bytes_parse_u64(bytes_of(text.data, digits), &number) ? number : 0;
}

/* --- texts ------------------------------------------------------------------------------------------------
 */

/* What a terminal would obey is no part of a word. */
static void word_copy(char *word, size_t size, struct bytes text) {
    size_t count = text.size < size - 1 ? text.size : size - 1;
    for (size_t i = 0; i < count; i++) {
        word[i] = text.data[i] > ' ' && text.data[i] <= '~' ? text.data[i] : '?';
    }
    word[count] = '\0';
}

/* "worker_3_requests" */
static void worker_read(struct sample *sample, struct bytes name, struct bytes value) {
    static const char begin[] = "worker_", end[] = "_requests";
    size_t begin_size = sizeof(begin) - 1, end_size = sizeof(end) - 1;
    if (name.size <= begin_size + end_size || memcmp(name.data, begin, begin_size) != 0 ||
        memcmp(name.data + name.size - end_size, end, end_size) != 0) {
        return;
    }
    uint32_t index;
    struct bytes digits = bytes_of(name.data + begin_size, name.size - begin_size - end_size);
    if (bytes_parse_u32(digits, &index) && index < SAMPLE_WORKERS_MAX) {
        bytes_parse_u64(value, &sample->worker_requests[index]);
        sample->workers_count = index >= sample->workers_count ? index + 1 : sample->workers_count;
    }
}

static void own_read(struct sample *sample, struct bytes name, struct bytes value) {
    if (bytes_equal_string(name, "name")) {
        sample->is_riposte = bytes_equal_string(value, "riposte");
    } else if (bytes_equal_string(name, "version")) {
        word_copy(sample->version, sizeof(sample->version), value);
    } else if (bytes_equal_string(name, "transport")) {
        word_copy(sample->transport, sizeof(sample->transport), value);
    } else {
        number_place(sample, own_places, PLACES_COUNT(own_places), name, value);
        worker_read(sample, name, value);
    }
}

/* --- latency, keys ----------------------------------------------------------------------------------------
 */

/* The command that a name begins with, behind "latency:" perhaps; SAMPLE_COMMANDS_COUNT: none. */
static unsigned command_of(struct bytes *name) {
    static const char heading[] = "latency";
    if (name->size > sizeof(heading) && memcmp(name->data, heading, sizeof(heading) - 1) == 0) {
        *name = bytes_after(*name, sizeof(heading));
    }
    for (unsigned i = 0; i < SAMPLE_COMMANDS_COUNT; i++) {
        size_t size = strlen(sample_command_names[i]);
        if (name->size > size && memcmp(name->data, sample_command_names[i], size) == 0 &&
            !isalnum((unsigned char)name->data[size])) {
            *name = bytes_after(*name, size + 1);
            return i;
        }
    }
    return SAMPLE_COMMANDS_COUNT;
}

/* "latency:get:p99_us 45.2" */
static void latency_read(struct sample *sample, struct bytes name, struct bytes value) {
    unsigned command = command_of(&name);
    if (command == SAMPLE_COMMANDS_COUNT) {
        return;
    }
    struct sample_requests *requests = &sample->commands[command];
    struct bytes word = bytes_of(name.data, bytes_before(name, '_'));
    uint64_t *target = bytes_equal_string(word, "p50")   ? &requests->p50_ns
                       : bytes_equal_string(word, "p99") ? &requests->p99_ns
                       : bytes_equal_string(word, "p999") || bytes_equal_string(word, "p99.9")
                           ? &requests->p999_ns
                           : NULL;
    uint64_t millionths; /* of a microsecond: picoseconds */
    if (target != NULL && units_parse_millionths(value, &millionths)) {
        *target = millionths / 1000;
    }
}

/* "hotkeys:3:gets_per_s 120" */
static void key_read(struct sample *sample, struct bytes name, struct bytes value) {
    static const char begin[] = "hotkeys:";
    uint32_t number;
    if (name.size < sizeof(begin) || memcmp(name.data, begin, sizeof(begin) - 1) != 0) {
        return;
    }
    name = bytes_after(name, sizeof(begin) - 1);
    size_t digits = bytes_before(name, ':');
    if (digits == name.size || !bytes_parse_u32(bytes_of(name.data, digits), &number) || number == 0 ||
        number > SAMPLE_KEYS_MAX) {
        return;
    }
    struct sample_key *key = &sample->keys[number - 1];
    name = bytes_after(name, digits + 1);
    sample->keys_count = number > sample->keys_count ? number : sample->keys_count;
    if (bytes_equal_string(name, "key")) {
        word_copy(key->text, sizeof(key->text), value);
    } else if (bytes_equal_string(name, "gets_per_s")) {
        key->gets_per_s = number_of(value);
    } else if (bytes_equal_string(name, "sets_per_s")) {
        key->sets_per_s = number_of(value);
    } else if (bytes_equal_string(name, "size")) {
        key->size = number_of(value);
    }
}

/* --- an answer --------------------------------------------------------------------------------------------
 */

static void stat_read(struct sample *sample, enum sample_question question, struct bytes name,
                      struct bytes value) {
    switch (question) {
    case SAMPLE_STATS:
        if (bytes_equal_string(name, "version")) {
            word_copy(sample->version, sizeof(sample->version), value);
        }
        number_place(sample, places, PLACES_COUNT(places), name, value);
        break;
    case SAMPLE_STATS_RIPOSTE:
        own_read(sample, name, value);
        break;
    case SAMPLE_STATS_LATENCY:
        latency_read(sample, name, value);
        break;
    case SAMPLE_STATS_HOTKEYS:
        key_read(sample, name, value);
        break;
    case SAMPLE_QUESTIONS:
        break;
    }
}

static void line_read(struct sample *sample, enum sample_question question, struct bytes line) {
    static const char begin[] = "STAT ";
    if (line.size < sizeof(begin) - 1 || memcmp(line.data, begin, sizeof(begin) - 1) != 0) {
        return;
    }
    line = bytes_after(line, sizeof(begin) - 1);
    size_t name_size = bytes_before(line, ' ');
    if (name_size < line.size) {
        stat_read(sample, question, bytes_of(line.data, name_size), bytes_after(line, name_size + 1));
    }
}

/* Commands of which only hits and misses are told. */
static void counts_complete(struct sample *sample) {
    static const enum sample_command of_two[] = {SAMPLE_DELETE, SAMPLE_INCR, SAMPLE_DECR, SAMPLE_CAS};
    for (size_t i = 0; i < sizeof(of_two) / sizeof(of_two[0]); i++) {
        struct sample_requests *requests = &sample->commands[of_two[i]];
        requests->count = requests->hits + requests->misses;
        requests->has_hits = true;
    }
    sample->commands[SAMPLE_GET].has_hits = sample->commands[SAMPLE_TOUCH].has_hits = true;
}

void sample_read(struct sample *sample, enum sample_question question, struct bytes answer) {
    while (answer.size > 0) {
        size_t size = bytes_before(answer, '\n');
        struct bytes line = bytes_of(answer.data, size);
        if (line.size > 0 && line.data[line.size - 1] == '\r') {
            line.size--;
        }
        line_read(sample, question, line);
        answer = bytes_after(answer, size == answer.size ? size : size + 1);
    }
    if (question == SAMPLE_STATS) {
        counts_complete(sample);
    }
}
