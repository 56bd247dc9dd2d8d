/* SPDX-License-Identifier: MIT
 *
 * successor: path, arguments, child. See successor.h.
 */
#include "successor.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TAKE_OVER_SIZE_MAX = 40 };

void successor_init(struct successor *successor) {
    ssize_t size = readlink("/proc/self/exe", successor->path, sizeof(successor->path) - 1);
    successor->path[size < 0 ? 0 : size] = '\0';
    successor->child = 0;
}

/* How many words of the command line it takes: "--take-over=1" one, "--take-over 1" two, any other none. */
static unsigned take_over_words(const char *argument) {
    static const char flag[] = "--take-over";
    size_t size = sizeof(flag) - 1;
    if (strncmp(argument, flag, size) != 0) {
        return 0;
    }
    return argument[size] == '=' ? 1 : argument[size] == '\0' ? 2 : 0;
}

/* Their pointers, which are the caller's to free; the words stay where they are. */
static char **arguments_make(char *const *arguments, char *take_over) {
    size_t count = 0, made_count = 0;
    while (arguments[count] != NULL) {
        count++;
    }
    char **made = calloc(count + 2, sizeof(*made));
    for (size_t i = 0; i < count && made != NULL; i++) {
        unsigned words = i == 0 ? 0 : take_over_words(arguments[i]);
        if (words == 0) {
            made[made_count++] = arguments[i];
        } else {
            i += words - 1;
        }
    }
    if (made != NULL) {
        made[made_count] = take_over;
    }
    return made;
}

int successor_start(struct successor *successor, char *const *arguments) {
    char take_over[TAKE_OVER_SIZE_MAX];
    if (successor->path[0] == '\0') {
        return -ENOENT;
    }
    if (successor->child != 0) {
        return -EBUSY;
    }
    snprintf(take_over, sizeof(take_over), "--take-over=%jd", (intmax_t)getpid());
    char **made = arguments_make(arguments, take_over);
    if (made == NULL) {
        return -ENOMEM;
    }
    /* Every descriptor is close-on-exec, and the mask of signals is one that the new one makes anyway. */
    int error = posix_spawn(&successor->child, successor->path, NULL, NULL, made, environ);
    if (error != 0) {
        successor->child = 0;
    }
    free(made);
    return -error;
}

bool successor_has_ended(struct successor *successor, int *status) {
    if (successor->child == 0 || waitpid(successor->child, status, WNOHANG) != successor->child) {
        return false;
    }
    successor->child = 0;
    return true;
}
