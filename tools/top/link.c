/* SPDX-License-Identifier: MIT
 *
 * link: addresses, questions, answers up to their last line. See link.h.
 */
#include "link.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "riposte/clock.h"

enum { HOST_SIZE_MAX = 256, PORT_SIZE_MAX = 8, RECEIVE_SIZE = 16384 };

/* --- addresses --------------------------------------------------------------------------------------------
 */

static bool unix_init(struct link *link, const char *path, struct failure *failure) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (*path == '\0' || strlen(path) >= sizeof(address.sun_path)) {
        return failure_set(failure, EX_USAGE, "%s: a Unix socket's path has 1 to %zu bytes", link->text,
                           sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, path, strlen(path));
    memcpy(&link->address, &address, sizeof(address));
    link->address_size = sizeof(address);
    return true;
}

/* "host", "host:port", "[v6]:port", "v6"; the port stays as it is where there is none. */
static bool text_split(const char *text, char host[HOST_SIZE_MAX], char port[PORT_SIZE_MAX]) {
    const char *bracket = *text == '[' ? strchr(text, ']') : NULL;
    const char *colon = strrchr(text, ':');
    bool is_bare_v6 = bracket == NULL && colon != NULL && strchr(text, ':') != colon;
    if (is_bare_v6 || (bracket != NULL && colon < bracket)) {
        colon = NULL;
    }
    size_t size = bracket != NULL ? (size_t)(bracket - text) - 1
                  : colon != NULL ? (size_t)(colon - text)
                                  : strlen(text);
    snprintf(host, HOST_SIZE_MAX, "%.*s", (int)size, bracket != NULL ? text + 1 : text);
    if (colon != NULL) {
        snprintf(port, PORT_SIZE_MAX, "%s", colon + 1);
    }
    return size > 0 && size < HOST_SIZE_MAX &&
           (colon == NULL || (colon[1] != '\0' && strlen(colon + 1) < PORT_SIZE_MAX));
}

static bool tls_init(struct link *link, const struct tls_settings *settings, const char *host,
                     struct failure *failure) {
    if (!settings->is_on) {
        return true;
    }
    link->tls_context = tls_context_create(settings, host, NULL, EX_USAGE, failure);
    link->tls = link->tls_context != NULL ? tls_create(link->tls_context) : NULL;
    return link->tls != NULL || failure_set(failure, EX_OSERR, "no memory for TLS");
}

bool link_init(struct link *link, const char *text, const struct tls_settings *tls, struct failure *failure) {
    static const char unix_begin[] = "unix:";
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char host[HOST_SIZE_MAX], port[PORT_SIZE_MAX] = "11211";
    struct addrinfo *found = NULL;
    link->text = text;
    link->fd = -1;
    if (strncmp(text, unix_begin, sizeof(unix_begin) - 1) == 0) {
        return tls_init(link, tls, "localhost", failure) &&
               unix_init(link, text + sizeof(unix_begin) - 1, failure);
    }
    if (!text_split(text, host, port)) {
        return failure_set(failure, EX_USAGE, "%s: expected host, host:port, [v6]:port or unix:PATH", text);
    }
    int error = getaddrinfo(host, port, &wanted, &found);
    if (error != 0) {
        return failure_set(failure, EX_NOHOST, "%s cannot be resolved: %s", text, gai_strerror(error));
    }
    memcpy(&link->address, found->ai_addr, found->ai_addrlen);
    link->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return tls_init(link, tls, host, failure);
}

static void link_close(struct link *link) {
    if (link->fd >= 0) {
        close(link->fd);
        if (link->tls != NULL) {
            tls_end(link->tls);
        }
    }
    link->fd = -1;
}

void link_deinit(struct link *link) {
    link_close(link);
    tls_destroy(link->tls);
    tls_context_destroy(link->tls_context);
}

/* --- waiting ----------------------------------------------------------------------------------------------
 */

/* Until the socket is ready for `events`, or `end_ns` has come. */
static bool link_wait(const struct link *link, short events, uint64_t end_ns) {
    struct pollfd poll_fd = {.fd = link->fd, .events = events};
    int ready;
    do {
        uint64_t now_ns = clock_monotonic_ns();
        ready = now_ns >= end_ns ? 0 : poll(&poll_fd, 1, (int)((end_ns - now_ns) / CLOCK_NS_PER_MS) + 1);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* All that waits for the wire, which is little. */
static bool output_send(struct link *link) {
    while (tls_has_output(link->tls)) {
        struct bytes output = tls_output_take(link->tls);
        ssize_t sent = send(link->fd, output.data, output.size, MSG_NOSIGNAL);
        if (sent < 0) {
            return false;
        }
        tls_output_sent(link->tls, (size_t)sent);
    }
    return true;
}

/* Bytes of the wire; 0: none in time, or the end. */
static size_t wire_receive(struct link *link, char *bytes, size_t size, uint64_t end_ns) {
    ssize_t got = -1;
    do {
        if (!link_wait(link, POLLIN, end_ns)) {
            return 0;
        }
        got = recv(link->fd, bytes, size, 0);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    return got > 0 ? (size_t)got : 0;
}

static bool handshake(struct link *link, uint64_t end_ns) {
    if (!tls_begin(link->tls)) {
        return false;
    }
    for (;;) {
        enum tls_status status = tls_handshake(link->tls);
        if (!output_send(link) || status != TLS_MORE) {
            return status == TLS_DONE;
        }
        /* Nothing has been answered yet: the room for answers is free. */
        size_t size = wire_receive(link, link->answer, sizeof(link->answer), end_ns);
        if (size == 0) {
            return false;
        }
        tls_input(link->tls, bytes_of(link->answer, size));
    }
}

static bool socket_connect(struct link *link, uint64_t end_ns) {
    int error = 0;
    socklen_t size = sizeof(error);
    link->fd = socket(link->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->fd < 0) {
        return false;
    }
    if (connect(link->fd, (const struct sockaddr *)&link->address, link->address_size) == 0) {
        return true;
    }
    return errno == EINPROGRESS && link_wait(link, POLLOUT, end_ns) &&
           getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

static bool link_connect(struct link *link, uint64_t end_ns) {
    return link->fd >= 0 || (socket_connect(link, end_ns) && (link->tls == NULL || handshake(link, end_ns)));
}

/* --- questions --------------------------------------------------------------------------------------------
 */

static bool question_send(struct link *link, const char *question) {
    char line[64];
    int size = snprintf(line, sizeof(line), "%s\r\n", question);
    /* Shorter than any socket's buffer, and nothing else is under way. */
    if (link->tls != NULL) {
        return tls_write(link->tls, bytes_of(line, (size_t)size)) && output_send(link);
    }
    return send(link->fd, line, (size_t)size, MSG_NOSIGNAL) == size;
}

/* Whether it is all there: the last line is END, or an error. */
static bool answer_ended(const char *answer, size_t size) {
    static const char end[] = "END\r\n";
    bool whole_lines = size >= 2 && memcmp(answer + size - 2, "\r\n", 2) == 0;
    bool first_is_stat = size >= 5 && memcmp(answer, "STAT ", 5) == 0;
    if (!whole_lines) {
        return false;
    }
    if (!first_is_stat) {
        return true; /* END alone, ERROR, CLIENT_ERROR ... */
    }
    return size >= sizeof(end) - 1 + 2 &&
           memcmp(answer + size - (sizeof(end) - 1), end, sizeof(end) - 1) == 0 &&
           answer[size - sizeof(end)] == '\n';
}

/* Reads the records of what was received; a ticket among them brings no bytes. */
static bool records_read(struct link *link, size_t *size) {
    char plain[TLS_PLAIN_SIZE_MAX];
    enum tls_status status;
    size_t got;
    while ((status = tls_read(link->tls, plain, sizeof(plain), &got)) == TLS_DONE) {
        if (got > LINK_ANSWER_SIZE_MAX - *size) {
            tls_input_drop(link->tls);
            return false;
        }
        memcpy(link->answer + *size, plain, got);
        *size += got;
    }
    return status == TLS_MORE;
}

/* Adds what comes to an answer of *size bytes. False: nothing comes in time, or the end. */
static bool answer_add(struct link *link, size_t *size, uint64_t end_ns) {
    char sealed[RECEIVE_SIZE];
    size_t got = link->tls == NULL
                     ? wire_receive(link, link->answer + *size, LINK_ANSWER_SIZE_MAX - *size, end_ns)
                     : wire_receive(link, sealed, sizeof(sealed), end_ns);
    if (got == 0) {
        return false;
    }
    if (link->tls == NULL) {
        *size += got;
        return true;
    }
    tls_input(link->tls, bytes_of(sealed, got));
    return records_read(link, size);
}

/* The bytes of the answer; 0 when it does not come in time, or is too long. */
static size_t answer_receive(struct link *link, uint64_t end_ns) {
    size_t size = 0;
    while (!answer_ended(link->answer, size)) {
        if (size == LINK_ANSWER_SIZE_MAX || !answer_add(link, &size, end_ns)) {
            return 0;
        }
    }
    return size;
}

/* False: the connection is of no more use. */
static bool question_ask(struct link *link, enum sample_question question, uint64_t end_ns,
                         struct sample *sample) {
    size_t size = question_send(link, sample_questions[question]) ? answer_receive(link, end_ns) : 0;
    if (size == 0) {
        return false;
    }
    sample_read(sample, question, bytes_of(link->answer, size));
    return true;
}

void link_sample(struct link *link, unsigned limit_ms, struct sample *sample) {
    uint64_t end_ns = clock_monotonic_ns() + limit_ms * CLOCK_NS_PER_MS;
    memset(sample, 0, sizeof(*sample));
    bool asked = link_connect(link, end_ns) && question_ask(link, SAMPLE_STATS, end_ns, sample);
    sample->time_ns = clock_monotonic_ns();
    /* A server that is not riposte is not asked for what it does not have. */
    asked = asked && question_ask(link, SAMPLE_STATS_RIPOSTE, end_ns, sample);
    for (enum sample_question question = SAMPLE_STATS_LATENCY;
         asked && sample->is_riposte && question < SAMPLE_QUESTIONS; question++) {
        asked = question_ask(link, question, end_ns, sample);
    }
    sample->answered = asked && *sample->version != '\0';
    if (!sample->answered) {
        link_close(link);
    }
}
