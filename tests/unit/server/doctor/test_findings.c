/* SPDX-License-Identifier: MIT
 *
 * Each verdict of the doctor: one thing of a good machine is spoilt, and the line about it, and no other, says so.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "findings.h"
#include "fixture.h"

static struct findings findings;
static struct facts *facts;

static void machine_take(void) {
    facts = facts_good();
}

TestSuite(findings, .init = machine_take);

static const struct finding *finding_of(const char *area) {
    for (unsigned i = 0; i < findings.count; i++) {
        if (strcmp(findings.list[i].area, area) == 0) {
            return &findings.list[i];
        }
    }
    return NULL;
}

/* The line about `area` has this verdict, and its text and cure contain these; every other line is good. */
static void expect(const char *area, enum finding_verdict verdict, const char *text, const char *cure) {
    findings_judge(&findings, facts);
    const struct finding *finding = finding_of(area);
    cr_assert_not_null(finding, "no line about %s", area);
    cr_expect_eq(finding->verdict, verdict, "%s: %d, \"%s\"", area, finding->verdict, finding->text);
    cr_expect_not_null(strstr(finding->text, text), "\"%s\" is not in \"%s\"", text, finding->text);
    cr_expect_not_null(strstr(finding->cure, cure), "\"%s\" is not in \"%s\"", cure, finding->cure);
    cr_expect_eq(findings.of_verdict[FINDING_GOOD], findings.count - (verdict == FINDING_GOOD ? 0 : 1));
    cr_expect_eq(findings_verdict(&findings), verdict);
}

Test(findings, of_a_good_machine_are_all_good_and_need_no_cure) {
    findings_judge(&findings, facts);
    for (unsigned i = 0; i < findings.count; i++) {
        cr_expect_eq(findings.list[i].verdict, FINDING_GOOD, "%s", findings.list[i].text);
        cr_expect_str_empty(findings.list[i].cure);
        cr_expect_gt(strlen(findings.list[i].text), 0);
    }
    cr_expect_eq(findings_verdict(&findings), FINDING_GOOD);
    cr_expect_geq(findings.count, 10);
}

/* --- io_uring --------------------------------------------------------------------------------------------- */

Test(findings, name_each_feature_that_is_missing_with_the_kernel_that_has_it) {
    snprintf(facts->features, sizeof(facts->features),
             "multishot-accept multishot-recv zero-copy defer-taskrun");
    expect("features", FINDING_FAIR,
           "send-bundle (Linux 6.10), incremental-buffers (Linux 6.12), no-iowait (Linux 6.15)", "6.12");
    cr_expect_null(strstr(finding_of("features")->text, "zero-copy ("));
}

Test(findings, take_no_part_of_a_word_for_a_feature) {
    snprintf(facts->features, sizeof(facts->features), "%s",
             "not-defer-taskrun multishot-accept multishot-recv incremental-buffers send-bundle zero-copy "
             "no-iowaits");
    expect("features", FINDING_FAIR, "does not: defer-taskrun (Linux 6.1), no-iowait (Linux 6.15)", "");
}

/* Epoll serves, for this reason; the sentence is cut into cause and cure. */
static void fall_back(const char *reason) {
    snprintf(facts->transport, sizeof(facts->transport), "epoll");
    snprintf(facts->reason, sizeof(facts->reason), "%s", reason);
}

Test(findings, say_why_epoll_serves_and_who_may_have_forbidden_io_uring) {
    static const struct {
        uint64_t disabled, seccomp, selinux;
        const char *cure;
    } rows[] = {{2, 0, 0, "sysctl -w kernel.io_uring_disabled=0"},
                {1, 2, 1, "sysctl -w kernel.io_uring_disabled=0"},
                {0, 2, 1, "seccomp="},
                {FACTS_UNKNOWN, 0, 1, "audit2allow"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        machine_take();
        fall_back("io_uring is refused (EPERM); do this");
        facts->uring_disabled = rows[i].disabled;
        facts->seccomp = rows[i].seccomp;
        facts->selinux = rows[i].selinux;
        findings_judge(&findings, facts);
        cr_assert_not_null(finding_of("io_uring"));
        cr_expect_eq(finding_of("io_uring")->verdict, FINDING_FAIR);
        cr_expect_str_eq(finding_of("io_uring")->text, "io_uring is refused (EPERM)");
        cr_expect_str_eq(finding_of("io_uring")->cure, "do this");
        cr_assert_not_null(finding_of("policy"));
        cr_expect_not_null(strstr(finding_of("policy")->cure, rows[i].cure), "row %zu: \"%s\"", i,
                           finding_of("policy")->cure);
        cr_expect_eq(findings_verdict(&findings), FINDING_FAIR);
    }
}

Test(findings, accuse_nobody_who_forbids_nothing) {
    fall_back("no memory for an io_uring (ENOMEM)");
    expect("io_uring", FINDING_FAIR, "no memory", "");
    cr_expect_eq(finding_of("policy")->verdict, FINDING_GOOD);
}

Test(findings, take_epoll_for_good_where_it_was_asked_for) {
    fall_back("");
    facts->flags.transport = ENGINE_EPOLL;
    expect("epoll", FINDING_GOOD, "as asked for", "");
}

Test(findings, call_an_engine_that_does_not_start_wrong) {
    facts->engine_started = false;
    snprintf(facts->reason, sizeof(facts->reason), "buffers do not fit; raise -m");
    expect("engine", FINDING_WRONG, "buffers do not fit", "raise -m");
}

/* --- process and network ---------------------------------------------------------------------------------- */

Test(findings, call_it_fair_when_fewer_connections_than_the_default_fit) {
    facts->descriptors_limit = 4096;
    facts->descriptors_connections = 4050;
    expect("descriptors", FINDING_FAIR, "-c becomes 4050 instead of 16384", "LimitNOFILE=16430");
}

Test(findings, call_it_wrong_when_the_connections_asked_for_do_not_fit) {
    facts->descriptors_connections = 0;
    snprintf(facts->descriptors_reason, sizeof(facts->descriptors_reason),
             "-c 9 needs 99 descriptors, the hard limit is 20: raise it (systemd: LimitNOFILE=99; Docker: "
             "more) or take -c 1");
    expect("descriptors", FINDING_WRONG, "the hard limit is 20",
           "raise it (systemd: LimitNOFILE=99; Docker: more) or take -c 1");
    cr_expect_str_eq(finding_of("descriptors")->text, "-c 9 needs 99 descriptors, the hard limit is 20");
}

Test(findings, compare_the_backlog_with_somaxconn) {
    facts->somaxconn = 4095;
    expect("backlog", FINDING_FAIR, "somaxconn=4095", "net.core.somaxconn=4096");
}

Test(findings, look_at_the_syn_backlog_only_without_syn_cookies) {
    facts->syn_cookies = 0;
    expect("SYN queue", FINDING_FAIR, "tcp_max_syn_backlog=512", "tcp_max_syn_backlog=4096");
    facts->syn_backlog = 4096;
    expect("SYN queue", FINDING_GOOD, "4096", "");
    facts->syn_backlog = 4095;
    facts->somaxconn = 4096;
    expect("SYN queue", FINDING_FAIR, "4095", "4096");
}

Test(findings, call_each_address_that_is_taken_wrong_and_list_the_free_ones) {
    snprintf(facts->ports[0].reason, sizeof(facts->ports[0].reason), "127.0.0.1:11211 is in use; stop it");
    findings_judge(&findings, facts);
    cr_expect_eq(findings.of_verdict[FINDING_WRONG], 1);
    cr_expect_str_eq(finding_of("address")->cure, "stop it");
    bool free_listed = false;
    for (unsigned i = 0; i < findings.count; i++) {
        free_listed = free_listed || strcmp(findings.list[i].text, "free: http://127.0.0.1:8080") == 0;
    }
    cr_expect(free_listed);
    cr_expect_eq(findings_verdict(&findings), FINDING_WRONG);
}

Test(findings, have_room_for_as_many_addresses_as_there_can_be) {
    facts->ports_count = ENGINE_LISTENS_MAX;
    for (unsigned i = 0; i < ENGINE_LISTENS_MAX; i++) {
        memset(facts->ports[i].text, 'x', LISTEN_TEXT_SIZE_MAX - 1);
        snprintf(facts->ports[i].reason, sizeof(facts->ports[i].reason), "%s", i < 32 ? "taken" : "");
    }
    findings_judge(&findings, facts);
    cr_expect_eq(findings.of_verdict[FINDING_WRONG], 32);
    for (unsigned i = 0; i < ENGINE_LISTENS_MAX; i++) {
        snprintf(facts->ports[i].reason, sizeof(facts->ports[i].reason), "taken");
    }
    snprintf(facts->listens_reason, sizeof(facts->listens_reason), "more");
    facts->flags.lock_memory = true;
    fall_back("refused");
    findings_judge(&findings, facts);
    cr_expect_eq(findings.of_verdict[FINDING_WRONG], ENGINE_LISTENS_MAX + 1);
}

Test(findings, list_the_addresses_that_are_passed_on_beside_the_free_ones) {
    facts->ports[0].is_inherited = true;
    expect("address", FINDING_GOOD, "passed on (LISTEN_FDS): 127.0.0.1:11211", "");
}

Test(findings, name_what_the_sandbox_would_lack) {
    expect("sandbox", FINDING_GOOD, "Landlock, seccomp, rings", "");
    facts->landlock_result = -ENOSYS;
    expect("sandbox", FINDING_FAIR, "without Landlock (Function not implemented)", "5.13");
    facts->landlock_result = 0;
    facts->calls_result = -EINVAL;
    expect("sandbox", FINDING_FAIR, "without seccomp", "CONFIG_SECCOMP_FILTER");
    facts->flags.sandbox = SANDBOX_ON;
    expect("sandbox", FINDING_WRONG, "without seccomp", "--sandbox=auto");
    facts->flags.sandbox_is_tried = false;
    findings_judge(&findings, facts);
    cr_expect_null(finding_of("sandbox"));
}

Test(findings, say_which_file_or_user_is_not_there) {
    facts->files_count = 2;
    expect("files", FINDING_GOOD, "can be read", "");
    snprintf(facts->files_reason, sizeof(facts->files_reason),
             "-u nobodyhere: there is no such user; useradd -r x");
    expect("files", FINDING_WRONG, "no such user", "useradd");
}

Test(findings, speak_of_certificates_where_there_are_some) {
    findings_judge(&findings, facts);
    cr_expect_null(finding_of("tls"));
    facts->has_tls = true;
    facts->certificate_days = 14;
    expect("tls", FINDING_GOOD, "ends in 14 days", "");
    facts->slow_key_us = 5321;
    expect("tls", FINDING_FAIR, "a key takes 5.3 ms", "P-256");
    facts->certificate_days = 13;
    expect("tls", FINDING_FAIR, "ends in 13 days", "a new one");
    facts->certificate_days = -1;
    expect("tls", FINDING_WRONG, "ended 1 days ago", "a new one");
    snprintf(facts->tls_reason, sizeof(facts->tls_reason), "ssl_key /k: key values mismatch");
    expect("tls", FINDING_WRONG, "key values mismatch", "");
}

/* --- memory ----------------------------------------------------------------------------------------------- */

Test(findings, call_more_memory_than_the_control_group_grants_wrong) {
    facts->memory_granted = 64 * UNITS_MIB - 1;
    expect("memory", FINDING_WRONG, "the control group's limit", "--memory (Docker)");
}

Test(findings, call_more_memory_than_the_machine_has_wrong) {
    facts->flags.memory_limit = 8 * UNITS_GIB + 1;
    expect("memory", FINDING_WRONG, "the machine's memory", "-m 75%");
}

Test(findings, leave_a_tenth_of_the_memory_to_others) {
    facts->memory_granted = 100 * UNITS_MIB;
    facts->flags.conn_memory = 26 * UNITS_MIB;
    expect("memory", FINDING_GOOD, "100.0 MiB", "");
    facts->flags.conn_memory = 26 * UNITS_MIB + UNITS_KIB;
    expect("memory", FINDING_FAIR, "over 90 %", "-m 60%");
}

Test(findings, tell_when_others_use_the_memory_now) {
    facts->memory_available = 63 * UNITS_MIB;
    expect("memory", FINDING_FAIR, "63.00 MiB are free now", "smaller -m");
}

Test(findings, say_why_the_store_cannot_be_made) {
    snprintf(facts->store_reason, sizeof(facts->store_reason), "-m 1k is too little; raise -m");
    expect("memory", FINDING_WRONG, "too little", "raise -m");
}

Test(findings, compare_the_lock_limit_only_where_memory_is_to_be_locked) {
    facts->lock_limit = 8 * UNITS_MIB;
    findings_judge(&findings, facts);
    cr_expect_null(finding_of("locking"));
    facts->flags.lock_memory = true;
    expect("locking", FINDING_FAIR, "8.000 MiB", "LimitMEMLOCK=infinity");
    facts->lock_limit = FACTS_UNKNOWN;
    expect("locking", FINDING_GOOD, "-k", "");
}

Test(findings, name_the_file_that_gives_items_or_the_index_large_pages) {
    snprintf(facts->large_pages_shmem, FACTS_WORD_SIZE_MAX, "never");
    expect("large pages", FINDING_FAIR, "none for items",
           "echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    snprintf(facts->large_pages_shmem, FACTS_WORD_SIZE_MAX, "deny");
    expect("large pages", FINDING_FAIR, "none for items", "shmem_enabled");
    snprintf(facts->large_pages_shmem, FACTS_WORD_SIZE_MAX, "always");
    snprintf(facts->large_pages, FACTS_WORD_SIZE_MAX, "never");
    expect("large pages", FINDING_FAIR, "none for buffers", "echo madvise >");
    facts->large_pages[0] = '\0';
    expect("large pages", FINDING_FAIR, "this kernel", "");
}

/* --- CPUs and time ---------------------------------------------------------------------------------------- */

Test(findings, compare_the_workers_with_the_affinity_mask_and_the_quota) {
    facts->workers_count = 5;
    expect("CPUs", FINDING_FAIR, "5 workers share the 4 CPUs", "-t 4");
    facts->workers_count = 4;
    facts->quota_cpus = 3;
    expect("CPUs", FINDING_FAIR, "quota of 3", "-t 3");
    facts->quota_cpus = 4;
    expect("CPUs", FINDING_GOOD, "enough quota", "");
    facts->workers_count = 1;
    facts->cpus_count = 1;
    expect("CPUs", FINDING_GOOD, "1 worker on 1 CPU,", "");
}

Test(findings, judge_a_clock_by_its_readings_not_by_its_name) {
    facts->clock_read_ns = 150;
    expect("clock", FINDING_GOOD, "150 ns", "");
    facts->clock_read_ns = 151;
    expect("clock", FINDING_FAIR, "enters the kernel", "available_clocksource");
}
