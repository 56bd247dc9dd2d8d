/* SPDX-License-Identifier: MIT
 *
 * Places to listen on, taken apart.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "listen_entry.h"

static struct listen_entry entry_of(const char *text) {
    struct listen_entry entry;
    cr_assert(listen_entry_parse(bytes_from_string(text), &entry), "%s", text);
    return entry;
}

static void expect_bytes(struct bytes found, const char *expected) {
    cr_expect(bytes_equal_string(found, expected), "'%.*s' instead of '%s'", (int)found.size, found.data,
              expected);
}

Test(listen_entry, has_prefixes_in_any_order) {
    struct listen_entry entry = entry_of("tag[b]:proto[ascii]:127.0.0.3:80");
    expect_bytes(entry.tag, "b");
    expect_bytes(entry.protocol, "ascii");
    expect_bytes(entry.host, "127.0.0.3");
    cr_expect_eq(entry.port, 80);
    cr_expect_eq(entry.tls, LISTEN_TLS_UNSAID);
    entry = entry_of("proto[http]:mtls:tag[]:[::1]");
    expect_bytes(entry.tag, "");
    expect_bytes(entry.protocol, "http");
    expect_bytes(entry.host, "::1");
    cr_expect_eq(entry.port, LISTEN_PORT_UNSAID);
    cr_expect_eq(entry.tls, LISTEN_TLS_MUTUAL);
    cr_expect_eq(entry_of("tls:h").tls, LISTEN_TLS_ON);
    cr_expect_eq(entry_of("btls:h").tls, LISTEN_TLS_ON);
    cr_expect_eq(entry_of("notls:h").tls, LISTEN_TLS_OFF);
    expect_bytes(entry_of("proto[http]:unix:/run/a:b[c]").path, "/run/a:b[c]");
}

Test(listen_entry, is_read_no_further_than_its_end) {
    static const char *const texts[] = {"tag[a]:proto[ascii]:notls:[::1]:80", "127.0.0.1:80", "unix:/a",
                                        "::1"};
    struct guard guard;
    guard_init(&guard, 64);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t size = 0; size <= strlen(texts[i]); size++) {
            struct listen_entry entry;
            listen_entry_parse(guard_copy(&guard, bytes_of(texts[i], size)), &entry);
        }
    }
    guard_deinit(&guard);
}

Test(listen_entry, is_a_host_a_port_or_both) {
    static const struct {
        const char *text;
        const char *host;
        int32_t port;
    } rows[] = {
        {"*", "*", LISTEN_PORT_UNSAID},
        {"*:80", "*", 80},
        {"cache.example", "cache.example", LISTEN_PORT_UNSAID},
        {"cache.example:65535", "cache.example", 65535},
        {"h:0", "h", 0},
        {"[::1]", "::1", LISTEN_PORT_UNSAID},
        {"[::1]:80", "::1", 80},
        {"::1", "::1", LISTEN_PORT_UNSAID},
        {"2001:db8::1:80", "2001:db8::1:80", LISTEN_PORT_UNSAID},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct listen_entry entry = entry_of(rows[i].text);
        expect_bytes(entry.host, rows[i].host);
        cr_expect_eq(entry.port, rows[i].port, "%s", rows[i].text);
        cr_expect_eq(entry.path.size, 0);
        cr_expect_null(entry.protocol.data);
    }
}

Test(listen_entry, is_refused_where_something_is_missing_or_too_much) {
    static const char *const refused[] = {
        "",  ":80",     "h:",    "h:-1",     "h:65536", "h:x",  "[::1",   "[]:80", "[::1]80", "[::1]:",
        "[", "tag[a]:", "unix:", "proto[a]", "tag[a",   "tag[", "notls:", "h:80 ", "[::1]x",  "proto[a]h"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct listen_entry entry;
        cr_expect_not(listen_entry_parse(bytes_from_string(refused[i]), &entry), "\"%s\"", refused[i]);
    }
}

Test(listen_entry, bounds_the_host) {
    char host[LISTEN_HOST_SIZE_MAX + 2];
    struct listen_entry entry;
    memset(host, 'h', sizeof(host));
    cr_expect(listen_entry_parse(bytes_of(host, LISTEN_HOST_SIZE_MAX), &entry));
    cr_expect_not(listen_entry_parse(bytes_of(host, LISTEN_HOST_SIZE_MAX + 1), &entry));
}
