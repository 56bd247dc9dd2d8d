/* SPDX-License-Identifier: MIT
 *
 * fuzz_parse: the parser of command lines on any bytes.
 *
 * Checked: slices lie inside the line; the line ends at its line feed; every shorter input asks for more; how
 * much was searched before changes nothing; the quick way for gets and the look ahead agree with the general
 * one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "parse_ahead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs are cut at this many places: enough for every prefix of a usual line. */
enum { CUTS_MAX = 512 };

static void check_inside(struct bytes outer, struct bytes inner) {
    if (inner.size > 0) {
        assert(inner.data >= outer.data && inner.data + inner.size <= outer.data + outer.size);
        assert(memchr(inner.data, '\n', inner.size) == NULL);
    }
}

static void check_same(const struct mc_request *left, const struct mc_request *right) {
    assert(left->command == right->command && left->noreply == right->noreply &&
           left->line_size == right->line_size);
    assert(bytes_equal(left->key, right->key) && bytes_equal(left->arguments, right->arguments));
    assert(left->client_flags == right->client_flags && left->exptime == right->exptime);
    assert(left->value_size == right->value_size && left->number == right->number);
    assert(left->error == right->error && left->swallow_size == right->swallow_size);
}

static void check_ahead(struct bytes input, const struct mc_request *request) {
    struct mc_ahead ahead;
    if (mc_parse_ahead(input, &ahead)) {
        check_inside(bytes_of(input.data, request->line_size), ahead.key);
        assert(ahead.size >= request->line_size);
        assert(request->key.size == 0 || bytes_equal(request->key, ahead.key));
    }
}

static void check_line(struct bytes input, enum parse_status status, const struct mc_request *request) {
    struct bytes line = bytes_of(input.data, request->line_size);
    assert(line.size > 0 && line.size <= input.size && line.data[line.size - 1] == '\n');
    assert(memchr(line.data, '\n', line.size) == line.data + line.size - 1);
    check_inside(line, request->key);
    check_inside(line, request->arguments);
    assert(request->key.size <= 250);
    check_ahead(input, request);
    struct mc_request again;
    for (size_t searched = 0; searched < line.size && searched < CUTS_MAX; searched++) {
        assert(mc_parse_line(input, searched, &again) == status);
        check_same(request, &again);
    }
    for (size_t cut = 0; cut < line.size && cut < CUTS_MAX; cut++) {
        assert(mc_parse_line(bytes_of(input.data, cut), 0, &again) == PARSE_MORE);
    }
}

static void check_get(struct bytes input, enum parse_status status, const struct mc_request *request) {
    struct bytes key;
    size_t line_size = mc_parse_get(input, &key);
    if (line_size > 0) {
        assert(status == PARSE_OK && strcmp(request->command->name, "get") == 0 &&
               request->line_size == line_size);
        assert(request->arguments.size == key.size + 1 && request->arguments.data + 1 == key.data);
    }
}

static void check_set(struct bytes input, enum parse_status status, const struct mc_request *request) {
    struct mc_set set;
    size_t size = mc_parse_set(input, &set);
    if (size > 0) {
        assert(status == PARSE_OK && strcmp(request->command->name, "set") == 0 && size <= input.size);
        assert(request->line_size + set.value.size + PARSE_LINE_END_SIZE == size);
        assert(set.value.data == input.data + request->line_size && set.value.size == request->value_size);
        assert(bytes_equal(set.key, request->key) && set.client_flags == request->client_flags);
        assert(set.exptime == request->exptime && set.noreply == request->noreply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes input = bytes_of((const char *)data, size);
    struct mc_request request;
    enum parse_status status = mc_parse_line(input, 0, &request);
    if (status == PARSE_OK || status == PARSE_BAD) {
        check_line(input, status, &request);
    } else if (status == PARSE_OPEN) {
        assert(request.open && request.line_size == strlen(request.command->name) && size > 16384);
        assert(memcmp(data, request.command->name, request.line_size) == 0 && data[request.line_size] == ' ');
    } else {
        assert(status != PARSE_MORE || size == 0 || memchr(data, '\n', size) == NULL);
    }
    check_get(input, status, &request);
    check_set(input, status, &request);
    return 0;
}
