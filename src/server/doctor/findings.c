/* SPDX-License-Identifier: MIT
 *
 * findings: one function per line of the report. See findings.h.
 */
#include "findings.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

enum {
    MEMORY_SHARE_PERCENT =
        90, /* of what there is; the rest is for the kernel's socket buffers, and programs */
    CLOCK_READ_CHEAP_MAX_NS =
        150, /* through the vDSO it is 15 to 60; a system call takes more, a far timer 1000 */
    PERCENT = 100,
    CERTIFICATE_DAYS_FEW = 14,
    SECCOMP_FILTER = 2,
};

struct finding *findings_add(struct findings *findings, enum finding_verdict verdict, const char *area,
                             const char *format, ...) {
    assert(findings->count < FINDINGS_COUNT_MAX);
    struct finding *finding = &findings->list[findings->count++];
    va_list arguments;
    findings->of_verdict[verdict]++;
    finding->verdict = verdict;
    finding->area = area;
    *finding->cure = '\0';
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof(finding->text), format, arguments);
    va_end(arguments);
    return finding;
}

static void finding_cure(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void finding_cure(struct finding *finding, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->cure, sizeof(finding->cure), format, arguments);
    va_end(arguments);
}

/* Where "cause; cure" or "cause: raise it ..." is cut, outside of brackets; the end where it is a cause alone. */
static const char *sentence_cut(const char *sentence) {
    unsigned depth = 0;
    for (const char *at = sentence; *at != '\0'; at++) {
        depth += *at == '(';
        depth -= *at == ')' && depth > 0;
        if (depth == 0 && (strncmp(at, "; ", 2) == 0 || strncmp(at, ": raise ", 8) == 0)) {
            return at;
        }
    }
    return sentence + strlen(sentence);
}

/* A sentence of the server's own, as it would end a start. */
static void finding_add_sentence(struct findings *findings, enum finding_verdict verdict, const char *area,
                                 const char *sentence) {
    const char *cut = sentence_cut(sentence);
    struct finding *finding = findings_add(findings, verdict, area, "%.*s", (int)(cut - sentence), sentence);
    if (*cut != '\0') {
        finding_cure(finding, "%s", cut + 2);
    }
}

/* 64m, 23.4g: for eyes. */
static struct units_text size_text(uint64_t size) {
    return units_show_size(size);
}

/* --- io_uring ---------------------------------------------------------------------------------------------
 */

/* What the engine calls what it found, since when Linux has it (back-ports aside), and what it is good for. */
static const struct feature {
    const char *name;
    const char *since;
} features[] = {
    {"multishot-accept", "5.19"}, {"multishot-recv", "6.0"}, {"defer-taskrun", "6.1"},
    {"zero-copy", "6.1"},         {"send-bundle", "6.10"},   {"incremental-buffers", "6.12"},
    {"no-iowait", "6.15"},
};

/* Whether `word` is one of `words`, which have a space between them. */
static bool words_have(const char *words, const char *word) {
    size_t size = strlen(word);
    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word)) {
        if ((at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

static void judge_features(struct findings *findings, const struct facts *facts) {
    char missing[FINDING_TEXT_SIZE_MAX] = "";
    size_t at = 0;
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        if (!words_have(facts->features, features[i].name)) {
            at += (size_t)snprintf(missing + at, sizeof(missing) - at, "%s%s (Linux %s)", at == 0 ? "" : ", ",
                                   features[i].name, features[i].since);
        }
    }
    if (at == 0) {
        findings_add(findings, FINDING_GOOD, "features", "%s", facts->features);
    } else {
        finding_cure(findings_add(findings, FINDING_FAIR, "features", "works: %s; does not: %s",
                                  *facts->features == '\0' ? "nothing more" : facts->features, missing),
                     "a newer kernel; 6.12 has all that costs CPU where it is missing");
    }
}

/* Where a ring was refused: everybody who may have done it. */
static void judge_policy(struct findings *findings, const struct facts *facts) {
    bool by_sysctl = facts->uring_disabled == 1 || facts->uring_disabled == 2;
    bool by_seccomp = facts->seccomp == SECCOMP_FILTER, by_selinux = facts->selinux == 1;
    struct finding *finding =
        findings_add(findings, by_sysctl || by_seccomp || by_selinux ? FINDING_FAIR : FINDING_GOOD, "policy",
                     "kernel.io_uring_disabled is %s; a seccomp filter is %s; SELinux is %s",
                     facts->uring_disabled == FACTS_UNKNOWN ? "not there"
                     : by_sysctl                            ? (facts->uring_disabled == 2 ? "2" : "1")
                                                            : "0",
                     by_seccomp ? "in force" : "not in force", by_selinux ? "enforcing" : "not enforcing");
    if (by_sysctl) {
        finding_cure(finding, "sysctl -w kernel.io_uring_disabled=0");
    } else if (by_seccomp) {
        finding_cure(finding, "Docker: --security-opt seccomp=riposte-seccomp.json");
    } else if (by_selinux) {
        finding_cure(finding, "ausearch -m avc -c riposte | audit2allow -M riposte");
    }
}

static void judge_engine(struct findings *findings, const struct facts *facts) {
    if (!facts->engine_started) {
        finding_add_sentence(findings, FINDING_WRONG, "engine", facts->reason);
        if (facts->flags.transport == ENGINE_URING) {
            judge_policy(findings, facts);
        }
    } else if (strcmp(facts->transport, "io_uring") == 0) {
        findings_add(findings, FINDING_GOOD, "io_uring", "%" PRIu64 " worker%s ran, each with its own ring",
                     facts->workers_count, facts->workers_count == 1 ? "" : "s");
        judge_features(findings, facts);
    } else if (facts->flags.transport == ENGINE_EPOLL) {
        findings_add(findings, FINDING_GOOD, "epoll", "%" PRIu64 " worker%s ran on epoll, as asked for",
                     facts->workers_count, facts->workers_count == 1 ? "" : "s");
    } else {
        finding_add_sentence(findings, FINDING_FAIR, "io_uring", facts->reason);
        judge_policy(findings, facts);
    }
}

/* --- limits of the process and the network ----------------------------------------------------------------
 */

static void judge_descriptors(struct findings *findings, const struct facts *facts) {
    uint32_t wanted = facts->flags.conn_limit;
    if (facts->descriptors_connections == 0) {
        finding_add_sentence(findings, FINDING_WRONG, "descriptors", facts->descriptors_reason);
    } else if (facts->descriptors_connections < wanted) {
        finding_cure(findings_add(findings, FINDING_FAIR, "descriptors",
                                  "%" PRIu64 " at most: -c becomes %" PRIu64 " instead of %" PRIu32,
                                  facts->descriptors_limit, facts->descriptors_connections, wanted),
                     "systemd: LimitNOFILE=%" PRIu64 "; Docker: --ulimit nofile=%" PRIu64,
                     facts->descriptors_limit + wanted - facts->descriptors_connections,
                     facts->descriptors_limit + wanted - facts->descriptors_connections);
    } else {
        findings_add(findings, FINDING_GOOD, "descriptors", "%" PRIu64 " suffice for -c %" PRIu32,
                     facts->descriptors_limit, wanted);
    }
}

static void judge_backlog(struct findings *findings, const struct facts *facts) {
    if (facts->somaxconn < facts->flags.backlog) {
        finding_cure(findings_add(findings, FINDING_FAIR, "backlog",
                                  "-b %" PRIu32 " is cut to net.core.somaxconn=%" PRIu64,
                                  facts->flags.backlog, facts->somaxconn),
                     "sysctl -w net.core.somaxconn=%" PRIu32, facts->flags.backlog);
    } else {
        findings_add(findings, FINDING_GOOD, "backlog", "-b %" PRIu32 " fits into net.core.somaxconn",
                     facts->flags.backlog);
    }
}

/*
 * With SYN cookies a full queue of half-open connections refuses nobody, whatever tcp_max_syn_backlog says
 * (tcp_conn_request in net/ipv4/tcp_input.c looks at it only without them).
 */
static void judge_syn_queue(struct findings *findings, const struct facts *facts) {
    uint64_t queue = facts->somaxconn < facts->flags.backlog ? facts->somaxconn : facts->flags.backlog;
    if (facts->syn_backlog == FACTS_UNKNOWN) {
        return; /* no IPv4 here */
    }
    if (facts->syn_cookies != 0 && facts->syn_cookies != FACTS_UNKNOWN) {
        findings_add(findings, FINDING_GOOD, "SYN queue",
                     "SYN cookies are on: tcp_max_syn_backlog=%" PRIu64 " turns nobody away",
                     facts->syn_backlog);
    } else if (facts->syn_backlog < queue) {
        finding_cure(findings_add(findings, FINDING_FAIR, "SYN queue",
                                  "net.ipv4.tcp_max_syn_backlog=%" PRIu64
                                  " is less than the backlog of %" PRIu64 ", and SYN cookies are off",
                                  facts->syn_backlog, queue),
                     "sysctl -w net.ipv4.tcp_max_syn_backlog=%" PRIu64, queue);
    } else {
        findings_add(findings, FINDING_GOOD, "SYN queue", "net.ipv4.tcp_max_syn_backlog=%" PRIu64,
                     facts->syn_backlog);
    }
}

static void judge_files(struct findings *findings, const struct facts *facts) {
    if (*facts->files_reason != '\0') {
        finding_add_sentence(findings, FINDING_WRONG, "files", facts->files_reason);
    } else if (facts->files_count > 0) {
        findings_add(findings, FINDING_GOOD, "files", "what the flags name is there and can be read");
    }
}

static void judge_tls(struct findings *findings, const struct facts *facts) {
    if (*facts->tls_reason != '\0') {
        finding_add_sentence(findings, FINDING_WRONG, "tls", facts->tls_reason);
    } else if (facts->has_tls && facts->certificate_days < CERTIFICATE_DAYS_FEW) {
        bool ended = facts->certificate_days < 0;
        finding_cure(findings_add(findings, ended ? FINDING_WRONG : FINDING_FAIR, "tls",
                                  "the first certificate %s %" PRId64 " days%s", ended ? "ended" : "ends in",
                                  ended ? -facts->certificate_days : facts->certificate_days,
                                  ended ? " ago" : ""),
                     "a new one at -o ssl_chain_cert; a running server finds it by itself");
    } else if (facts->has_tls && facts->slow_key_us > 0) {
        finding_cure(findings_add(findings, FINDING_FAIR, "tls",
                                  "a key takes %" PRIu32 ".%" PRIu32
                                  " ms of a CPU for each handshake: a storm of them is answered slowly",
                                  facts->slow_key_us / 1000, facts->slow_key_us % 1000 / 100),
                     "a certificate with a key of P-256, which takes 0.03 ms");
    } else if (facts->has_tls) {
        findings_add(findings, FINDING_GOOD, "tls",
                     "certificates and keys fit; the first ends in %" PRId64 " days",
                     facts->certificate_days);
    }
}

/* Adds a line with the addresses that are inherited, or are not. */
static void judge_ports_kind(struct findings *findings, const struct facts *facts, bool inherited) {
    char list[FINDING_TEXT_SIZE_MAX] = "";
    size_t at = 0;
    bool is_cut = false;
    for (unsigned i = 0; i < facts->ports_count; i++) {
        const struct facts_port *port = &facts->ports[i];
        if (*port->reason == '\0' && port->is_inherited == inherited) {
            is_cut = at + LISTEN_TEXT_SIZE_MAX >= sizeof(list);
            at += is_cut ? 0
                         : (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at == 0 ? "" : ", ",
                                            port->text);
        }
    }
    if (at > 0) {
        findings_add(findings, FINDING_GOOD, "address", "%s: %s%s",
                     inherited ? "passed on (LISTEN_FDS)" : "free", list, is_cut ? ", ..." : "");
    }
}

static void judge_ports(struct findings *findings, const struct facts *facts) {
    if (*facts->listens_reason != '\0') {
        finding_add_sentence(findings, FINDING_WRONG, "address", facts->listens_reason);
    }
    for (unsigned i = 0; i < facts->ports_count; i++) {
        if (*facts->ports[i].reason != '\0') {
            finding_add_sentence(findings, FINDING_WRONG, "address", facts->ports[i].reason);
        }
    }
    judge_ports_kind(findings, facts, true);
    judge_ports_kind(findings, facts, false);
}

/* --- sandbox ----------------------------------------------------------------------------------------------
 */

static void sandbox_lacks(struct findings *findings, const struct facts *facts, const char *what, int result,
                          const char *cure) {
    bool is_asked = facts->flags.sandbox == SANDBOX_ON;
    finding_cure(findings_add(findings, is_asked ? FINDING_WRONG : FINDING_FAIR, "sandbox", "without %s (%s)",
                              what, strerror(-result)),
                 "%s%s", cure, is_asked ? "; or --sandbox=auto" : "");
}

static void judge_sandbox(struct findings *findings, const struct facts *facts) {
    if (!facts->flags.sandbox_is_tried) {
        return; /* as asked, or by the nature of the build */
    }
    if (facts->landlock_result < 0) {
        sandbox_lacks(findings, facts, "Landlock", facts->landlock_result,
                      "a kernel with it (5.13), landlock in lsm= of its command line, or a container that "
                      "lets it be used");
    }
    if (facts->calls_result < 0) {
        sandbox_lacks(findings, facts, "seccomp", facts->calls_result,
                      "a kernel with CONFIG_SECCOMP_FILTER, or a container that lets it be used");
    }
    if (facts->landlock_result == 0 && facts->calls_result == 0) {
        findings_add(findings, FINDING_GOOD, "sandbox", "the kernel has all of it: Landlock, seccomp, rings");
    }
}

/* --- memory -----------------------------------------------------------------------------------------------
 */

static void judge_memory(struct findings *findings, const struct facts *facts) {
    bool by_group = facts->memory_granted != FACTS_UNKNOWN;
    uint64_t limit = by_group ? facts->memory_granted : facts->memory_size;
    const char *whose = by_group ? "the control group's limit" : "the machine's memory";
    uint64_t wanted = facts->flags.memory_limit, together = wanted + facts->flags.conn_memory;
    uint64_t fair = limit / PERCENT * MEMORY_SHARE_PERCENT;
    const struct units_text wanted_text = units_format_size(wanted);
    struct finding *finding;
    if (*facts->store_reason != '\0') {
        finding_add_sentence(findings, FINDING_WRONG, "memory", facts->store_reason);
        return;
    }
    if (limit == FACTS_UNKNOWN) {
        findings_add(findings, FINDING_FAIR, "memory",
                     "nobody says how much there is: /proc/meminfo is not there");
    } else if (wanted > limit) {
        finding = findings_add(findings, FINDING_WRONG, "memory", "-m %s is more than %s, %s",
                               wanted_text.text, whose, size_text(limit).text);
        finding_cure(finding, "-m 75%%%s", by_group ? ", or MemoryMax= (systemd), --memory (Docker)" : "");
    } else if (together > fair) {
        finding = findings_add(
            findings, FINDING_FAIR, "memory", "-m %s and --conn-memory %s are over 90 %% of %s, %s",
            wanted_text.text, units_format_size(facts->flags.conn_memory).text, whose, size_text(limit).text);
        finding_cure(finding, "-m 60%%, which leaves room for connections and the kernel");
    } else if (facts->memory_available < wanted) {
        finding = findings_add(findings, FINDING_FAIR, "memory", "of -m %s only %s are free now",
                               wanted_text.text, size_text(facts->memory_available).text);
        finding_cure(finding, "stop what uses it, or a smaller -m");
    } else {
        findings_add(findings, FINDING_GOOD, "memory", "-m %s and --conn-memory %s of %s, %s",
                     wanted_text.text, units_format_size(facts->flags.conn_memory).text, whose,
                     size_text(limit).text);
    }
}

static void judge_lock(struct findings *findings, const struct facts *facts) {
    if (!facts->flags.lock_memory) {
        return;
    }
    if (facts->lock_limit < facts->flags.memory_limit + facts->flags.conn_memory) {
        finding_cure(findings_add(findings, FINDING_FAIR, "locking", "-k has no effect: RLIMIT_MEMLOCK is %s",
                                  size_text(facts->lock_limit).text),
                     "LimitMEMLOCK=infinity (systemd), --ulimit memlock=-1 (Docker)");
    } else {
        findings_add(findings, FINDING_GOOD, "locking", "-k may lock all memory");
    }
}

/* The arena is shared memory (memfd), so it is shmem_enabled that decides; the index asks for its own (-L); all else is private. */
static void judge_large_pages(struct findings *findings, const struct facts *facts) {
    const char *folder = "/sys/kernel/mm/transparent_hugepage";
    if (*facts->large_pages_shmem == '\0' || *facts->large_pages == '\0') {
        findings_add(findings, FINDING_FAIR, "large pages",
                     "this kernel has none that are given without asking");
        return;
    }
    bool items =
        strcmp(facts->large_pages_shmem, "never") != 0 && strcmp(facts->large_pages_shmem, "deny") != 0;
    bool others = strcmp(facts->large_pages, "never") != 0;
    if (items && others) {
        findings_add(findings, FINDING_GOOD, "large pages", "%s, and for items %s", facts->large_pages,
                     facts->large_pages_shmem);
        return;
    }
    struct finding *finding =
        findings_add(findings, FINDING_FAIR, "large pages", "none for %s", items ? "buffers" : "items");
    finding_cure(finding, "echo %s >%s/%s", items ? "madvise" : "advise", folder,
                 items ? "enabled" : "shmem_enabled");
}

/* --- CPUs and time ----------------------------------------------------------------------------------------
 */

static void judge_cpus(struct findings *findings, const struct facts *facts) {
    bool has_quota = facts->quota_cpus != FACTS_UNKNOWN && facts->quota_cpus > 0;
    uint64_t workers = facts->workers_count > 0   ? facts->workers_count
                       : facts->flags.threads > 0 ? facts->flags.threads
                                                  : 1;
    const char *plural = workers == 1 ? "" : "s";
    if (workers > facts->cpus_count) {
        finding_cure(findings_add(findings, FINDING_FAIR, "CPUs",
                                  "%" PRIu64 " workers share the %" PRIu64 " CPU%s of the affinity mask",
                                  workers, facts->cpus_count, facts->cpus_count == 1 ? "" : "s"),
                     "-t %" PRIu64 ", or a wider mask (taskset, cpuset, CPUAffinity=)", facts->cpus_count);
    } else if (has_quota && facts->quota_cpus < workers) {
        finding_cure(findings_add(findings, FINDING_FAIR, "CPUs",
                                  "%" PRIu64 " workers on a quota of %" PRIu64
                                  ": the kernel stops them all when it is used up, and clients wait",
                                  workers, facts->quota_cpus),
                     "-t %" PRIu64 ", or no quota (CPUQuota=, --cpus, resources.limits.cpu)",
                     facts->quota_cpus);
    } else {
        findings_add(findings, FINDING_GOOD, "CPUs", "%" PRIu64 " worker%s on %" PRIu64 " CPU%s, %s quota",
                     workers, plural, facts->cpus_count, facts->cpus_count == 1 ? "" : "s",
                     has_quota ? "enough" : "no");
    }
}

static void judge_clock(struct findings *findings, const struct facts *facts) {
    const char *name = *facts->clock == '\0' ? "unnamed" : facts->clock;
    if (facts->clock_read_ns <= CLOCK_READ_CHEAP_MAX_NS) {
        findings_add(findings, FINDING_GOOD, "clock", "%s, %" PRIu64 " ns a reading", name,
                     facts->clock_read_ns);
        return;
    }
    finding_cure(findings_add(findings, FINDING_FAIR, "clock",
                              "%s, %" PRIu64 " ns a reading: it enters the kernel", name,
                              facts->clock_read_ns),
                 "see available_clocksource in /sys/devices/system/clocksource/clocksource0: tsc, kvm-clock, "
                 "hyperv or arch_sys_counter are read without");
}

/* --------------------------------------------------------------------------------------------------------- */

static const char *const start_sums[] = {
    [FINDING_GOOD] = "It would start, and nothing is left to wish for.",
    [FINDING_FAIR] = "It would start; what is fair could be better.",
    [FINDING_WRONG] = "It would not serve: see what is wrong.",
};

void findings_judge(struct findings *findings, const struct facts *facts) {
    static void (*const judges[])(struct findings * findings, const struct facts *facts) = {
        judge_engine,      judge_ports,   judge_sandbox,   judge_files,  judge_tls,
        judge_descriptors, judge_backlog, judge_syn_queue, judge_memory, judge_lock,
        judge_large_pages, judge_cpus,    judge_clock,
    };
    memset(findings, 0, sizeof(*findings));
    findings->sums = start_sums;
    for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
        judges[i](findings, facts);
    }
}

enum finding_verdict findings_verdict(const struct findings *findings) {
    enum finding_verdict worst = FINDING_GOOD;
    for (unsigned verdict = 0; verdict < FINDING_VERDICTS_COUNT; verdict++) {
        if (findings->of_verdict[verdict] > 0) {
            worst = (enum finding_verdict)verdict;
        }
    }
    return worst;
}
