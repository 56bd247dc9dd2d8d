/* SPDX-License-Identifier: MIT */
#include "port_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void listen_write(FILE *file, const struct listen *listen) {
    int family = listen->address.ss_family;
    if (family != AF_UNIX) {
        fprintf(file, "%s %s: %u\n", listen->protocol == LISTEN_HTTP ? "HTTP" : "TCP",
                family == AF_INET ? "INET" : "INET6", address_port(&listen->address));
    }
}

static bool list_write(const char *path, const struct listen_list *list) {
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    for (unsigned i = 0; i < list->count; i++) {
        listen_write(file, &list->listens[i]);
    }
    bool failed = ferror(file) != 0;
    return fclose(file) == 0 && !failed;
}

bool port_file_write(const char *path, const struct listen_list *list, struct failure *failure) {
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
