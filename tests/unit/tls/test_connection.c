/* SPDX-License-Identifier: MIT
 *
 * A handshake and bytes between the filter and OpenSSL's own client, cut in every way.
 */
#include "connection.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "tls_talk.h"

TestSuite(connection, .timeout = 120);

static struct tls_place place;
static struct tls_talk talk;

static void begin(void) {
    tls_place_init(&place);
    tls_place_open(&place);
    tls_talk_begin(&talk, &place);
}

static void end(void) {
    tls_talk_end(&talk);
    tls_place_close(&place);
}

#define counted(name) counter_read(&((struct tls_counters[1]){sums()})->name)
static struct tls_counters sums(void) {
    struct tls_counters sum;
    tls_counters_sum(place.tls, &sum);
    return sum;
}

/* `size` bytes that differ from their neighbours; owned by the caller. */
static char *pattern(size_t size) {
    char *data = calloc(1, size);
    for (size_t i = 0; i < size; i++) {
        data[i] = (char)(i * 7 + i / 251);
    }
    return data;
}

static void expect_both_ways(size_t size) {
    char *data = pattern(size);
    char *heard = malloc(size);
    size_t sent = 0, got = 0;
    int error;
    talk.plain_size = 0;
    tls_talk_say(&talk, data, size);
    cr_assert(talk.plain_size == size && memcmp(talk.plain, data, size) == 0);
    while (sent < size) {
        sent += tls_talk_send(&talk, data + sent, size - sent, 1);
    }
    while (got < size) {
        size_t part = tls_talk_hear(&talk, heard + got, size - got, &error);
        cr_assert_gt(part, 0);
        got += part;
    }
    cr_assert_eq(memcmp(heard, data, size), 0);
    free(data);
    free(heard);
}

Test(connection, carries_bytes_of_all_sizes_in_both_versions) {
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t sizes[] = {1, 2, 100, 4095, 4096, 4097, 16383, 16384, 16385, 100000};
    tls_place_init(&place);
    tls_place_open(&place);
    for (int version = 0; version < 2; version++) {
        tls_talk_begin(&talk, &place);
        SSL_set_max_proto_version(talk.client, versions[version]);
        SSL_set_min_proto_version(talk.client, versions[version]);
        SSL_set_verify(talk.client, SSL_VERIFY_PEER, NULL);
        SSL_set1_host(talk.client, "server.test");
        cr_assert(tls_talk_shake(&talk));
        cr_expect_eq(SSL_version(talk.client), versions[version]);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            expect_both_ways(sizes[i]);
        }
        tls_talk_end(&talk);
    }
    cr_expect_eq(counted(handshakes), 2);
    cr_expect_eq(counted(handshake_errors), 0);
    tls_place_close(&place);
}

Test(connection, takes_records_that_are_cut_at_every_byte) {
    begin();
    talk.piece_size_max = 1;
    cr_assert(tls_talk_shake(&talk));
    expect_both_ways(1000);
    expect_both_ways(16385);
    end();
}

/* A record of 100 bytes and the next, cut once, at each place there is. */
Test(connection, takes_two_records_cut_at_every_place) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    for (size_t piece = 1; piece < 260; piece++) {
        char *data = pattern(100);
        size_t written;
        talk.plain_size = 0;
        talk.piece_size_max = piece;
        SSL_write_ex(talk.client, data, 100, &written);
        tls_talk_say(&talk, data, 100);
        cr_assert(talk.plain_size == 200 && memcmp(talk.plain + 100, data, 100) == 0);
        free(data);
    }
    end();
}

Test(connection, takes_a_record_for_each_byte) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    for (int i = 0; i < 5000; i++) {
        size_t written;
        SSL_write_ex(talk.client, &(char){(char)i}, 1, &written);
    }
    tls_talk_exchange(&talk);
    cr_assert_eq(talk.plain_size, 5000);
    for (int i = 0; i < 5000; i++) {
        cr_assert_eq(talk.plain[i], (char)i);
    }
    end();
}

Test(connection, many_small_pieces_leave_in_one_record) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    char *data = pattern(1600), heard[1600];
    int error;
    cr_assert_eq(tls_talk_send(&talk, data, 1600, 16), 1600);
    cr_expect_eq(counted(records_sent), 1);
    cr_assert_eq(tls_talk_hear(&talk, heard, sizeof(heard), &error), 1600);
    cr_expect_eq(memcmp(heard, data, 1600), 0);
    free(data);
    end();
}

Test(connection, a_record_has_at_most_16_kib) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    char *data = pattern(40000);
    cr_expect_eq(tls_talk_send(&talk, data, 40000, 1), 16384);
    cr_expect_eq(tls_talk_send(&talk, data, 40000, 8), 16384);
    cr_expect_eq(tls_talk_send(&talk, data, 40000, 2), 16384);
    cr_expect_eq(counted(records_sent), 3);
    free(data);
    end();
}

Test(connection, sends_nothing_before_the_handshake_is_done) {
    begin();
    cr_expect_eq(tls_talk_send(&talk, "early", 5, 1), 0);
    SSL_do_handshake(talk.client);
    tls_talk_exchange(&talk);
    cr_expect_eq(tls_talk_send(&talk, "early", 5, 1), 0);
    cr_assert(tls_talk_shake(&talk));
    cr_expect_eq(tls_talk_send(&talk, "late", 4, 1), 4);
    end();
}

Test(connection, a_client_without_tls_reads_a_line) {
    begin();
    struct iovec piece;
    size_t size;
    tls_talk_receive(&talk, "get a\r\n", 7);
    cr_expect_eq(talk.next, FILTER_NEXT_BROKEN);
    cr_assert_eq(reply_iov(&talk.output, &piece, 1, &size), 1);
    cr_expect(size == 13 && memcmp(piece.iov_base, "this is TLS\r\n", 13) == 0);
    cr_expect_eq(counted(plain_clients), 1);
    cr_expect_eq(counted(handshake_errors), 0);
    end();
}

Test(connection, garbage_that_looks_like_a_record_gets_an_alert) {
    begin();
    struct iovec piece;
    size_t size;
    tls_talk_receive(&talk, "\x16\x03\x01\x00\x05hello", 10);
    cr_expect_eq(talk.next, FILTER_NEXT_BROKEN);
    cr_assert_eq(reply_iov(&talk.output, &piece, 1, &size), 1);
    cr_expect_eq(((const char *)piece.iov_base)[0], 0x15, "an alert");
    cr_expect_eq(counted(handshake_errors), 1);
    end();
}

Test(connection, a_changed_bit_ends_the_connection_with_an_alert) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    char wire[256], heard[8];
    size_t written;
    int error;
    SSL_write_ex(talk.client, "hello", 5, &written);
    int size = BIO_read(SSL_get_wbio(talk.client), wire, sizeof(wire));
    wire[size - 1] ^= 1;
    tls_talk_receive(&talk, wire, (size_t)size);
    cr_expect_eq(talk.next, FILTER_NEXT_BROKEN);
    cr_expect_eq(talk.plain_size, 0);
    cr_expect_eq(counted(protocol_errors), 1);
    cr_expect_eq(tls_talk_hear(&talk, heard, sizeof(heard), &error), 0);
    cr_expect_eq(error, SSL_ERROR_SSL);
    cr_expect_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    end();
}

Test(connection, close_notify_of_the_client_ends_its_input_and_not_ours) {
    begin();
    char heard[8];
    int error;
    cr_assert(tls_talk_shake(&talk));
    SSL_shutdown(talk.client);
    tls_talk_exchange(&talk);
    cr_expect_eq(talk.next, FILTER_NEXT_ENDED);
    tls_talk_receive(&talk, "garbage", 7);
    cr_expect_eq(talk.next, FILTER_NEXT_ENDED);
    cr_expect_eq(talk.plain_size, 0);
    cr_expect(tls_filter.ended(talk.state, talk.context));
    cr_expect_eq(tls_talk_send(&talk, "answer", 6, 1), 6);
    tls_filter.finish(talk.state, &talk.output, talk.context);
    cr_expect_eq(tls_talk_hear(&talk, heard, sizeof(heard), &error), 6);
    cr_expect_eq(tls_talk_hear(&talk, heard, sizeof(heard), &error), 0);
    cr_expect_eq(error, SSL_ERROR_ZERO_RETURN, "close_notify of ours");
    cr_expect_eq(counted(truncations), 0);
    end();
}

Test(connection, an_end_without_close_notify_is_told_from_one) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    cr_expect_not(tls_filter.ended(talk.state, talk.context));
    cr_expect_eq(counted(truncations), 1);
    end();
}

Test(connection, a_renegotiation_is_refused_and_the_connection_goes_on) {
    begin();
    SSL_set_max_proto_version(talk.client, TLS1_2_VERSION);
    cr_assert(tls_talk_shake(&talk));
    SSL_renegotiate(talk.client);
    SSL_do_handshake(talk.client);
    tls_talk_exchange(&talk);
    cr_expect_eq(counted(handshakes), 1);
    end();
}

Test(connection, keys_are_updated_in_both_directions) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    for (int i = 0; i < 100; i++) {
        SSL_key_update(talk.client, SSL_KEY_UPDATE_REQUESTED);
        expect_both_ways(10);
    }
    end();
}

Test(connection, many_updates_of_keys_at_once_end_it) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    for (int i = 0; i < 17; i++) {
        SSL_key_update(talk.client, SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(talk.client);
    }
    tls_talk_exchange(&talk);
    cr_expect_eq(talk.next, FILTER_NEXT_BROKEN);
    cr_expect_eq(counted(protocol_errors), 1);
    end();
}

/* One at a time, and each answered. */
Test(connection, many_updates_of_keys_without_data_between_them_end_it) {
    begin();
    cr_assert(tls_talk_shake(&talk));
    int updates = 0;
    while (talk.next == FILTER_NEXT_INPUT && updates < 100) {
        SSL_key_update(talk.client, SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_do_handshake(talk.client);
        tls_talk_exchange(&talk);
        updates++;
    }
    cr_expect_eq(updates, 17);
    cr_expect_eq(talk.next, FILTER_NEXT_BROKEN);
    end();
}

/* A receive of many small records, or updates of keys, comes back before it has taken long; what is left is taken by the next ones. */
static unsigned receives_until_all(const void *data, size_t size) {
    struct bytes wire = bytes_of(data, size);
    unsigned count = 0;
    talk.next = FILTER_NEXT_AGAIN;
    for (; talk.next == FILTER_NEXT_AGAIN; count++) {
        struct filter_progress progress = tls_filter.receive(talk.state, wire, talk.plain + talk.plain_size,
                                                             4096, &talk.output, talk.context);
        cr_assert_lt(progress.work, 2 * FILTER_WORK_MAX);
        cr_assert(progress.next != FILTER_NEXT_AGAIN || progress.work >= FILTER_WORK_MAX);
        talk.plain_size += progress.plain_size;
        talk.next = progress.next;
        wire = bytes_after(wire, progress.consumed);
    }
    return count;
}

Test(connection, a_receive_takes_a_bounded_number_of_records) {
    enum { RECORDS = 1000, UPDATES = 100 };
    static char wire[65536];
    begin();
    cr_assert(tls_talk_shake(&talk));
    size_t written, size;
    for (int i = 0; i < RECORDS; i++) {
        SSL_write_ex(talk.client, "x", 1, &written);
    }
    BIO_read_ex(SSL_get_wbio(talk.client), wire, sizeof(wire), &size);
    cr_expect_geq(receives_until_all(wire, size), RECORDS / FILTER_WORK_MAX);
    cr_expect_eq(talk.plain_size, RECORDS);
    for (int i = 0; i < UPDATES; i++) {
        SSL_key_update(talk.client, SSL_KEY_UPDATE_NOT_REQUESTED);
        SSL_write_ex(talk.client, "x", 1, &written);
    }
    BIO_read_ex(SSL_get_wbio(talk.client), wire, sizeof(wire), &size);
    cr_expect_geq(receives_until_all(wire, size), UPDATES * 8 / FILTER_WORK_MAX);
    cr_expect_eq(talk.plain_size, RECORDS + UPDATES);
    cr_expect_eq(talk.next, FILTER_NEXT_INPUT);
    end();
}

/* A hello of 64 KiB, a byte in each record: in small steps, and not to its end. */
Test(connection, a_hello_in_tiny_records_is_taken_in_steps_and_refused_at_48_kib) {
    enum { HELLO_SIZE = 65536, TAKEN_MAX = 48 * 1024, RECORD_SIZE = 6 };
    static char wire[HELLO_SIZE * RECORD_SIZE];
    for (size_t i = 0; i < HELLO_SIZE; i++) {
        char record[RECORD_SIZE] = {22, 3, 1,
                                    0,  1, i == 0 ? 1 : i == 2 ? (char)0xff : i == 3 ? (char)0xf0 : 0};
        memcpy(wire + i * RECORD_SIZE, record, RECORD_SIZE);
    }
    begin();
    unsigned count = receives_until_all(wire, sizeof(wire));
    cr_expect_eq(talk.next, FILTER_NEXT_BROKEN);
    cr_expect_geq(count, TAKEN_MAX / RECORD_SIZE / (FILTER_WORK_MAX + 1));
    cr_expect_leq(count, TAKEN_MAX / RECORD_SIZE / (FILTER_WORK_MAX - 1) + 1);
    cr_expect_eq(counted(handshake_errors), 1);
    struct iovec piece;
    size_t size;
    cr_assert_eq(reply_iov(&talk.output, &piece, 1, &size), 1);
    cr_expect_eq(((const char *)piece.iov_base)[0], 0x15, "an alert");
    end();
}

Test(connection, versions_before_1_2_are_refused) {
    begin();
    SSL_CTX_set_security_level(talk.client_context, 0);
    SSL_set_security_level(talk.client, 0);
    SSL_set_min_proto_version(talk.client, TLS1_VERSION);
    SSL_set_max_proto_version(talk.client, TLS1_1_VERSION);
    cr_expect_not(tls_talk_shake(&talk));
    cr_expect_eq(counted(handshake_errors), 1);
    end();
}

/* --- resumption ------------------------------------------------------------------------------------------- */

Test(connection, a_session_goes_on_by_ticket_in_both_versions) {
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int version = 0; version < 2; version++) {
        begin();
        char heard[8];
        int error;
        SSL_set_max_proto_version(talk.client, versions[version]);
        cr_assert(tls_talk_shake(&talk));
        tls_talk_hear(&talk, heard, sizeof(heard), &error); /* the ticket of 1.3 comes behind the handshake */
        SSL_SESSION *session = SSL_get1_session(talk.client);
        SSL_shutdown(talk.client);
        tls_talk_end(&talk);
        tls_talk_begin(&talk, &place);
        SSL_set_max_proto_version(talk.client, versions[version]);
        SSL_set_session(talk.client, session);
        cr_assert(tls_talk_shake(&talk));
        cr_expect(SSL_session_reused(talk.client));
        cr_expect_eq(counted(handshakes_resumed), 1);
        expect_both_ways(100);
        SSL_SESSION_free(session);
        end();
    }
}

Test(connection, without_tickets_every_handshake_is_a_full_one) {
    tls_place_init(&place);
    place.config.tickets = false;
    tls_place_open(&place);
    tls_talk_begin(&talk, &place);
    cr_assert(tls_talk_shake(&talk));
    cr_expect_eq(counted(tickets), 0);
    expect_both_ways(100);
    end();
}

/* --- names ------------------------------------------------------------------------------------------------ */

Test(connection, offers_the_protocol_of_its_listen_and_no_other) {
    static const unsigned char both[] = "\x02h2\x08http/1.1", other[] = "\x02h2";
    const unsigned char *chosen;
    unsigned size;
    tls_place_init(&place);
    place.listen.alpn = "http/1.1";
    tls_place_open(&place);
    tls_talk_begin(&talk, &place);
    SSL_set_alpn_protos(talk.client, both, sizeof(both) - 1);
    cr_assert(tls_talk_shake(&talk));
    SSL_get0_alpn_selected(talk.client, &chosen, &size);
    cr_expect(size == 8 && memcmp(chosen, "http/1.1", 8) == 0);
    tls_talk_end(&talk);
    tls_talk_begin(&talk, &place);
    SSL_set_alpn_protos(talk.client, other, sizeof(other) - 1);
    cr_expect_not(tls_talk_shake(&talk));
    end();
}

Test(connection, the_name_that_is_asked_for_chooses_the_certificate) {
    static char longest[TLSEXT_MAXLEN_host_name + 1];
    static const struct {
        const char *asked, *given;
    } rows[] = {{"server.test", "server.test"},
                {"other.test", "other.test"},
                {"unknown.test", "server.test"},
                {"*.test", "server.test"},
                {"other.test%00.test", "server.test"},
                {"%s%n\r\nother.test", "server.test"},
                {longest, "server.test"}};
    memset(longest, 'a', sizeof(longest) - 1);
    tls_place_init(&place);
    struct certificate other = certificate_make(
        place.folder, "other",
        &(struct certificate_wish){.name = "other.test", .issuer = &place.authority, .days = 30});
    place.config.certificates[1] = (struct tls_certificate){other.chain_path, other.key_path};
    place.config.certificates_count = 2;
    tls_place_open(&place);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tls_talk_begin(&talk, &place);
        SSL_set_tlsext_host_name(talk.client, rows[i].asked);
        cr_assert(tls_talk_shake(&talk));
        X509 *shown = SSL_get1_peer_certificate(talk.client);
        cr_expect_eq(X509_check_host(shown, rows[i].given, 0, 0, NULL), 1, "%s", rows[i].asked);
        X509_free(shown);
        tls_talk_end(&talk);
    }
    tls_place_close(&place);
}
