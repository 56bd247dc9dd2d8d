/* SPDX-License-Identifier: MIT
 *
 * failure: keeps the first sentence of what went wrong.
 */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

void failure_set(struct failure *failure, enum exit_code code, const char *format, ...) {
    if (failure_happened(failure)) {
        return;
    }
    failure->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->message, sizeof(failure->message), format, arguments);
    va_end(arguments);
}
