/* SPDX-License-Identifier: MIT
 *
 * privileges: gives away sockets, then groups and user. See privileges.h.
 */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "capabilities.h"
#include "riposte/log.h"
#include "socket_files.h"

/* A client needs the right to write to the socket's file; with -a 700 only its owner has it. */
static bool sockets_give(const struct listen_list *list, const struct passwd *entry,
                         struct failure *failure) {
    for (unsigned i = 0; i < list->count; i++) {
        const char *path = listen_own_path(&list->listens[i]);
        const struct socket_file file = {path, list->listens[i].file};
        /* Of one that was taken over somebody may have removed or replaced the file since. */
        if (path == NULL || (file.file.is_known && !socket_file_is_there(&file))) {
            continue;
        }
        if (lchown(path, entry->pw_uid, entry->pw_gid) < 0) {
            return failure_set(failure, EX_OSERR, "-s %s cannot be given to %s: %s", path, entry->pw_name,
                               strerror(errno));
        }
    }
    return true;
}

static bool user_become(const struct passwd *entry, struct failure *failure) {
    capabilities_clear_bounding_set();
    /* Groups first: the right to change them goes with the user id. */
    if (initgroups(entry->pw_name, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 ||
        setuid(entry->pw_uid) < 0 || !capabilities_drop()) {
        return failure_set(failure, EX_OSERR, "-u %s: the rights of root cannot be given away: %s",
                           entry->pw_name, strerror(errno));
    }
    return true;
}

bool privileges_drop(const char *user, const struct listen_list *list, bool dumpable,
                     struct failure *failure) {
    bool root = getuid() == 0 || geteuid() == 0;
    capabilities_set_no_new_privs();
    if (user == NULL) {
        if (root) {
            log_line(LOG_LEVEL_WARNING, "running as root; -u USER gives its rights away");
        }
        return true;
    }
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        return failure_set(failure, EX_NOUSER, "-u %s: there is no such user", user);
    }
    if (!root) {
        if (entry->pw_uid != getuid()) {
            log_line(LOG_LEVEL_WARNING, "-u %s has no effect: only root can become another user", user);
        }
        return true;
    }
    if (!sockets_give(list, entry, failure) || !user_become(entry, failure)) {
        return false;
    }
    /* A change of user makes the process undumpable (prctl(2)). */
    if (dumpable && prctl(PR_SET_DUMPABLE, 1) < 0) {
        return failure_set(failure, EX_OSERR, "-r: core files cannot be allowed again: %s", strerror(errno));
    }
    return true;
}
