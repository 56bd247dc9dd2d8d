/* SPDX-License-Identifier: MIT
 *
 * doctor: facts, findings, report. See doctor.h.
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "findings.h"
#include "report.h"
#include "riposte/log.h"
#include "trial.h"

/* Only where they are seen as colours; https://no-color.org for who does not want them. */
static bool colours_wanted(FILE *file) {
    const char *terminal = getenv("TERM"), *refused = getenv("NO_COLOR");
    return isatty(fileno(file)) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0 &&
           (refused == NULL || *refused == '\0');
}

int doctor_report(FILE *file, const struct options *options, const struct facts *facts,
                  const struct findings *findings) {
    if (options->check == SHOW_ARGUMENT) {
        report_json(file, facts, findings);
    } else {
        report_text(file, facts, findings, colours_wanted(file));
    }
    return report_exit_status(findings);
}

int doctor_run(struct server *server, FILE *file) {
    static struct facts facts;       /* too large for a stack that may be small */
    static struct findings findings; /* likewise */
    /* What a start would warn of is a finding here. */
    log_level_set(LOG_LEVEL_ERROR);
    facts_read(&facts, "");
    trial_run(server, &facts);
    findings_judge(&findings, &facts);
    return doctor_report(file, &server->options, &facts, &findings);
}
