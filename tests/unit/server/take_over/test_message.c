/* SPDX-License-Identifier: MIT
 *
 * Messages of a take-over: what is written is read again; nothing else is.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guard.h"
#include "message.h"

TestSuite(message, .timeout = 30);

/* One of each kind, every field set. */
static struct message sample(enum message_kind kind) {
    struct message message = {.kind = kind};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 4711};
    switch (kind) {
    case MESSAGE_HELLO:
        message.hello = (struct message_hello){.version = "1.2.3", .checks_only = true};
        break;
    case MESSAGE_REFUSED:
        snprintf(message.refused.text, sizeof(message.refused.text), "no");
        break;
    case MESSAGE_SETTINGS:
        message.settings = (struct message_settings){.version = "0.1",
                                                     .attempt = 7,
                                                     .memory_limit = UINT64_MAX,
                                                     .watchdog_us = 5,
                                                     .workers_count = 3,
                                                     .listeners_count = 2,
                                                     .has_janitor = true};
        break;
    case MESSAGE_LISTENER:
        message.listener = (struct message_listener){.address_size = sizeof(address),
                                                     .fds_count = MESSAGE_FDS_MAX,
                                                     .protocol = "http",
                                                     .is_free_port = true};
        memcpy(&message.listener.address, &address, sizeof(address));
        break;
    case MESSAGE_STORE:
        message.store = (struct message_store){.keys_size = 3, .keys = {1, 2, 3}};
        break;
    case MESSAGE_CONNECTIONS:
        message.connections =
            (struct message_connections){.records_count = 4, .fds_count = 5, .offset = 9, .size = 6};
        break;
    case MESSAGE_NUMBERS:
        message.numbers = (struct message_numbers){.offset = 8, .size = 7};
        break;
    case MESSAGE_SIGNALS:
        message.signals.signals = 3;
        break;
    case MESSAGE_ABILITIES:
        message.abilities.abilities = UINT32_MAX;
        break;
    case MESSAGE_ITEMS_WANTED:
        message.items_wanted.no_more = true;
        break;
    case MESSAGE_ITEMS:
        message.items = (struct message_items){.offset = UINT64_MAX, .size = MESSAGE_ITEMS_SIZE_MAX};
        break;
    case MESSAGE_FILE:
        message.file = (struct message_file){.device = UINT64_MAX, .inode = 13};
        break;
    case MESSAGE_ITEMS_END:
        message.items_end.left_count = 12;
        break;
    default:
        break;
    }
    return message;
}

/* The kind behind `kind`; MESSAGE_EXTRA_KINDS_END behind the last. */
static enum message_kind next(enum message_kind kind) {
    return kind + 1 == MESSAGE_KINDS_END ? MESSAGE_EXTRA_KINDS + 1 : kind + 1;
}

Test(message, what_is_written_is_read_again) {
    for (enum message_kind kind = MESSAGE_HELLO; kind < MESSAGE_EXTRA_KINDS_END; kind = next(kind)) {
        char bytes[MESSAGE_SIZE_MAX];
        struct message message = sample(kind), read;
        size_t size = message_write(&message, bytes);
        cr_assert_eq(message_read(bytes_of(bytes, size), &read), MESSAGE_OK, "%s", message_name(kind));
        cr_assert_eq(memcmp(&read, &message, sizeof(read)), 0, "%s", message_name(kind));
    }
}

Test(message, what_is_cut_or_has_a_byte_too_many_is_bad) {
    struct guard guard;
    guard_init(&guard, MESSAGE_SIZE_MAX + 1);
    for (enum message_kind kind = MESSAGE_HELLO; kind < MESSAGE_EXTRA_KINDS_END; kind = next(kind)) {
        char bytes[MESSAGE_SIZE_MAX + 1] = {0};
        struct message message = sample(kind), read;
        size_t size = message_write(&message, bytes);
        for (size_t prefix = 0; prefix < size; prefix++) {
            cr_assert_eq(message_read(guard_copy(&guard, bytes_of(bytes, prefix)), &read), MESSAGE_BAD,
                         "%s, %zu", message_name(kind), prefix);
        }
        cr_assert_eq(message_read(guard_copy(&guard, bytes_of(bytes, size)), &read), MESSAGE_OK);
        cr_assert_eq(message_read(guard_copy(&guard, bytes_of(bytes, size + 1)), &read), MESSAGE_BAD);
        /* The size that it says is right, the fields are short. */
        for (size_t prefix = 12; prefix < size; prefix++) {
            uint32_t said = (uint32_t)prefix;
            memcpy(bytes + 8, &said, sizeof(said));
            cr_assert_eq(message_read(guard_copy(&guard, bytes_of(bytes, prefix)), &read), MESSAGE_BAD,
                         "%s, %zu", message_name(kind), prefix);
        }
    }
    guard_deinit(&guard);
}

Test(message, one_of_another_version_is_told_from_a_bad_one) {
    char bytes[MESSAGE_SIZE_MAX];
    struct message message = sample(MESSAGE_READY), read;
    size_t size = message_write(&message, bytes);
    bytes[4]++;
    cr_expect_eq(message_read(bytes_of(bytes, size), &read), MESSAGE_OTHER);
    bytes[0]++;
    cr_expect_eq(message_read(bytes_of(bytes, size), &read), MESSAGE_BAD);
}

Test(message, a_kind_that_one_may_do_without_is_told_from_a_bad_one) {
    char bytes[MESSAGE_SIZE_MAX];
    struct message message = sample(MESSAGE_HELLO), read;
    size_t size = message_write(&message, bytes);
    uint16_t kind = MESSAGE_EXTRA_KINDS;
    memcpy(bytes + 6, &kind, sizeof(kind));
    cr_expect_eq(message_read(bytes_of(bytes, size), &read), MESSAGE_EXTRA);
    cr_expect_eq(message_read(bytes_of(bytes, size - 1), &read), MESSAGE_BAD, "cut");
    kind--;
    memcpy(bytes + 6, &kind, sizeof(kind));
    cr_expect_eq(message_read(bytes_of(bytes, size), &read), MESSAGE_BAD, "one that it may not do without");
}

static void expect_bad_with(enum message_kind kind, size_t offset, uint32_t value, size_t value_size) {
    char bytes[MESSAGE_SIZE_MAX];
    struct message message = sample(kind), read;
    size_t size = message_write(&message, bytes);
    memcpy(bytes + offset, &value, value_size);
    cr_expect_eq(message_read(bytes_of(bytes, size), &read), MESSAGE_BAD, "%s, %zu", message_name(kind),
                 offset);
}

Test(message, what_a_field_must_not_have_is_bad) {
    enum { HEAD = 12, ADDRESS = sizeof(struct sockaddr_in) };
    expect_bad_with(MESSAGE_READY, 6, 0, 2); /* kinds that there are not */
    expect_bad_with(MESSAGE_READY, 6, MESSAGE_KINDS_END, 2);
    expect_bad_with(MESSAGE_HELLO, HEAD + 2 + 5, 2, 1);             /* a bool */
    expect_bad_with(MESSAGE_HELLO, HEAD + 2, 0, 1);                 /* a NUL in a text */
    expect_bad_with(MESSAGE_HELLO, HEAD, MESSAGE_WORD_SIZE_MAX, 2); /* a text too long */
    expect_bad_with(MESSAGE_LISTENER, HEAD, sizeof(struct sockaddr_storage) + 1, 4);
    expect_bad_with(MESSAGE_LISTENER, HEAD + 4 + ADDRESS, MESSAGE_FDS_MAX + 1, 4);
    expect_bad_with(MESSAGE_STORE, HEAD, MESSAGE_BYTES_SIZE_MAX + 1, 4);
    expect_bad_with(MESSAGE_CONNECTIONS, HEAD, MESSAGE_FDS_MAX + 1, 4);
    expect_bad_with(MESSAGE_CONNECTIONS, HEAD + 4, MESSAGE_FDS_MAX + 1, 4);
    expect_bad_with(MESSAGE_ITEMS_WANTED, HEAD, 2, 1);
    expect_bad_with(MESSAGE_ITEMS, HEAD + 8, MESSAGE_ITEMS_SIZE_MAX + 1, 4);
}

/* Whatever comes, nothing beyond it is read. RIPOSTE_SEED repeats a run. */
Test(message, random_changes_are_read_within_bounds) {
    const char *given = getenv("RIPOSTE_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    struct guard guard;
    guard_init(&guard, MESSAGE_SIZE_MAX);
    printf("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        char bytes[MESSAGE_SIZE_MAX];
        unsigned number = (unsigned)rand_r(&seed) % (MESSAGE_KINDS_END - 1);
        bool is_extra = rand_r(&seed) % 4 == 0;
        unsigned extra =
            MESSAGE_EXTRA_KINDS + 1 + number % (MESSAGE_EXTRA_KINDS_END - MESSAGE_EXTRA_KINDS - 1);
        struct message message = sample((enum message_kind)(is_extra ? extra : 1 + number)), read;
        size_t size = message_write(&message, bytes);
        for (int change = rand_r(&seed) % 4; change >= 0; change--) {
            bytes[12 + (size_t)rand_r(&seed) % (size > 12 ? size - 12 : 1)] = (char)rand_r(&seed);
        }
        if (message_read(guard_copy(&guard, bytes_of(bytes, size)), &read) == MESSAGE_OK) {
            cr_assert_eq(message_write(&read, bytes), size, "what was read can be said");
        }
    }
    guard_deinit(&guard);
}
