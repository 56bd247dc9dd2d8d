/* SPDX-License-Identifier: MIT
 *
 * Texts of -l, -p and -s, and the addresses they stand for. Nothing here is asked of a name server.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "listen.h"

static struct listen_list list;
static struct failure failure;

static bool make(const char *listen, int32_t port, const char *unix_socket) {
    struct options options = {.port = port, .unix_socket = unix_socket};
    if (listen != NULL) {
        options.listen.texts[options.listen.count++] = listen;
    }
    failure = (struct failure){0};
    list.count = 0;
    return listen_list_make(&list, &options, &failure);
}

/* `expected`: the addresses separated by spaces. */
static void expect_addresses(const char *listen, int32_t port, const char *expected) {
    char found[1024] = "";
    cr_assert(make(listen, port, NULL), "\"%s\": %s", listen, failure.text);
    for (unsigned i = 0; i < list.count; i++) {
        char text[LISTEN_TEXT_SIZE_MAX];
        listen_text(&list.listens[i], text);
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i == 0 ? "" : " ", text);
    }
    cr_expect_str_eq(found, expected);
}

static void expect_refused(const char *listen, int exit_status, const char *part) {
    cr_expect_not(make(listen, 11211, NULL), "\"%s\" was accepted", listen);
    cr_expect_eq(failure.exit_status, exit_status, "\"%s\"", listen);
    cr_expect_not_null(strstr(failure.text, part), "\"%s\": %s", listen, failure.text);
}

Test(listen, is_loopback_when_nothing_is_said) {
    expect_addresses(NULL, 11211, "127.0.0.1:11211");
    expect_addresses(NULL, -1, "127.0.0.1:0");
}

Test(listen, takes_hosts_and_ports) {
    expect_addresses("127.0.0.2", 11211, "127.0.0.2:11211");
    expect_addresses("127.0.0.2:80", 11211, "127.0.0.2:80");
    expect_addresses("127.0.0.1,127.0.0.2:80", 11211, "127.0.0.1:11211 127.0.0.2:80");
}

Test(listen, takes_ipv6_with_and_without_brackets) {
    expect_addresses("[::1]", 11211, "[::1]:11211");
    expect_addresses("[::1]:80", 11211, "[::1]:80");
    expect_addresses("::1", 11211, "[::1]:11211");
    expect_addresses("2001:db8::1:80", 11211, "[2001:db8::1:80]:11211");
}

Test(listen, takes_a_star_for_all_addresses) {
    cr_assert(make("*", 11211, NULL), "%s", failure.text);
    char text[LISTEN_TEXT_SIZE_MAX];
    listen_text(&list.listens[0], text);
    cr_expect_str_eq(text, "0.0.0.0:11211");
    expect_addresses("0.0.0.0:80", 11211, "0.0.0.0:80");
    cr_assert(make("*:80", 11211, NULL), "%s", failure.text);
    listen_text(&list.listens[0], text);
    cr_expect_str_eq(text, "0.0.0.0:80");
}

Test(listen, counts_the_same_address_once) {
    expect_addresses("127.0.0.1,127.0.0.1:11211,127.0.0.1", 11211, "127.0.0.1:11211");
}

Test(listen, takes_a_free_port_for_each_entry) {
    expect_addresses("127.0.0.1,127.0.0.1", -1, "127.0.0.1:0 127.0.0.1:0");
}

/* --- prefixes ---------------------------------------------------------------------------------------------
 */

static void expect_bytes(struct bytes found, const char *expected) {
    cr_expect(bytes_equal_string(found, expected), "'%.*s' instead of '%s'", (int)found.size, found.data,
              expected);
}

Test(listen, speaks_the_protocol_of_the_entry) {
    expect_addresses("tag[a]:127.0.0.1:80,proto[ascii]:127.0.0.2,tag[b]:proto[memcached]:127.0.0.3,"
                     "proto[negotiating]:notls:127.0.0.4",
                     7, "127.0.0.1:80 127.0.0.2:7 127.0.0.3:7 127.0.0.4:7");
    for (unsigned i = 0; i < list.count; i++) {
        cr_expect_eq(list.listens[i].protocol->protocol,
                     protocols_find(bytes_from_string("memcached"))->protocol);
    }
    expect_bytes(list.listens[0].tag, "a");
    expect_bytes(list.listens[1].tag, "");
    expect_bytes(list.listens[2].tag, "b");
}

Test(listen, says_which_protocols_there_are) {
    expect_refused("proto[asci]:127.0.0.1", EX_USAGE,
                   "-l proto[asci]:127.0.0.1: no protocol is called 'asci'; did you mean ascii?");
    expect_refused("proto[gopher]:127.0.0.1", EX_USAGE,
                   "-l proto[gopher]:127.0.0.1: no protocol is called 'gopher'; there are memcached, ");
    expect_refused("proto[]:127.0.0.1", EX_USAGE, "no protocol is called ''; there are memcached, ");
}

Test(listen, refuses_prefixes_of_what_is_not_here) {
    expect_refused("proto[binary]:127.0.0.1", EX_USAGE, "the binary protocol is not spoken here");
    static const char *const unended[] = {"tag[a", "tag[a]", "proto[ascii]", "proto[", "tag[a]127.0.0.1"};
    for (size_t i = 0; i < sizeof(unended) / sizeof(unended[0]); i++) {
        expect_refused(unended[i], EX_USAGE, "before it perhaps proto[name]: or tag[text]:");
    }
}

/* --- places -----------------------------------------------------------------------------------------------
 */

Test(listen, takes_a_unix_socket_among_the_others) {
    expect_addresses("127.0.0.1,unix:/run/a.sock,unix:/run/a.sock", 0, "unix:/run/a.sock");
    expect_refused("unix:", EX_USAGE, "expected host");
}

Test(listen, refuses_what_is_none) {
    static const char *const refused[] = {"",           ",",           "127.0.0.1,",      ":80",
                                          "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x",
                                          "[::1",       "[]:80",       "[::1]80",         "[::1]:",
                                          "[",          "tag[a]:",     "127.0.0.1:-1"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        expect_refused(refused[i], EX_USAGE, "expected host, host:port, [v6]:port, unix:path or *");
    }
}

Test(listen, refuses_a_name_that_nobody_knows_as_a_matter_of_the_system) {
    expect_refused("::zz", EX_OSERR, "cannot be resolved");
}

Test(listen, says_so_when_nothing_is_left_to_listen_on) {
    cr_expect_not(make(NULL, 0, NULL));
    cr_expect_eq(failure.exit_status, EX_USAGE);
    cr_expect_str_eq(failure.text, "nothing to listen on: -p 0 turns TCP off and there is no -s");
}

Test(listen, keeps_entries_with_ports_of_their_own_when_tcp_is_off) {
    expect_addresses("127.0.0.1,127.0.0.2:80", 0, "127.0.0.2:80");
}

Test(listen, puts_the_unix_socket_beside_tcp) {
    char text[LISTEN_TEXT_SIZE_MAX];
    cr_assert(make(NULL, 11211, "/run/riposte.sock"));
    cr_assert_eq(list.count, 2);
    listen_text(&list.listens[1], text);
    cr_expect_str_eq(text, "unix:/run/riposte.sock");
    cr_assert(make(NULL, 0, "/run/riposte.sock"));
    cr_expect_eq(list.count, 1);
}

Test(listen, bounds_the_path_of_a_unix_socket) {
    char path[109];
    memset(path, 'x', sizeof(path));
    path[107] = '\0';
    cr_expect(make(NULL, 0, path));
    path[107] = 'x';
    path[108] = '\0';
    cr_expect_not(make(NULL, 0, path));
    cr_expect_eq(failure.exit_status, EX_USAGE);
}

Test(listen, bounds_how_many_there_are) {
    char text[ENGINE_LISTENS_MAX * 24] = "127.0.0.1:1";
    for (int port = 2; port <= ENGINE_LISTENS_MAX; port++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ",127.0.0.1:%d", port);
    }
    cr_expect(make(text, 11211, NULL), "%s", failure.text);
    cr_expect_eq(list.count, ENGINE_LISTENS_MAX);
    strcat(text, ",127.0.0.2:1");
    cr_expect_not(make(text, 11211, NULL));
    cr_expect_eq(failure.exit_status, EX_USAGE);
}

/* --- HTTP ---------------------------------------------------------------------------------------------------- */

static bool make_http(const char *http) {
    struct options options = {.port = 0, .http = {.texts = {http}, .count = 1}};
    failure = (struct failure){0};
    list.count = 0;
    return listen_list_make(&list, &options, &failure);
}

Test(listen, takes_places_for_http_with_its_own_port) {
    static const char *const rows[][2] = {
        {"127.0.0.1", "http://127.0.0.1:8080"},
        {"127.0.0.1:80", "http://127.0.0.1:80"},
        {"127.0.0.1:0", "http://127.0.0.1:0"},
        {"[::1]:80", "http://[::1]:80"},
        {"unix:/tmp/http.sock", "http+unix:/tmp/http.sock"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[LISTEN_TEXT_SIZE_MAX];
        cr_assert(make_http(rows[i][0]), "%s: %s", rows[i][0], failure.text);
        cr_assert_eq(list.count, 1);
        cr_assert_str_eq(list.listens[0].protocol->name, "http");
        listen_text(&list.listens[0], text);
        cr_expect_str_eq(text, rows[i][1]);
    }
}

Test(listen, names_the_flag_whose_text_is_wrong) {
    cr_assert_not(make_http("127.0.0.1:x"));
    cr_expect_not_null(strstr(failure.text, "--http '127.0.0.1:x'"), "%s", failure.text);
    cr_assert_not(make_http("127.0.0.1:65536"));
}

Test(listen, keeps_one_address_for_one_protocol) {
    struct options options = {.port = 8080, .http = {.texts = {"127.0.0.1"}, .count = 1}};
    list.count = 0;
    cr_assert_not(listen_list_make(&list, &options, &failure));
    cr_expect_str_eq(failure.text,
                     "http://127.0.0.1:8080 cannot speak memcached and http; give one of them another port");
}

Test(listen, takes_http_by_the_prefix_of_an_address_too) {
    cr_assert(make("proto[http]:127.0.0.1:80,127.0.0.1", 11211, NULL), "%s", failure.text);
    cr_assert_eq(list.count, 2);
    cr_expect(listen_list_speaks(&list, list.listens[0].protocol->protocol));
    cr_expect_str_eq(list.listens[0].protocol->name, "http");
    cr_expect_str_eq(list.listens[1].protocol->name, "memcached");
    cr_expect_not(make("127.0.0.1:0", 11211, NULL), "a free port is -p -1 there");
}

/* --- the file of the ports --------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/riposte-port-XXXXXX";
static char path[64];
static char lock_path[72];

static void folder_make(void) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/port", folder);
    snprintf(lock_path, sizeof(lock_path), "%s.lck", path);
    failure = (struct failure){0};
    struct options options = {
        .port = 5000, .unix_socket = "/tmp/s", .listen = {.texts = {"127.0.0.1,[::1]:80"}, .count = 1}};
    list.count = 0;
    cr_assert(listen_list_make(&list, &options, &failure), "%s", failure.text);
}

static void folder_remove(void) {
    unlink(path);
    rmdir(folder);
}

TestSuite(listen_list_write, .init = folder_make, .fini = folder_remove);

Test(listen_list_write, lists_the_tcp_ports_and_appears_whole) {
    char content[128] = "";
    cr_assert(listen_list_write(&list, path, &failure), "%s", failure.text);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    size_t size = fread(content, 1, sizeof(content) - 1, file);
    fclose(file);
    content[size] = '\0';
    cr_expect_str_eq(content, "TCP INET: 5000\nTCP INET6: 80\n");
    cr_expect_neq(access(lock_path, F_OK), 0);
}

Test(listen_list_write, is_not_written_when_nobody_asks) {
    cr_expect(listen_list_write(&list, NULL, &failure));
}

Test(listen_list_write, says_where_it_cannot_be_written) {
    cr_expect_not(listen_list_write(&list, "/proc/none/port", &failure));
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_not_null(strstr(failure.text, "/proc/none/port cannot be written"));
}
