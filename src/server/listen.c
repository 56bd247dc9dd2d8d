/* SPDX-License-Identifier: MIT */
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "riposte/bytes.h"

enum { HOST_SIZE_MAX = 256, PORT_UNSET = -2, HTTP_PORT = 8080 };

/* A flag whose entries are places to listen on. */
struct flag {
    const char *name; /* for messages */
    enum listen_protocol protocol;
    int32_t port;        /* of entries that name none: 0 skips them, -1 takes a free one */
    bool free_port_is_0; /* an entry may name port 0 for a free one */
};

/* One entry, taken apart. */
struct entry {
    struct bytes host; /* "*" for all addresses */
    int32_t port;      /* PORT_UNSET when the entry names none */
};

static bool starts_with(struct bytes text, const char *prefix) {
    size_t size = strlen(prefix);
    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

/* Drops "tag[x]:" and "proto[ascii]:" from the front; a transport of TLS is refused. */
static bool entry_skip_prefixes(const struct flag *flag, struct bytes *text, struct failure *failure) {
    static const char *const refused[] = {"notls:", "btls:", "mtls:", "proto[binary]"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (starts_with(*text, refused[i])) {
            return failure_set(failure, EX_USAGE,
                               "%s %.*s: neither TLS nor the binary protocol is spoken here", flag->name,
                               (int)text->size, text->data);
        }
    }
    if (!starts_with(*text, "tag[") && !starts_with(*text, "proto[")) {
        return true;
    }
    size_t end = bytes_before(*text, ']');
    if (end + 1 >= text->size || text->data[end + 1] != ':') {
        return failure_set(failure, EX_USAGE, "%s %.*s: the prefix has no end", flag->name, (int)text->size,
                           text->data);
    }
    *text = bytes_after(*text, end + 2);
    return entry_skip_prefixes(flag, text, failure);
}

/* ":port" behind the host, or nothing. */
static bool entry_parse_port(const struct flag *flag, struct bytes text, int32_t *port) {
    uint32_t number;
    *port = PORT_UNSET;
    if (text.size == 0) {
        return true;
    }
    if (text.data[0] != ':' || !bytes_parse_u32(bytes_after(text, 1), &number) || number > UINT16_MAX ||
        (number == 0 && !flag->free_port_is_0)) {
        return false;
    }
    *port = number == 0 ? -1 : (int32_t)number;
    return true;
}

static bool entry_parse(const struct flag *flag, struct bytes text, struct entry *entry,
                        struct failure *failure) {
    struct bytes whole = text;
    if (!entry_skip_prefixes(flag, &text, failure)) {
        return false;
    }
    struct bytes rest;
    size_t colon = bytes_before(text, ':');
    if (starts_with(text, "[")) {
        size_t end = bytes_before(text, ']');
        entry->host = bytes_of(text.data + 1, end - 1);
        rest = end < text.size ? bytes_after(text, end + 1) : bytes_from_string("?");
    } else if (colon < text.size && bytes_before(bytes_after(text, colon + 1), ':') + colon + 1 < text.size) {
        entry->host = text; /* two colons and no brackets: an IPv6 address alone */
        rest = bytes_of(NULL, 0);
    } else {
        entry->host = bytes_of(text.data, colon);
        rest = bytes_after(text, colon);
    }
    if (entry->host.size == 0 || entry->host.size >= HOST_SIZE_MAX ||
        !entry_parse_port(flag, rest, &entry->port)) {
        return failure_set(
            failure, EX_USAGE,
            "%s '%.*s': expected host, host:port, [v6]:port or *, with a port from %d to 65535", flag->name,
            (int)whole.size, whole.data, flag->free_port_is_0 ? 0 : 1);
    }
    return true;
}

/* --- the list ------------------------------------------------------------------------------------------- */

/* Adds an address that is not there yet. A free port (0) is another one each time. */
static bool list_add(struct listen_list *list, const struct listen *listen, bool free_port,
                     struct failure *failure) {
    for (unsigned i = 0; i < list->count && !free_port; i++) {
        const struct listen *known = &list->listens[i];
        if (known->address_size == listen->address_size &&
            memcmp(&known->address, &listen->address, listen->address_size) == 0) {
            return known->protocol == listen->protocol ||
                   failure_set(failure, EX_USAGE, "one address cannot be for memcached and for --http");
        }
    }
    if (list->count == ENGINE_LISTENS_MAX) {
        return failure_set(failure, EX_USAGE, "more than %d addresses to listen on", ENGINE_LISTENS_MAX);
    }
    list->listens[list->count++] = *listen;
    return true;
}

/*
 * Whether this kernel knows the family at all: a name may well stand for addresses of one that it does not.
 */
static bool family_known(int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno != EAFNOSUPPORT;
    }
    close(fd);
    return true;
}

/* The first of `found` that this kernel can listen on; NULL when there is none. */
static const struct addrinfo *found_usable(const struct addrinfo *found) {
    while (found != NULL && !family_known(found->ai_family)) {
        found = found->ai_next;
    }
    return found;
}

static bool list_add_found(struct listen_list *list, const struct flag *flag, const char *host,
                           const struct addrinfo *found, uint16_t port, struct failure *failure) {
    found = found_usable(found);
    if (found == NULL) {
        return failure_set(failure, EX_OSERR, "%s %s: this kernel does not know its address family",
                           flag->name, host);
    }
    for (; found != NULL; found = found_usable(found->ai_next)) {
        struct listen listen = {.protocol = flag->protocol, .address_size = found->ai_addrlen};
        memcpy(&listen.address, found->ai_addr, found->ai_addrlen);
        address_set_port(&listen.address, port);
        if (!list_add(list, &listen, port == 0, failure)) {
            return false;
        }
    }
    return true;
}

static bool list_add_host(struct listen_list *list, const struct flag *flag, const char *host, uint16_t port,
                          struct failure *failure) {
    const struct addrinfo wanted = {
        .ai_flags = AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool all = strcmp(host, "*") == 0;
    int error = getaddrinfo(all ? NULL : host, all ? "0" : NULL, &wanted, &found);
    if (error != 0) {
        return failure_set(failure, EX_OSERR, "%s %s cannot be resolved: %s", flag->name, host,
                           gai_strerror(error));
    }
    bool added = list_add_found(list, flag, host, found, port, failure);
    freeaddrinfo(found);
    return added;
}

static bool list_add_entry(struct listen_list *list, const struct flag *flag, struct bytes text,
                           struct failure *failure) {
    struct entry entry;
    char host[HOST_SIZE_MAX];
    if (!entry_parse(flag, text, &entry, failure)) {
        return false;
    }
    int32_t port = entry.port == PORT_UNSET ? flag->port : entry.port;
    if (port == 0) {
        return true; /* -p 0 turns off what names no port of its own */
    }
    snprintf(host, sizeof(host), "%.*s", (int)entry.host.size, entry.host.data);
    return list_add_host(list, flag, host, port == -1 ? 0 : (uint16_t)port, failure);
}

/* The entries of one text, separated by commas. */
static bool list_add_entries(struct listen_list *list, const struct flag *flag, const char *text,
                             struct failure *failure) {
    for (;;) {
        size_t size = strcspn(text, ",");
        if (!list_add_entry(list, flag, bytes_of(text, size), failure)) {
            return false;
        }
        if (text[size] == '\0') {
            return true;
        }
        text += size + 1;
    }
}

static bool list_add_unix(struct listen_list *list, const struct flag *flag, const char *path,
                          struct failure *failure) {
    struct sockaddr_un socket = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size >= sizeof(socket.sun_path)) {
        return failure_set(failure, EX_USAGE, "%s %s: the path has %zu bytes, a Unix socket's at most %zu",
                           flag->name, path, size, sizeof(socket.sun_path) - 1);
    }
    memcpy(socket.sun_path, path, size);
    struct listen listen = {.protocol = flag->protocol, .address_size = (socklen_t)sizeof(socket)};
    memcpy(&listen.address, &socket, sizeof(socket));
    return list_add(list, &listen, false, failure);
}

static bool list_add_memcached(struct listen_list *list, const struct options *options,
                               struct failure *failure) {
    const struct flag tcp = {"-l", LISTEN_MEMCACHED, options->port, false};
    const struct flag local = {"-s", LISTEN_MEMCACHED, 0, false};
    if (options->listen.count == 0 && !list_add_entries(list, &tcp, "127.0.0.1", failure)) {
        return false;
    }
    for (unsigned i = 0; i < options->listen.count; i++) {
        if (!list_add_entries(list, &tcp, options->listen.texts[i], failure)) {
            return false;
        }
    }
    return options->unix_socket == NULL || list_add_unix(list, &local, options->unix_socket, failure);
}

/* "unix:PATH", or places as of -l. */
static bool list_add_http(struct listen_list *list, const char *text, struct failure *failure) {
    static const char prefix[] = "unix:";
    const size_t prefix_size = sizeof(prefix) - 1;
    const struct flag flag = {"--http", LISTEN_HTTP, HTTP_PORT, true};
    return strncmp(text, prefix, prefix_size) == 0 ? list_add_unix(list, &flag, text + prefix_size, failure)
                                                   : list_add_entries(list, &flag, text, failure);
}

bool listen_list_make(struct listen_list *list, const struct options *options, struct failure *failure) {
    memset(list, 0, sizeof(*list));
    if (!list_add_memcached(list, options, failure)) {
        return false;
    }
    for (unsigned i = 0; i < options->http.count; i++) {
        if (!list_add_http(list, options->http.texts[i], failure)) {
            return false;
        }
    }
    if (list->count == 0) {
        return failure_set(failure, EX_USAGE, "nothing to listen on: -p 0 turns TCP off and there is no -s");
    }
    return true;
}

void listen_text(const struct listen *listen, char text[LISTEN_TEXT_SIZE_MAX]) {
    char address[ADDRESS_TEXT_SIZE_MAX];
    bool is_unix = listen->address.ss_family == AF_UNIX;
    bool is_http = listen->protocol == LISTEN_HTTP;
    const char *scheme = is_http && is_unix ? "http+unix:" : is_http ? "http://" : is_unix ? "unix:" : "";
    address_text(&listen->address, address);
    snprintf(text, LISTEN_TEXT_SIZE_MAX, "%s%s", scheme, address);
}
