/* SPDX-License-Identifier: MIT
 *
 * Datagrams to a service manager: where they go, and what the environment says about it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

static struct notify notify;
static int manager = -1;

static void setup(void) {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void finish(void) {
    notify_close(&notify);
    close(manager);
}

TestSuite(notify, .init = setup, .fini = finish, .timeout = 30);

/* Listens at `name`, of which '@' stands for the zero before an abstract one, and opens. */
static void open_at(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);
    memcpy(address.sun_path, name, size);
    address.sun_path[0] = name[0] == '@' ? '\0' : name[0];
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    cr_assert_eq(bind(manager, (struct sockaddr *)&address, address_size), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_open(&notify);
    cr_assert(notify_is_open(&notify));
}

static void expect_message(const char *expected) {
    char text[512] = "";
    ssize_t size = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);
    cr_assert_eq(size, (ssize_t)strlen(expected), "got \"%s\"", text);
    cr_expect_str_eq(text, expected);
}

Test(notify, goes_to_a_name_without_a_file) {
    char name[64];
    snprintf(name, sizeof(name), "@riposte-test-%d", getpid());
    open_at(name);
    notify_send(&notify, "STATUS=%d items", 7);
    expect_message("STATUS=7 items");
}

Test(notify, goes_to_a_path) {
    char folder[] = "/tmp/riposte-test-XXXXXX", name[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(name, sizeof(name), "%s/notify", folder);
    open_at(name);
    notify_send(&notify, "READY=1");
    expect_message("READY=1");
    unlink(name);
    rmdir(folder);
}

Test(notify, sends_nothing_that_does_not_fit_a_message) {
    char name[64], text[NOTIFY_TEXT_SIZE_MAX + 1];
    snprintf(name, sizeof(name), "@riposte-test-%d", getpid());
    open_at(name);
    memset(text, 'x', sizeof(text));
    text[NOTIFY_TEXT_SIZE_MAX] = '\0';
    notify_send(&notify, "%s", text);
    text[NOTIFY_TEXT_SIZE_MAX - 1] = '\0';
    notify_send(&notify, "%s", text);
    expect_message(text);
}

Test(notify, leaves_nothing_in_the_environment) {
    char name[64];
    snprintf(name, sizeof(name), "@riposte-test-%d", getpid());
    setenv("WATCHDOG_USEC", "5000000", 1);
    snprintf(name + 40, 20, "%d", getpid());
    setenv("WATCHDOG_PID", name + 40, 1);
    open_at(name);
    cr_expect_eq(notify.watchdog_us, 5000000);
    cr_expect_null(getenv("NOTIFY_SOCKET"));
    cr_expect_null(getenv("WATCHDOG_USEC"));
    cr_expect_null(getenv("WATCHDOG_PID"));
}

Test(notify, a_watchdog_may_be_for_another_process_or_wait_for_ever) {
    char name[64];
    snprintf(name, sizeof(name), "@riposte-test-%d", getpid());
    setenv("WATCHDOG_USEC", "5000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    open_at(name);
    cr_expect_eq(notify.watchdog_us, 0);
    notify_close(&notify);
    close(manager);
    setenv("WATCHDOG_USEC", "18446744073709551615", 1);
    open_at(name);
    cr_expect_eq(notify.watchdog_us, UINT64_C(86400000000));
}

static void expect_unheard(const char *name) {
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "5000000", 1);
    notify_open(&notify);
    cr_expect_not(notify_is_open(&notify), "%s", name);
    cr_expect_eq(notify.watchdog_us, 0);
    notify_send(&notify, "READY=1");
}

Test(notify, nobody_hears_where_the_socket_cannot_be_used) {
    char name[256];
    memset(name, 'x', sizeof(name));
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    expect_unheard("/nonexistent/notify");
    expect_unheard("vsock:2:1234");
    expect_unheard("");
    expect_unheard(name);
}

Test(notify, nobody_hears_where_nobody_asked) {
    notify_open(&notify);
    cr_expect_not(notify_is_open(&notify));
    notify_send(&notify, "READY=1");
}
