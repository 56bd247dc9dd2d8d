/* SPDX-License-Identifier: MIT
 *
 * report: lays the findings out. See report.h.
 *
 *      good   io_uring     2 workers ran, each with its own ring
 *      fair   backlog      -b 4096 is cut to net.core.somaxconn=128
 *                          cure: sysctl -w net.core.somaxconn=4096
 */
#include "report.h"

#include "wrap.h"

enum { COLUMNS = 80, VERDICT_WIDTH = 7, AREA_WIDTH = 12 };

static const struct verdict {
    const char *word;
    const char *colour; /* ECMA-48, 8.3.117: SGR */
} verdicts[] = {
    [FINDING_GOOD] = {"good", "\033[32m"},
    [FINDING_FAIR] = {"fair", "\033[33m"},
    [FINDING_WRONG] = {"wrong", "\033[1;31m"},
};

/* --- for people -------------------------------------------------------------------------------------------
 */

static void finding_print(FILE *file, const struct finding *finding, bool colours) {
    const struct verdict *verdict = &verdicts[finding->verdict];
    struct wrap wrap = {.file = file, .columns = COLUMNS, .indent = VERDICT_WIDTH + AREA_WIDTH};
    fprintf(file, "%s%-*s%s%-*s", colours ? verdict->colour : "", VERDICT_WIDTH, verdict->word,
            colours ? "\033[0m" : "", AREA_WIDTH, finding->area);
    wrap.at = wrap.indent;
    wrap_words(&wrap, bytes_from_string(finding->text));
    if (*finding->cure != '\0') {
        wrap_break(&wrap);
        wrap_words(&wrap, bytes_from_string("cure:"));
        wrap_words(&wrap, bytes_from_string(finding->cure));
    }
    fputc('\n', file);
}

void report_text(FILE *file, const struct facts *facts, const struct findings *findings, bool colours) {
    fprintf(file, "riposte " RIPOSTE_VERSION " on %s %s\n\n", facts->kernel, facts->machine);
    for (unsigned i = 0; i < findings->count; i++) {
        finding_print(file, &findings->list[i], colours);
    }
    fprintf(file, "\n%u good, %u fair, %u wrong. %s\n", findings->of_verdict[FINDING_GOOD],
            findings->of_verdict[FINDING_FAIR], findings->of_verdict[FINDING_WRONG],
            findings->sums[findings_verdict(findings)]);
}

/* --- for programs -----------------------------------------------------------------------------------------
 */

/* A text of a file name or of the kernel's may hold anything (RFC 8259, 7); what is no ASCII becomes a "?". */
static void string_print(FILE *file, const char *text) {
    fputc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fprintf(file, "\\%c", *text);
        } else if (*text >= ' ' && *text <= '~') {
            fputc(*text, file);
        } else {
            fputc('?', file);
        }
    }
    fputc('"', file);
}

static void member_print(FILE *file, const char *name, const char *text) {
    fprintf(file, "\"%s\": ", name);
    string_print(file, text);
}

static void finding_print_json(FILE *file, const struct finding *finding) {
    fputs("    {", file);
    member_print(file, "area", finding->area);
    fputs(", ", file);
    member_print(file, "verdict", verdicts[finding->verdict].word);
    fputs(",\n     ", file);
    member_print(file, "text", finding->text);
    fputs(",\n     \"cure\": ", file);
    if (*finding->cure == '\0') {
        fputs("null", file);
    } else {
        string_print(file, finding->cure);
    }
    fputc('}', file);
}

void report_json(FILE *file, const struct facts *facts, const struct findings *findings) {
    fputs("{", file);
    member_print(file, "riposte", RIPOSTE_VERSION);
    fputs(",\n ", file);
    member_print(file, "kernel", facts->kernel);
    fputs(",\n ", file);
    member_print(file, "machine", facts->machine);
    fprintf(file, ",\n \"exit_status\": %d,\n \"findings\": [\n", report_exit_status(findings));
    for (unsigned i = 0; i < findings->count; i++) {
        finding_print_json(file, &findings->list[i]);
        fputs(i + 1 < findings->count ? ",\n" : "\n", file);
    }
    fputs(" ]}\n", file);
}

int report_exit_status(const struct findings *findings) {
    return (int)findings_verdict(findings);
}
