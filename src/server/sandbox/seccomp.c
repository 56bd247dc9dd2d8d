/* SPDX-License-Identifier: MIT
 *
 * seccomp: the list of system calls, and the program of classic BPF that is made of it.
 *
 *      is it this machine's kind of call? --no--> ENOSYS
 *      is it listed? --yes--> allow
 *      is it one of a few with an argument that must be right, and is it? --yes--> allow
 *      EPERM
 */
#include "seccomp.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>

#if defined(__x86_64__)
#define CALLS_MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CALLS_MACHINE AUDIT_ARCH_AARCH64
#else
#define CALLS_MACHINE 0
#endif

/* Whatever the arguments. Kernels without that bit go through the list: the most frequent first. */
static const int calls_always[] = {
    SYS_io_uring_enter,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
    SYS_epoll_pwait,
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
    SYS_recvfrom,
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendfile,
    SYS_recvmsg,
    SYS_futex,
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_accept4,
    SYS_accept,
    SYS_close,
    SYS_shutdown,
    SYS_epoll_ctl,
    SYS_setsockopt,
    SYS_getsockopt,
    SYS_getsockname,
    SYS_getpeername,
    /* Memory: the store, the allocator. */
    SYS_munmap,
    SYS_madvise,
    SYS_mremap,
    SYS_brk,
    SYS_mincore,
    SYS_membarrier,
    /* Time, and waiting. */
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
#ifdef SYS_poll
    SYS_poll,
#endif
    SYS_ppoll,
    SYS_sched_yield,
    SYS_restart_syscall,
    /* Signals. */
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigpending,
    SYS_rt_sigtimedwait,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    /* Files: which ones is Landlock's to say. Passwords and logs are opened again, files of HTTP at any time. */
    SYS_openat,
#ifdef SYS_open
    SYS_open,
#endif
#ifdef SYS_openat2
    SYS_openat2,
#endif
    SYS_fstat,
    SYS_fstatfs,
    SYS_fadvise64,
    SYS_newfstatat,
#ifdef SYS_stat
    SYS_stat,
    SYS_lstat,
#endif
    SYS_statx,
    SYS_lseek,
    SYS_pread64,
    SYS_preadv,
    SYS_preadv2,
    SYS_pwrite64,
    SYS_fallocate,
    SYS_ftruncate,
    SYS_getdents64,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3, /* -d: standard files become /dev/null once the parent is told */
#ifdef SYS_dup2
    SYS_dup2,
#endif
    SYS_unlinkat,
#ifdef SYS_unlink
    SYS_unlink,
#endif
    /* What the process asks about itself and the machine. */
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrusage,
    SYS_sysinfo,
    SYS_uname,
    SYS_getrandom,
    SYS_getcpu,
    SYS_sched_getaffinity,
    SYS_io_uring_register, /* of rings that are there; each has a list of its own */
    /* The end: of its threads, its children, itself. */
    SYS_wait4,
    SYS_exit,
    SYS_exit_group,
#ifdef SYS_rseq
    SYS_rseq,
#endif
    SYS_set_robust_list,
};

/* Allowed where argument `index` is one of two values, in the bits of `mask`. Only the low half of an argument is looked at. */
struct call_checked {
    int number;
    unsigned index;
    uint32_t mask;
    uint32_t value;
    uint32_t other;
};

enum {
    CALLS_CHECKED_COUNT = 8,
    CALLS_ALWAYS_COUNT = sizeof(calls_always) / sizeof(calls_always[0]),
    CALL_INSTRUCTIONS = 2,
    CHECKED_INSTRUCTIONS = 7,
    FRAME_INSTRUCTIONS = 8,
    PROGRAM_SIZE_MAX = FRAME_INSTRUCTIONS + CALL_INSTRUCTIONS * CALLS_ALWAYS_COUNT +
                       CHECKED_INSTRUCTIONS * CALLS_CHECKED_COUNT,
};

static void calls_checked(struct call_checked checked[CALLS_CHECKED_COUNT]) {
    uint32_t self = (uint32_t)getpid();
    const struct call_checked rows[CALLS_CHECKED_COUNT] = {
        {SYS_mmap, 2, PROT_EXEC, 0, 0},
        {SYS_mprotect, 2, PROT_EXEC, 0, 0},
        /* With no room for more than a family in its address it can only be AF_UNSPEC, which ends a connection (close.c). */
        {SYS_connect, 2, UINT32_MAX, sizeof(sa_family_t), sizeof(sa_family_t)},
        {SYS_ioctl, 1, UINT32_MAX, SIOCINQ, SIOCOUTQ},
        /* The command shutdown, and abort(3). */
        {SYS_kill, 0, UINT32_MAX, self, self},
        {SYS_tgkill, 0, UINT32_MAX, self, self},
        /* Of the thread that asks, which no number means: a worker leaves its CPU and comes back (affinity.c). */
        {SYS_sched_setaffinity, 0, UINT32_MAX, 0, 0},
        /* Naming a thread. */
        {SYS_prctl, 0, UINT32_MAX, PR_SET_NAME, PR_GET_NAME},
    };
    for (unsigned i = 0; i < CALLS_CHECKED_COUNT; i++) {
        checked[i] = rows[i];
    }
}

struct program {
    struct sock_filter code[PROGRAM_SIZE_MAX];
    unsigned short size;
};

static void program_add(struct program *program, uint16_t code, uint8_t if_true, uint8_t if_false,
                        uint32_t k) {
    assert(program->size < PROGRAM_SIZE_MAX);
    program->code[program->size++] = (struct sock_filter){code, if_true, if_false, k};
}

static void program_load(struct program *program, size_t offset) {
    program_add(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void program_return(struct program *program, uint32_t action) {
    program_add(program, BPF_RET | BPF_K, 0, 0, action);
}

static void program_begin(struct program *program) {
    program_load(program, offsetof(struct seccomp_data, arch));
    program_add(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, CALLS_MACHINE);
    program_return(program, SECCOMP_RET_ERRNO | ENOSYS);
    program_load(program, offsetof(struct seccomp_data, nr));
}

static void program_allow(struct program *program, int number) {
    program_add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)number);
    program_return(program, SECCOMP_RET_ALLOW);
}

/* Both values are compared where the number fits; the number stays in the accumulator where it does not. */
static void program_allow_checked(struct program *program, const struct call_checked *call) {
    size_t argument = offsetof(struct seccomp_data, args) + call->index * sizeof(uint64_t);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    argument += sizeof(uint32_t);
#endif
    program_add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 6, (uint32_t)call->number);
    program_load(program, argument);
    program_add(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, call->mask);
    program_add(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, call->value);
    program_add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call->other);
    program_return(program, SECCOMP_RET_ALLOW);
    program_return(program, SECCOMP_RET_ERRNO | EPERM);
}

static void program_make(struct program *program) {
    struct call_checked checked[CALLS_CHECKED_COUNT];
    program->size = 0;
    calls_checked(checked);
    program_begin(program);
    for (unsigned i = 0; i < CALLS_ALWAYS_COUNT; i++) {
        program_allow(program, calls_always[i]);
    }
    for (unsigned i = 0; i < CALLS_CHECKED_COUNT; i++) {
        program_allow_checked(program, &checked[i]);
    }
    program_return(program, SECCOMP_RET_ERRNO | EPERM);
}

int seccomp_restrict(void) {
    struct program program;
    if (CALLS_MACHINE == 0) {
        return -ENOSYS;
    }
    program_make(&program);
    const struct sock_fprog filter = {.len = program.size, .filter = program.code};
    /*
     * TSYNC: the workers run already, and have it from now on, too (Linux 3.17). SPEC_ALLOW: kernels before 5.16 would else take
     * a filter for a sign of foreign code and slow memory down (4.17).
     */
    unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    if (result > 0) {
        return -ESRCH; /* a thread that has another filter */
    }
    return result < 0 ? -errno : 0;
}
