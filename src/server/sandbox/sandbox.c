/* SPDX-License-Identifier: MIT
 *
 * sandbox: which files, in which order, and what is said where the kernel has it not.
 */
#include "sandbox.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "capabilities.h"
#include "landlock.h"
#include "seccomp.h"
#include "riposte/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED true
#elif defined(__has_feature)
#define SANDBOX_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANDBOX_SANITIZED false
#endif

bool sandbox_wanted(const struct options *options) {
    return options->sandbox == SANDBOX_ON || (options->sandbox == SANDBOX_AUTO && !SANDBOX_SANITIZED);
}

/* What the kernel refuses is the end of a start that wants all of it, and else a line. */
static bool sandbox_lacks(const struct options *options, int error, const char *what, const char *consequence,
                          struct failure *failure) {
    if (options->sandbox == SANDBOX_ON) {
        return failure_set(
            failure, EX_UNAVAILABLE,
            "--sandbox=on: the kernel refuses %s (%s); --sandbox=auto goes without what it lacks", what,
            strerror(-error));
    }
    log_line(LOG_LEVEL_INFO, "sandbox without %s (%s): %s", what, strerror(-error), consequence);
    return true;
}

/* --- in a child ------------------------------------------------------------------------------------------- */

/* An exit status holds an errno: they are below 134. */
static int result_of_child(int (*try)(void)) {
    int status;
    pid_t child = fork(), ended;
    if (child == 0) {
        capabilities_clear_bounding_set();
        _exit(-try());
    }
    do {
        ended = child < 0 ? child : waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    if (ended < 0) {
        return -errno;
    }
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECANCELED;
}

/* --- files ------------------------------------------------------------------------------------------------ */

/* The folder of a name, and that of the file which it leads to: live/example.org and archive/example.org of certbot(1). */
static int allow_linked(int rules, const char *path) {
    char file[PATH_MAX];
    int result = landlock_allow_folder_of(rules, path, LANDLOCK_MAY_READ);
    if (result < 0 || realpath(path, file) == NULL) {
        return result;
    }
    return landlock_allow_folder_of(rules, file, LANDLOCK_MAY_READ);
}

static int allow_list(int rules, const struct option_list *list) {
    int result = 0;
    for (unsigned i = 0; i < list->count && result == 0; i++) {
        result = allow_linked(rules, list->texts[i]);
    }
    return result;
}

/* Read again when they change. */
static int allow_certificates(int rules, const struct options *options) {
    int result = allow_list(rules, &options->ssl_chain_cert);
    result = result < 0 ? result : allow_list(rules, &options->ssl_key);
    if (result == 0 && options->ssl_ca_cert != NULL) {
        result = allow_linked(rules, options->ssl_ca_cert);
    }
    return result;
}

/* Those that are read again or made anew for SIGHUP: an editor and logrotate(8) put another file in their place. */
static int allow_named(int rules, const struct options *options) {
    const unsigned append = LANDLOCK_MAY_WRITE | LANDLOCK_MAY_MAKE;
    const struct {
        const char *path;
        int (*allow)(int rules, const char *path, unsigned may);
        unsigned may;
    } named[] = {
        {options->http_root, landlock_allow, LANDLOCK_MAY_READ | LANDLOCK_MAY_LIST},
        {options->http_log, landlock_allow_folder_of, append},
        {log_file_path(), landlock_allow_folder_of, append},
    };
    int result = 0;
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]) && result == 0; i++) {
        result = named[i].path == NULL ? 0 : named[i].allow(rules, named[i].path, named[i].may);
    }
    const char *const secrets[] = {options->auth_file, options->http_token_file};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]) && result == 0; i++) {
        result = secrets[i] == NULL ? 0 : allow_linked(rules, secrets[i]);
    }
    return result < 0 ? result : allow_certificates(rules, options);
}

/* Those that are removed at the end, and those that are once another process is taken over from. */
static int allow_made(int rules, const struct options *options, const struct listen_list *list,
                      const struct socket_files *dropped) {
    const char *pidfile = options->pidfile;
    int result = pidfile == NULL
                     ? 0
                     : landlock_allow_folder_of(rules, pidfile, LANDLOCK_MAY_READ | LANDLOCK_MAY_REMOVE);
    for (unsigned i = 0; i < list->count && result == 0; i++) {
        const char *path = listen_own_path(&list->listens[i]);
        result = path == NULL ? 0 : landlock_allow_folder_of(rules, path, LANDLOCK_MAY_REMOVE);
    }
    for (unsigned i = 0; i < dropped->count && result == 0; i++) {
        result = landlock_allow_folder_of(rules, dropped->files[i].path, LANDLOCK_MAY_REMOVE);
    }
    return result;
}

/*
 * What the kernel tells of network, memory and limits, and the file that stands in for a descriptor. All of /proc, since what is
 * below it is made anew at any time, and a rule would not know it again; of other processes Landlock hides the rest (ptrace(2)).
 */
static int allow_machine(int rules) {
    int result = landlock_allow(rules, "/dev/null", LANDLOCK_MAY_READ | LANDLOCK_MAY_WRITE);
    result = result < 0 ? result : landlock_allow(rules, "/proc", LANDLOCK_MAY_READ);
    return result < 0 ? result : landlock_allow(rules, "/sys/fs/cgroup", LANDLOCK_MAY_READ);
}

static int files_restrict(const struct options *options, const struct listen_list *list,
                          const struct socket_files *dropped) {
    int rules = landlock_open();
    if (rules < 0) {
        return rules;
    }
    int result = allow_machine(rules);
    result = result < 0 ? result : allow_named(rules, options);
    result = result < 0 ? result : allow_made(rules, options, list, dropped);
    int entered =
        landlock_enter(rules); /* also with fewer rules than there should be: then less is in reach */
    return result < 0 ? result : entered;
}

static bool calls_lack(const struct options *options, int result, struct failure *failure) {
    return sandbox_lacks(options, result, "seccomp", "every system call stays in reach", failure);
}

/* Where all of it is wanted: whether the kernel will have the rest, too, while another process still serves that may be taken over from. */
static bool calls_will_close(const struct options *options, struct failure *failure) {
    int result = options->sandbox == SANDBOX_ON ? result_of_child(seccomp_restrict) : 0;
    bool is_known = result != -EAGAIN && result != -ENOMEM; /* else no child could be had */
    return result == 0 || !is_known || calls_lack(options, result, failure);
}

bool sandbox_close_files(const struct options *options, const struct listen_list *list,
                         const struct socket_files *dropped, struct failure *failure) {
    if (!sandbox_wanted(options)) {
        return true;
    }
    if (!calls_will_close(options, failure)) {
        return false;
    }
    tzset(); /* what formats a time would look for the zone later */
    capabilities_clear_bounding_set();
    capabilities_keep_memory_lock();
    int result = files_restrict(options, list, dropped);
    return result == 0 ||
           sandbox_lacks(options, result, "Landlock", "files that its user may open stay in reach", failure);
}

/* --- calls ------------------------------------------------------------------------------------------------ */

bool sandbox_close_calls(const struct options *options, struct failure *failure) {
    if (!sandbox_wanted(options)) {
        if (options->sandbox == SANDBOX_AUTO) {
            log_line(LOG_LEVEL_INFO, "sandbox off: this build has a sanitizer, which needs what it forbids");
        }
        return true;
    }
    int result = seccomp_restrict();
    return result == 0 || calls_lack(options, result, failure);
}

/* --- a trial -------------------------------------------------------------------------------------------------- */

static int landlock_try(void) {
    int rules = landlock_open();
    return rules < 0 ? rules : landlock_enter(rules);
}

struct sandbox_trial sandbox_try(void) {
    return (struct sandbox_trial){
        .landlock_result = result_of_child(landlock_try),
        .calls_result = result_of_child(seccomp_restrict),
    };
}
