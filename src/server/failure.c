/* SPDX-License-Identifier: MIT */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

void failure_write(struct failure *failure, int exit_status, const char *format, ...) {
    va_list arguments;
    failure->exit_status = exit_status;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    va_end(arguments);
}
