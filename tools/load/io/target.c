/* SPDX-License-Identifier: MIT
 *
 * target: takes a target apart, looks its address up, and makes sockets for it.
 */
#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "exit_code.h"
#include "riposte/bytes.h"

enum { SOURCES_COUNT = 64 };

/* Copies with a terminator. False: too long. */
static bool text_store(struct bytes text, char *target, size_t target_size) {
    if (text.size >= target_size) {
        return false;
    }
    memcpy(target, text.data, text.size);
    target[text.size] = '\0';
    return true;
}

static bool scheme_parse(struct bytes scheme, struct target_text *parts) {
    for (enum protocol_kind kind = 0; kind < PROTOCOL_COUNT; kind++) {
        if (bytes_equal_string(scheme, protocol_of(kind)->name)) {
            parts->protocol = kind;
            return true;
        }
    }
    parts->has_tls = bytes_equal_string(scheme, "https") || bytes_equal_string(scheme, "rediss");
    parts->protocol = bytes_equal_string(scheme, "https") ? PROTOCOL_HTTP : PROTOCOL_RESP;
    /* The name that Redis clients use. */
    return parts->has_tls || bytes_equal_string(scheme, "redis");
}

/* host, host:port, [v6], [v6]:port, :port */
static bool host_parse(struct bytes text, struct target_text *parts) {
    const char *end = text.data + text.size;
    bool is_bracketed = text.size > 0 && text.data[0] == '[';
    const char *host = text.data + is_bracketed;
    const char *host_end = memchr(host, is_bracketed ? ']' : ':', (size_t)(end - host));
    if (host_end == NULL) {
        return !is_bracketed && text_store(text, parts->host, sizeof(parts->host));
    }
    const char *colon = host_end + is_bracketed;
    if (!text_store(bytes_of(host, (size_t)(host_end - host)), parts->host, sizeof(parts->host))) {
        return false;
    }
    if (colon == end) {
        return is_bracketed;
    }
    struct bytes port = bytes_of(colon + 1, (size_t)(end - colon) - 1);
    uint64_t number;
    return *colon == ':' && bytes_parse_u64(port, &number) && number >= 1 && number <= UINT16_MAX &&
           text_store(port, parts->port, sizeof(parts->port));
}

bool target_parse(const char *text, struct target_text *parts, const char **reason) {
    *parts = (struct target_text){.host = "127.0.0.1"};
    const char *separator = strstr(text, "://");
    if (separator != NULL) {
        parts->has_protocol = true;
        if (!scheme_parse(bytes_of(text, (size_t)(separator - text)), parts)) {
            *reason =
                "the protocol before :// is none of memcached, meta, noop, http, https, resp, redis, rediss";
            return false;
        }
        text = separator + 3;
    }
    size_t host_size = strcspn(text, "/");
    if (!text_store(bytes_from_string(text + host_size), parts->path, sizeof(parts->path))) {
        *reason = "the path is too long";
        return false;
    }
    *reason =
        "not [protocol://]host[:port][/path]; the port is 1 to 65535, an IPv6 address stands in brackets";
    return host_parse(bytes_of(text, host_size), parts);
}

static bool is_loopback_v4(const struct sockaddr_storage *address) {
    struct sockaddr_in internet;
    if (address->ss_family != AF_INET) {
        return false;
    }
    memcpy(&internet, address, sizeof(internet));
    return ntohl(internet.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool target_resolve(const struct target_text *parts, const char *default_port, struct target *target,
                    struct failure *failure) {
    const char *port = parts->port[0] != '\0' ? parts->port : default_port;
    const char *host = parts->host[0] != '\0' ? parts->host : "127.0.0.1";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0) {
        failure_write(failure, EXIT_CODE_ENDED_EARLY, "the host %s cannot be found: %s", host,
                      status == EAI_SYSTEM ? strerror(errno) : gai_strerror(status));
        return false;
    }
    *target = (struct target){.address_size = found->ai_addrlen};
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->is_loopback = is_loopback_v4(&target->address);
    freeaddrinfo(found);
    bool is_v6 = strchr(host, ':') != NULL;
    snprintf(target->name, sizeof(target->name), is_v6 ? "[%s]:%s" : "%s:%s", host, port);
    return true;
}

bool target_unix(const char *path, struct target *target, struct failure *failure) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(address.sun_path)) {
        failure_write(failure, EXIT_CODE_USAGE, "the path of a Unix socket has 1 to %zu characters",
                      sizeof(address.sun_path) - 1);
        return false;
    }
    memcpy(address.sun_path, path, size + 1);
    *target = (struct target){.address_size = sizeof(address)};
    memcpy(&target->address, &address, sizeof(address));
    snprintf(target->name, sizeof(target->name), "%s", path);
    return true;
}

/* 0 or a negative errno. */
static int source_bind(int fd, uint32_t source_index) {
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl((uint32_t)INADDR_LOOPBACK + source_index % SOURCES_COUNT),
    };
    int on = 1;
    /* The port is chosen at connect, when the other end is known: a port may then serve many connections. */
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&source, sizeof(source)) < 0) {
        return -errno;
    }
    return 0;
}

int target_socket(const struct target *target, uint32_t source_index) {
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int status = 0;
    if (target->address.ss_family != AF_UNIX) {
        int on = 1;
        status = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ? -errno : 0;
    }
    if (target->is_loopback) {
        /*
         * BBR, where it is the default, arms a timer for each packet to pace it: 10 % of the generator's time
         * for nothing.
         */
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno"));
    }
    if (status == 0 && target->is_loopback && source_index > 0) {
        status = source_bind(fd, source_index);
    }
    if (status < 0) {
        close(fd);
        return status;
    }
    return fd;
}
