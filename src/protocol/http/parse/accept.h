/* SPDX-License-Identifier: MIT
 *
 * accept: which content codings a client takes (RFC 9110 section 12.5.3).
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include "head.h"

/* True when `coding` ("br", "gzip") is named, or covered by "*", with a weight above 0. */
bool http_accept_coding(const struct http_head *head, const char *coding);

#endif
