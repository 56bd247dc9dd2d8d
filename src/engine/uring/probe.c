/* SPDX-License-Identifier: MIT
 *
 * probe: makes a small ring, looks at what it can do, and words what keeps one from being made.
 */
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "buffers.h"
#include "engine_state.h"
#include "riposte/bytes.h"

enum {
    PROBE_ENTRIES = 8,
    PROBE_COMPLETIONS = 16,
    PROBE_GROUP = 1,
    PROBE_BUFFER_SIZE = 4096,
    PROBE_BUFFER_COUNT = 2,
    SQE_SIZE = 64,
    CQE_SIZE = 16,
};

/*
 * The number after `name` in a file of "name value" lines, or the number of a file that holds nothing else
 * (name "").
 */
static bool read_number(const char *path, const char *name, uint64_t *number) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    char line[256];
    bool found = false;
    size_t name_size = strlen(name);
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, name_size) == 0) {
            const char *value = line + name_size + strspn(line + name_size, " \t");
            found = bytes_parse_u64(bytes_of(value, strcspn(value, "\n")), number);
        }
    }
    fclose(file);
    return found;
}

/* EPERM has three known causes; each has a cure of its own (io-uring notes, section 8). */
static void explain_refusal(char *message, size_t size) {
    uint64_t disabled = 0, seccomp = 0;
    if (read_number("/proc/sys/kernel/io_uring_disabled", "", &disabled) && disabled == 2) {
        snprintf(message, size,
                 "io_uring is refused (EPERM): kernel.io_uring_disabled is 2; "
                 "sysctl kernel.io_uring_disabled=0, or --engine=epoll");
    } else if (disabled == 1) {
        uint64_t group = 0;
        bool grouped = read_number("/proc/sys/kernel/io_uring_group", "", &group);
        snprintf(message, size,
                 "io_uring is refused (EPERM): kernel.io_uring_disabled is 1; join group %s%llu "
                 "(kernel.io_uring_group), sysctl kernel.io_uring_disabled=0, or --engine=epoll",
                 grouped ? "" : "of kernel.io_uring_group, now ", (unsigned long long)group);
    } else if (read_number("/proc/self/status", "Seccomp:", &seccomp) && seccomp == 2) {
        snprintf(message, size,
                 "io_uring is refused (EPERM) by this container's seccomp profile; allow io_uring_setup, "
                 "io_uring_enter and io_uring_register, or use --engine=epoll");
    } else {
        snprintf(
            message, size,
            "io_uring is refused (EPERM) though neither sysctl nor seccomp explains it; look for SELinux or "
            "AppArmor denials, or use --engine=epoll");
    }
}

static void explain_memory(unsigned entries, unsigned completion_entries, char *message, size_t size) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    snprintf(message, size,
             "no memory for an io_uring (ENOMEM): its set-up needs about %u KiB, RLIMIT_MEMLOCK is %llu KiB; "
             "LimitMEMLOCK=infinity (systemd), --ulimit memlock=-1 (Docker), or smaller --ring-entries",
             (entries * SQE_SIZE + completion_entries * CQE_SIZE) / 1024 + 1,
             (unsigned long long)limit.rlim_cur / 1024);
}

int uring_explain(int number, unsigned entries, unsigned completion_entries, struct engine_error *error) {
    char *message = error->message;
    size_t size = sizeof(error->message);
    struct utsname name = {0};
    uname(&name);
    error->error = number;
    switch (-number) {
    case EPERM:
    case EACCES:
        explain_refusal(message, size);
        break;
    case ENOSYS:
        snprintf(message, size, "this kernel (%s) has no io_uring; 6.1 or later is needed, or --engine=epoll",
                 name.release);
        break;
    case EINVAL:
        snprintf(
            message, size,
            "this kernel (%s) lacks what riposte needs of io_uring (provided buffer rings); 6.1 or later is "
            "needed, or --engine=epoll",
            name.release);
        break;
    case ENOMEM:
        explain_memory(entries, completion_entries, message, size);
        break;
    case EMFILE:
    case ENFILE:
        snprintf(message, size, "no file descriptor left for an io_uring (%s); raise LimitNOFILE or lower -c",
                 strerror(-number));
        break;
    default:
        snprintf(message, size, "io_uring cannot be set up: %s; --engine=epoll works without",
                 strerror(-number));
        break;
    }
    return number;
}

static int probe_buffers(struct ring *ring, bool incremental) {
    struct buffers buffers;
    int result =
        buffers_init(&buffers, ring, PROBE_GROUP, PROBE_BUFFER_SIZE, PROBE_BUFFER_COUNT, incremental);
    if (result == 0) {
        buffers_deinit(&buffers, ring, PROBE_GROUP);
    }
    return result;
}

static void probe_operations(struct uring_features *features, struct ring *ring) {
    struct io_uring_probe *probe = io_uring_get_probe_ring(&ring->io);
    if (probe == NULL) {
        return;
    }
    features->send_zero_copy = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0 &&
                               io_uring_opcode_supported(probe, IORING_OP_SENDMSG_ZC) != 0;
    /*
     * Multishot receive came with SEND_ZC (6.0), multishot accept with SOCKET (5.19): no probe names the
     * flags themselves. A kernel that refuses them all the same answers EINVAL, and single requests are used
     * from then on.
     */
    features->recv_multishot = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0;
    features->accept_multishot = io_uring_opcode_supported(probe, IORING_OP_SOCKET) != 0;
    io_uring_free_probe(probe);
}

static void describe(struct engine *engine) {
    const struct uring_features *features = &engine->uring;
    struct {
        bool there;
        const char *name;
    } words[] = {
        {(features->setup_flags & IORING_SETUP_DEFER_TASKRUN) != 0, "defer-taskrun"},
        {features->accept_multishot, "multishot-accept"},
        {features->recv_multishot, "multishot-recv"},
        {features->incremental_buffers, "incremental-buffers"},
        {features->bundle, "send-bundle"},
        {features->send_zero_copy, "zero-copy"},
        {features->no_iowait, "no-iowait"},
    };
    size_t used = 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].there) {
            used += (size_t)snprintf(engine->features + used, sizeof(engine->features) - used, "%s%s",
                                     used > 0 ? " " : "", words[i].name);
        }
    }
}

int uring_probe(struct engine *engine, struct engine_error *error) {
    struct uring_features *features = &engine->uring;
    struct ring ring;
    features->setup_flags = ring_setup_flags_all();
    int result = ring_init(&ring, PROBE_ENTRIES, PROBE_COMPLETIONS, &features->setup_flags, false);
    if (result == 0 && (ring.io.features & IORING_FEAT_EXT_ARG) == 0) {
        ring_deinit(&ring);
        result = -EINVAL; /* waiting with a time-out came with 5.11 */
    }
    if (result < 0) {
        return uring_explain(result, PROBE_ENTRIES, PROBE_COMPLETIONS, error);
    }
    features->no_iowait = (ring.io.features & IORING_FEAT_NO_IOWAIT) != 0;
    features->bundle = (ring.io.features & IORING_FEAT_RECVSEND_BUNDLE) != 0;
    features->incremental_buffers = probe_buffers(&ring, true) == 0;
    probe_operations(features, &ring);
    result = features->incremental_buffers ? 0 : probe_buffers(&ring, false);
    ring_deinit(&ring);
    if (result < 0) {
        return uring_explain(result, PROBE_ENTRIES, PROBE_COMPLETIONS, error);
    }
    describe(engine);
    return 0;
}
