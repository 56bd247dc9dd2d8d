/* SPDX-License-Identifier: MIT
 *
 * Socket addresses of every family as texts and ports.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "address.h"

static struct sockaddr_storage address;

static const struct sockaddr_storage *inet(const char *host, uint16_t port) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    cr_assert_eq(inet_pton(AF_INET, host, &in.sin_addr), 1);
    memcpy(&address, &in, sizeof(in));
    return &address;
}

static const struct sockaddr_storage *inet6(const char *host, uint16_t port, uint32_t scope) {
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};
    cr_assert_eq(inet_pton(AF_INET6, host, &in6.sin6_addr), 1);
    memcpy(&address, &in6, sizeof(in6));
    return &address;
}

/* A path of at most 108 bytes; one of 108 leaves no room for a terminator. */
static const struct sockaddr_storage *local(const char *path) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    memcpy(un.sun_path, path, strlen(path));
    memcpy(&address, &un, sizeof(un));
    return &address;
}

static const struct sockaddr_storage *nothing(void) {
    address = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    return &address;
}

static void expect_text(const struct sockaddr_storage *of, const char *expected) {
    char text[ADDRESS_TEXT_SIZE_MAX];
    address_text(of, text);
    cr_expect_str_eq(text, expected);
}

static void expect_host(const struct sockaddr_storage *of, const char *expected) {
    char text[ADDRESS_TEXT_SIZE_MAX];
    address_host_text(of, text);
    cr_expect_str_eq(text, expected);
}

Test(address, is_written_as_a_person_would_type_it) {
    expect_text(inet("127.0.0.1", 11211), "127.0.0.1:11211");
    expect_text(inet("255.255.255.255", 65535), "255.255.255.255:65535");
    expect_text(inet6("::1", 80, 0), "[::1]:80");
    expect_text(inet6("2001:db8:1:2:3:4:5:6", 0, 0), "[2001:db8:1:2:3:4:5:6]:0");
    expect_text(local("/run/riposte.sock"), "/run/riposte.sock");
    expect_text(nothing(), "?");
}

Test(address, names_the_interface_of_a_link_local_address) {
    char name[IF_NAMESIZE], expected[ADDRESS_TEXT_SIZE_MAX];
    cr_assert_not_null(if_indextoname(1, name)); /* the loopback interface */
    snprintf(expected, sizeof(expected), "[fe80::1%%%s]:7", name);
    expect_text(inet6("fe80::1", 7, 1), expected);
    expect_text(inet6("fe80::1", 7, 4000000000), "[fe80::1%4000000000]:7");
}

Test(address, has_a_path_that_may_fill_all_of_its_room) {
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    expect_text(local(path), path);
}

Test(address, has_a_host_of_its_own_without_port_and_scope) {
    expect_host(inet("10.1.2.3", 80), "10.1.2.3");
    expect_host(inet6("fe80::1", 80, 1), "fe80::1");
    expect_host(inet6("::ffff:1.2.3.4", 80, 0), "::ffff:1.2.3.4");
    expect_host(local("/run/riposte.sock"), "?");
    expect_host(nothing(), "?");
}

Test(address, has_a_port_that_can_be_replaced) {
    cr_expect_eq(address_port(inet("127.0.0.1", 65535)), 65535);
    cr_expect_eq(address_port(inet6("::1", 1, 0)), 1);
    address_set_port(&address, 5000);
    expect_text(&address, "[::1]:5000");
    inet("127.0.0.1", 0);
    address_set_port(&address, 5001);
    expect_text(&address, "127.0.0.1:5001");
}

Test(address, says_whether_only_this_machine_reaches_it) {
    cr_expect(address_is_loopback(inet("127.0.0.1", 1)));
    cr_expect(address_is_loopback(inet("127.255.255.254", 1)));
    cr_expect(address_is_loopback(inet6("::1", 1, 0)));
    cr_expect_not(address_is_loopback(inet("126.255.255.255", 1)));
    cr_expect_not(address_is_loopback(inet("128.0.0.1", 1)));
    cr_expect_not(address_is_loopback(inet("0.0.0.0", 1)));
    cr_expect_not(address_is_loopback(inet6("::", 1, 0)));
    cr_expect_not(address_is_loopback(inet6("::2", 1, 0)));
    cr_expect_not(address_is_loopback(local("/tmp/s")));
    cr_expect_not(address_is_loopback(nothing()));
}

Test(address, of_a_unix_socket_has_a_path_and_no_port) {
    local("/tmp/s");
    cr_expect_eq(address_port(&address), 0);
    address_set_port(&address, 5000);
    cr_expect_str_eq(address_unix_path(&address), "/tmp/s");
    struct sockaddr_un nameless = {.sun_family = AF_UNIX, .sun_path = "\0name"};
    memcpy(&address, &nameless, sizeof(nameless));
    cr_expect_null(address_unix_path(&address));
    char text[ADDRESS_TEXT_SIZE_MAX];
    address_text(&address, text);
    cr_expect_str_eq(text, "@name");
    cr_expect_null(address_unix_path(inet("127.0.0.1", 1)));
    cr_expect_null(address_unix_path(nothing()));
}
