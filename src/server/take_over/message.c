/* SPDX-License-Identifier: MIT
 *
 * message: each field once, for both ways: what writes a message and what reads it walk the same list.
 */
#include "message.h"

#include <assert.h>
#include <string.h>

#include "riposte/numbers.h"

#define MESSAGE_MAGIC UINT32_C(0x4f505452) /* "RTPO" in memory, least byte first */

/*
 * A way through the bytes. Writing: from the fields to the bytes, which have room for the largest message; reading: the other way,
 * and `bad` from the first field on that is not there whole or must not be so.
 */
struct walk {
    char *to; /* NULL: reading */
    const char *from;
    size_t at, size;
    bool bad;
};

static void walk_bytes(struct walk *walk, void *field, size_t size) {
    if (walk->bad || size > walk->size - walk->at) {
        walk->bad = true;
        return;
    }
    if (size == 0) {
        return;
    }
    if (walk->to != NULL) {
        memcpy(walk->to + walk->at, field, size);
    } else {
        assert(walk->from != NULL); /* it has at least a byte */
        memcpy(field, walk->from + walk->at, size);
    }
    walk->at += size;
}

static void walk_u16(struct walk *walk, uint16_t *value) {
    walk_bytes(walk, value, sizeof(*value));
}

static void walk_u32(struct walk *walk, uint32_t *value, uint32_t most) {
    walk_bytes(walk, value, sizeof(*value));
    walk->bad |= *value > most;
}

static void walk_u64(struct walk *walk, uint64_t *value) {
    walk_bytes(walk, value, sizeof(*value));
}

static void walk_u8(struct walk *walk, uint8_t *value, uint8_t most) {
    walk_bytes(walk, value, sizeof(*value));
    walk->bad |= *value > most;
}

static void walk_bool(struct walk *walk, bool *value) {
    uint8_t byte = *value;
    walk_u8(walk, &byte, 1);
    *value = byte == 1;
}

/* `capacity` has room for the terminator, which does not travel. */
static void walk_text(struct walk *walk, char *text, size_t capacity) {
    uint16_t size = walk->to != NULL ? (uint16_t)strnlen(text, capacity - 1) : 0;
    walk_u16(walk, &size);
    if (walk->bad || size >= capacity) {
        walk->bad = true;
        return;
    }
    walk_bytes(walk, text, size);
    if (walk->to == NULL) {
        text[size] = '\0';
        walk->bad |= strlen(text) != size;
    }
}

static void walk_hello(struct walk *walk, struct message_hello *hello) {
    walk_text(walk, hello->version, sizeof(hello->version));
    walk_bool(walk, &hello->checks_only);
}

static void walk_settings(struct walk *walk, struct message_settings *settings) {
    walk_text(walk, settings->version, sizeof(settings->version));
    walk_u64(walk, &settings->attempt);
    walk_u64(walk, &settings->memory_limit);
    walk_u64(walk, &settings->item_size_max);
    walk_u64(walk, &settings->items_count);
    walk_u64(walk, &settings->connections_count);
    walk_u64(walk, &settings->file_device);
    walk_u64(walk, &settings->file_inode);
    walk_u64(walk, &settings->watchdog_us);
    walk_u32(walk, &settings->workers_count, UINT32_MAX);
    walk_u32(walk, &settings->hand_over_timeout_ms, UINT32_MAX);
    walk_u32(walk, &settings->listeners_count, UINT32_MAX);
    walk_bool(walk, &settings->has_notify);
    walk_bool(walk, &settings->has_janitor);
}

static void walk_listener(struct walk *walk, struct message_listener *listener) {
    walk_u32(walk, &listener->address_size, sizeof(listener->address));
    if (!walk->bad) {
        walk_bytes(walk, &listener->address, listener->address_size);
    }
    walk_u32(walk, &listener->fds_count, MESSAGE_FDS_MAX);
    walk_text(walk, listener->protocol, sizeof(listener->protocol));
    walk_u8(walk, &listener->tls, UINT8_MAX);
    walk_bool(walk, &listener->is_inherited);
    walk_bool(walk, &listener->is_free_port);
}

static void walk_store(struct walk *walk, struct message_store *store) {
    walk_u32(walk, &store->keys_size, sizeof(store->keys));
    if (!walk->bad) {
        walk_bytes(walk, store->keys, store->keys_size);
    }
}

static void walk_connections(struct walk *walk, struct message_connections *connections) {
    walk_u32(walk, &connections->records_count, MESSAGE_FDS_MAX);
    walk_u32(walk, &connections->fds_count, MESSAGE_FDS_MAX);
    walk_u64(walk, &connections->offset);
    walk_u64(walk, &connections->size);
}

static void walk_numbers(struct walk *walk, struct message_numbers *numbers) {
    walk_u64(walk, &numbers->offset);
    walk_u64(walk, &numbers->size);
    walk->bad |= numbers->size > NUMBERS_SIZE_MAX;
}

static void walk_items(struct walk *walk, struct message_items *items) {
    walk_u64(walk, &items->offset);
    walk_u64(walk, &items->size);
    walk->bad |= items->size > MESSAGE_ITEMS_SIZE_MAX;
}

static void walk_fields(struct walk *walk, struct message *message) {
    switch (message->kind) {
    case MESSAGE_HELLO:
        walk_hello(walk, &message->hello);
        return;
    case MESSAGE_REFUSED:
        walk_text(walk, message->refused.text, sizeof(message->refused.text));
        return;
    case MESSAGE_SETTINGS:
        walk_settings(walk, &message->settings);
        return;
    case MESSAGE_LISTENER:
        walk_listener(walk, &message->listener);
        return;
    case MESSAGE_STORE:
        walk_store(walk, &message->store);
        return;
    case MESSAGE_CONNECTIONS:
        walk_connections(walk, &message->connections);
        return;
    case MESSAGE_NUMBERS:
        walk_numbers(walk, &message->numbers);
        return;
    case MESSAGE_SIGNALS:
        walk_u32(walk, &message->signals.signals, UINT32_MAX);
        return;
    case MESSAGE_ABILITIES:
        walk_u32(walk, &message->abilities.abilities, UINT32_MAX);
        return;
    case MESSAGE_ITEMS_WANTED:
        walk_bool(walk, &message->items_wanted.no_more);
        return;
    case MESSAGE_ITEMS:
        walk_items(walk, &message->items);
        return;
    case MESSAGE_ITEMS_END:
        walk_u64(walk, &message->items_end.left_count);
        return;
    case MESSAGE_FILE:
        walk_u64(walk, &message->file.device);
        walk_u64(walk, &message->file.inode);
        return;
    case MESSAGE_OFFERED:
    case MESSAGE_READY:
    case MESSAGE_COMPLETE:
    case MESSAGE_MINE:
        return;
    case MESSAGE_KINDS_END:
    case MESSAGE_EXTRA_KINDS:
    case MESSAGE_EXTRA_KINDS_END:
        break;
    }
    walk->bad = true;
}

static void walk_head(struct walk *walk, uint32_t *magic, uint16_t *version, uint16_t *kind, uint32_t *size) {
    walk_u32(walk, magic, UINT32_MAX);
    walk_u16(walk, version);
    walk_u16(walk, kind);
    walk_u32(walk, size, UINT32_MAX);
}

size_t message_write(const struct message *message, char bytes[MESSAGE_SIZE_MAX]) {
    struct message copy = *message; /* what reads as well takes fields that can be written */
    struct walk walk = {.to = bytes, .size = MESSAGE_SIZE_MAX};
    uint32_t magic = MESSAGE_MAGIC, size = 0;
    uint16_t version = MESSAGE_VERSION, kind = (uint16_t)message->kind;
    walk_head(&walk, &magic, &version, &kind, &size);
    walk_fields(&walk, &copy);
    assert(!walk.bad);
    size = (uint32_t)walk.at;
    walk.at = 0;
    walk_head(&walk, &magic, &version, &kind, &size);
    return size;
}

enum message_outcome message_read(struct bytes packet, struct message *message) {
    struct walk walk = {.from = packet.data, .size = packet.size};
    uint32_t magic = 0, size = 0;
    uint16_t version = 0, kind = 0;
    memset(message, 0, sizeof(*message));
    walk_head(&walk, &magic, &version, &kind, &size);
    if (walk.bad || magic != MESSAGE_MAGIC || size != packet.size) {
        return MESSAGE_BAD;
    }
    if (version != MESSAGE_VERSION) {
        return MESSAGE_OTHER;
    }
    if (kind == MESSAGE_EXTRA_KINDS || kind >= MESSAGE_EXTRA_KINDS_END) {
        return MESSAGE_EXTRA;
    }
    if (kind < MESSAGE_HELLO || (kind >= MESSAGE_KINDS_END && kind < MESSAGE_EXTRA_KINDS)) {
        return MESSAGE_BAD;
    }
    message->kind = (enum message_kind)kind;
    walk_fields(&walk, message);
    return walk.bad || walk.at != packet.size ? MESSAGE_BAD : MESSAGE_OK;
}

const char *message_name(enum message_kind kind) {
    static const char *const names[MESSAGE_KINDS_END] = {
        [MESSAGE_HELLO] = "HELLO",       [MESSAGE_REFUSED] = "REFUSED",
        [MESSAGE_SETTINGS] = "SETTINGS", [MESSAGE_LISTENER] = "LISTENER",
        [MESSAGE_OFFERED] = "OFFERED",   [MESSAGE_READY] = "READY",
        [MESSAGE_STORE] = "STORE",       [MESSAGE_CONNECTIONS] = "CONNECTIONS",
        [MESSAGE_NUMBERS] = "NUMBERS",   [MESSAGE_COMPLETE] = "COMPLETE",
        [MESSAGE_MINE] = "MINE",         [MESSAGE_SIGNALS] = "SIGNALS",
    };
    static const char *const extra_names[] = {"ABILITIES", "ITEMS_WANTED", "ITEMS", "ITEMS_END", "FILE"};
    if (kind > MESSAGE_EXTRA_KINDS && kind < MESSAGE_EXTRA_KINDS_END) {
        return extra_names[kind - MESSAGE_EXTRA_KINDS - 1];
    }
    return kind > 0 && kind < MESSAGE_KINDS_END ? names[kind] : "none";
}
