/* SPDX-License-Identifier: MIT
 *
 * records: a connection of TLS 1.3 whose handshake is done (RFC 8446 section 5).
 *
 * From then on a connection is two keys and two counters. OpenSSL makes the handshake; its record layer takes some 14,000
 * instructions for a request and its answer, where encryption takes 6,000, and holds 14 KiB for each connection. So its
 * secrets are taken over (SSL_CTX_set_keylog_callback(3)), its SSL is freed, and only its ciphers are used.
 *
 *      | 23 | 3 3 | size (2) | encrypted: content, its type (1), zeros | tag (16) |
 *
 * What comes: data, alerts, and of handshakes only KeyUpdate: the server asks for no certificate later. All else ends the
 * connection with an alert.
 */
#ifndef TLS_RECORDS_H
#define TLS_RECORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "record_keys.h"
#include "riposte/bytes.h"
#include "riposte/filter.h"
#include "riposte/reply.h"

enum {
    RECORD_PLAIN_SIZE_MAX = 16384, /* of content */
    RECORD_SIZE_MAX = 16384 + 256, /* behind the header */
    RECORDS_KEY_UPDATE_SIZE = 5,   /* a message of type KeyUpdate, whole */
};

struct record_held; /* private to records.c */

struct records {
    const struct suite *suite; /* borrowed from the worker; NULL exactly while OpenSSL has the connection */
    struct record_keys in;
    struct record_keys out;
    struct record_held *held; /* a record that is cut, or content that has found no room; owned; NULL: none */
    unsigned char message[RECORDS_KEY_UPDATE_SIZE]; /* of a handshake, that is cut */
    uint8_t message_size;
    uint8_t empty_count;  /* records without content, one after the other */
    uint8_t update_count; /* of KeyUpdate in the receive under way */
    bool update_due;      /* a KeyUpdate goes before the next data */
};

/*
 * Goes on where OpenSSL's handshake has ended: both secrets and sequences are there. False: memory has ended; then
 * nothing has happened.
 */
bool records_begin(struct records *records, const struct suite *suite);

/* NULL is nowhere: for records that have not begun, too. Secrets are wiped. */
void records_end(struct records *records);

/*
 * Decrypts from the front of *wire to `plain` behind *plain_size, up to room bytes in all; as a filter's receive. BROKEN:
 * the alert is in `output`, and *reason says why.
 */
enum filter_next records_receive(struct records *records, struct bytes *wire, char *plain, size_t room,
                                 size_t *plain_size, struct reply *output, const char **reason);

/*
 * One record of what stands in plain_count (>= 1) pieces, up to RECORD_PLAIN_SIZE_MAX bytes (>= 1): returns how many.
 * `gather`: RECORD_PLAIN_SIZE_MAX bytes of room. 0: memory has ended, and what is in `output` is of no use.
 */
size_t records_send(struct records *records, const struct iovec *plain, unsigned plain_count, char *gather,
                    struct reply *output);

/* close_notify. */
void records_finish(struct records *records, struct reply *output);

/* Copies up to size_max bytes of the pieces together; returns how many. */
size_t records_gather(const struct iovec *plain, unsigned plain_count, char *to, size_t size_max);

/* Bytes held for a record that is cut. */
size_t records_held_size(const struct records *records);

#endif
