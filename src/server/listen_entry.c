/* SPDX-License-Identifier: MIT
 *
 * listen_entry: prefixes first, then the place. See listen_entry.h.
 */
#include "listen_entry.h"

#include <string.h>

/* Whether *text begins so; then moves it behind. */
static bool prefix_take(struct bytes *text, const char *prefix) {
    size_t size = strlen(prefix);
    if (text->size < size || memcmp(text->data, prefix, size) != 0) {
        return false;
    }
    *text = bytes_after(*text, size);
    return true;
}

/* The text before "]:"; moves *text behind. False: there is no such end. */
static bool bracket_take(struct bytes *text, struct bytes *content) {
    size_t size = bytes_before(*text, ']');
    if (size + 1 >= text->size || text->data[size + 1] != ':') {
        return false;
    }
    *content = bytes_of(text->data, size);
    *text = bytes_after(*text, size + 2);
    return true;
}

/* Prefixes in any order; moves *text to the place. False: one has no end. */
static bool prefixes_take(struct bytes *text, struct listen_entry *entry) {
    for (;;) {
        if (prefix_take(text, "proto[")) {
            if (!bracket_take(text, &entry->protocol)) {
                return false;
            }
        } else if (prefix_take(text, "tag[")) {
            if (!bracket_take(text, &entry->tag)) {
                return false;
            }
        } else if (prefix_take(text, "notls:")) {
            entry->tls = LISTEN_TLS_OFF;
        } else if (prefix_take(text, "tls:") || prefix_take(text, "btls:") || prefix_take(text, "https:")) {
            entry->tls = LISTEN_TLS_ON;
        } else if (prefix_take(text, "mtls:")) {
            entry->tls = LISTEN_TLS_MUTUAL;
        } else {
            return true;
        }
    }
}

/* ":port" behind the host, or nothing. */
static bool port_parse(struct bytes text, int32_t *port) {
    uint32_t number;
    if (text.size == 0) {
        return true;
    }
    if (text.data[0] != ':' || !bytes_parse_u32(bytes_after(text, 1), &number) || number > UINT16_MAX) {
        return false;
    }
    *port = (int32_t)number;
    return true;
}

static bool place_parse(struct bytes text, struct listen_entry *entry) {
    if (prefix_take(&text, "unix:")) {
        entry->path = text;
        return text.size > 0;
    }
    struct bytes rest = bytes_of(NULL, 0);
    size_t colon = bytes_before(text, ':');
    if (text.size > 0 && text.data[0] == '[') {
        size_t end = bytes_before(text, ']');
        entry->host = bytes_of(text.data + 1, end - 1);
        if (end == text.size) {
            return false;
        }
        rest = bytes_after(text, end + 1);
    } else if (colon < text.size && memchr(text.data + colon + 1, ':', text.size - colon - 1) != NULL) {
        entry->host = text; /* two colons and no brackets: an IPv6 address alone */
    } else {
        entry->host = bytes_of(text.data, colon);
        rest = bytes_after(text, colon);
    }
    return entry->host.size > 0 && entry->host.size <= LISTEN_HOST_SIZE_MAX && port_parse(rest, &entry->port);
}

bool listen_entry_parse(struct bytes text, struct listen_entry *entry) {
    *entry = (struct listen_entry){.port = LISTEN_PORT_UNSAID};
    return prefixes_take(&text, entry) && place_parse(text, entry);
}
