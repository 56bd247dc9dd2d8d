/* SPDX-License-Identifier: MIT
 *
 * host: a host's name and port, checked byte by byte, and which names mean this machine.
 */
#include "host.h"

#include "text.h"

enum { HOST_SIZE_MAX = 255, PORT_MAX = 65535 };

/* Nothing, or a colon and a port; the port may be empty (RFC 3986 section 3.2.3). */
static bool port_is_valid(struct bytes text) {
    uint32_t port = 0;
    if (text.size == 0) {
        return true;
    }
    if (text.data[0] != ':') {
        return false;
    }
    struct bytes digits = bytes_of(text.data + 1, text.size - 1);
    return digits.size == 0 || (bytes_parse_u32(digits, &port) && port <= PORT_MAX);
}

/* Bytes of "[...]" with hexadecimal digits, colons and points in it; 0 when it is not that. */
static size_t brackets_size(struct bytes host) {
    size_t size = 1;
    while (size < host.size &&
           (http_text_hex(host.data[size]) >= 0 || host.data[size] == ':' || host.data[size] == '.')) {
        size++;
    }
    return size > 2 && size < host.size && host.data[size] == ']' ? size + 1 : 0;
}

static bool is_name_byte(char byte) {
    char lower = (char)(byte | 0x20);
    return (lower >= 'a' && lower <= 'z') || http_text_is_digit(byte) || byte == '-' || byte == '.' ||
           byte == '_';
}

/* Bytes of a name or an IPv4 address; 0 when it is not that. */
static size_t name_size(struct bytes host) {
    size_t size = 0;
    while (size < host.size) {
        if (is_name_byte(host.data[size])) {
            size++;
        } else if (host.data[size] == '%' && host.size - size > 2 &&
                   http_text_hex(host.data[size + 1]) >= 0 && http_text_hex(host.data[size + 2]) >= 0) {
            size += 3;
        } else {
            break;
        }
    }
    return size;
}

static size_t host_size(struct bytes host) {
    return host.size > 0 && host.data[0] == '[' ? brackets_size(host) : name_size(host);
}

bool http_host_is_valid(struct bytes host) {
    size_t size = host_size(host);
    return size > 0 && host.size <= HOST_SIZE_MAX &&
           port_is_valid(bytes_of(host.data + size, host.size - size));
}

struct bytes http_host_name(struct bytes host) {
    struct bytes name = bytes_of(host.data, host_size(host));
    if (name.size > 1 && name.data[name.size - 1] == '.') {
        name.size--;
    }
    return name;
}

/* Four numbers, the first one 127: nothing that a resolver could be asked for. */
static bool is_loopback_v4(struct bytes name) {
    unsigned parts = 0;
    while (name.size > 0 && parts < 4) {
        const char *point = memchr(name.data, '.', name.size);
        size_t size = point != NULL ? (size_t)(point - name.data) : name.size;
        uint32_t number = 0;
        if (size > 3 || !bytes_parse_u32(bytes_of(name.data, size), &number) || number > 255 ||
            (parts == 0 && number != 127)) {
            return false;
        }
        parts++;
        size += point != NULL;
        name = bytes_of(name.data + size, name.size - size);
        if (point != NULL && name.size == 0) {
            return false;
        }
    }
    return parts == 4 && name.size == 0;
}

static bool is_below_localhost(struct bytes name) {
    static const char suffix[] = ".localhost";
    const size_t size = sizeof(suffix) - 1;
    return name.size > size && http_text_equal(bytes_of(name.data + name.size - size, size), suffix);
}

bool http_host_is_loopback(struct bytes host) {
    struct bytes name = http_host_name(host);
    return http_text_equal(name, "localhost") || is_below_localhost(name) || is_loopback_v4(name) ||
           bytes_equal_string(name, "[::1]");
}

bool http_host_check(struct http_host_memo *memo, struct bytes host, bool *is_loopback) {
    if (host.size == memo->size && host.size > 0 && memcmp(host.data, memo->text, host.size) == 0) {
        *is_loopback = memo->is_loopback;
        return true;
    }
    if (!http_host_is_valid(host)) {
        return false;
    }
    *is_loopback = http_host_is_loopback(host);
    if (host.size <= sizeof(memo->text)) {
        memo->size = (unsigned char)host.size;
        memo->is_loopback = *is_loopback;
        memcpy(memo->text, host.data, host.size);
    }
    return true;
}
