/* SPDX-License-Identifier: MIT
 *
 * date: dates of HTTP (RFC 9110 section 5.6.7), between 1970 and 9999.
 *
 *      Sun, 06 Nov 1994 08:49:37 GMT      IMF-fixdate: the form that is written
 *      Sunday, 06-Nov-94 08:49:37 GMT     RFC 850        and these two are read, too
 *      Sun Nov  6 08:49:37 1994           asctime
 */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stdint.h>

#include "riposte/bytes.h"

enum { HTTP_DATE_SIZE = 29 };

/* Writes HTTP_DATE_SIZE bytes, no terminator. unix_s: seconds since 1970, below the year 10000. */
void http_date_write(char *text, uint64_t unix_s);

/*
 * True and *unix_s for any of the three forms; false for anything else, days that do not exist among it. The
 * name of the day is checked for being one. `now_unix_s` settles the century of RFC 850: a date that seems
 * more than 50 years ahead is one of the past.
 */
bool http_date_read(struct bytes text, uint64_t now_unix_s, uint64_t *unix_s);

#endif
