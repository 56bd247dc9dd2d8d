/* SPDX-License-Identifier: MIT
 *
 * records: encrypts and decrypts them, and sees to what is no data. See records.h.
 */
#include "records.h"

#include <stdlib.h>
#include <string.h>

#include "riposte/check.h"

enum {
    /* RFC 8446 section 5.1 and appendix B.3. */
    TYPE_ALERT = 21,
    TYPE_HANDSHAKE = 22,
    TYPE_DATA = 23,
    MESSAGE_KEY_UPDATE = 24,

    ALERT_WARNING = 1, /* level */
    ALERT_FATAL = 2,
    ALERT_SIZE = 2,

    TAIL_SIZE = 1 + SUITE_TAG_SIZE, /* behind the content: its type and the tag */
    /* A record up to here is written in one go. */
    SMALL_SIZE_MAX = REPLY_RESERVE_SIZE_MAX - RECORD_HEADER_SIZE - TAIL_SIZE,

    EMPTY_MAX = 32, /* records without content in a row: they cost, and mean nothing */
    /*
     * Updates of a key in what one receive brings: each costs as much as several requests, and a client needs one in 2^24
     * records.
     */
    KEY_UPDATES_MAX = 16,
};

/* Records of one key; AES-GCM is good for 2^24.5 full ones (RFC 8446 section 5.5). */
static const uint64_t key_records_max = 1ULL << 24;

/* RFC 8446 section 6. */
enum alert {
    ALERT_CLOSE_NOTIFY = 0,
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_BAD_RECORD_MAC = 20,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_ILLEGAL_PARAMETER = 47,
    ALERT_DECODE_ERROR = 50,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_USER_CANCELED = 90,
    ALERT_NONE = 256, /* all is well */
};

/* While it is cut: header and what has come of the rest. Once it is open: content that is left, from `at` on. */
struct record_held {
    uint32_t wanted_size; /* of header and rest; the header alone while that is not whole */
    uint32_t size;
    uint32_t at;
    bool opened;
    unsigned char data[];
};

/* What receive works on. */
struct receiving {
    struct bytes *wire;
    char *plain;
    size_t room;
    size_t *plain_size;
    struct reply *output;
    const char **reason;
};

/* --- begin and end ---------------------------------------------------------------------------------------- */

bool records_begin(struct records *records, const struct suite *suite) {
    records->in.cipher = EVP_CIPHER_CTX_new();
    records->out.cipher = EVP_CIPHER_CTX_new();
    if (records->in.cipher != NULL && records->out.cipher != NULL &&
        record_keys_derive(&records->in, suite, false) && record_keys_derive(&records->out, suite, true)) {
        records->suite = suite;
        return true;
    }
    records_end(records);
    return false;
}

void records_end(struct records *records) {
    EVP_CIPHER_CTX_free(records->in.cipher);
    EVP_CIPHER_CTX_free(records->out.cipher);
    if (records->held != NULL) {
        OPENSSL_cleanse(records->held->data, records->held->size);
        free(records->held);
    }
    OPENSSL_cleanse(records, sizeof(*records));
}

/* --- what goes -------------------------------------------------------------------------------------------- */

static void header_write(unsigned char *header, size_t content_size) {
    size_t size = content_size + TAIL_SIZE;
    header[0] = TYPE_DATA; /* whatever is in it */
    header[1] = 3;
    header[2] = 3;
    header[3] = (unsigned char)(size >> 8);
    header[4] = (unsigned char)size;
}

/* A record in one piece, encrypted where it will lie. */
static bool record_send_small(struct records *records, const struct iovec *plain, unsigned plain_count,
                              size_t size, unsigned char type, struct reply *output) {
    unsigned char *header = (unsigned char *)reply_reserve(output, RECORD_HEADER_SIZE + size + TAIL_SIZE);
    unsigned char *content = header + RECORD_HEADER_SIZE;
    header_write(header, size);
    records_gather(plain, plain_count, (char *)content, size);
    content[size] = type;
    bool done = record_keys_begin(&records->out, header) &&
                record_keys_crypt(&records->out, content, content, size + 1) &&
                record_keys_seal(&records->out, content + size + 1);
    reply_commit(output, RECORD_HEADER_SIZE + size + TAIL_SIZE);
    return done;
}

/* A large one, encrypted from where it lies, in parts of whole blocks: others are slow. */
static bool record_send_large(struct records *records, struct bytes plain, struct reply *output) {
    unsigned char *to = (unsigned char *)reply_reserve(output, RECORD_HEADER_SIZE);
    header_write(to, plain.size);
    bool done = record_keys_begin(&records->out, to);
    reply_commit(output, RECORD_HEADER_SIZE);
    while (done && plain.size > 0) {
        size_t part = plain.size < REPLY_RESERVE_SIZE_MAX ? plain.size : REPLY_RESERVE_SIZE_MAX;
        done = record_keys_crypt(&records->out, reply_reserve(output, part), plain.data, part);
        reply_commit(output, part);
        plain = bytes_after(plain, part);
    }
    to = (unsigned char *)reply_reserve(output, TAIL_SIZE);
    done = done && record_keys_crypt(&records->out, to, &(unsigned char){TYPE_DATA}, 1) &&
           record_keys_seal(&records->out, to + 1);
    reply_commit(output, TAIL_SIZE);
    return done;
}

static bool record_send_control(struct records *records, unsigned char type, const unsigned char *content,
                                size_t size, struct reply *output) {
    struct iovec piece = {.iov_base = (void *)(uintptr_t)content, .iov_len = size};
    return record_send_small(records, &piece, 1, size, type, output);
}

/* A new key for what goes. The client is not asked for one of its own. */
static bool records_update_out(struct records *records, struct reply *output) {
    static const unsigned char message[RECORDS_KEY_UPDATE_SIZE] = {MESSAGE_KEY_UPDATE, 0, 0, 1, 0};
    records->update_due = false;
    return record_send_control(records, TYPE_HANDSHAKE, message, sizeof(message), output) &&
           record_keys_update(&records->out, records->suite, true);
}

size_t records_gather(const struct iovec *plain, unsigned plain_count, char *to, size_t size_max) {
    size_t size = 0;
    for (unsigned i = 0; i < plain_count && size < size_max; i++) {
        size_t part = plain[i].iov_len < size_max - size ? plain[i].iov_len : size_max - size;
        memcpy(to + size, plain[i].iov_base, part);
        size += part;
    }
    return size;
}

static size_t pieces_size(const struct iovec *plain, unsigned plain_count) {
    size_t size = 0;
    for (unsigned i = 0; i < plain_count && size < RECORD_PLAIN_SIZE_MAX; i++) {
        size += plain[i].iov_len;
    }
    return size < RECORD_PLAIN_SIZE_MAX ? size : RECORD_PLAIN_SIZE_MAX;
}

size_t records_send(struct records *records, const struct iovec *plain, unsigned plain_count, char *gather,
                    struct reply *output) {
    size_t size = pieces_size(plain, plain_count);
    if (unlikely(records->update_due || records->out.sequence >= key_records_max) &&
        !records_update_out(records, output)) {
        return 0;
    }
    if (likely(size <= SMALL_SIZE_MAX)) {
        return record_send_small(records, plain, plain_count, size, TYPE_DATA, output) ? size : 0;
    }
    struct bytes content = bytes_of(plain[0].iov_base, size);
    if (plain[0].iov_len < size) {
        content = bytes_of(gather, records_gather(plain, plain_count, gather, size));
    }
    return record_send_large(records, content, output) ? size : 0;
}

void records_finish(struct records *records, struct reply *output) {
    static const unsigned char alert[ALERT_SIZE] = {ALERT_WARNING, ALERT_CLOSE_NOTIFY};
    if (!record_send_control(records, TYPE_ALERT, alert, sizeof(alert), output)) {
        reply_break(output);
    }
}

/* --- what comes ------------------------------------------------------------------------------------------- */

static enum filter_next records_fail(struct records *records, const struct receiving *receiving,
                                     enum alert description, const char *reason) {
    unsigned char alert[ALERT_SIZE] = {ALERT_FATAL, (unsigned char)description};
    *receiving->reason = reason;
    if (!record_send_control(records, TYPE_ALERT, alert, sizeof(alert), receiving->output)) {
        reply_break(receiving->output);
    }
    return FILTER_NEXT_BROKEN;
}

static enum filter_next records_take_alert(struct records *records, const struct receiving *receiving,
                                           const unsigned char *content, size_t size) {
    if (size != ALERT_SIZE) {
        return records_fail(records, receiving, ALERT_DECODE_ERROR, "an alert of another size");
    }
    switch (content[1]) {
    case ALERT_CLOSE_NOTIFY:
        return FILTER_NEXT_ENDED;
    case ALERT_USER_CANCELED: /* close_notify follows; until then it counts as a record without content */
        records->empty_count++;
        return FILTER_NEXT_AGAIN;
    default:
        *receiving->reason = "the client's alert";
        return FILTER_NEXT_BROKEN;
    }
}

/* KeyUpdate, maybe a byte at a time; it ends its record, for what follows has another key (RFC 8446 section 5.1). */
static enum filter_next records_take_handshake(struct records *records, const struct receiving *receiving,
                                               const unsigned char *content, size_t size) {
    static const unsigned char begin[] = {MESSAGE_KEY_UPDATE, 0, 0, 1};
    size_t left = sizeof(records->message) - records->message_size;
    if (size == 0 || size > left) {
        return records_fail(records, receiving, ALERT_UNEXPECTED_MESSAGE, "no message, or more than one");
    }
    memcpy(records->message + records->message_size, content, size);
    records->message_size += (uint8_t)size;
    size_t known = records->message_size < sizeof(begin) ? records->message_size : sizeof(begin);
    if (memcmp(records->message, begin, known) != 0) {
        return records_fail(records, receiving, ALERT_UNEXPECTED_MESSAGE, "a message that is not expected");
    }
    if (records->message_size < sizeof(records->message)) {
        return FILTER_NEXT_AGAIN;
    }
    unsigned char request = records->message[sizeof(records->message) - 1];
    records->message_size = 0;
    if (request > 1) {
        return records_fail(records, receiving, ALERT_ILLEGAL_PARAMETER,
                            "KeyUpdate asks for what is not known");
    }
    if (++records->update_count > KEY_UPDATES_MAX) {
        return records_fail(records, receiving, ALERT_UNEXPECTED_MESSAGE, "too many updates of a key");
    }
    records->update_due = records->update_due || request == 1;
    return record_keys_update(&records->in, records->suite, false)
               ? FILTER_NEXT_AGAIN
               : records_fail(records, receiving, ALERT_INTERNAL_ERROR, "no memory for a key");
}

/* Content, its type, zeros that hide how much there is: the type's place is *size, too. */
static enum alert content_find(const unsigned char *content, size_t inner_size, size_t *size) {
    while (inner_size > 0 && content[inner_size - 1] == 0) {
        inner_size--;
    }
    if (inner_size == 0) {
        return ALERT_UNEXPECTED_MESSAGE;
    }
    *size = inner_size - 1;
    return *size > RECORD_PLAIN_SIZE_MAX ? ALERT_RECORD_OVERFLOW : ALERT_NONE;
}

/* Decrypts a whole record to `content`, which may lie where the record does. */
static enum alert record_open(struct record_keys *keys, struct bytes record, unsigned char *content,
                              size_t *size) {
    if (record.size < RECORD_HEADER_SIZE + TAIL_SIZE) {
        return ALERT_DECODE_ERROR;
    }
    if (!record_keys_open(keys, (const unsigned char *)record.data, record.size, content)) {
        return ALERT_BAD_RECORD_MAC;
    }
    return content_find(content, record.size - RECORD_HEADER_SIZE - SUITE_TAG_SIZE, size);
}

/* What the header announces: header and rest together in *size. */
static enum alert header_read(const unsigned char *header, uint32_t *size) {
    *size = RECORD_HEADER_SIZE + ((uint32_t)header[3] << 8 | header[4]);
    if (header[0] != TYPE_DATA) {
        return ALERT_UNEXPECTED_MESSAGE;
    }
    return *size > RECORD_HEADER_SIZE + RECORD_SIZE_MAX ? ALERT_RECORD_OVERFLOW : ALERT_NONE;
}

static bool held_resize(struct records *records, uint32_t wanted_size) {
    bool is_new = records->held == NULL;
    struct record_held *held = realloc(records->held, sizeof(*held) + wanted_size);
    if (held == NULL) {
        return false;
    }
    if (is_new) {
        *held = (struct record_held){.size = 0};
    }
    held->wanted_size = wanted_size;
    records->held = held;
    return true;
}

static void held_free(struct records *records) {
    free(records->held);
    records->held = NULL;
}

static void held_fill(struct record_held *held, struct bytes *wire) {
    size_t left = held->wanted_size - held->size;
    size_t part = wire->size < left ? wire->size : left;
    memcpy(held->data + held->size, wire->data, part);
    held->size += (uint32_t)part;
    *wire = bytes_after(*wire, part);
}

/* Goes on with a record that is cut: its header first, which says how much there is to hold. */
static enum filter_next records_hold(struct records *records, const struct receiving *receiving,
                                     struct bytes *record) {
    uint32_t size = 0;
    if (records->held == NULL && !held_resize(records, RECORD_HEADER_SIZE)) {
        return records_fail(records, receiving, ALERT_INTERNAL_ERROR, "no memory for a record");
    }
    held_fill(records->held, receiving->wire);
    if (records->held->size == RECORD_HEADER_SIZE) {
        enum alert alert = header_read(records->held->data, &size);
        if (alert != ALERT_NONE) {
            return records_fail(records, receiving, alert, "no record");
        }
        if (!held_resize(records, size)) {
            return records_fail(records, receiving, ALERT_INTERNAL_ERROR, "no memory for a record");
        }
        held_fill(records->held, receiving->wire);
    }
    *record = bytes_of((const char *)records->held->data, records->held->size);
    return records->held->size < records->held->wanted_size ? FILTER_NEXT_INPUT : FILTER_NEXT_AGAIN;
}

/* AGAIN: *record is a whole one, in the wire or held. INPUT: more must come. */
static enum filter_next records_next(struct records *records, const struct receiving *receiving,
                                     struct bytes *record) {
    struct bytes *wire = receiving->wire;
    uint32_t size = 0;
    if (wire->size == 0) {
        return FILTER_NEXT_INPUT; /* what is held is cut */
    }
    if (unlikely(records->held != NULL || wire->size < RECORD_HEADER_SIZE)) {
        return records_hold(records, receiving, record);
    }
    enum alert alert = header_read((const unsigned char *)wire->data, &size);
    if (unlikely(alert != ALERT_NONE)) {
        return records_fail(records, receiving, alert, "no record");
    }
    size_t room = receiving->room - *receiving->plain_size;
    if (unlikely(wire->size < size || size > room)) {
        return records_hold(records, receiving, record);
    }
    *record = bytes_of(wire->data, size);
    *wire = bytes_after(*wire, size);
    return FILTER_NEXT_AGAIN;
}

/* Content that has found no room before; true when none is left. */
static bool records_give_held(struct records *records, const struct receiving *receiving) {
    struct record_held *held = records->held;
    size_t room = receiving->room - *receiving->plain_size;
    size_t part = held->size - held->at < room ? held->size - held->at : room;
    memcpy(receiving->plain + *receiving->plain_size, held->data + held->at, part);
    *receiving->plain_size += part;
    held->at += (uint32_t)part;
    return held->at == held->size;
}

/* What a record has in it. is_kept: it lies in what is held, not where it is wanted. */
static enum filter_next records_take(struct records *records, const struct receiving *receiving,
                                     const unsigned char *content, size_t size, bool is_kept) {
    unsigned char type = content[size];
    if (unlikely(type != TYPE_HANDSHAKE && records->message_size > 0)) {
        return records_fail(records, receiving, ALERT_UNEXPECTED_MESSAGE, "a message is not whole");
    }
    if (likely(type == TYPE_DATA)) {
        records->empty_count = size > 0 ? 0 : records->empty_count + 1;
        *receiving->plain_size += is_kept ? 0 : size;
    } else if (type == TYPE_ALERT) {
        enum filter_next next = records_take_alert(records, receiving, content, size);
        if (next != FILTER_NEXT_AGAIN) {
            return next;
        }
    } else if (type == TYPE_HANDSHAKE) {
        return records_take_handshake(records, receiving, content, size);
    } else {
        return records_fail(records, receiving, ALERT_UNEXPECTED_MESSAGE, "a record of no known type");
    }
    return records->empty_count <= EMPTY_MAX ? FILTER_NEXT_AGAIN
                                             : records_fail(records, receiving, ALERT_UNEXPECTED_MESSAGE,
                                                            "many records with nothing in them");
}

/* One record, or the rest of one. AGAIN: there may be more. */
static enum filter_next records_step(struct records *records, const struct receiving *receiving) {
    struct bytes record;
    size_t size = 0;
    if (unlikely(records->held != NULL && records->held->opened)) {
        if (records_give_held(records, receiving)) {
            held_free(records);
        }
        return FILTER_NEXT_AGAIN;
    }
    enum filter_next next = records_next(records, receiving, &record);
    if (next != FILTER_NEXT_AGAIN) {
        return next;
    }
    struct record_held *held = records->held;
    unsigned char *plain = (unsigned char *)receiving->plain + *receiving->plain_size;
    bool is_kept = held != NULL && record.size > receiving->room - *receiving->plain_size;
    unsigned char *content = is_kept ? held->data + RECORD_HEADER_SIZE : plain;
    enum alert alert = record_open(&records->in, record, content, &size);
    if (unlikely(alert != ALERT_NONE)) {
        return records_fail(records, receiving, alert, "a record that cannot be decrypted");
    }
    next = records_take(records, receiving, content, size, is_kept);
    if (is_kept && content[size] == TYPE_DATA) {
        held->opened = true;
        held->at = RECORD_HEADER_SIZE;
        held->size = (uint32_t)(RECORD_HEADER_SIZE + size);
    } else if (held != NULL) {
        held_free(records);
    }
    return next;
}

enum filter_next records_receive(struct records *records, struct bytes *wire, char *plain, size_t room,
                                 size_t *plain_size, struct reply *output, const char **reason) {
    struct receiving receiving = {wire, plain, room, plain_size, output, reason};
    enum filter_next next = FILTER_NEXT_AGAIN;
    records->update_count = 0;
    while (next == FILTER_NEXT_AGAIN && *plain_size < room) {
        next = records_step(records, &receiving);
    }
    return next;
}

size_t records_held_size(const struct records *records) {
    return records->held == NULL ? 0 : sizeof(*records->held) + records->held->wanted_size;
}
