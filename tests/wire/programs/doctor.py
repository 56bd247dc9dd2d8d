# SPDX-License-Identifier: MIT
"""riposte --check: what it says of this machine, and of machines on which something is amiss."""

import json
import os
import socket
import sys

from harness import refuse
from harness.outcome import Skip, check, check_equal
from harness.registry import TCP, test
from programs.machines import limited

REFUSE = os.path.abspath(refuse.__file__)
RANK = {"good": 0, "fair": 1, "wrong": 2}
ONCE = {"families": TCP, "engines": ("uring",)}  # it looks at both engines itself


def examine(lab, *flags, prefix=()):
    """The findings by area; the exit status is that of the worst of them."""
    done = lab.run(*prefix, lab.program.path, "-p", "-1", "--check=json", *flags)
    check(done.stdout, f"nothing printed, but {done.stderr.decode()!r}")
    report = json.loads(done.stdout)
    worst = max(RANK[finding["verdict"]] for finding in report["findings"])
    check_equal(worst, done.returncode, f"exit status ({done.stdout.decode()})")
    check_equal(worst, report["exit_status"], "exit_status")
    check_equal("", done.stderr.decode(), "standard error")
    return {finding["area"]: finding for finding in report["findings"]}


def check_finding(findings, area, verdict, *words):
    check(area in findings, f"no finding about {area} in {findings}")
    finding = findings[area]
    check_equal(verdict, finding["verdict"], f"{finding}")
    for word in words:
        check(word in finding["text"] + " | " + (finding["cure"] or ""), f"{word!r} is not in {finding}")


@test(**ONCE)
def a_machine_that_serves_is_not_wrong(lab):
    """Rings were made and memory taken; nothing of it is there afterwards, not even a socket's file."""
    path = os.path.join(lab.new_folder(), "socket")
    findings = examine(lab, "-s", path, "-t", "2", "-m", "64", "-c", "500")
    check_finding(findings, "io_uring", "good", "2 workers ran")
    check_finding(findings, "descriptors", "good", "-c 500")
    check_finding(findings, "address", "good", f"unix:{path}")
    check(not os.path.exists(path), "the file of the socket is still there")
    check(all(finding["verdict"] != "wrong" for finding in findings.values()), f"{findings}")


@test(**ONCE)
def the_report_fits_a_terminal_of_80_by_24(lab):
    """Plain text into a pipe: no colours, one screen, the sum in the last line."""
    done = lab.run_server("-p", "-1", "--check", environment={"TERM": "xterm"})
    lines = done.stdout.decode("ascii").splitlines()
    check(len(lines) <= 24, f"{len(lines)} lines")
    check(max(map(len, lines)) <= 80, "a line is longer than 80 columns")
    check("\033" not in done.stdout.decode(), "coloured into a pipe")
    check(" good, " in lines[-1] and " wrong. " in lines[-1], lines[-1])
    check_equal(0 if " 0 fair, 0 wrong" in lines[-1] else 1, done.returncode, lines[-1])


@test(**ONCE)
def a_port_that_is_taken_is_wrong(lab):
    """Of two addresses one is another's: that one is named, the other is free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        findings = examine(lab, "-l", f"127.0.0.1:{port}")
        check_finding(findings, "address", "wrong", f"127.0.0.1:{port} is in use", "another port")
    check_finding(examine(lab, "-l", f"127.0.0.1:{port}"), "address", "good", f"127.0.0.1:{port}")


@test(**ONCE)
def few_descriptors_are_fair_or_wrong(lab):
    """A hard limit of 4096: fewer connections than by default, or not those that were asked for."""
    prefix = limited(lab, "--nofile=1024:4096")
    check_finding(examine(lab, prefix=prefix), "descriptors", "fair", "-c becomes 40", "LimitNOFILE=")
    check_finding(examine(lab, "-c", "8000", prefix=prefix), "descriptors", "wrong", "-c 8000 needs", "or take -c 40")


@test(**ONCE)
def a_ring_that_is_refused_is_fair_and_wrong_where_it_was_asked_for(lab):
    """Each of the three system calls alone: the reason is the server's own, and who may have done it is listed."""
    for call in refuse.CALLS:
        prefix = (sys.executable, REFUSE, call, "EPERM")
        findings = examine(lab, prefix=prefix)
        check_finding(findings, "io_uring", "fair", "io_uring is refused (EPERM)")
        check_finding(findings, "policy", "fair", "a seccomp filter is in force")
        findings = examine(lab, "--engine=uring", prefix=prefix)
        check_finding(findings, "engine", "wrong", "io_uring is refused (EPERM)")
        check("policy" in findings, f"{findings}")
        findings = examine(lab, "--engine=epoll", prefix=prefix)
        check_finding(findings, "epoll", "good", "as asked for")


@test(**ONCE)
def locked_memory_that_does_not_suffice_for_every_worker_is_found_by_trying(lab):
    """1 MiB is enough for a ring or two, not for 16."""
    prefix = limited(lab, f"--memlock={1 << 20}:{1 << 20}")
    findings = examine(lab, "-t", "16", "-m", "1g", prefix=prefix)
    check_finding(findings, "io_uring", "fair", "the rings of 16 workers take", "LimitMEMLOCK=infinity")
    check_finding(examine(lab, "-k", prefix=prefix), "locking", "fair", "1.000 MiB", "LimitMEMLOCK=infinity")


@test(**ONCE)
def more_workers_than_cpus_are_fair(lab):
    """The affinity mask is one CPU; five workers share it."""
    cpu = min(os.sched_getaffinity(0))
    prefix = (lab.need("taskset", "util-linux"), "-c", str(cpu))
    check_finding(examine(lab, "-t", "5", prefix=prefix), "CPUs", "fair", "5 workers share the 1 CPU ", "-t 1")


def memory_group(lab, size):
    """The folder of a new control group of that much memory, and the command that enters it."""
    for parent, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        folder = os.path.join(parent, f"riposte-test-{os.getpid()}")
        try:
            os.mkdir(folder)
        except OSError:
            continue
        try:
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(str(size))
        except OSError:
            os.rmdir(folder)
            continue
        return folder, ("sh", "-c", f'echo $$ >{folder}/cgroup.procs && exec "$@"', "sh")
    raise Skip("no control group of one's own can be made here")


@test(**ONCE)
def more_memory_than_the_control_group_grants_is_wrong(lab):
    """64 MiB for a server of 256; then one of 48 whose connections take the rest."""
    folder, prefix = memory_group(lab, 64 << 20)
    try:
        findings = examine(lab, "-m", "256", "-t", "1", prefix=prefix)
        check_finding(findings, "memory", "wrong", "the control group's limit, 64.00 MiB", "MemoryMax=")
        findings = examine(lab, "-m", "48", "-t", "1", prefix=prefix)
        check_finding(findings, "memory", "fair", "over 90 %")
        findings = examine(lab, "-m", "16", "-I", "1m", "-t", "1", prefix=prefix)
        check_finding(findings, "memory", "good", "-m 16m")
    finally:
        os.rmdir(folder)


@test(**ONCE)
def memory_that_cannot_be_is_wrong(lab):
    """A terabyte that the machine does not have, and less than the buffers of the workers take."""
    check_finding(examine(lab, "-m", "1024g"), "memory", "wrong", "-m 1024g is more than")
    findings = examine(lab, "-m", "3m", "-I", "1m", "-t", "1", "--recv-buffer-size=1m", "--recv-buffer-count=2")
    check_finding(findings, "engine", "wrong", "raise -m")


@test(**ONCE)
def files_and_users_that_are_not_there_are_wrong(lab):
    """The first of them is named."""
    check_finding(examine(lab, "-Y", "/nonexistent/passwords"), "files", "wrong", "-Y /nonexistent/passwords")
    check_finding(examine(lab, "-u", "no-such-user-here"), "files", "wrong", "useradd")
    check_finding(examine(lab, "-Y", "/dev/null"), "files", "good")


@test(**ONCE)
def flags_that_cannot_be_are_usage_errors_as_at_a_start(lab):
    """Before, and behind --check; and a word that it does not know."""
    for flags in (["--check", "-t", "0"], ["-t", "x", "--check"], ["--check=xml"]):
        check_equal(64, lab.run_server(*flags).returncode, f"exit status of {' '.join(flags)}")
