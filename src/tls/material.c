/* SPDX-License-Identifier: MIT
 *
 * material: reads each file whole. See material.h.
 */
#include "material.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, char *data, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t got = read(fd, data + at, size - at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -errno : -EIO; /* shorter than it was a moment ago */
        }
        at += (size_t)got;
    }
    return 0;
}

static int file_read_open(struct material_file *file, int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode) || status.st_size <= 0) {
        return S_ISREG(status.st_mode) ? -ENODATA : -EINVAL;
    }
    if (status.st_size > TLS_FILE_SIZE_MAX) {
        return -EFBIG;
    }
    file->data = malloc((size_t)status.st_size);
    if (file->data == NULL) {
        return -ENOMEM;
    }
    file->size = (size_t)status.st_size;
    file->modified = status.st_mtim;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return read_all(fd, file->data, file->size);
}

/* What EACCES most often comes from is said, too: the key is read as root at the start, and by -u's user later. */
static int file_read(struct material_file *file, const char *what, const char *path,
                     char message[TLS_MESSAGE_SIZE_MAX]) {
    file->path = path;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not be waited for */
    int result = fd < 0 ? -errno : file_read_open(file, fd);
    if (fd >= 0) {
        close(fd);
    }
    if (result < 0) {
        snprintf(message, TLS_MESSAGE_SIZE_MAX, "%s %s cannot be read: %s%s", what, path, strerror(-result),
                 result == -EACCES ? "; the user that the server runs as must be allowed to" : "");
    }
    return result;
}

int material_read(const struct tls_config *config, struct material **material,
                  char message[TLS_MESSAGE_SIZE_MAX]) {
    struct material *made = calloc(1, sizeof(*made));
    int result = made == NULL ? -ENOMEM : 0;
    if (made == NULL) {
        snprintf(message, TLS_MESSAGE_SIZE_MAX, "no memory for certificates");
        return result;
    }
    made->count = config->certificates_count;
    for (unsigned i = 0; i < made->count && result == 0; i++) {
        const struct tls_certificate *certificate = &config->certificates[i];
        result = file_read(&made->chains[i], "ssl_chain_cert", certificate->chain_path, message);
        result = result < 0 ? result : file_read(&made->keys[i], "ssl_key", certificate->key_path, message);
    }
    if (result == 0 && config->ca_path != NULL) {
        result = file_read(&made->authorities, "ssl_ca_cert", config->ca_path, message);
    }
    if (result < 0) {
        material_free(made);
        return result;
    }
    *material = made;
    return 0;
}

static bool file_changed(const struct material_file *file) {
    struct stat status;
    if (file->path == NULL) {
        return false;
    }
    return stat(file->path, &status) < 0 || status.st_ino != file->inode || status.st_dev != file->device ||
           (size_t)status.st_size != file->size || status.st_mtim.tv_sec != file->modified.tv_sec ||
           status.st_mtim.tv_nsec != file->modified.tv_nsec;
}

bool material_changed(const struct material *material) {
    for (unsigned i = 0; i < material->count; i++) {
        if (file_changed(&material->chains[i]) || file_changed(&material->keys[i])) {
            return true;
        }
    }
    return file_changed(&material->authorities);
}

static void file_free(struct material_file *file) {
    if (file->data != NULL) {
        OPENSSL_cleanse(file->data, file->size);
        free(file->data);
    }
}

void material_free(struct material *material) {
    if (material == NULL) {
        return;
    }
    for (unsigned i = 0; i < material->count; i++) {
        file_free(&material->chains[i]);
        file_free(&material->keys[i]);
    }
    file_free(&material->authorities);
    free(material);
}
