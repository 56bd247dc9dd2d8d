/* SPDX-License-Identifier: MIT
 *
 * host: which hosts are valid, and which mean this machine.
 */
#include <criterion/criterion.h>

#include "host.h"

static const struct {
    const char *text;
    bool valid;
    bool loopback;
} rows[] = {
    {"localhost", true, true},
    {"LocalHost:8080", true, true},
    {"localhost.", true, true},
    {"localhost:", true, true},
    {"app.localhost:80", true, true},
    {"127.0.0.1", true, true},
    {"127.255.255.255:65535", true, true},
    {"[::1]", true, true},
    {"[::1]:8080", true, true},
    {"128.0.0.1", true, false},
    {"127.0.0", true, false},
    {"127.0.0.1.example", true, false},
    {"127.0.0.256", true, false},
    {"127.0.0.1.1", true, false},
    {"127.0.0.01x", true, false},
    {"[::2]", true, false},
    {"[::ffff:127.0.0.1]", true, false},
    {"localhost.example", true, false},
    {"xlocalhost", true, false},
    {"example.com:80", true, false},
    {"a_b-c.d", true, false},
    {"a%20b", true, false},
    {"", false, false},
    {":80", false, false},
    {"a:65536", false, false},
    {"a:-1", false, false},
    {"a:1:2", false, false},
    {"a:x", false, false},
    {"[::1", false, false},
    {"[]", false, false},
    {"[::1]x", false, false},
    {"[::g]", false, false},
    {"::1", false, false},
    {"a b", false, false},
    {"a,b", false, false},
    {"a@b", false, false},
    {"a/b", false, false},
    {"a?b", false, false},
    {"a%2", false, false},
    {"a%zz", false, false},
    {"a\x80", false, false},
};

Test(http_host, is_valid_and_means_loopback_where_it_does) {
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes host = bytes_from_string(rows[i].text);
        cr_assert_eq(http_host_is_valid(host), rows[i].valid, "%s", rows[i].text);
        cr_assert_eq(rows[i].valid && http_host_is_loopback(host), rows[i].loopback, "%s", rows[i].text);
    }
}

Test(http_host, may_have_255_bytes_and_not_one_more) {
    char text[256];
    memset(text, 'a', sizeof(text));
    cr_assert(http_host_is_valid(bytes_of(text, 255)));
    cr_assert(!http_host_is_valid(bytes_of(text, 256)));
}
