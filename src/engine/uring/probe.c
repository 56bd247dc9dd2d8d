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
#include <time.h>
#include <unistd.h>

#include "buffers.h"
#include "engine_state.h"
#include "riposte/bytes.h"
#include "riposte/clock.h"

enum {
    PROBE_ENTRIES = 8,
    PROBE_COMPLETIONS = 16,
    PROBE_GROUP = 1,
    PROBE_BUFFER_SIZE = 4096,
    PROBE_BUFFER_COUNT = 2,
    PROBE_WAIT_MS = 1000,
    BYTES_PER_KIB = 1024,
    RING_HEADER_SIZE = 320, /* heads, tails and flags before the completions */
    MEMORY_WAIT_MS = 2000,
    MEMLOCK_WAIT = 4,   /* up to so many times, others may have taken it for a moment */
    MEMLOCK_AMPLE = 64, /* so many times what is needed: then the limit is not what is missing */
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

/* EPERM and EACCES have four known causes; each has a cure of its own. */
static void explain_refusal(const char *name, char *message, size_t size) {
    uint64_t disabled = 0, seccomp = 0;
    if (read_number("/proc/sys/kernel/io_uring_disabled", "", &disabled) && disabled == 2) {
        snprintf(message, size,
                 "io_uring is refused (%s): kernel.io_uring_disabled is 2; "
                 "sysctl kernel.io_uring_disabled=0, or --engine=epoll",
                 name);
    } else if (disabled == 1) {
        uint64_t group = 0;
        bool grouped = read_number("/proc/sys/kernel/io_uring_group", "", &group);
        snprintf(message, size,
                 "io_uring is refused (%s): kernel.io_uring_disabled is 1; join group %s%llu "
                 "(kernel.io_uring_group), sysctl kernel.io_uring_disabled=0, or --engine=epoll",
                 name, grouped ? "" : "of kernel.io_uring_group, now ", (unsigned long long)group);
    } else if (read_number("/proc/self/status", "Seccomp:", &seccomp) && seccomp == 2) {
        snprintf(message, size,
                 "io_uring is refused (%s) by this container's seccomp profile; allow io_uring_setup, "
                 "io_uring_enter and io_uring_register, or use --engine=epoll",
                 name);
    } else {
        snprintf(
            message, size,
            "io_uring is refused (%s) though neither sysctl nor seccomp explains it; look for SELinux or "
            "AppArmor denials (ausearch -m avc), or use --engine=epoll",
            name);
    }
}

/* What the kernel charges to RLIMIT_MEMLOCK for one worker: the rings' memory, in whole pages. */
static size_t locked_memory_size(const struct engine_sizes *sizes) {
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    const size_t parts[] = {
        sizes->ring_entries * sizeof(struct io_uring_sqe),
        RING_HEADER_SIZE + sizes->completion_entries * sizeof(struct io_uring_cqe) +
            sizes->ring_entries * sizeof(uint32_t),
        sizes->recv_buffer_count * sizeof(struct io_uring_buf),
    };
    size_t size = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size += (parts[i] + page_size - 1) / page_size * page_size;
    }
    return size;
}

static rlim_t memory_limit(void) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    return limit.rlim_cur;
}

bool uring_memory_is_limited(const struct engine_sizes *sizes, unsigned workers_count) {
    rlim_t limit = memory_limit();
    return limit != RLIM_INFINITY &&
           limit <= MEMLOCK_AMPLE * (rlim_t)locked_memory_size(sizes) * workers_count;
}

bool uring_wait_for_memory(struct uring_patience *patience, const struct engine_sizes *sizes,
                           unsigned workers_count) {
    const struct timespec step = {.tv_nsec = CLOCK_NS_PER_MS};
    uint64_t now_ns = clock_monotonic_ns();
    if (patience->end_ns == 0) {
        patience->end_ns = now_ns + MEMORY_WAIT_MS * CLOCK_NS_PER_MS;
    }
    rlim_t size = (rlim_t)locked_memory_size(sizes) * workers_count, limit = memory_limit();
    bool may_come = limit >= size && limit / MEMLOCK_WAIT <= size;
    if (!may_come || now_ns >= patience->end_ns) {
        return false;
    }
    nanosleep(&step, NULL); /* a signal only makes it shorter */
    return true;
}

/* Where the mapping of a ring has failed, nobody says so. */
static bool addresses_are_limited(void) {
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    getrlimit(RLIMIT_AS, &limit);
    return limit.rlim_cur != RLIM_INFINITY;
}

static void explain_memory(const struct engine_sizes *sizes, unsigned workers_count, char *message,
                           size_t size) {
    size_t locked_kib = locked_memory_size(sizes) * workers_count / BYTES_PER_KIB;
    if (addresses_are_limited()) {
        snprintf(message, size,
                 "no memory for an io_uring (ENOMEM): the rings of %u workers take %zu KiB; raise the limit "
                 "of addresses (ulimit -v) or of locked memory (ulimit -l; LimitMEMLOCK=infinity), or use "
                 "--engine=epoll",
                 workers_count, locked_kib);
        return;
    }
    if (!uring_memory_is_limited(sizes, workers_count)) {
        snprintf(
            message, size,
            "no memory for an io_uring (ENOMEM): the rings of %u workers take %zu KiB; give the machine or "
            "the control group more (LimitMEMLOCK is not the cause), or use --engine=epoll",
            workers_count, locked_kib);
        return;
    }
    snprintf(
        message, size,
        "no locked memory for an io_uring (ENOMEM): the rings of %u workers take %zu KiB, RLIMIT_MEMLOCK "
        "is %llu KiB for all processes of the user; LimitMEMLOCK=infinity (systemd), --ulimit memlock=-1 "
        "(Docker), or fewer --ring-entries",
        workers_count, locked_kib, (unsigned long long)memory_limit() / BYTES_PER_KIB);
}

int uring_explain(int number, const struct engine_sizes *sizes, unsigned workers_count,
                  struct engine_error *error) {
    char *message = error->message;
    size_t size = sizeof(error->message);
    struct utsname name = {0};
    uname(&name);
    error->error = number;
    switch (-number) {
    case EPERM:
    case EACCES:
        explain_refusal(number == -EPERM ? "EPERM" : "EACCES", message, size);
        break;
    case ENOSYS:
        snprintf(message, size,
                 "this kernel (%s) has no io_uring, or a sandbox hides it; 6.1 or later is needed, or "
                 "--engine=epoll",
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
        explain_memory(sizes, workers_count, message, size);
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

/* Submits a request that does nothing and waits for its completion. */
static int probe_enter(struct ring *ring) {
    struct io_uring_sqe *sqe = ring_sqe(ring);
    io_uring_prep_nop(sqe);
    int result = ring_enter(ring, PROBE_WAIT_MS * CLOCK_NS_PER_MS);
    if (result < 0) {
        return result;
    }
    struct io_uring_cqe *cqe = NULL;
    result = io_uring_peek_cqe(&ring->io, &cqe);
    if (result == 0) {
        io_uring_cqe_seen(&ring->io, cqe);
    }
    return result;
}

static int probe_ring(struct engine *engine, struct ring *ring) {
    struct uring_features *features = &engine->uring;
    if ((ring->io.features & IORING_FEAT_EXT_ARG) == 0) {
        return -EINVAL; /* waiting with a time-out came with 5.11 */
    }
    int result = probe_enter(ring);
    if (result < 0) {
        return result;
    }
    features->no_iowait = (ring->io.features & IORING_FEAT_NO_IOWAIT) != 0;
    features->bundle = (ring->io.features & IORING_FEAT_RECVSEND_BUNDLE) != 0;
    features->incremental_buffers = probe_buffers(ring, true) == 0;
    probe_operations(features, ring);
    return features->incremental_buffers ? 0 : probe_buffers(ring, false);
}

int uring_probe(struct engine *engine, struct engine_error *error) {
    struct uring_features *features = &engine->uring;
    struct ring ring;
    struct uring_patience patience = {0};
    int result;
    do {
        features->setup_flags = ring_setup_flags_all();
        result = ring_init(&ring, PROBE_ENTRIES, PROBE_COMPLETIONS, &features->setup_flags, false);
        if (result == 0) {
            result = probe_ring(engine, &ring);
            ring_deinit(&ring);
        }
    } while (result == -ENOMEM && uring_wait_for_memory(&patience, &engine->sizes, engine->workers_count));
    if (result < 0) {
        *features = (struct uring_features){0};
        return uring_explain(result, &engine->sizes, engine->workers_count, error);
    }
    describe(engine);
    return 0;
}
