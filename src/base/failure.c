/* SPDX-License-Identifier: MIT
 *
 * failure: formats the sentence. See failure.h.
 */
#include "failure.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void failure_write(struct failure *failure, int exit_status, const char *format, ...) {
    assert(exit_status != 0);
    if (failure_happened(failure)) {
        return;
    }
    va_list arguments;
    failure->exit_status = exit_status;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
}
