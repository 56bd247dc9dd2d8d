/* SPDX-License-Identifier: MIT
 *
 * The file of MEMCACHED_PORT_FILENAME.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "port_file.h"

static char folder[] = "/tmp/riposte-port-XXXXXX";
static char path[64];
static char lock_path[72];
static struct failure failure;
static struct listen_list list;

static void folder_make(void) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/port", folder);
    snprintf(lock_path, sizeof(lock_path), "%s.lck", path);
    struct options options = {
        .port = 5000, .unix_socket = "/tmp/s", .listen = {.texts = {"127.0.0.1,[::1]:80"}, .count = 1}};
    cr_assert(listen_list_make(&list, &options, &failure), "%s", failure.text);
}

static void folder_remove(void) {
    unlink(path);
    rmdir(folder);
}

TestSuite(port_file, .init = folder_make, .fini = folder_remove);

Test(port_file, lists_the_tcp_ports_and_appears_whole) {
    char content[128] = "";
    cr_assert(port_file_write(path, &list, &failure), "%s", failure.text);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    size_t size = fread(content, 1, sizeof(content) - 1, file);
    fclose(file);
    content[size] = '\0';
    cr_expect_str_eq(content, "TCP INET: 5000\nTCP INET6: 80\n");
    cr_expect_neq(access(lock_path, F_OK), 0);
}

Test(port_file, is_not_written_when_nobody_asks) {
    cr_expect(port_file_write(NULL, &list, &failure));
}

Test(port_file, says_where_it_cannot_be_written) {
    cr_expect_not(port_file_write("/proc/none/port", &list, &failure));
    cr_expect_eq(failure.exit_status, EX_OSERR);
    cr_expect_not_null(strstr(failure.text, "/proc/none/port cannot be written"));
}
