/* SPDX-License-Identifier: MIT
 *
 * dialect: the table of protocols. See dialect.h.
 */
#include "dialect.h"

#include <assert.h>

static const struct dialect dialects[DIALECT_COUNT] = {
    [DIALECT_MEMCACHED] = {.name = "memcached",
                           .title = "memcached text",
                           .default_port = "11211",
                           .get = "get {key}\r\n",
                           .set_head = "set {key} 0 0 ",
                           .set_middle = "\r\n",
                           .set_end = "\r\n",
                           .hit = "VALUE {key} 0 {value_size}\r\n",
                           .hit_tail = "\r\nEND\r\n",
                           .stored = "STORED\r\n",
                           .parse = reply_parse_text},
    [DIALECT_META] = {.name = "meta",
                      .title = "memcached meta",
                      .default_port = "11211",
                      .get = "mg {key} {meta_flags}\r\n",
                      .set_head = "ms {key} ",
                      .set_middle = "\r\n",
                      .set_end = "\r\n",
                      .hit = "VA {value_size}\r\n",
                      .hit_tail = "\r\n",
                      .stored = "HD\r\n",
                      .parse = reply_parse_meta},
    [DIALECT_NOOP] = {.name = "noop",
                      .title = "memcached meta no-op",
                      .default_port = "11211",
                      .is_bare = true,
                      .get = "mn\r\n",
                      .set_head = "",
                      .set_middle = "",
                      .set_end = "",
                      .hit = "MN\r\n",
                      .hit_tail = "",
                      .stored = "",
                      .parse = reply_parse_noop},
    [DIALECT_HTTP] = {.name = "http",
                      .title = "HTTP/1.1",
                      .default_port = "80",
                      .get = "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n",
                      .set_head = "PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: ",
                      .set_middle = "\r\n\r\n",
                      .set_end = "",
                      .hit = "",
                      .hit_tail = "",
                      .stored = "",
                      .parse = reply_parse_http},
    [DIALECT_RESP] = {.name = "resp",
                      .title = "RESP",
                      .default_port = "6379",
                      .get = "*2\r\n$3\r\nGET\r\n${key_size}\r\n{key}\r\n",
                      .set_head = "*3\r\n$3\r\nSET\r\n${key_size}\r\n{key}\r\n$",
                      .set_middle = "\r\n",
                      .set_end = "\r\n",
                      .hit = "${value_size}\r\n",
                      .hit_tail = "\r\n",
                      .stored = "+OK\r\n",
                      .parse = reply_parse_resp},
};

const struct dialect *dialect_of(enum dialect_kind kind) {
    assert(kind < DIALECT_COUNT);
    return &dialects[kind];
}
