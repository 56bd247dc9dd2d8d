/* SPDX-License-Identifier: MIT
 *
 * How the doctor's findings are laid out: 80 columns, one screen, colours only when asked for, JSON that a program reads.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "report.h"

enum { SCREEN_ROWS = 24, SCREEN_COLUMNS = 80 };

static struct findings findings;

/* What is printed; to be freed. */
static char *printed(const struct facts *facts, bool as_json, bool colours) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    findings_judge(&findings, facts);
    if (as_json) {
        report_json(file, facts, &findings);
    } else {
        report_text(file, facts, &findings, colours);
    }
    fclose(file);
    return text;
}

static void spoil(struct facts *facts) {
    facts->somaxconn = 128;
    facts->large_pages_shmem[0] = '\0';
    facts->flags.memory_limit = 64 * UNITS_GIB;
}

Test(report, fits_one_screen_of_80_by_24_even_with_several_cures) {
    struct facts *facts = facts_good();
    spoil(facts);
    char *text = printed(facts, false, false);
    int rows = 0;
    for (const char *line = text; *line != '\0'; rows++) {
        size_t size = strcspn(line, "\n");
        cr_expect_leq(size, SCREEN_COLUMNS, "%.*s", (int)size, line);
        line += size + (line[size] == '\n');
    }
    cr_expect_leq(rows, SCREEN_ROWS - 1, "%d rows:\n%s", rows, text);
    free(text);
}

Test(report, ends_with_the_sum_and_what_it_means) {
    struct facts *facts = facts_good();
    char *text = printed(facts, false, false);
    cr_expect_not_null(strstr(text, " 0 fair, 0 wrong. It would start, and"), "%s", text);
    cr_expect_eq(report_exit_status(&findings), 0);
    free(text);
    facts->somaxconn = 1;
    text = printed(facts, false, false);
    cr_expect_not_null(strstr(text, " 1 fair, 0 wrong. It would start;"), "%s", text);
    cr_expect_eq(report_exit_status(&findings), 1);
    free(text);
    spoil(facts);
    text = printed(facts, false, false);
    cr_expect_not_null(strstr(text, " 2 fair, 1 wrong. It would not serve"), "%s", text);
    cr_expect_eq(report_exit_status(&findings), 2);
    free(text);
}

Test(report, is_coloured_only_when_asked) {
    char *plain = printed(facts_good(), false, false), *coloured = printed(facts_good(), false, true);
    cr_expect_null(strchr(plain, '\033'));
    cr_expect_not_null(strstr(coloured, "\033[32mgood"));
    free(plain);
    free(coloured);
}

Test(report, escapes_in_json_what_would_end_a_string) {
    struct facts *facts = facts_good();
    snprintf(facts->ports[0].text, sizeof(facts->ports[0].text), "unix:/a\"b\\c\n\xff");
    char *text = printed(facts, true, false);
    cr_expect_not_null(strstr(text, "free: unix:/a\\\"b\\\\c??,"), "%s", text);
    cr_expect_not_null(strstr(text, "\"exit_status\": 0,"), "%s", text);
    cr_expect_not_null(strstr(text, "\"cure\": null}"), "%s", text);
    free(text);
}
