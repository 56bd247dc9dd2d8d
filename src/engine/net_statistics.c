/* SPDX-License-Identifier: MIT
 *
 * net_statistics: reads net.core.somaxconn and two columns of /proc/net/netstat.
 */
#include "net_statistics.h"

#include <stdio.h>
#include <string.h>

#include "riposte/bytes.h"

/* /proc/net/netstat has lines of about 3 KiB (Linux 6.18); twice that leaves room for names to come. */
enum { NETSTAT_LINE_SIZE_MAX = 8192 };

uint32_t net_backlog(uint32_t wanted) {
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
    char line[32] = "";
    uint32_t most = wanted;
    if (file != NULL) {
        if (fgets(line, sizeof(line), file) == NULL) {
            line[0] = '\0';
        }
        fclose(file);
    }
    if (!bytes_parse_u32(bytes_of(line, strcspn(line, "\n")), &most)) {
        return wanted;
    }
    return wanted < most ? wanted : most;
}

bool net_column(const char *names, const char *numbers, const char *name, uint64_t *number) {
    while (*names != '\0' && *numbers != '\0') {
        size_t name_size = strcspn(names, " \n");
        size_t number_size = strcspn(numbers, " \n");
        if (bytes_equal_string(bytes_of(names, name_size), name)) {
            return bytes_parse_u64(bytes_of(numbers, number_size), number);
        }
        names += name_size + (names[name_size] != '\0');
        numbers += number_size + (numbers[number_size] != '\0');
    }
    return false;
}

bool net_listen_overflows(uint64_t *overflows, uint64_t *drops) {
    FILE *file = fopen("/proc/net/netstat", "re");
    if (file == NULL) {
        return false;
    }
    char names[NETSTAT_LINE_SIZE_MAX], numbers[NETSTAT_LINE_SIZE_MAX];
    bool found = false;
    while (!found && fgets(names, sizeof(names), file) != NULL &&
           fgets(numbers, sizeof(numbers), file) != NULL) {
        found = strncmp(names, "TcpExt:", 7) == 0 &&
                net_column(names, numbers, "ListenOverflows", overflows) &&
                net_column(names, numbers, "ListenDrops", drops);
    }
    fclose(file);
    return found;
}
