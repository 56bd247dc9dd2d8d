/* SPDX-License-Identifier: MIT
 *
 * auth: reads the file of names and passwords, and judges what connections send until they have given one of
 * them. See memcached_service_auth_load, too.
 */
#include "auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "call.h"
#include "riposte/clock.h"
#include "riposte/memcached.h"
#include "tokens.h"

enum {
    AUTH_LINE_SIZE_MIN = 6, /* bytes, line end included */

    /* Room for every line with its end, and one byte more to notice a file that is larger. */
    FILE_SIZE_MAX = AUTH_ENTRIES_MAX * (AUTH_ENTRY_SIZE_MAX + PARSE_LINE_END_SIZE),
};

/* --- the file ------------------------------------------------------------------------------------------- */

void auth_init(struct auth *auth) {
    memset(auth, 0, sizeof(*auth));
    pthread_mutex_init(&auth->lock, NULL);
}

void auth_deinit(struct auth *auth) {
    pthread_mutex_destroy(&auth->lock);
    explicit_bzero(auth->entry, sizeof(auth->entry));
}

/* "name:password"; the password may hold colons. NULL, or what is wrong. */
static const char *entry_parse(struct bytes line, struct auth_entry *entry) {
    if (line.size > AUTH_ENTRY_SIZE_MAX) {
        return "a line is longer than 255 bytes";
    }
    const char *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;
    if (colon == NULL) {
        return "a line is not name:password";
    }
    entry->name_size = (size_t)(colon - line.data);
    entry->password_size = line.size - entry->name_size - 1;
    memcpy(entry->name, line.data, entry->name_size);
    memcpy(entry->password, colon + 1, entry->password_size);
    return NULL;
}

/* The first line of *text, without its end, which is taken off. */
static struct bytes line_take(struct bytes *text) {
    const char *feed = memchr(text->data, '\n', text->size);
    size_t size = feed != NULL ? (size_t)(feed - text->data) : text->size;
    struct bytes line = bytes_of(text->data, size);
    size_t taken = feed != NULL ? size + 1 : size;
    *text = bytes_of(text->data + taken, text->size - taken);
    line.size -= line.size > 0 && line.data[line.size - 1] == '\r';
    return line;
}

static const char *entries_parse(struct bytes text, struct auth_entry *entry, unsigned *count) {
    *count = 0;
    while (text.size > 0) {
        if (*count == AUTH_ENTRIES_MAX) {
            return "there are more than 8 lines";
        }
        const char *why = entry_parse(line_take(&text), &entry[*count]);
        if (why != NULL) {
            return why;
        }
        (*count)++;
    }
    return *count > 0 ? NULL : "there is no line in it";
}

/*
 * Takes over the lines of `text`. False, and nothing changed, when there are none, too many, one that is too
 * long or has no colon; *why is static text then.
 */
static bool auth_set(struct auth *auth, struct bytes text, const char **why) {
    struct auth_entry entry[AUTH_ENTRIES_MAX] = {0};
    unsigned count;
    *why = entries_parse(text, entry, &count);
    if (*why == NULL) {
        pthread_mutex_lock(&auth->lock);
        memcpy(auth->entry, entry, sizeof(entry));
        auth->count = count;
        pthread_mutex_unlock(&auth->lock);
        /* relaxed: see service_authenticates. */
        atomic_store_explicit(&auth->required, true, memory_order_relaxed);
    }
    explicit_bzero(entry, sizeof(entry));
    return *why == NULL;
}

/* The whole file; *size above FILE_SIZE_MAX when it is larger. 0 or a negative errno. */
static int file_read(const char *path, char *text, size_t text_size_max, size_t *size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    *size = 0;
    int result = 0;
    while (*size < text_size_max) {
        ssize_t count = read(fd, text + *size, text_size_max - *size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            result = count < 0 ? -errno : 0;
            break;
        }
        *size += (size_t)count;
    }
    close(fd);
    return result;
}

uint64_t auth_files_refused(struct auth *auth) {
    pthread_mutex_lock(&auth->lock);
    uint64_t count = auth->files_refused;
    pthread_mutex_unlock(&auth->lock);
    return count;
}

/* At the start nothing is in force that could stay. */
static void auth_count_refused(struct auth *auth) {
    pthread_mutex_lock(&auth->lock);
    auth->files_refused += auth->count > 0;
    pthread_mutex_unlock(&auth->lock);
}

int memcached_service_auth_load(struct memcached_service *service, const char *path, char *message,
                                size_t message_size) {
    char text[FILE_SIZE_MAX + 1];
    size_t size = 0;
    const char *why = "it is too large";
    int result = file_read(path, text, sizeof(text), &size);
    if (result < 0) {
        snprintf(message, message_size, "%s cannot be read: %s", path, strerror(-result));
    } else if (size > FILE_SIZE_MAX || !auth_set(&service->auth, bytes_of(text, size), &why)) {
        snprintf(message, message_size, "%s is no file of names and passwords: %s", path, why);
        result = -EINVAL;
    }
    explicit_bzero(text, sizeof(text));
    if (result < 0) {
        auth_count_refused(&service->auth);
    }
    return result;
}

/* --- connections ---------------------------------------------------------------------------------------- */

/*
 * Whether two texts are equal, in a time that tells nothing of where they differ. `known` is
 * AUTH_ENTRY_SIZE_MAX bytes, zero behind known_size.
 */
static bool text_equal(const char *known, size_t known_size, struct bytes given) {
    unsigned difference = known_size != given.size;
    for (size_t i = 0; i < AUTH_ENTRY_SIZE_MAX; i++) {
        unsigned char byte = i < given.size ? (unsigned char)given.data[i] : 0;
        difference |= (unsigned char)known[i] ^ byte;
    }
    return difference == 0;
}

/* Takes as long for a wrong password as for a right one. */
static bool auth_check(struct auth *auth, struct bytes name, struct bytes password) {
    bool found = false;
    pthread_mutex_lock(&auth->lock);
    for (unsigned i = 0; i < auth->count; i++) {
        const struct auth_entry *entry = &auth->entry[i];
        bool same_name = text_equal(entry->name, entry->name_size, name);
        bool same_password = text_equal(entry->password, entry->password_size, password);
        found |= same_name & same_password;
    }
    pthread_mutex_unlock(&auth->lock);
    return found;
}

static void auth_close(struct mc_call *call) {
    counter_add(&call->worker->counters.closed_unauthenticated, 1);
    reply_close_error(call->reply);
}

/* Modulo 2^32, and never 0. */
static uint32_t auth_ms(uint64_t now_ns) {
    return (uint32_t)(now_ns / CLOCK_NS_PER_MS) | 1;
}

static bool auth_has_come(const struct mc_call *call, uint32_t time_ms) {
    return (int32_t)(auth_ms(call->now_ns) - time_ms) >= 0;
}

void auth_watch(struct mc_call *call) {
    struct auth_wait *wait = &call->session->auth_wait;
    if (wait->since_ms == 0) {
        wait->since_ms = auth_ms(call->now_ns);
        /* For one that opened in a server that asked nobody; others have it. */
        reply_limit(call->reply, AUTH_OUTPUT_SIZE_MAX);
    }
}

void auth_expire(struct mc_call *call) {
    uint32_t timeout_ms = call->worker->service->config.login_timeout_ms;
    if (timeout_ms > 0 && !reply_closing(call->reply) &&
        auth_has_come(call, call->session->auth_wait.since_ms + timeout_ms)) {
        auth_close(call);
    }
}

/* More input is needed: false, always; closes when there is more than a connection that has not authenticated may leave unserved. */
static bool auth_wait(struct mc_call *call) {
    if ((size_t)(call->end - call->at) > AUTH_INPUT_SIZE_MAX) {
        auth_close(call);
    }
    return false;
}

static void auth_reply(struct mc_call *call, size_t consumed, struct bytes line) {
    call->at += consumed;
    call->requests++;
    reply_copy(call->reply, line);
}

static uint32_t auth_delay_ms(unsigned failures) {
    uint32_t delay_ms = (uint32_t)AUTH_DELAY_MS_MIN << failures;
    return delay_ms < AUTH_DELAY_MS_MAX ? delay_ms : AUTH_DELAY_MS_MAX;
}

/* A failure in the first `consumed` bytes: stays there until its time has come. False while it has not. */
static bool auth_is_due(struct mc_call *call) {
    struct mc_session *session = call->session;
    if (session->auth_wait.until_ms == 0) {
        session->auth_wait.until_ms = (auth_ms(call->now_ns) + auth_delay_ms(session->auth_failures)) | 1;
    }
    if (!auth_has_come(call, session->auth_wait.until_ms)) {
        call->later = true;
        return auth_wait(call);
    }
    session->auth_wait.until_ms = 0;
    session->auth_failures++;
    return true;
}

/* Answers a failure; its request is the first `consumed` bytes. False while it has to wait. */
static bool auth_refuse(struct mc_call *call, size_t consumed, struct bytes line) {
    if (!auth_is_due(call)) {
        return false;
    }
    auth_reply(call, consumed, line);
    if (call->session->auth_failures == AUTH_FAILURES_MAX) {
        auth_close(call);
    }
    return true;
}

/* `token` is "<name> <password>", and the password may hold spaces: it is all behind the first one. */
static bool token_split(struct bytes token, struct bytes *name, struct bytes *password) {
    const char *space = token.size > 0 ? memchr(token.data, ' ', token.size) : NULL;
    if (space == NULL || space + 1 == token.data + token.size) {
        return false;
    }
    *name = bytes_of(token.data, (size_t)(space - token.data));
    *password = bytes_of(space + 1, token.size - name->size - 1);
    return true;
}

static void auth_succeed(struct mc_call *call, size_t consumed) {
    struct mc_session *session = call->session;
    session->authenticated = true;
    session->auth_wait = (struct auth_wait){.since_ms = 0};
    counter_add(&call->worker->counters.auth_cmds, 1);
    reply_limit(call->reply, 0);
    auth_reply(call, consumed, CALL_LINE("STORED"));
}

/* A name and a password in the first `consumed` bytes. False while the answer has to wait. */
static bool auth_judge(struct mc_call *call, size_t consumed, struct bytes token) {
    struct memcached_worker *worker = call->worker;
    struct bytes name, password;
    if (!token_split(token, &name, &password)) {
        return auth_refuse(call, consumed, CALL_LINE("CLIENT_ERROR bad authentication token format"));
    }
    if (auth_check(&worker->service->auth, name, password)) {
        auth_succeed(call, consumed);
        return true;
    }
    if (!auth_refuse(call, consumed, CALL_LINE("CLIENT_ERROR authentication failure"))) {
        return false;
    }
    counter_add(&worker->counters.auth_cmds, 1);
    counter_add(&worker->counters.auth_errors, 1);
    return true;
}

/* The line is a set of `size` bytes; its block, when it is all there. */
static bool auth_block(struct mc_call *call, size_t line_size, uint32_t size) {
    if (size > AUTH_TOKEN_SIZE_MAX) {
        bool refused = auth_refuse(call, line_size, CALL_LINE("CLIENT_ERROR auth token too long"));
        if (refused) {
            call_swallow(call, size + PARSE_LINE_END_SIZE);
        }
        return refused;
    }
    const char *block = call->at + line_size;
    size_t consumed = line_size + size + PARSE_LINE_END_SIZE;
    if ((size_t)(call->end - call->at) < consumed) {
        return auth_wait(call);
    }
    if (memcmp(block + size, "\r\n", PARSE_LINE_END_SIZE) != 0) {
        return auth_refuse(call, consumed, CALL_LINE("CLIENT_ERROR bad command line termination"));
    }
    return auth_judge(call, consumed, bytes_of(block, size));
}

/* One whole line with its end. */
static bool auth_line(struct mc_call *call, struct bytes line) {
    struct tokens tokens;
    uint32_t size;
    tokens_split(&tokens, bytes_of(line.data, line.size - 1 - (line.data[line.size - 2] == '\r')));
    if (tokens.count == 1 && tokens_are(&tokens, 0, "quit")) {
        call->at += line.size;
        call->requests++;
        reply_close(call->reply);
        return true;
    }
    bool has_block = tokens.count >= 5 && tokens_are(&tokens, 0, "set") &&
                     bytes_parse_u32(tokens.token[4], &size) && size <= PARSE_VALUE_SIZE_MAX;
    if (!has_block) {
        return auth_refuse(call, line.size, CALL_LINE("CLIENT_ERROR unauthenticated"));
    }
    return auth_block(call, line.size, size);
}

bool auth_step(struct mc_call *call) {
    struct bytes input = call_unread(call);
    if (call->session->auth_wait.until_ms != 0 && !auth_has_come(call, call->session->auth_wait.until_ms)) {
        call->later = true;
        return auth_wait(call);
    }
    const char *feed = memchr(input.data, '\n', input.size);
    size_t line_size = feed != NULL ? (size_t)(feed + 1 - input.data) : input.size;
    if (feed == NULL && line_size < AUTH_INPUT_SIZE_MAX) {
        return false;
    }
    if (feed == NULL || line_size < AUTH_LINE_SIZE_MIN || line_size > AUTH_INPUT_SIZE_MAX) {
        auth_close(call);
        return false;
    }
    return auth_line(call, bytes_of(input.data, line_size));
}
