/* SPDX-License-Identifier: MIT */
#include "port_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void address_write(FILE *file, const struct address *address) {
    if (address->socket.ss_family == AF_INET) {
        const struct sockaddr_in *socket = (const struct sockaddr_in *)&address->socket;
        fprintf(file, "TCP INET: %u\n", ntohs(socket->sin_port));
    } else if (address->socket.ss_family == AF_INET6) {
        const struct sockaddr_in6 *socket = (const struct sockaddr_in6 *)&address->socket;
        fprintf(file, "TCP INET6: %u\n", ntohs(socket->sin6_port));
    }
}

static bool list_write(const char *path, const struct address_list *list) {
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    for (unsigned i = 0; i < list->count; i++) {
        address_write(file, &list->addresses[i]);
    }
    bool failed = ferror(file) != 0;
    return fclose(file) == 0 && !failed;
}

bool port_file_write(const char *path, const struct address_list *list, struct failure *failure) {
    char temporary[PATH_MAX];
    if (path == NULL) {
        return true;
    }
    errno = ENAMETOOLONG;
    bool fits = snprintf(temporary, sizeof(temporary), "%s.lck", path) < (int)sizeof(temporary);
    if (!fits || !list_write(temporary, list) || rename(temporary, path) < 0) {
        return failure_set(failure, EX_OSERR, "MEMCACHED_PORT_FILENAME %s cannot be written: %s", path,
                           strerror(errno));
    }
    return true;
}
