/* SPDX-License-Identifier: MIT
 *
 * findings: what the facts mean for a server with these flags, and the cure. Pure: no call to the system.
 */
#ifndef RIPOSTE_SERVER_DOCTOR_FINDINGS_H
#define RIPOSTE_SERVER_DOCTOR_FINDINGS_H

#include "facts.h"

enum finding_verdict {
    FINDING_GOOD,
    FINDING_FAIR,  /* it serves, and could be better */
    FINDING_WRONG, /* it does not start, or would be killed */
    FINDING_VERDICTS_COUNT,
};

enum { FINDING_TEXT_SIZE_MAX = 512, FINDINGS_COUNT_MAX = 16 + 2 * ENGINE_LISTENS_MAX };

struct finding {
    enum finding_verdict verdict;
    const char *area; /* of a few letters; static storage */
    char text[FINDING_TEXT_SIZE_MAX];
    char cure[FINDING_TEXT_SIZE_MAX]; /* what to type or to set; "": nothing */
};

struct findings {
    struct finding list[FINDINGS_COUNT_MAX];
    unsigned count;
    unsigned of_verdict[FINDING_VERDICTS_COUNT];
    const char *const
        *sums; /* what it comes to: a sentence for each verdict that may be the worst; static storage */
};

/* One more, without a cure yet. `area` is static storage. */
struct finding *findings_add(struct findings *findings, enum finding_verdict verdict, const char *area,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Fills *findings, in the order in which an operator reads them. */
void findings_judge(struct findings *findings, const struct facts *facts);

/* The worst of them. */
enum finding_verdict findings_verdict(const struct findings *findings);

#endif
