/* SPDX-License-Identifier: MIT
 *
 * Command lines by a table: a small program's, with an option of every spelling, suboptions and an operand.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "options.h"

enum {
    ROW_PORT,
    ROW_VERBOSE,
    ROW_DAEMON,
    ROW_FAST,
    ROW_OLD,
    ROW_GONE,
    ROW_NAMES,
    ROW_HELP,
    ROW_IDLE,
    ROW_CRAWL
};

struct values {
    int32_t port;
    uint32_t verbose;
    bool daemon;
    bool fast;
    uint32_t old;
    bool gone;
    struct option_suboptions names;
    enum option_show help;
    uint32_t idle_timeout;
    bool crawl;
    const char *target;
    bool given[10];
    unsigned taken_count;
};

static void count_taken(void *values, unsigned option_index) {
    cr_assert(((struct values *)values)->given[option_index]);
    ((struct values *)values)->taken_count++;
}

static const struct options_section sections[] = {
    {"All", false, NULL}, {"Names of -o", true, NULL}, {NULL, false, NULL}};

static const struct option rows[] = {
    [ROW_PORT] = {"port", 'p', 0, OPTION_PORT, 0, offsetof(struct values, port), "80", 0, 65535, "PORT", "",
                  NULL, NULL},
    [ROW_VERBOSE] = {"verbose", 'v', .kind = OPTION_REPEAT, .offset = offsetof(struct values, verbose)},
    [ROW_DAEMON] = {"daemon", 'd', .kind = OPTION_ON, .offset = offsetof(struct values, daemon)},
    [ROW_FAST] = {"no-fast", 0, .kind = OPTION_OFF, .offset = offsetof(struct values, fast),
                  .initial = "yes"},
    [ROW_OLD] = {"old-way", 'O', .kind = OPTION_COUNT, .effect = EFFECT_IGNORED, .maximum = 9,
                 .offset = offsetof(struct values, old), .help = "there is a new one"},
    [ROW_GONE] = {"gone", 'g', .kind = OPTION_ON, .effect = EFFECT_REFUSED,
                  .offset = offsetof(struct values, gone), .help = "it never was"},
    [ROW_NAMES] = {"extended", 'o', .kind = OPTION_SUBOPTIONS, .offset = offsetof(struct values, names)},
    [ROW_HELP] = {"help", 'h', .kind = OPTION_SHOW, .offset = offsetof(struct values, help),
                  .argument = "markdown"},
    [ROW_IDLE] = {"idle_timeout", 0, 1, OPTION_COUNT, 0, offsetof(struct values, idle_timeout), "0", 0, 100,
                  "SECONDS", "", NULL, NULL},
    [ROW_CRAWL] = {"crawl", 0, 1, OPTION_SWITCH, EFFECT_IGNORED, offsetof(struct values, crawl), "yes", 0, 0,
                   NULL, "nothing crawls", NULL, NULL},
};

static const struct options_alias aliases[] = {{"tcp-port", "port"}, {NULL, NULL}};
static const struct options_family families[] = {{"ssl_", "there is no TLS"}, {NULL, NULL}};

static struct options_table table = {
    .options = rows,
    .options_count = sizeof(rows) / sizeof(rows[0]),
    .sections = sections,
    .aliases = aliases,
    .families_refused = families,
    .given_offset = offsetof(struct values, given),
    .taken = count_taken,
    .introduction = "",
};

static struct values values;
static struct failure failure;

/* `line` is cut at single spaces; the program's name is added. */
static enum options_outcome parse(const char *line) {
    static char copy[512];
    const char *arguments[32] = {"program"};
    int count = 1;
    snprintf(copy, sizeof(copy), "%s", line);
    char *rest = copy;
    while (rest != NULL && *rest != '\0') {
        arguments[count++] = strsep(&rest, " ");
    }
    values = (struct values){0};
    failure = (struct failure){0};
    return options_parse(&table, &values, count, arguments, &failure);
}

static void expect_taken(const char *line) {
    enum options_outcome outcome = parse(line);
    cr_expect_eq(outcome, OPTIONS_COMPLETE, "\"%s\": %s", line, failure.text);
    cr_expect_not(failure_happened(&failure));
}

static void expect_refused(const char *line, const char *text) {
    cr_expect_eq(parse(line), OPTIONS_REFUSED, "\"%s\" was taken", line);
    cr_expect_eq(failure.exit_status, EX_USAGE, "\"%s\"", line);
    cr_expect_str_eq(failure.text, text);
}

Test(options, have_their_defaults_and_were_not_given) {
    expect_taken("");
    cr_expect_eq(values.port, 80);
    cr_expect(values.fast && values.crawl && !values.daemon);
    for (size_t i = 0; i < sizeof(values.given); i++) {
        cr_expect_not(values.given[i]);
    }
}

Test(options, take_a_value_apart_or_attached) {
    static const char *const lines[] = {"-p 7", "-p7",       "--port 7",    "--port=7",
                                        "-vp7", "-p 1 -p 7", "--tcp-port=7"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect_taken(lines[i]);
        cr_expect_eq(values.port, 7, "\"%s\"", lines[i]);
        cr_expect(values.given[ROW_PORT]);
    }
}

Test(options, of_one_letter_may_stand_together) {
    expect_taken("-vdv");
    cr_expect(values.verbose == 2 && values.daemon);
    cr_expect_eq(values.taken_count, 3);
}

Test(options, have_names_in_which_a_dash_and_an_underscore_are_the_same) {
    expect_taken("--no_fast");
    cr_expect_not(values.fast);
    expect_taken("--old_way=3 -o idle-timeout=5,no-crawl");
    cr_expect_eq(values.old, 3);
    cr_expect_eq(values.idle_timeout, 5);
    cr_expect_not(values.crawl);
}

Test(options, may_have_suboptions) {
    expect_taken("-o idle_timeout=5,,no_crawl -o crawl");
    cr_expect_eq(values.idle_timeout, 5);
    cr_expect(values.crawl);
    cr_expect(values.given[ROW_NAMES] && values.given[ROW_IDLE] && values.given[ROW_CRAWL]);
    expect_refused("-o idel_timeout=3", "unknown name -o idel_timeout; did you mean -o idle_timeout?");
    expect_refused("-o no_idle_timeout", "unknown name -o no_idle_timeout; did you mean -o idle_timeout?");
    expect_refused("-o zzz", "unknown name -o zzz; --help lists the names of -o");
    expect_refused("-o idle_timeout", "-o idle_timeout needs a number from 0 to 100");
    expect_refused("-o idle-timeout=101", "-o idle_timeout 101: expected a number from 0 to 100");
    expect_refused("-o crawl=1", "-o crawl 1: expected no value");
    expect_refused("-o crawl,ssl_key=x", "-o ssl_key: there is no TLS");
    expect_refused("-o", "-o needs names, 4096 bytes in all");
}

Test(options, bound_the_length_of_all_suboptions_together) {
    static char text[2 + OPTION_SUBOPTIONS_SIZE_MAX + 1] = "-o";
    const char *arguments[] = {"program", text};
    memset(text + 2, ',', OPTION_SUBOPTIONS_SIZE_MAX);
    values = (struct values){0};
    cr_expect_eq(options_parse(&table, &values, 2, arguments, &failure), OPTIONS_REFUSED);
    text[2 + OPTION_SUBOPTIONS_SIZE_MAX - 1] = '\0';
    values = (struct values){0};
    cr_expect_eq(options_parse(&table, &values, 2, arguments, &failure), OPTIONS_COMPLETE);
}

Test(options, that_are_unknown_are_refused_with_the_nearest_name) {
    expect_refused("--prot=80", "unknown flag --prot; did you mean --port?");
    expect_refused("--demon", "unknown flag --demon; did you mean --daemon?");
    expect_refused("--idle-timeout=3", "unknown flag --idle-timeout; did you mean -o idle_timeout?");
    expect_refused("--replicate", "unknown flag --replicate; --help lists the flags");
    expect_refused("-P 2", "unknown flag -P; did you mean -p, --port?");
    expect_refused("-9", "unknown flag -9; --help lists the flags");
}

Test(options, that_miss_a_value_or_have_one_too_many_are_refused) {
    expect_refused("-p", "-p needs a port from 0 to 65535");
    expect_refused("--port", "--port needs a port from 0 to 65535");
    expect_refused("--port=", "--port : expected a port from 0 to 65535");
    expect_refused("--daemon=yes", "--daemon yes: expected no value");
    expect_refused("--help=html", "--help html: expected nothing or markdown");
}

Test(options, may_be_refused_with_a_reason) {
    expect_refused("-g", "-g: it never was");
    expect_refused("-v --gone", "--gone: it never was");
}

Test(options, that_show_something_end_the_reading) {
    cr_expect_eq(parse("-h --nonsense"), OPTIONS_SHOW);
    cr_expect_eq(values.help, SHOW_PLAIN);
    cr_expect_eq(parse("-v --help=markdown"), OPTIONS_SHOW);
    cr_expect_eq(values.help, SHOW_ARGUMENT);
}

Test(options, refuse_operands_where_the_program_takes_none) {
    expect_refused("start", "unexpected argument 'start'; flags begin with - or --");
    expect_refused("-v -", "unexpected argument '-'; flags begin with - or --");
    expect_refused("-- -v", "unexpected argument '-v' after --");
    expect_taken("-v --");
}

Test(options, leave_one_operand_to_a_program_that_takes_it) {
    table.operand = "target";
    table.operand_offset = offsetof(struct values, target);
    expect_taken("host -v");
    cr_expect_str_eq(values.target, "host");
    cr_expect_eq(values.verbose, 1);
    expect_taken("-p 7 -- -host");
    cr_expect_str_eq(values.target, "-host");
    expect_taken("-p 7");
    cr_expect_null(values.target);
    expect_refused("one two", "one target, not one and two; see --help");
}

static void line_append(void *user, const char *text) {
    strncat(user, text, 255 - strlen(user));
    strncat(user, "\n", 255 - strlen(user));
}

Test(options, without_effect_are_told_once) {
    char lines[256] = "";
    expect_taken("-O 1 -O 2 -o crawl,no_crawl -d");
    options_ignored(&table, &values, line_append, lines);
    cr_expect_str_eq(lines, "-O, --old-way has no effect: there is a new one\n"
                            "-o crawl has no effect: nothing crawls\n");
}

/* --- several operands ------------------------------------------------------------------------------------- */

struct places {
    struct option_list list;
    bool given[1];
};

static const struct options_table places_table = {
    .options =
        (const struct option[]){{.name = "x", .kind = OPTION_ON, .offset = offsetof(struct places, given)}},
    .options_count = 1,
    .sections = (const struct options_section[]){{.title = "Some"}, {.title = NULL}},
    .given_offset = offsetof(struct places, given),
    .operand = "places",
    .operand_offset = offsetof(struct places, list),
    .operand_repeats = true,
};

Test(options, take_as_many_operands_as_a_list_holds) {
    static const char *arguments[OPTION_LIST_COUNT_MAX + 2] = {"program"};
    struct failure reason = {0};
    struct places places = {0};
    for (int i = 1; i <= OPTION_LIST_COUNT_MAX + 1; i++) {
        arguments[i] = "a";
    }
    arguments[2] = "b";
    cr_expect_eq(options_parse(&places_table, &places, OPTION_LIST_COUNT_MAX + 1, arguments, &reason),
                 OPTIONS_COMPLETE);
    cr_expect_eq(places.list.count, OPTION_LIST_COUNT_MAX);
    cr_expect_str_eq(places.list.texts[1], "b");
    places = (struct places){0};
    cr_expect_eq(options_parse(&places_table, &places, OPTION_LIST_COUNT_MAX + 2, arguments, &reason),
                 OPTIONS_REFUSED);
    cr_expect_str_eq(reason.text, "more than 64 of places; see --help");
}
