/* SPDX-License-Identifier: MIT
 *
 * listen: hosts are looked up, protocols found, addresses collected. See listen.h.
 */
#include "listen.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "suggestion.h"

enum { HTTP_PORT = 8080, HTTP_ADMIN_PORT = 8081 };

/* --- one entry --------------------------------------------------------------------------------------------
 */

static bool entry_read(const struct listen_defaults *defaults, struct bytes text, struct listen_entry *entry,
                       struct failure *failure) {
    int32_t port_min = defaults->port_0_is_free ? 0 : 1;
    if (listen_entry_parse(text, entry) && (entry->port == LISTEN_PORT_UNSAID || entry->port >= port_min)) {
        return true;
    }
    return failure_set(
        failure, EX_USAGE,
        "%s '%.*s': expected host, host:port, [v6]:port, unix:path or *, with a port from %d to "
        "65535; before it perhaps proto[name]: or tag[text]:",
        defaults->flag, (int)text.size, text.data, port_min);
}

/* Says which protocol was meant, or which there are. */
static bool protocol_refuse(const char *flag, struct bytes text, struct bytes name, struct failure *failure) {
    char names[128] = "";
    size_t at = 0;
    struct suggestion suggestion = suggestion_begin(name);
    for (unsigned i = 0; i < PROTOCOLS_COUNT; i++) {
        const char *known = protocols_table[i].name;
        suggestion_consider(&suggestion, known, known);
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i == 0 ? "" : ", ", known);
    }
    const char *nearest = suggestion.best;
    return failure_set(failure, EX_USAGE, "%s %.*s: no protocol is called '%.*s'; %s %s%s", flag,
                       (int)text.size, text.data, (int)name.size, name.data,
                       nearest != NULL ? "did you mean" : "there are", nearest != NULL ? nearest : names,
                       nearest != NULL ? "?" : "");
}

/* NULL and *failure for what is not spoken here. */
static const struct server_protocol *entry_protocol(const struct listen_entry *entry,
                                                    const struct listen_defaults *defaults, struct bytes text,
                                                    struct failure *failure) {
    bool is_unsaid = entry->protocol.data == NULL;
    struct bytes name = is_unsaid ? bytes_from_string(defaults->protocol) : entry->protocol;
    const struct server_protocol *protocol = protocols_find(name);
    if (bytes_equal_string(name, "binary")) {
        failure_write(failure, EX_USAGE, "%s %.*s: the binary protocol is not spoken here", defaults->flag,
                      (int)text.size, text.data);
        return NULL;
    }
    if (protocol == NULL) {
        protocol_refuse(defaults->flag, text, name, failure);
    }
    return protocol;
}

/* --- the list ------------------------------------------------------------------------------------------- */

/* The address is in the list already. What an inherited socket speaks may be left to a flag. */
static bool list_join(struct listen *known, const struct listen *listen, struct failure *failure) {
    char text[LISTEN_TEXT_SIZE_MAX];
    if (known->is_inherited && !known->is_named && !listen->is_inherited) {
        known->protocol = listen->protocol;
        known->tag = listen->tag;
        known->tls = listen->tls;
        known->is_named = true;
    }
    listen_text(listen, text);
    if (known->protocol->protocol == listen->protocol->protocol) {
        return known->tls == listen->tls || known->tls == LISTEN_TLS_UNSAID ||
               failure_set(failure, EX_USAGE, "%s cannot be with and without TLS, or certificates of clients",
                           text);
    }
    return failure_set(failure, EX_USAGE, "%s cannot speak %s and %s; give one of them another port", text,
                       known->protocol->name, listen->protocol->name);
}

static struct listen *list_find(struct listen_list *list, const struct listen *listen) {
    for (unsigned i = 0; i < list->count; i++) {
        struct listen *known = &list->listens[i];
        if (known->address_size == listen->address_size &&
            memcmp(&known->address, &listen->address, listen->address_size) == 0) {
            return known;
        }
    }
    return NULL;
}

/* Adds an address that is not there yet. A free port (0) is another one each time. */
static bool list_add(struct listen_list *list, const struct listen *listen, struct failure *failure) {
    bool is_free_port = listen->address.ss_family != AF_UNIX && address_port(&listen->address) == 0;
    struct listen *known = is_free_port ? NULL : list_find(list, listen);
    if (known != NULL) {
        return list_join(known, listen, failure);
    }
    if (list->count == ENGINE_LISTENS_MAX) {
        return failure_set(failure, EX_USAGE, "more than %d addresses to listen on", ENGINE_LISTENS_MAX);
    }
    list->listens[list->count] = *listen;
    list->listens[list->count++].is_free_port = is_free_port;
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

/* Whether this machine has the address now; ::1 is missing where IPv6 is turned off, and names still stand for it. */
static bool address_is_here(const struct addrinfo *found) {
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    /* Any free port: whether another process has the one that is wanted is the engine's to find out. */
    bool here = bind(fd, found->ai_addr, found->ai_addrlen) == 0 || errno != EADDRNOTAVAIL;
    close(fd);
    return here;
}

/*
 * The first of `found` that can be listened on, or NULL. `anywhere`: none of them is here, and the engine is to say so of one
 * that the kernel knows.
 */
static const struct addrinfo *found_usable(const struct addrinfo *found, bool anywhere) {
    while (found != NULL && !(anywhere ? family_known(found->ai_family) : address_is_here(found))) {
        found = found->ai_next;
    }
    return found;
}

/* `listen` says all but the address. */
static bool list_add_found(struct listen_list *list, const char *flag, const char *host,
                           const struct addrinfo *found, uint16_t port, struct listen listen,
                           struct failure *failure) {
    bool anywhere = found_usable(found, false) == NULL;
    found = found_usable(found, anywhere);
    if (found == NULL) {
        return failure_set(failure, EX_OSERR, "%s %s: this kernel does not know its address family", flag,
                           host);
    }
    for (; found != NULL; found = found_usable(found->ai_next, anywhere)) {
        memset(&listen.address, 0, sizeof(listen.address));
        memcpy(&listen.address, found->ai_addr, found->ai_addrlen);
        listen.address_size = found->ai_addrlen;
        address_set_port(&listen.address, port);
        if (!list_add(list, &listen, failure)) {
            return false;
        }
    }
    return true;
}

static bool list_add_host(struct listen_list *list, const char *flag, struct bytes name, uint16_t port,
                          const struct listen *listen, struct failure *failure) {
    const struct addrinfo wanted = {
        .ai_flags = AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[LISTEN_HOST_SIZE_MAX + 1];
    bool all = bytes_equal_string(name, "*");
    snprintf(host, sizeof(host), "%.*s", (int)name.size, name.data);
    int error = getaddrinfo(all ? NULL : host, all ? "0" : NULL, &wanted, &found);
    if (error != 0) {
        return failure_set(failure, EX_OSERR, "%s %s cannot be resolved: %s", flag, host,
                           gai_strerror(error));
    }
    bool added = list_add_found(list, flag, host, found, port, *listen, failure);
    freeaddrinfo(found);
    return added;
}

static bool list_add_unix(struct listen_list *list, const char *flag, struct bytes path,
                          const struct listen *listen, struct failure *failure) {
    struct sockaddr_un socket = {.sun_family = AF_UNIX};
    struct listen at_path = *listen;
    if (path.size >= sizeof(socket.sun_path)) {
        return failure_set(failure, EX_USAGE, "%s %.*s: the path has %zu bytes, a Unix socket's at most %zu",
                           flag, (int)path.size, path.data, path.size, sizeof(socket.sun_path) - 1);
    }
    memcpy(socket.sun_path, path.data, path.size);
    memcpy(&at_path.address, &socket, sizeof(socket));
    at_path.address_size = (socklen_t)sizeof(socket);
    return list_add(list, &at_path, failure);
}

static bool list_add_entry(struct listen_list *list, const struct listen_defaults *defaults,
                           struct bytes text, struct failure *failure) {
    struct listen_entry entry;
    if (!entry_read(defaults, text, &entry, failure)) {
        return false;
    }
    struct listen listen = {.protocol = entry_protocol(&entry, defaults, text, failure), .tag = entry.tag};
    /* Who may reach a Unix socket, its file's mode says: there it must be asked for. */
    enum listen_tls unsaid = entry.path.size > 0 ? LISTEN_TLS_OFF : defaults->tls;
    listen.tls = entry.tls == LISTEN_TLS_UNSAID ? unsaid : entry.tls;
    if (listen.protocol == NULL) {
        return false;
    }
    if (entry.path.size > 0) {
        return list_add_unix(list, defaults->flag, entry.path, &listen, failure);
    }
    int32_t port = entry.port == LISTEN_PORT_UNSAID ? defaults->port : entry.port;
    if (entry.port == LISTEN_PORT_UNSAID && port == 0) {
        return true; /* -p 0 turns off what names no port of its own */
    }
    return list_add_host(list, defaults->flag, entry.host, port == -1 ? 0 : (uint16_t)port, &listen, failure);
}

bool listen_list_add(struct listen_list *list, const struct listen_defaults *defaults, const char *texts,
                     struct failure *failure) {
    for (;;) {
        size_t size = strcspn(texts, ",");
        if (!list_add_entry(list, defaults, bytes_of(texts, size), failure)) {
            return false;
        }
        if (texts[size] == '\0') {
            return true;
        }
        texts += size + 1;
    }
}

/* -l with -p, then -s. */
static bool list_add_memcached(struct listen_list *list, const struct options *options,
                               struct failure *failure) {
    const struct listen_defaults defaults = {.flag = "-l",
                                             .protocol = "memcached",
                                             .port = options->port,
                                             .tls = options->enable_ssl ? LISTEN_TLS_ON : LISTEN_TLS_OFF};
    bool is_enough = list->count > 0 && !options->given[OPTION_INDEX_port];
    if (options->listen.count == 0 && !is_enough && !listen_list_add(list, &defaults, "127.0.0.1", failure)) {
        return false;
    }
    for (unsigned i = 0; i < options->listen.count; i++) {
        if (!listen_list_add(list, &defaults, options->listen.texts[i], failure)) {
            return false;
        }
    }
    if (options->unix_socket == NULL) {
        return true;
    }
    struct listen listen = {.protocol = protocols_find(bytes_from_string(defaults.protocol)),
                            .tls = LISTEN_TLS_OFF};
    return list_add_unix(list, "-s", bytes_from_string(options->unix_socket), &listen, failure);
}

/* Every text of a flag. */
static bool list_add_texts(struct listen_list *list, const struct listen_defaults *defaults,
                           const struct option_list *texts, struct failure *failure) {
    for (unsigned i = 0; i < texts->count; i++) {
        if (!listen_list_add(list, defaults, texts->texts[i], failure)) {
            return false;
        }
    }
    return true;
}

bool listen_list_inherit(struct listen_list *list, const struct listen *listen, unsigned *index,
                         struct failure *failure) {
    if (!list_add(list, listen, failure)) {
        return false;
    }
    *index = (unsigned)(list_find(list, listen) - list->listens);
    return true;
}

/* What no flag has named of what was inherited: as -Z says for addresses of the same kind. */
static void list_settle_tls(struct listen_list *list, bool enable_ssl) {
    for (unsigned i = 0; i < list->count; i++) {
        struct listen *listen = &list->listens[i];
        bool is_memcached = bytes_equal_string(bytes_from_string(listen->protocol->scheme), "");
        if (listen->tls == LISTEN_TLS_UNSAID) {
            bool wanted = enable_ssl && is_memcached && listen->address.ss_family != AF_UNIX;
            listen->tls = wanted ? LISTEN_TLS_ON : LISTEN_TLS_OFF;
        }
    }
}

bool listen_list_make(struct listen_list *list, const struct options *options, struct failure *failure) {
    if (!list_add_memcached(list, options, failure)) {
        return false;
    }
    const struct listen_defaults http = {.flag = "--http",
                                         .protocol = "http",
                                         .port = HTTP_PORT,
                                         .tls = LISTEN_TLS_OFF,
                                         .port_0_is_free = true};
    const struct listen_defaults admin = {.flag = "--http-admin",
                                          .protocol = "http-admin",
                                          .port = HTTP_ADMIN_PORT,
                                          .tls = LISTEN_TLS_OFF,
                                          .port_0_is_free = true};
    if (!list_add_texts(list, &http, &options->http, failure) ||
        !list_add_texts(list, &admin, &options->http_admin, failure)) {
        return false;
    }
    list_settle_tls(list, options->enable_ssl);
    if (list->count == 0) {
        return failure_set(failure, EX_USAGE, "nothing to listen on: -p 0 turns TCP off and there is no -s");
    }
    return true;
}

/* But for its port, which is open. */
static bool listen_fits(const struct listen *open, const struct listen *listen) {
    struct sockaddr_storage address = listen->address;
    address_set_port(&address, 0);
    return open->is_free_port && !open->is_taken && open->address_size == listen->address_size &&
           open->protocol->protocol == listen->protocol->protocol && open->tls == listen->tls &&
           memcmp(&open->address, &address, open->address_size) == 0;
}

unsigned listen_list_match(struct listen_list *list, const struct listen *listen, bool is_free_port) {
    struct listen *found = list_find(list, listen);
    for (unsigned i = 0; i < list->count && found == NULL && is_free_port; i++) {
        found = listen_fits(&list->listens[i], listen) ? &list->listens[i] : NULL;
    }
    if (found == NULL) {
        return list->count;
    }
    found->address = listen->address;
    found->file = listen->file;
    found->is_taken = true;
    return (unsigned)(found - list->listens);
}

bool listen_list_speaks(const struct listen_list *list, const struct protocol *protocol) {
    for (unsigned i = 0; i < list->count; i++) {
        if (list->listens[i].protocol->protocol == protocol) {
            return true;
        }
    }
    return false;
}

/* --- what is told of them ---------------------------------------------------------------------------------
 */

const char *listen_own_path(const struct listen *listen) {
    return listen->is_inherited ? NULL : address_unix_path(&listen->address);
}

void listen_text(const struct listen *listen, char text[LISTEN_TEXT_SIZE_MAX]) {
    char address[ADDRESS_TEXT_SIZE_MAX];
    bool is_unix = listen->address.ss_family == AF_UNIX;
    bool is_tls = listen->tls >= LISTEN_TLS_ON;
    const char *scheme = listen->protocol->scheme;
    const char *letter = is_tls && *scheme != '\0' ? "s" : "";
    scheme = is_tls && *scheme == '\0' ? "tls" : scheme;
    bool has_scheme = *scheme != '\0';
    address_text(&listen->address, address);
    snprintf(text, LISTEN_TEXT_SIZE_MAX, "%s%s%s%s", scheme, letter,
             is_unix && has_scheme ? "+unix:"
             : is_unix             ? "unix:"
             : has_scheme          ? "://"
                                   : "",
             address);
}

static bool ports_write(const struct listen_list *list, const char *path) {
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    for (unsigned i = 0; i < list->count; i++) {
        const struct listen *listen = &list->listens[i];
        int family = listen->address.ss_family;
        if (family != AF_UNIX) {
            fprintf(file, "%s %s: %u\n", listen->protocol->port_word, family == AF_INET ? "INET" : "INET6",
                    address_port(&listen->address));
        }
    }
    bool failed = ferror(file) != 0;
    return fclose(file) == 0 && !failed;
}

bool listen_list_write(const struct listen_list *list, const char *path, struct failure *failure) {
    char temporary[PATH_MAX];
    if (path == NULL) {
        return true;
    }
    errno = ENAMETOOLONG;
    bool fits = snprintf(temporary, sizeof(temporary), "%s.lck", path) < (int)sizeof(temporary);
    if (!fits || !ports_write(list, temporary) || rename(temporary, path) < 0) {
        return failure_set(failure, EX_OSERR, "MEMCACHED_PORT_FILENAME %s cannot be written: %s", path,
                           strerror(errno));
    }
    return true;
}
