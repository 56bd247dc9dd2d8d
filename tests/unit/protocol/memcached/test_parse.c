/* SPDX-License-Identifier: MIT
 *
 * parse: what is accepted and how it is read, what is refused and with which words, what asks for more.
 */
#include <criterion/criterion.h>

#include "guard.h"
#include "parse.h"

#define KEY_10  "0123456789"
#define KEY_50  KEY_10 KEY_10 KEY_10 KEY_10 KEY_10
#define KEY_250 KEY_50 KEY_50 KEY_50 KEY_50 KEY_50
#define KEY_251 KEY_250 "x"

static enum parse_status parse(struct guard *guard, const char *text, size_t size, size_t searched,
                               struct mc_request *request) {
    return mc_parse_line(guard_copy(guard, bytes_of(text, size)), searched, request);
}

/* A row that starts with `line` and says what must come out of it. */
struct accepted {
    const char *line;
    struct mc_request request; /* key and arguments as literals; line_size is the line's */
};

#define WORDS(text)                                                                                          \
    { text, sizeof(text) - 1 }

static const struct accepted accepted[] = {
    {"get a\r\n", {.arguments = WORDS(" a")}},
    {"get a\n", {.arguments = WORDS(" a")}},
    {"get " KEY_250 "\r\n", {.arguments = WORDS(" " KEY_250)}},
    {"get  a   b \r\n", {.arguments = WORDS("  a   b ")}},
    {"get 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25\r\n",
     {.arguments = WORDS(" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25")}},
    {"get \t\x01\xff\r\r\n", {.arguments = WORDS(" \t\x01\xff\r")}},
    {"gets a b\r\n", {.arguments = WORDS(" a b")}},
    {"get noreply\r\n", {.arguments = WORDS(" noreply")}},
    {"gat 10 a b\r\n", {.exptime = 10, .arguments = WORDS(" a b")}},
    {"gats -1 a\r\n", {.exptime = -1, .arguments = WORDS(" a")}},
    {"set k 1 2 3\r\n", {.key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set k 1 2 3\n", {.key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set k 1 2 3 noreply\r\n",
     {.noreply = true, .key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set k 1 2 3 noreply\n",
     {.noreply = true, .key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set k 1 2 3 extra noreply\r\n",
     {.noreply = true, .key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set k 1 2 3 noreply extra\r\n", {.key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set k 1 2 3 noreplyx\r\n", {.key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set  k  1  2  3 \r\n", {.key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set " KEY_250 " 0 0 0\r\n", {.key = WORDS(KEY_250)}},
    {"set k 4294967295 2147483647 2147483645\r\n",
     {.key = WORDS("k"),
      .client_flags = UINT32_MAX,
      .exptime = INT32_MAX,
      .value_size = PARSE_VALUE_SIZE_MAX}},
    {"set k 0 -2147483648 0\r\n", {.key = WORDS("k"), .exptime = INT32_MIN}},
    {"set k 00000000001 00 003\r\n", {.key = WORDS("k"), .client_flags = 1, .value_size = 3}},
    {"set k +1 +2 3\r\n", {.key = WORDS("k"), .client_flags = 1, .exptime = 2, .value_size = 3}},
    {"set k 000000000000000000000000001 -0000000000000000000000002 3\r\n",
     {.key = WORDS("k"), .client_flags = 1, .exptime = -2, .value_size = 3}},
    {"set k 0 2147483648 0\r\n", {.key = WORDS("k"), .exptime = 2147483648}},
    {"set k 0 -2147483649 0\r\n", {.key = WORDS("k"), .exptime = -2147483649}},
    {"add k 0 9223372036854775807 0\r\n", {.key = WORDS("k"), .exptime = INT64_MAX}},
    {"cas k +0 -9223372036854775808 0 1\r\n", {.key = WORDS("k"), .exptime = INT64_MIN, .number = 1}},
    {"add k 0 0 1\r\n", {.key = WORDS("k"), .value_size = 1}},
    {"replace k 0 0 1\r\n", {.key = WORDS("k"), .value_size = 1}},
    {"append k 0 0 1 noreply\r\n", {.noreply = true, .key = WORDS("k"), .value_size = 1}},
    {"prepend k 0 0 1\r\n", {.key = WORDS("k"), .value_size = 1}},
    {"cas k 0 0 1 18446744073709551615\r\n", {.key = WORDS("k"), .value_size = 1, .number = UINT64_MAX}},
    {"cas k 0 0 1 7 noreply\r\n", {.noreply = true, .key = WORDS("k"), .value_size = 1, .number = 7}},
    {"incr k 5\r\n", {.key = WORDS("k"), .number = 5}},
    {"incr k 5 noreply\r\n", {.noreply = true, .key = WORDS("k"), .number = 5}},
    {"decr k 18446744073709551615 x\r\n", {.key = WORDS("k"), .number = UINT64_MAX}},
    {"touch k -1\r\n", {.key = WORDS("k"), .exptime = -1}},
    {"touch k 10 noreply\r\n", {.noreply = true, .key = WORDS("k"), .exptime = 10}},
    {"delete k\r\n", {.key = WORDS("k")}},
    {"delete k 0\r\n", {.key = WORDS("k")}},
    {"delete k 10 noreply\r\n", {.noreply = true, .key = WORDS("k")}},
    {"delete noreply\r\n", {.key = WORDS("noreply")}},
    {"flush_all\r\n", {.noreply = false}},
    {"flush_all noreply\r\n", {.noreply = true, .arguments = WORDS(" noreply")}},
    {"flush_all 5 noreply\r\n", {.noreply = true, .arguments = WORDS(" 5 noreply")}},
    {"verbosity 1\r\n", {.number = 1}},
    {"verbosity 9 noreply\r\n", {.noreply = true, .number = 9}},
    {"version\r\n", {.noreply = false}},
    {"version noreply\r\n", {.arguments = WORDS(" noreply")}},
    {"quit\r\n", {.noreply = false}},
    {"quit\n", {.noreply = false}},
    {"stats\r\n", {.noreply = false}},
    {"stats  \r\n", {.arguments = WORDS("  ")}},
    {"stats noreply\r\n", {.arguments = WORDS(" noreply")}},
};
enum { ACCEPTED_COUNT = sizeof(accepted) / sizeof(accepted[0]) };

static void check_accepted(const struct accepted *row, const struct mc_request *request, size_t line_size) {
    const struct mc_request *expected = &row->request;
    cr_assert_eq(request->line_size, line_size, "%s", row->line);
    cr_assert(bytes_equal_string(bytes_of(row->line, strcspn(row->line, " \r\n")), request->command->name),
              "%s", row->line);
    cr_assert_eq(request->noreply, expected->noreply, "%s", row->line);
    cr_assert(bytes_equal(request->key, expected->key), "%s", row->line);
    cr_assert(bytes_equal(request->arguments, expected->arguments), "%s: arguments '%.*s'", row->line,
              (int)request->arguments.size, request->arguments.data);
    cr_assert_eq(request->client_flags, expected->client_flags, "%s", row->line);
    cr_assert_eq(request->exptime, expected->exptime, "%s", row->line);
    cr_assert_eq(request->value_size, expected->value_size, "%s", row->line);
    cr_assert_eq(request->number, expected->number, "%s", row->line);
    cr_assert_eq(request->swallow_size, 0, "%s", row->line);
}

Test(parse, reads_every_part_of_an_accepted_line) {
    struct guard guard;
    guard_init(&guard, 8192);
    for (size_t i = 0; i < ACCEPTED_COUNT; i++) {
        size_t size = strlen(accepted[i].line);
        struct mc_request request;
        cr_assert_eq(parse(&guard, accepted[i].line, size, 0, &request), PARSE_OK, "%s", accepted[i].line);
        check_accepted(&accepted[i], &request, size);
    }
    guard_deinit(&guard);
}

Test(parse, asks_for_more_at_every_prefix_of_an_accepted_line) {
    struct guard guard;
    guard_init(&guard, 8192);
    for (size_t i = 0; i < ACCEPTED_COUNT; i++) {
        size_t size = strlen(accepted[i].line);
        struct mc_request request;
        for (size_t cut = 0; cut < size; cut++) {
            for (size_t searched = 0; searched <= cut; searched += cut == 0 ? 1 : cut) {
                cr_assert_eq(parse(&guard, accepted[i].line, cut, searched, &request), PARSE_MORE,
                             "%zu of %s", cut, accepted[i].line);
            }
        }
    }
    guard_deinit(&guard);
}

Test(parse, reads_the_same_however_much_was_searched_before) {
    struct guard guard;
    guard_init(&guard, 8192);
    for (size_t i = 0; i < ACCEPTED_COUNT; i++) {
        size_t size = strlen(accepted[i].line);
        struct mc_request request;
        for (size_t searched = 0; searched < size; searched++) {
            cr_assert_eq(parse(&guard, accepted[i].line, size, searched, &request), PARSE_OK, "%s",
                         accepted[i].line);
            check_accepted(&accepted[i], &request, size);
        }
    }
    guard_deinit(&guard);
}

Test(parse, leaves_what_follows_the_line_alone) {
    struct guard guard;
    guard_init(&guard, 8192);
    char text[1024];
    for (size_t i = 0; i < ACCEPTED_COUNT; i++) {
        size_t size = strlen(accepted[i].line);
        memcpy(text, accepted[i].line, size);
        memcpy(text + size, "abc\r\nget x\r\n", 12);
        struct mc_request request;
        cr_assert_eq(parse(&guard, text, size + 12, 0, &request), PARSE_OK, "%s", accepted[i].line);
        check_accepted(&accepted[i], &request, size);
    }
    guard_deinit(&guard);
}

struct refused {
    const char *line;
    enum mc_error error;
    uint32_t swallow_size;
    bool noreply;
};

static const struct refused refused[] = {
    {"\r\n", MC_ERROR_FORMAT, 0, false},
    {"\n", MC_ERROR_FORMAT, 0, false},
    {"a\r\n", MC_ERROR_FORMAT, 0, false},
    {"mn\n", MC_ERROR_FORMAT, 0, false},
    {"   \n", MC_ERROR_UNKNOWN, 0, false},
    {" get a\r\n", MC_ERROR_UNKNOWN, 0, false},
    {"ab\r\n", MC_ERROR_UNKNOWN, 0, false},
    {"GET a\r\n", MC_ERROR_UNKNOWN, 0, false},
    {"getx a\r\n", MC_ERROR_UNKNOWN, 0, false},
    {"get\ta\r\n", MC_ERROR_UNKNOWN, 0, false},
    {"foo bar noreply\r\n", MC_ERROR_UNKNOWN, 0, true},
    {"noreply\r\n", MC_ERROR_UNKNOWN, 0, false},
    {"GET / HTTP/1.1\r\n", MC_ERROR_HTTP, 0, false},
    {"POST / HTTP/\n", MC_ERROR_HTTP, 0, false},
    {"HTTP/1.1\r\n", MC_ERROR_UNKNOWN, 0, false},
    {"GET / HTTP/1.1 x\r\n", MC_ERROR_UNKNOWN, 0, false},
    {"get\r\n", MC_ERROR_FORMAT, 0, false},
    {"get \r\n", MC_ERROR_FORMAT, 0, false},
    {"gets\r\n", MC_ERROR_FORMAT, 0, false},
    {"get " KEY_251 "\r\n", MC_ERROR_FORMAT, 0, false},
    {"get a b " KEY_251 " c\r\n", MC_ERROR_FORMAT, 0, false},
    {"gat\r\n", MC_ERROR_FORMAT, 0, false},
    {"gat 10\r\n", MC_ERROR_FORMAT, 0, false},
    {"gat x a\r\n", MC_ERROR_EXPTIME, 0, false},
    {"gat 2147483648 a\r\n", MC_ERROR_EXPTIME, 0, false},
    {"gats 10 " KEY_251 "\r\n", MC_ERROR_FORMAT, 0, false},
    {"set k 0 0\r\n", MC_ERROR_FORMAT, 0, false},
    {"set k 0 noreply\r\n", MC_ERROR_FORMAT, 0, false},
    {"set k 0 0 x\r\n", MC_ERROR_FORMAT, 0, false},
    {"set k 0 0 x noreply\r\n", MC_ERROR_FORMAT, 0, false},
    {"set k 0 0 -1\r\n", MC_ERROR_FORMAT, 0, false},
    {"set k 0 0 2147483646\r\n", MC_ERROR_FORMAT, 0, false},
    {"set k 0 0 5000000000\r\n", MC_ERROR_FORMAT, 0, false},
    {"set k -1 0 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k + 0 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k ++1 0 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 18446744073709551616 0 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 4294967296 0 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 x 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 + 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 - 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 -+1 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 9223372036854775808 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 -9223372036854775809 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 0 +5\r\n", MC_ERROR_FORMAT, 0, false},
    {"cas k 0 0 5 +1\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 x 5 noreply\r\n", MC_ERROR_FORMAT, 7, true},
    {"set " KEY_251 " 0 0 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"set k 0 x 2147483645\r\n", MC_ERROR_FORMAT, 2147483647, false},
    {"cas k 0 0 5\r\n", MC_ERROR_FORMAT, 7, false},
    {"cas k 0 0 5 x\r\n", MC_ERROR_FORMAT, 7, false},
    {"cas k 0 0 5 noreply\r\n", MC_ERROR_FORMAT, 7, true},
    {"cas k 0 0\r\n", MC_ERROR_FORMAT, 0, false},
    {"incr k\r\n", MC_ERROR_FORMAT, 0, false},
    {"incr k noreply\r\n", MC_ERROR_DELTA, 0, true},
    {"incr k x\r\n", MC_ERROR_DELTA, 0, false},
    {"incr k -1\r\n", MC_ERROR_DELTA, 0, false},
    {"incr k +1\r\n", MC_ERROR_DELTA, 0, false},
    {"incr k 00000000000000000000001\r\n", MC_ERROR_DELTA, 0, false},
    {"decr k 18446744073709551616\r\n", MC_ERROR_DELTA, 0, false},
    {"decr " KEY_251 " 1\r\n", MC_ERROR_FORMAT, 0, false},
    {"touch k\r\n", MC_ERROR_FORMAT, 0, false},
    {"touch k x\r\n", MC_ERROR_EXPTIME, 0, false},
    {"touch k +1\r\n", MC_ERROR_EXPTIME, 0, false},
    {"touch k 2147483648\r\n", MC_ERROR_EXPTIME, 0, false},
    {"touch k x noreply\r\n", MC_ERROR_EXPTIME, 0, true},
    {"touch " KEY_251 " 1 noreply\r\n", MC_ERROR_FORMAT, 0, true},
    {"delete\r\n", MC_ERROR_FORMAT, 0, false},
    {"delete a b c d e\r\n", MC_ERROR_FORMAT, 0, false},
    {"delete " KEY_251 "\r\n", MC_ERROR_FORMAT, 0, false},
    {"verbosity\r\n", MC_ERROR_FORMAT, 0, false},
    {"verbosity noreply\r\n", MC_ERROR_FORMAT, 0, true},
    {"verbosity foo bar my\r\n", MC_ERROR_FORMAT, 0, false},
};
enum { REFUSED_COUNT = sizeof(refused) / sizeof(refused[0]) };

Test(parse, refuses_with_the_right_words_and_swallows_what_belongs_to_the_request) {
    struct guard guard;
    guard_init(&guard, 8192);
    for (size_t i = 0; i < REFUSED_COUNT; i++) {
        size_t size = strlen(refused[i].line);
        struct mc_request request;
        cr_assert_eq(parse(&guard, refused[i].line, size, 0, &request), PARSE_BAD, "%s", refused[i].line);
        cr_assert_eq(request.error, refused[i].error, "%s", refused[i].line);
        cr_assert_eq(request.line_size, size, "%s", refused[i].line);
        cr_assert_eq(request.swallow_size, refused[i].swallow_size, "%s", refused[i].line);
        cr_assert_eq(request.noreply, refused[i].noreply, "%s", refused[i].line);
    }
    guard_deinit(&guard);
}

/* A line of `size` bytes with or without its line feed: `start`, then as many 'x' and ' ' as it takes. */
static void fill_line(char *line, size_t size, const char *start, bool has_end) {
    for (size_t i = 0; i < size; i++) {
        line[i] = i % 100 == 99 ? ' ' : 'x';
    }
    memcpy(line, start, strlen(start));
    if (has_end) {
        line[size - 1] = '\n';
    }
}

struct length_row {
    const char *start;
    size_t size;
    bool has_end;
    enum parse_status status;
};

static const struct length_row lengths[] = {
    {"foo ", 2048, false, PARSE_MORE},
    {"foo ", 2049, false, PARSE_TOO_LARGE},
    {"gat 0 ", 2049, false, PARSE_TOO_LARGE},
    {"gats 0 ", 2049, false, PARSE_TOO_LARGE},
    {"getsx", 2049, false, PARSE_TOO_LARGE},
    {"foo ", 2049, true, PARSE_BAD},
    {"foo ", 16 * 1024, true, PARSE_BAD},
    {"foo ", 16 * 1024 + 1, true, PARSE_TOO_LARGE},
    {"gat 0 ", 16 * 1024, true, PARSE_OK},
    {"get ", 2049, false, PARSE_MORE},
    {"gets ", 2049, false, PARSE_MORE},
    {"   get ", 2049, false, PARSE_MORE},
    {"   get ", 16 * 1024 + 1, false, PARSE_TOO_LARGE},
    {"   get ", 16 * 1024 + 1, true, PARSE_TOO_LARGE},
    {"get ", 16 * 1024, false, PARSE_MORE},
    {"get ", 16 * 1024 + 1, false, PARSE_OPEN},
    {"get ", 16 * 1024, true, PARSE_OK},
    {"get ", 16 * 1024 + 1, true, PARSE_OPEN},
    {"gets ", 1 << 20, true, PARSE_OPEN},
    {"gets ", 1 << 20, false, PARSE_OPEN},
};

Test(parse, bounds_the_length_of_a_line) {
    static char line[(1 << 20) + 1];
    struct guard guard;
    guard_init(&guard, sizeof(line));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct mc_request request;
        fill_line(line, lengths[i].size, lengths[i].start, lengths[i].has_end);
        cr_assert_eq(parse(&guard, line, lengths[i].size, 0, &request), lengths[i].status, "%s of %zu bytes",
                     lengths[i].start, lengths[i].size);
    }
    guard_deinit(&guard);
}

Test(parse, overlooks_a_hundred_spaces_before_a_long_get_and_no_more) {
    static char line[3000];
    struct mc_request request;
    for (size_t spaces = 99; spaces <= 101; spaces++) {
        fill_line(line, sizeof(line), "", false);
        memset(line, ' ', spaces);
        memcpy(line + spaces, "get ", 4);
        cr_assert_eq(mc_parse_line(bytes_of(line, sizeof(line)), 0, &request),
                     spaces <= 100 ? PARSE_MORE : PARSE_TOO_LARGE, "%zu spaces", spaces);
    }
}

Test(parse_get, serves_plain_gets_of_one_key_only) {
    static const struct {
        const char *line;
        const char *key; /* NULL: not plain */
    } rows[] = {
        {"get a\r\n", "a"},
        {"get a\n", "a"},
        {"get a\r\r\n", "a\r"},
        {"get " KEY_250 "\r\n", KEY_250},
        {"get " KEY_251 "\r\n", NULL},
        {"get a b\r\n", NULL},
        {"get  a\r\n", NULL},
        {"get a \r\n", NULL},
        {"get \r\n", NULL},
        {"get \n", NULL},
        {"gets a\r\n", NULL},
        {"Get a\r\n", NULL},
    };
    struct guard guard;
    guard_init(&guard, 8192);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t size = strlen(rows[i].line);
        struct bytes key = {0};
        size_t line_size = mc_parse_get(guard_copy(&guard, bytes_of(rows[i].line, size)), &key);
        cr_assert_eq(line_size, rows[i].key != NULL ? size : 0, "%s", rows[i].line);
        cr_assert(rows[i].key == NULL || bytes_equal_string(key, rows[i].key), "%s", rows[i].line);
        for (size_t cut = 0; cut < size; cut++) {
            cr_assert_eq(mc_parse_get(guard_copy(&guard, bytes_of(rows[i].line, cut)), &key), 0, "%zu of %s",
                         cut, rows[i].line);
        }
    }
    guard_deinit(&guard);
}

/* What mc_parse_set takes must be what mc_parse_line takes it for, and nothing that is cut may be taken. */
static void check_plain_set(struct guard *guard, const char *text, size_t size) {
    struct mc_set set;
    struct mc_request request;
    struct bytes input = guard_copy(guard, bytes_of(text, size));
    cr_assert_eq(mc_parse_set(input, &set), size, "%s", text);
    cr_assert_eq(mc_parse_line(input, 0, &request), PARSE_OK);
    cr_expect(bytes_equal(set.key, request.key) && set.value.size == request.value_size &&
                  set.client_flags == request.client_flags && set.exptime == request.exptime &&
                  set.noreply == request.noreply,
              "%s", text);
    cr_expect_eq(set.value.data, input.data + request.line_size);
    for (size_t cut = 0; cut < size; cut++) {
        cr_assert_eq(mc_parse_set(guard_copy(guard, bytes_of(text, cut)), &set), 0, "%zu of %s", cut, text);
    }
}

Test(parse_set, takes_plain_sets_whose_value_is_there_and_nothing_else) {
    static const char *const plain[] = {
        "set a 0 0 1\r\nx\r\n",
        "set a 0 0 0\r\n\r\n",
        "set a 0 0 1\nx\r\n",
        "set a 0 0 3 noreply\r\nabc\r\n",
        "set a 1 0 2\r\nab\r\n",
        "set a 0 9 2\r\nab\r\n",
        "set a 123456789 987654321 2\r\nab\r\n",
        "set " KEY_250 " 0 0 1\r\nx\r\n",
        "set a 00 000 0002\r\n\r\n\r\n",
    };
    static const char *const others[] = {
        "set " KEY_251 " 0 0 1\r\nx\r\n",
        "set a 0 0 1\r\nxyz",
        "set a 0 0 1\r\nx\n\n",
        "set a 0 0 -1\r\nx\r\n",
        "set a 0 -1 1\r\nx\r\n",
        "set a 0 0 1  noreply\r\nx\r\n",
        "set a 0 0 1 norepl\r\nx\r\n",
        "set a 0 0 1 noreplyy\r\nx\r\n",
        "set  a 0 0 1\r\nx\r\n",
        "set a  0 0 1\r\nx\r\n",
        "set a 0 0 1 \r\nx\r\n",
        "set a 0 0\r\nx\r\n",
        "set  0 0 1\r\nx\r\n",
        "set a 1234567890 0 1\r\nx\r\n",
        "set a 0 0 1234567890\r\nx\r\n",
        "sets a 0 0 1\r\nx\r\n",
        "add a 0 0 1\r\nx\r\n",
        "set a 0 0 1\r\r\nx\r\n",
        "set a 0 0 x\r\nx\r\n",
    };
    struct guard guard;
    struct mc_set set;
    guard_init(&guard, 8192);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        check_plain_set(&guard, plain[i], strlen(plain[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct bytes input = guard_copy(&guard, bytes_from_string(others[i]));
        cr_expect_eq(mc_parse_set(input, &set), 0, "%s", others[i]);
    }
    guard_deinit(&guard);
}
