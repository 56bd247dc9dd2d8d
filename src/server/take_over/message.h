/* SPDX-License-Identifier: MIT
 *
 * message: what two servers say to each other while one takes over from the other (giver.h has the order), as bytes.
 *
 *      magic 4 | version 2 | kind 2 | size 4 | fields of the kind, one after the other
 *
 * A message is one packet of a SOCK_SEQPACKET socket, of at most MESSAGE_SIZE_MAX bytes; descriptors travel beside it. Both are on
 * one machine: numbers are in its byte order, a text is its size in two bytes and then its bytes.
 * Pure: nothing is allocated or looked up.
 */
#ifndef RIPOSTE_SERVER_TAKE_OVER_MESSAGE_H
#define RIPOSTE_SERVER_TAKE_OVER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "riposte/bytes.h"

enum {
    MESSAGE_VERSION = 1,
    MESSAGE_SIZE_MAX = 4096, /* bytes */
    MESSAGE_FDS_MAX = 250,   /* descriptors beside one message; the kernel takes 253 (unix(7), SCM_MAX_FD) */
    MESSAGE_TEXT_SIZE_MAX = 384, /* terminator included */
    MESSAGE_WORD_SIZE_MAX = 32,
    MESSAGE_BYTES_SIZE_MAX = 1024,
    MESSAGE_ITEMS_SIZE_MAX = (1 << 30) + (4 << 20), /* the largest item (-I), and what stands before it */
};

enum message_kind {
    MESSAGE_HELLO = 1,
    MESSAGE_REFUSED,
    MESSAGE_SETTINGS,
    MESSAGE_LISTENER,
    MESSAGE_OFFERED,
    MESSAGE_READY,
    MESSAGE_STORE,
    MESSAGE_CONNECTIONS,
    MESSAGE_NUMBERS,
    MESSAGE_COMPLETE,
    MESSAGE_MINE,
    MESSAGE_SIGNALS,
    MESSAGE_KINDS_END,
    MESSAGE_EXTRA_KINDS = 0x8000, /* kinds from here on one who does not know them may do without */
    MESSAGE_ABILITIES,
    MESSAGE_ITEMS_WANTED,
    MESSAGE_ITEMS,
    MESSAGE_ITEMS_END,
    MESSAGE_FILE,
    MESSAGE_EXTRA_KINDS_END,
};

/* What a build can do beyond the first version of the messages. */
enum message_ability {
    MESSAGE_CAN_SEND_ITEMS = 1, /* it answers ITEMS_WANTED (items.h) */
    MESSAGE_CAN_NAME_VALUES =
        2, /* old: it hears ABILITIES, and names values to one that can, too (values.h); new: it can */
    MESSAGE_CAN_KEEP_SENT =
        4, /* new: it keeps what the old one has sent without a copy until it has arrived (engine_move.h) */
    MESSAGE_CAN_MAP_TABLES = 8, /* new: it takes a third descriptor with STORE */
    MESSAGE_CAN_RELEASE_JANITOR =
        16, /* old: the janitor that comes with SETTINGS can be told to leave (janitor.h) */
};

/* New to old: who asks. */
struct message_hello {
    char version[MESSAGE_WORD_SIZE_MAX]; /* of its program */
    bool checks_only;                    /* it wants to know what there is, and nothing else */
};

/* Either: the last word, a sentence for the log. */
struct message_refused {
    char text[MESSAGE_TEXT_SIZE_MAX];
};

/* Old to new: what it is. Beside it, in this order: the verdict's memory, then what the flags say there is. */
struct message_settings {
    char version[MESSAGE_WORD_SIZE_MAX];
    uint64_t attempt;       /* the verdict's (verdict.h) */
    uint64_t memory_limit;  /* -m, bytes */
    uint64_t item_size_max; /* -I, bytes */
    uint64_t items_count;
    uint64_t connections_count; /* now */
    uint64_t file_device;       /* of the file of -e; both 0: there is none */
    uint64_t file_inode;
    uint64_t watchdog_us; /* of the service manager; 0: none */
    uint32_t workers_count;
    uint32_t hand_over_timeout_ms;
    uint32_t listeners_count; /* messages of that kind that follow */
    bool has_notify;          /* beside it: the socket of the service manager */
    bool has_janitor;         /* beside it: the pipe of the process that removes files */
};

/* Old to new: one address, or more descriptors of one. Beside it: its sockets. */
struct message_listener {
    struct sockaddr_storage address;
    uint32_t address_size;
    uint32_t fds_count;                   /* at most MESSAGE_FDS_MAX */
    char protocol[MESSAGE_WORD_SIZE_MAX]; /* a name that protocols_find knows */
    uint8_t tls;                          /* enum listen_tls */
    bool is_inherited;                    /* a service manager's, which it gets back */
    bool is_free_port;                    /* the port was any that was free */
};

/* Old to new, behind LISTENER: the file of that Unix socket, whatever has its name by now (stat(2)). */
struct message_file {
    uint64_t device;
    uint64_t inode;
};

/*
 * Old to new: it serves nobody any more. Beside it: the arena, the memory with the records of connections, and,
 * for one that can map it, the memory of the store's tables, where it has one of its own (riposte/store_file.h).
 */
struct message_store {
    uint32_t keys_size;                   /* of what follows; 0: none */
    uint8_t keys[MESSAGE_BYTES_SIZE_MAX]; /* of tickets of TLS */
};

/* Old to new: a batch of connections (connections.h). Beside it: their descriptors. */
struct message_connections {
    uint32_t records_count;
    uint32_t fds_count;
    uint64_t offset; /* of the records in the memory, bytes */
    uint64_t size;   /* of all of them */
};

/* Old to new: what it has counted (riposte/numbers.h). It is in the memory that came with STORE. */
struct message_numbers {
    uint64_t offset;
    uint64_t size; /* bytes */
};

/* Old to new, which serves: what the old one was still asked to do. */
struct message_signals {
    uint32_t signals; /* bits of signals.h */
};

/* Old to new before OFFERED; new to old before READY, where that one has said that it hears it. */
struct message_abilities {
    uint32_t abilities; /* enum message_ability; bits that are not known mean nothing */
};

/* New to old, behind COMPLETE: another piece, or none any more. */
struct message_items_wanted {
    bool no_more; /* what has come was too much already */
};

/* Old to new: a piece of the stream of items. It is in the memory that came with STORE. */
struct message_items {
    uint64_t offset;
    uint64_t size; /* bytes, up to MESSAGE_ITEMS_SIZE_MAX */
};

/* Old to new: the last piece has been sent. */
struct message_items_end {
    uint64_t left_count; /* items for which there was no time, or that were not wanted */
};

/* HELLO, REFUSED and so on; OFFERED, READY, COMPLETE and MINE have no fields. */
struct message {
    enum message_kind kind;
    union {
        struct message_hello hello;
        struct message_refused refused;
        struct message_settings settings;
        struct message_listener listener;
        struct message_store store;
        struct message_connections connections;
        struct message_numbers numbers;
        struct message_signals signals;
        struct message_abilities abilities;
        struct message_items_wanted items_wanted;
        struct message_items items;
        struct message_items_end items_end;
        struct message_file file;
    };
};

/* Writes it to `bytes`; returns the size. Texts are cut to what they may have. */
size_t message_write(const struct message *message, char bytes[MESSAGE_SIZE_MAX]);

enum message_outcome {
    MESSAGE_OK,
    MESSAGE_BAD,   /* none of ours, cut, with a byte too many, or with a value that it must not have */
    MESSAGE_OTHER, /* one of another version */
    MESSAGE_EXTRA, /* a kind above MESSAGE_EXTRA_KINDS that this build does not know: to be passed over */
};

/* Reads one packet. *message is valid with MESSAGE_OK. */
enum message_outcome message_read(struct bytes packet, struct message *message);

/* "HELLO"; static storage. */
const char *message_name(enum message_kind kind);

#endif
