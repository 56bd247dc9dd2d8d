/* SPDX-License-Identifier: MIT
 *
 * Targets as people write them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "exit_code.h"
#include "target.h"

static struct target_text parts;
static const char *reason;

Test(target, may_be_a_host_a_port_or_both) {
    cr_assert(target_parse("cache.example", &parts, &reason));
    cr_expect_str_eq(parts.host, "cache.example");
    cr_expect_str_eq(parts.port, "");
    cr_assert(target_parse("10.0.0.1:11211", &parts, &reason));
    cr_expect_str_eq(parts.host, "10.0.0.1");
    cr_expect_str_eq(parts.port, "11211");
    cr_expect_not(parts.has_protocol);
    cr_assert(target_parse(":8080", &parts, &reason));
    cr_expect_str_eq(parts.host, "");
    cr_expect_str_eq(parts.port, "8080");
}

Test(target, names_its_protocol_before_two_slashes) {
    cr_assert(target_parse("meta://localhost", &parts, &reason));
    cr_expect(parts.has_protocol && parts.protocol == PROTOCOL_META);
    cr_assert(target_parse("noop://localhost", &parts, &reason));
    cr_expect(parts.has_protocol && parts.protocol == PROTOCOL_NOOP);
    cr_assert(target_parse("redis://localhost:6380", &parts, &reason));
    cr_expect(parts.has_protocol && parts.protocol == PROTOCOL_RESP);
    cr_assert(target_parse("http://h:80/a/{key}?b", &parts, &reason));
    cr_expect(parts.protocol == PROTOCOL_HTTP);
    cr_expect_str_eq(parts.path, "/a/{key}?b");
    cr_expect_not(parts.has_tls);
    cr_assert(target_parse("https://h/", &parts, &reason));
    cr_expect(parts.protocol == PROTOCOL_HTTP && parts.has_tls);
    cr_assert(target_parse("rediss://h", &parts, &reason));
    cr_expect(parts.protocol == PROTOCOL_RESP && parts.has_tls);
    cr_expect_not(target_parse("gopher://h/", &parts, &reason));
    cr_expect_not_null(strstr(reason, "protocol"));
}

Test(target, has_ipv6_addresses_in_brackets) {
    cr_assert(target_parse("[::1]:11211", &parts, &reason));
    cr_expect_str_eq(parts.host, "::1");
    cr_expect_str_eq(parts.port, "11211");
    cr_assert(target_parse("[::1]", &parts, &reason));
    cr_expect_str_eq(parts.port, "");
    cr_expect_not(target_parse("[::1", &parts, &reason));
    cr_expect_not(target_parse("[::1]x", &parts, &reason));
    cr_expect_not(target_parse("::1", &parts, &reason));
}

Test(target, has_a_port_from_1_to_65535) {
    cr_expect_not(target_parse("h:", &parts, &reason));
    cr_expect_not(target_parse("h:0", &parts, &reason));
    cr_expect_not(target_parse("h:65536", &parts, &reason));
    cr_expect_not(target_parse("h:80a", &parts, &reason));
    cr_expect(target_parse("h:65535", &parts, &reason));
}

Test(target, is_resolved_to_an_address_with_a_name_to_show) {
    struct target target;
    struct failure failure = {0};
    cr_assert(target_parse("127.0.0.1", &parts, &reason));
    cr_assert(target_resolve(&parts, "11211", &target, &failure));
    cr_expect_str_eq(target.name, "127.0.0.1:11211");
    cr_expect(target.is_loopback);
    cr_assert(target_parse("[::1]:5", &parts, &reason));
    cr_assert(target_resolve(&parts, "11211", &target, &failure));
    cr_expect_str_eq(target.name, "[::1]:5");
    cr_expect_not(target.is_loopback, "source addresses are chosen for IPv4 only");
}

Test(target, may_be_a_unix_socket_with_a_path_that_fits) {
    struct target target;
    struct failure failure = {0};
    char long_path[200];
    cr_expect(target_unix("/run/server.sock", &target, &failure));
    cr_expect_str_eq(target.name, "/run/server.sock");
    memset(long_path, 'x', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    cr_expect_not(target_unix(long_path, &target, &failure));
    cr_expect_eq(failure.exit_status, EXIT_CODE_USAGE);
}
