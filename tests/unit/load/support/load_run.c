/* SPDX-License-Identifier: MIT
 *
 * load_run: makes a command line and runs it inside the test.
 */
#include "load_run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { ARGUMENTS_MAX = 64, TEXT_MAX = 1024 };

void load_run(struct load_run *run, uint16_t port, const char *flags) {
    static char text[TEXT_MAX]; /* options borrow from it */
    char target[64];
    const char *arguments[ARGUMENTS_MAX] = {"riposte-load"};
    int count = 1;
    struct failure failure = {0};
    cr_assert(strlen(flags) < sizeof(text));
    snprintf(text, sizeof(text), "%s", flags);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        cr_assert(count < ARGUMENTS_MAX - 2);
        arguments[count++] = word;
    }
    snprintf(target, sizeof(target), "127.0.0.1:%u", port);
    arguments[count++] = target;
    cr_assert_eq(options_table_read(&run->options, count, arguments, &failure), OPTIONS_COMPLETE, "%s",
                 failure.text);
    cr_assert(scenario_init(&run->scenario, &run->options, &failure), "%s", failure.text);
    struct run_observer observer = {0};
    run_execute(&run->scenario, &observer, &run->result);
}

void load_run_deinit(struct load_run *run) {
    run_result_deinit(&run->result);
    scenario_deinit(&run->scenario);
}

const struct counts *load_run_counts(const struct load_run *run) {
    cr_assert_eq(run->result.steps_count, 1, "%s", run->result.failure.text);
    return &run->result.steps[0].counts;
}
