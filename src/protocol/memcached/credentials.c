/* SPDX-License-Identifier: MIT
 *
 * credentials: see credentials.h and memcached_service_auth_load.
 */
#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "riposte/memcached.h"
#include "service.h"

enum {
    /* Room for every line with its end, and one byte more to notice a file that is larger. */
    FILE_SIZE_MAX = CREDENTIALS_MAX * (CREDENTIALS_LINE_SIZE_MAX + 2),
};

void credentials_init(struct credentials *credentials) {
    memset(credentials, 0, sizeof(*credentials));
    pthread_mutex_init(&credentials->lock, NULL);
}

void credentials_deinit(struct credentials *credentials) {
    pthread_mutex_destroy(&credentials->lock);
    explicit_bzero(credentials->entry, sizeof(credentials->entry));
}

/* "name:password"; the password may hold colons. NULL, or what is wrong. */
static const char *credential_parse(struct bytes line, struct credential *credential) {
    if (line.size > CREDENTIALS_LINE_SIZE_MAX) {
        return "a line is longer than 255 bytes";
    }
    const char *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;
    if (colon == NULL) {
        return "a line is not name:password";
    }
    credential->name_size = (size_t)(colon - line.data);
    credential->password_size = line.size - credential->name_size - 1;
    memcpy(credential->name, line.data, credential->name_size);
    memcpy(credential->password, colon + 1, credential->password_size);
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

static const char *entries_parse(struct bytes text, struct credential *entry, unsigned *count) {
    *count = 0;
    while (text.size > 0) {
        if (*count == CREDENTIALS_MAX) {
            return "there are more than 8 lines";
        }
        const char *why = credential_parse(line_take(&text), &entry[*count]);
        if (why != NULL) {
            return why;
        }
        (*count)++;
    }
    return *count > 0 ? NULL : "there is no line in it";
}

bool credentials_set(struct credentials *credentials, struct bytes text, const char **why) {
    struct credential entry[CREDENTIALS_MAX] = {0};
    unsigned count;
    *why = entries_parse(text, entry, &count);
    if (*why == NULL) {
        pthread_mutex_lock(&credentials->lock);
        memcpy(credentials->entry, entry, sizeof(entry));
        credentials->count = count;
        pthread_mutex_unlock(&credentials->lock);
        /* relaxed: see credentials_required. */
        atomic_store_explicit(&credentials->required, true, memory_order_relaxed);
    }
    explicit_bzero(entry, sizeof(entry));
    return *why == NULL;
}

/*
 * Whether two texts are equal, in a time that tells nothing of where they differ. `known` is
 * CREDENTIALS_LINE_SIZE_MAX bytes, zero behind known_size.
 */
static bool text_equal(const char *known, size_t known_size, struct bytes given) {
    unsigned difference = known_size != given.size;
    for (size_t i = 0; i < CREDENTIALS_LINE_SIZE_MAX; i++) {
        unsigned char byte = i < given.size ? (unsigned char)given.data[i] : 0;
        difference |= (unsigned char)known[i] ^ byte;
    }
    return difference == 0;
}

bool credentials_check(struct credentials *credentials, struct bytes name, struct bytes password) {
    bool found = false;
    pthread_mutex_lock(&credentials->lock);
    for (unsigned i = 0; i < credentials->count; i++) {
        const struct credential *entry = &credentials->entry[i];
        bool same_name = text_equal(entry->name, entry->name_size, name);
        bool same_password = text_equal(entry->password, entry->password_size, password);
        found |= same_name & same_password;
    }
    pthread_mutex_unlock(&credentials->lock);
    return found;
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

int memcached_service_auth_load(struct memcached_service *service, const char *path, char *message,
                                size_t message_size) {
    char text[FILE_SIZE_MAX + 1];
    size_t size = 0;
    const char *why = "it is too large";
    int result = file_read(path, text, sizeof(text), &size);
    if (result < 0) {
        snprintf(message, message_size, "%s cannot be read: %s", path, strerror(-result));
    } else if (size > FILE_SIZE_MAX || !credentials_set(&service->credentials, bytes_of(text, size), &why)) {
        snprintf(message, message_size, "%s is no file of names and passwords: %s", path, why);
        result = -EINVAL;
    }
    explicit_bzero(text, sizeof(text));
    return result;
}
