/* SPDX-License-Identifier: MIT
 *
 * Records of TLS 1.3 behind the handshake, against a client that writes what no library lets it write. How they go with a
 * real client, cut in every way: test_connection.c.
 */
#include "records.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(records, .timeout = 60);

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23, ROOM = 64 * 1024 };

static struct suites suites;
static struct records records;
static struct record_keys client_out, client_in;
static struct reply output;
static char plain[ROOM];
static size_t plain_size, room;
static const char *reason;

static void begin_suite(int index) {
    const struct suite *suite = &suites.of[index];
    records = (struct records){.held = NULL};
    client_out = client_in = (struct record_keys){.cipher = NULL};
    output = (struct reply){.unsent_size_max = 1 << 20};
    plain_size = 0;
    room = ROOM;
    reason = NULL;
    for (size_t i = 0; i < suite->secret_size; i++) {
        records.in.secret[i] = client_out.secret[i] = (unsigned char)i;
        records.out.secret[i] = client_in.secret[i] = (unsigned char)~i;
    }
    client_out.cipher = EVP_CIPHER_CTX_new();
    client_in.cipher = EVP_CIPHER_CTX_new();
    cr_assert(record_keys_derive(&client_out, suite, true));
    cr_assert(record_keys_derive(&client_in, suite, false));
    cr_assert(records_begin(&records, suite));
}

static void end_suite(void) {
    records_end(&records);
    reply_discard(&output);
    EVP_CIPHER_CTX_free(client_out.cipher);
    EVP_CIPHER_CTX_free(client_in.cipher);
}

static void begin(void) {
    cr_assert(suites_init(&suites));
    begin_suite(0);
}

static void end(void) {
    end_suite();
    suites_deinit(&suites);
}

static enum filter_next receive(const void *data, size_t size) {
    struct bytes wire = bytes_of(data, size);
    enum filter_next next = FILTER_NEXT_AGAIN;
    while (next == FILTER_NEXT_AGAIN) {
        cr_assert_lt(plain_size, ROOM);
        size_t room_now = plain_size + room < ROOM ? plain_size + room : ROOM;
        next = records_receive(&records, &wire, plain, room_now, &plain_size, &output, &reason);
    }
    cr_assert(next != FILTER_NEXT_INPUT || wire.size == 0);
    return next;
}

/* A record of the client, its header told to be of `outer`; `record` has room for size and 64 + zeros more. */
static size_t seal(unsigned char *record, unsigned char outer, unsigned char type, const void *content,
                   size_t size, size_t zeros) {
    size_t inner_size = size + 1 + zeros, rest = inner_size + SUITE_TAG_SIZE;
    unsigned char *inner = calloc(1, inner_size);
    memcpy(inner, content, size);
    inner[size] = type;
    memcpy(record, (unsigned char[]){outer, 3, 3, (unsigned char)(rest >> 8), (unsigned char)rest},
           RECORD_HEADER_SIZE);
    cr_assert(record_keys_begin(&client_out, record));
    cr_assert(record_keys_crypt(&client_out, record + RECORD_HEADER_SIZE, inner, inner_size));
    cr_assert(record_keys_seal(&client_out, record + RECORD_HEADER_SIZE + inner_size));
    free(inner);
    return RECORD_HEADER_SIZE + rest;
}

static enum filter_next say(unsigned char type, const void *content, size_t size, size_t zeros) {
    unsigned char *record = malloc(size + zeros + 64);
    size_t record_size = seal(record, DATA, type, content, size, zeros);
    enum filter_next next = receive(record, record_size);
    free(record);
    return next;
}

/* What waits to be sent, copied together. */
static size_t output_take(unsigned char *data, size_t size_max) {
    size_t size = 0, total = 0;
    struct iovec pieces[16];
    for (unsigned count; (count = reply_iov(&output, pieces, 16, &size)) > 0; reply_sent(&output, size)) {
        cr_assert_leq(total + size, size_max);
        total += records_gather(pieces, count, (char *)data + total, size_max - total);
    }
    return total;
}

/* The oldest record of `data`: its type; what is in it in `content`. Takes it away from *size. */
static unsigned char hear(unsigned char *data, size_t *size, unsigned char *content, size_t *content_size) {
    cr_assert_geq(*size, (size_t)RECORD_HEADER_SIZE);
    size_t record_size = RECORD_HEADER_SIZE + ((size_t)data[3] << 8 | data[4]);
    cr_assert_leq(record_size, *size);
    cr_expect(data[0] == DATA && data[1] == 3 && data[2] == 3);
    cr_assert(record_keys_open(&client_in, data, record_size, content));
    *content_size = record_size - RECORD_HEADER_SIZE - SUITE_TAG_SIZE - 1;
    *size -= record_size;
    memmove(data, data + record_size, *size);
    return content[*content_size];
}

static void expect_alert(int level, int description) {
    unsigned char data[256], content[256];
    size_t content_size, size = output_take(data, sizeof(data));
    cr_expect_eq(hear(data, &size, content, &content_size), ALERT);
    cr_expect_eq(size, 0U);
    cr_assert_eq(content_size, 2U);
    cr_expect_eq(content[0], level);
    cr_expect_eq(content[1], description);
}

static void expect_broken(enum filter_next next, int description) {
    cr_expect_eq(next, FILTER_NEXT_BROKEN);
    cr_expect_not_null(reason);
    expect_alert(2, description);
}

/* --- the standard's own figures --------------------------------------------------------------------------- */

/* RFC 8448 section 3: the client's secret of application data, and its first record of 50 bytes, 0 to 49. */
Test(records, opens_the_record_of_rfc_8448, .init = begin, .fini = end) {
    static const unsigned char secret[] = {0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0, 0x5a, 0xf8,
                                           0x88, 0x9b, 0xce, 0x65, 0x52, 0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf,
                                           0x00, 0x87, 0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5};
    static const unsigned char record[] = {
        0x17, 0x03, 0x03, 0x00, 0x43, 0xa2, 0x3f, 0x70, 0x54, 0xb6, 0x2c, 0x94, 0xd0, 0xaf, 0xfa,
        0xfe, 0x82, 0x28, 0xba, 0x55, 0xcb, 0xef, 0xac, 0xea, 0x42, 0xf9, 0x14, 0xaa, 0x66, 0xbc,
        0xab, 0x3f, 0x2b, 0x98, 0x19, 0xa8, 0xa5, 0xb4, 0x6b, 0x39, 0x5b, 0xd5, 0x4a, 0x9a, 0x20,
        0x44, 0x1e, 0x2b, 0x62, 0x97, 0x4e, 0x1f, 0x5a, 0x62, 0x92, 0xa2, 0x97, 0x70, 0x14, 0xbd,
        0x1e, 0x3d, 0xea, 0xe6, 0x3a, 0xee, 0xbb, 0x21, 0x69, 0x49, 0x15, 0xe4};
    memcpy(records.in.secret, secret, sizeof(secret));
    cr_assert(record_keys_derive(&records.in, records.suite, false));
    cr_assert_eq(receive(record, sizeof(record)), FILTER_NEXT_INPUT);
    cr_assert_eq(plain_size, 50U);
    for (int i = 0; i < 50; i++) {
        cr_expect_eq(plain[i], i);
    }
}

/* --- data ------------------------------------------------------------------------------------------------- */

static void expect_data_both_ways(size_t size, unsigned pieces_count, size_t zeros) {
    static unsigned char data[2 * RECORD_SIZE_MAX], content[2 * RECORD_SIZE_MAX];
    static char gather[RECORD_PLAIN_SIZE_MAX];
    struct iovec pieces[8];
    size_t heard_size, wire_size, part = size / pieces_count;
    char *said = calloc(1, size);
    for (size_t i = 0; i < size; i++) {
        said[i] = (char)(i * 7 + i / 251);
    }
    plain_size = 0;
    cr_expect_eq(say(DATA, said, size, zeros), FILTER_NEXT_INPUT);
    cr_assert(plain_size == size && memcmp(plain, said, size) == 0);
    cr_expect_eq(records_held_size(&records), 0U);
    for (unsigned i = 0; i < pieces_count; i++) {
        pieces[i] = (struct iovec){said + i * part, i + 1 < pieces_count ? part : size - i * part};
    }
    cr_assert_eq(records_send(&records, pieces, pieces_count, gather, &output), size);
    wire_size = output_take(data, sizeof(data));
    cr_expect_eq(hear(data, &wire_size, content, &heard_size), DATA);
    cr_assert(wire_size == 0 && heard_size == size && memcmp(content, said, size) == 0);
    free(said);
}

Test(records, carries_records_of_all_sizes_with_each_suite, .init = begin, .fini = end) {
    static const size_t sizes[] = {1, 15, 16, 17, 2025, 2026, 2027, 2048, 2049, 4096, 16383, 16384};
    for (int suite = 0; suite < SUITES_COUNT; suite++) {
        end_suite();
        begin_suite(suite);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            for (unsigned pieces = 1; pieces <= 8 && pieces <= sizes[i]; pieces += 7) {
                expect_data_both_ways(sizes[i], pieces, 0);
            }
        }
    }
}

Test(records, zeros_behind_the_content_are_not_of_it, .init = begin, .fini = end) {
    expect_data_both_ways(1, 1, 1);
    expect_data_both_ways(100, 1, 200);
    expect_data_both_ways(100, 1, 16384 + 256 - SUITE_TAG_SIZE - 101);
    expect_data_both_ways(16384, 1, 256 - SUITE_TAG_SIZE - 1);
}

Test(records, content_that_finds_no_room_is_given_in_parts, .init = begin, .fini = end) {
    for (room = 1; room < 200; room += 13) {
        expect_data_both_ways(300, 1, 0);
        expect_data_both_ways(1, 1, 5);
    }
    room = 4096;
    expect_data_both_ways(16384, 1, 0);
}

Test(records, a_record_that_is_cut_holds_no_more_than_itself, .init = begin, .fini = end) {
    unsigned char record[164];
    char said[100] = "cut";
    size_t size = seal(record, DATA, DATA, said, sizeof(said), 0);
    for (size_t i = 0; i + 1 < size; i++) {
        cr_expect_eq(receive(record + i, 1), FILTER_NEXT_INPUT);
        cr_expect_gt(records_held_size(&records), 0U);
        cr_expect_leq(records_held_size(&records), size + 32);
    }
    cr_expect_eq(receive(record + size - 1, 1), FILTER_NEXT_INPUT);
    cr_expect(plain_size == sizeof(said) && memcmp(plain, said, sizeof(said)) == 0);
    cr_expect_eq(records_held_size(&records), 0U);
}

Test(records, empty_records_are_taken_up_to_a_bound, .init = begin, .fini = end) {
    for (int i = 0; i < 32; i++) {
        cr_assert_eq(say(DATA, "", 0, (size_t)i), FILTER_NEXT_INPUT);
    }
    cr_assert_eq(say(DATA, "x", 1, 0), FILTER_NEXT_INPUT);
    for (int i = 0; i < 32; i++) {
        cr_assert_eq(say(DATA, "", 0, 0), FILTER_NEXT_INPUT);
    }
    expect_broken(say(DATA, "", 0, 0), 10);
}

/* --- what cannot be --------------------------------------------------------------------------------------- */

Test(records, more_than_16_kib_of_content_are_refused, .init = begin, .fini = end) {
    char *said = calloc(1, 16385);
    expect_broken(say(DATA, said, 16385, 0), 22);
    free(said);
}

Test(records, a_record_longer_than_there_can_be_is_refused_by_its_header, .init = begin, .fini = end) {
    cr_expect_eq(receive("\x17\x03\x03\x41", 4), FILTER_NEXT_INPUT); /* 16384 + 256 is 4100 */
    expect_broken(receive("\x01", 1), 22);
    end_suite();
    begin_suite(0);
    expect_broken(receive("\x17\x03\x03\x41\x01 and so on", 15), 22);
}

Test(records, a_record_too_short_for_a_tag_is_refused, .init = begin, .fini = end) {
    static const char record[RECORD_HEADER_SIZE + SUITE_TAG_SIZE] = "\x17\x03\x03\x00\x10";
    expect_broken(receive(record, sizeof(record)), 50);
    end_suite();
    begin_suite(0);
    expect_broken(receive("\x17\x03\x03\x00\x00", 5), 50);
}

Test(records, a_record_that_is_not_encrypted_is_refused, .init = begin, .fini = end) {
    static const char *const headers[] = {"\x14\x03\x03\x00\x01\x01", "\x15\x03\x03\x00\x02\x01",
                                          "\x16\x03\x03\x00\x05\x01", "GET / HTTP/1.1"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        end_suite();
        begin_suite(0);
        expect_broken(receive(headers[i], 6), 10);
    }
}

Test(records, a_changed_bit_anywhere_is_seen, .init = begin, .fini = end) {
    unsigned char record[128], changed[128];
    size_t size = seal(record, DATA, DATA, "hello", 5, 3);
    for (size_t i = 0; i < 8 * size; i++) {
        if (i / 8 == 0 || i / 8 == 3 || i / 8 == 4) {
            continue; /* type and size: another record, or a longer one */
        }
        memcpy(changed, record, size);
        changed[i / 8] ^= (unsigned char)(1 << i % 8);
        records.in.sequence = 0;
        cr_expect_eq(receive(changed, size), FILTER_NEXT_BROKEN, "bit %zu", i);
        expect_alert(2, 20);
    }
    cr_expect_eq(plain_size, 0U);
}

Test(records, a_record_that_comes_again_or_too_early_is_refused, .init = begin, .fini = end) {
    unsigned char first[64], second[64];
    size_t size = seal(first, DATA, DATA, "1", 1, 0);
    seal(second, DATA, DATA, "2", 1, 0);
    cr_expect_eq(receive(first, size), FILTER_NEXT_INPUT);
    expect_broken(receive(first, size), 20);
    end_suite();
    begin_suite(0);
    expect_broken(receive(second, size), 20);
}

Test(records, what_has_no_type_or_an_unknown_one_is_refused, .init = begin, .fini = end) {
    static const unsigned char types[] = {0, 1, 20, 24, 255};
    for (size_t i = 0; i < sizeof(types); i++) {
        end_suite();
        begin_suite(0);
        expect_broken(say(types[i], "", 0, 7), 10);
    }
}

/* --- alerts ----------------------------------------------------------------------------------------------- */

Test(records, alerts_end_what_they_are_about, .init = begin, .fini = end) {
    cr_expect_eq(say(ALERT, "\x01\x5a", 2, 0), FILTER_NEXT_INPUT, "user_canceled: close_notify follows");
    cr_expect_eq(say(ALERT, "\x01\x00", 2, 0), FILTER_NEXT_ENDED);
    cr_expect_eq(say(ALERT, "\x02\x14", 2, 0), FILTER_NEXT_BROKEN);
    cr_expect_eq(output.unsent_size, 0U, "an alert is not answered by one");
    expect_broken(say(ALERT, "\x01", 1, 0), 50);
    expect_broken(say(ALERT, "\x01\x00\x00", 3, 0), 50);
}

Test(records, cancelling_for_ever_is_refused, .init = begin, .fini = end) {
    for (int i = 0; i < 32; i++) {
        cr_assert_eq(say(ALERT, "\x01\x5a", 2, 0), FILTER_NEXT_INPUT);
    }
    expect_broken(say(ALERT, "\x01\x5a", 2, 0), 10);
}

Test(records, the_last_word_is_close_notify, .init = begin, .fini = end) {
    records_finish(&records, &output);
    expect_alert(1, 0);
}

/* --- updates of keys -------------------------------------------------------------------------------------- */

Test(records, a_key_update_may_be_cut_into_records_and_asks_for_ours_once, .init = begin, .fini = end) {
    static const unsigned char message[] = {24, 0, 0, 1, 1};
    unsigned char data[256], content[256];
    char gather[16];
    size_t size, content_size;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof(message); i++) {
            cr_assert_eq(say(HANDSHAKE, message + i, 1, i), FILTER_NEXT_INPUT);
        }
        cr_assert(record_keys_update(&client_out, records.suite, true));
    }
    cr_expect_eq(output.unsent_size, 0U, "until there is something to say");
    cr_assert_eq(records_send(&records, &(struct iovec){"answer", 6}, 1, gather, &output), 6U);
    size = output_take(data, sizeof(data));
    cr_expect_eq(hear(data, &size, content, &content_size), HANDSHAKE);
    cr_expect(content_size == 5 && memcmp(content, "\x18\0\0\1\0", 5) == 0, "and does not ask back");
    cr_assert(record_keys_update(&client_in, records.suite, false));
    cr_expect_eq(hear(data, &size, content, &content_size), DATA);
    cr_expect_eq(size, 0U);
    expect_data_both_ways(10, 1, 0);
}

Test(records, the_key_is_replaced_before_it_has_served_too_long, .init = begin, .fini = end) {
    unsigned char data[256], content[256];
    char gather[16];
    size_t size, content_size;
    records.out.sequence = client_in.sequence = (1 << 24) - 1;
    cr_assert_eq(records_send(&records, &(struct iovec){"last", 4}, 1, gather, &output), 4U);
    cr_assert_eq(records_send(&records, &(struct iovec){"first", 5}, 1, gather, &output), 5U);
    size = output_take(data, sizeof(data));
    cr_expect_eq(hear(data, &size, content, &content_size), DATA);
    cr_expect_eq(hear(data, &size, content, &content_size), HANDSHAKE);
    cr_assert(record_keys_update(&client_in, records.suite, false));
    cr_expect_eq(hear(data, &size, content, &content_size), DATA);
    cr_expect_eq(records.out.sequence, 1U);
}

Test(records, other_messages_and_what_follows_a_key_update_are_refused, .init = begin, .fini = end) {
    static const struct {
        const char *content;
        size_t size;
        int alert;
    } cases[] = {
        {"", 0, 10},                          /* a part of nothing */
        {"\x01", 1, 10},                      /* ClientHello: there is no renegotiation */
        {"\x0b\0\0\1", 4, 10},                /* Certificate: none was asked for */
        {"\x18\0\0\2\0\0", 6, 10},            /* KeyUpdate of another size */
        {"\x18\0\1\1\0", 5, 10},              /* of 257 bytes */
        {"\x18\0\0\1\2", 5, 47},              /* that asks for what is not known */
        {"\x18\0\0\1\0\x18\0\0\1\0", 10, 10}, /* two under one key */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        end_suite();
        begin_suite(0);
        expect_broken(say(HANDSHAKE, cases[i].content, cases[i].size, 0), cases[i].alert);
    }
}

Test(records, nothing_comes_between_the_parts_of_a_message, .init = begin, .fini = end) {
    static const unsigned char types[] = {DATA, ALERT};
    for (size_t i = 0; i < sizeof(types); i++) {
        end_suite();
        begin_suite(0);
        cr_expect_eq(say(HANDSHAKE, "\x18\0", 2, 0), FILTER_NEXT_INPUT);
        expect_broken(say(types[i], "\x01\x00", 2, 0), 10);
    }
}

Test(records, one_receive_brings_up_to_16_updates, .init = begin, .fini = end) {
    static unsigned char wire[17 * 64];
    for (int count = 16; count <= 17; count++) {
        size_t size = 0;
        end_suite();
        begin_suite(0);
        for (int i = 0; i < count; i++) {
            size += seal(wire + size, DATA, HANDSHAKE, "\x18\0\0\1\0", 5, 0);
            cr_assert(record_keys_update(&client_out, records.suite, true));
        }
        enum filter_next next = receive(wire, size);
        if (count == 16) {
            cr_expect_eq(next, FILTER_NEXT_INPUT);
            continue;
        }
        expect_broken(next, 10);
    }
}
