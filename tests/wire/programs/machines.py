# SPDX-License-Identifier: MIT
"""Machines unlike this one: many workers, little locked memory, few descriptors, a kernel or sandbox without io_uring."""

import os
import re
import sys

from harness import refuse
from harness.outcome import Skip, check, check_equal
from harness.registry import TCP, test

REFUSE = os.path.abspath(refuse.__file__)
VALUE_SIZE = 500_000


def limited(lab, *limits, user=65534):
    """
    The command that sets limits and gives the rights of root away: root's are not subject to RLIMIT_MEMLOCK. A limit that counts all
    processes of a user wants one who runs nothing else, since tests run side by side.
    """
    if os.geteuid() != 0:
        raise Skip("not root: cannot become a user without rights")
    os.chmod(lab.folder, 0o711)
    return (lab.need("prlimit", "util-linux"), *limits, "--", lab.need("setpriv", "util-linux"), f"--reuid={user}", f"--regid={user}",
            "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")


def check_serves(lab, server):
    client = lab.connect(server)
    client.set("a", "x")
    client.version()


@test(families=TCP, limit_s=120)
def many_workers_leave_most_of_the_memory_to_items(lab):
    """96 and 1024 workers with -m 64: their buffers take at most a quarter, values of 32 MB stay, limit_maxbytes is -m."""
    for workers in (96, 1024):
        server = lab.start("-t", str(workers), "-m", "64", "-c", "1000")
        client = lab.connect(server)
        stats, own = client.stats(), client.stats("riposte")
        check_equal(str(64 << 20), stats["limit_maxbytes"], f"limit_maxbytes with {workers} workers")
        fixed_size = int(own["engine_fixed_memory_size"])
        check(fixed_size <= 16 << 20, f"{workers} workers: {fixed_size} bytes of buffers are more than a quarter")
        for number in range(100):
            client.set(f"v{number}", "v" * VALUE_SIZE)
        kept = sum(client.get(f"v{number}") is not None for number in range(100))
        check(kept >= 64, f"{workers} workers: {kept} values of {VALUE_SIZE} bytes are kept")
        server.stop()


@test(families=TCP, engines=("uring",))
def buffers_that_were_asked_for_and_do_not_fit_are_an_error(lab):
    """They are not made smaller in silence; the sentence names what to change."""
    done = lab.run_server("-p", "-1", "-t", "8", "-m", "64", "--recv-buffer-size=1m",
                          "--recv-buffer-count=8")
    text = done.stderr.decode()
    check_equal(64, done.returncode, f"exit status ({text.strip()!r})")
    check("raise -m, lower -t" in text, text)


@test(families=TCP, engines=("uring",), waits=True)
def epoll_serves_where_io_uring_is_refused(lab):
    """Each of its three system calls alone, with each errno that a sandbox or SELinux answers: one line says why."""
    for call in refuse.CALLS:
        for number in ("EPERM", "EACCES", "ENOSYS", "ENOMEM", "EIO"):
            server = lab.start("-t", "2", "--engine=auto", prefix=(sys.executable, REFUSE, call, number))
            check_serves(lab, server)
            text = server.stderr_text()
            lines = [line for line in text.splitlines() if "serving with epoll: " in line]
            check_equal(1, len(lines), f"{call} refused with {number}: lines about it in {text!r}")
            check("on epoll" in text, f"{call} refused with {number}: {text!r}")
            server.stop()


@test(families=TCP, engines=("uring",))
def a_refused_ring_that_was_asked_for_is_an_error(lab):
    """--engine=uring: exit status 69, or 71 for want of memory; the cure is named."""
    for call in refuse.CALLS:
        for number, status in (("EPERM", 69), ("ENOSYS", 69), ("ENOMEM", 71)):
            done = lab.run(sys.executable, REFUSE, call, number, lab.program.path, "-p", "-1", "--engine=uring")
            text = done.stderr.decode()
            check_equal(status, done.returncode, f"{call} refused with {number}: exit status ({text.strip()!r})")
            check("--engine=epoll" in text or "LimitMEMLOCK" in text, f"{call} refused with {number}: {text!r}")


@test(families=TCP, engines=("uring",))
def all_workers_take_epoll_where_locked_memory_does_not_suffice_for_all_rings(lab):
    """64 KiB are too little for one; 1 MiB is enough for the probe and some workers, not for 16. The line does the sum."""
    for kib, workers in ((64, 2), (1024, 16)):
        server = lab.start("-t", str(workers), "-m", "1g", "-c", "1000", "--engine=auto",
                           prefix=limited(lab, f"--memlock={kib * 1024}:{kib * 1024}", user=65501))
        check_serves(lab, server)
        text = server.stderr_text()
        check(f"{workers} workers on epoll" in text, f"{kib} KiB for {workers} workers: {text!r}")
        check(f"the rings of {workers} workers take" in text, f"{kib} KiB for {workers} workers: {text!r}")
        server.stop()


@test(families=TCP, engines=("uring",))
def a_start_right_after_a_stop_waits_for_the_locked_memory_of_the_one_before(lab):
    """It is given back some time after the end of a process, a killed one's too; the limit has room for one server."""
    few = lab.start("-t", "2", "--engine=auto", prefix=limited(lab, f"--memlock={64 << 10}:{64 << 10}", user=65502))
    told = re.search(r"the rings of 2 workers take (\d+) KiB", few.stderr_text())
    if told is None:
        raise Skip("this kernel does not count rings as locked memory")
    few.stop()
    size = (int(told[1]) + 16) << 10  # and the probe's, which is smaller
    for number in range(8):
        server = lab.start("-t", "2", "--engine=auto", prefix=limited(lab, f"--memlock={size}:{size}", user=65502))
        check("2 workers on io_uring" in server.stderr_text(), f"start {number}: {server.stderr_text()!r}")
        if number % 2 == 0:
            server.kill()
        else:
            server.stop()


@test(families=TCP)
def few_descriptors_lower_a_connection_limit_that_nobody_gave(lab):
    """A hard limit of 4096: one warning, and -c is what is left; a -c that was given is an error with what is possible."""
    prefix = limited(lab, "--nofile=1024:4096")
    server = lab.start("-t", "1", prefix=prefix)
    check_serves(lab, server)
    lines = [line for line in server.stderr_text().splitlines() if "-c is lowered from 16384" in line]
    check_equal(1, len(lines), f"warnings in {server.stderr_text()!r}")
    lowered = int(lab.connect(server).stats("settings")["maxconns"])
    check(4000 <= lowered < 4096, f"maxconns is {lowered}")
    done = lab.run(*prefix, lab.program.path, "-p", "-1", "-c", "8000")
    check_equal(71, done.returncode, f"exit status ({done.stderr.decode().strip()!r})")
    check("or take -c 40" in done.stderr.decode(), done.stderr.decode())


@test(families=("unix",))
def a_name_stands_for_those_of_its_addresses_that_the_machine_has(lab):
    """localhost is 127.0.0.1 and ::1 in /etc/hosts, and IPv6 is turned off (both in namespaces of the test's own)."""
    if os.geteuid() != 0:
        raise Skip("not root: cannot have a network namespace")
    lab.need("ip", "iproute2")
    hosts = os.path.join(lab.new_folder(), "hosts")
    with open(hosts, "w", encoding="ascii") as file:
        file.write("127.0.0.1 localhost\n::1 localhost\n")
    script = f'''mount --bind {hosts} /etc/hosts && ip link set lo up &&
                 echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "$@"'''
    apart = (lab.need("unshare", "util-linux"), "-n", "-m", "sh", "-c", script, "sh")
    server = lab.start("-l", "localhost", prefix=apart)
    check_serves(lab, server)
    text = server.stderr_text()
    check("127.0.0.1:" in text and "[::1]" not in text, text)
    done = lab.run(*apart, lab.program.path, "-p", "-1", "-l", "::1")
    check_equal(71, done.returncode, f"exit status where none of the addresses is there ({done.stderr.decode().strip()!r})")
    check("this machine has no such address" in done.stderr.decode(), done.stderr.decode())


@test(families=TCP)
def a_limit_of_file_sizes_neither_ends_the_server_nor_keeps_it_from_storing(lab):
    """RLIMIT_FSIZE of 1 MiB, far below -m: anonymous memory serves; it is filled three times over."""
    server = lab.start("-t", "2", "-m", "64", prefix=(lab.need("prlimit", "util-linux"), f"--fsize={1 << 20}"))
    client = lab.connect(server)
    for i in range(200):
        client.set(f"large{i}", "x" * 1000000)
    check(int(client.stats()["evictions"]) > 0, "nothing was evicted")
    check_equal("0", client.stats("riposte")["no_memory"], "sets without memory")


@test()
def a_pid_file_that_the_limit_of_file_sizes_forbids_ends_the_start_with_a_sentence(lab):
    """RLIMIT_FSIZE of 0: the signal that the kernel sends for it ends nobody."""
    path = f"{lab.new_folder()}/pid"
    ended = lab.run(lab.need("prlimit", "util-linux"), "--fsize=0", lab.program.path, "-p", "-1", "-P", path)
    check_equal(71, ended.returncode, f"exit status: {ended.stderr!r}")
    check(f"-P {path} cannot be written: File too large" in ended.stderr.decode(), f"{ended.stderr!r}")


@test()
def where_addresses_are_short_the_sentence_speaks_of_them(lab):
    """RLIMIT_AS, too little for threads, for their buffers, for the store."""
    if lab.program.is_sanitized:
        raise Skip("a sanitizer needs more addresses than any limit leaves")
    for mib in (60, 80, 100, 130):
        ended = lab.run(lab.need("prlimit", "util-linux"), f"--as={mib << 20}", lab.program.path, "-p", "-1", "-t", "2", "--engine=epoll")
        check_equal(71, ended.returncode, f"exit status with {mib} MiB: {ended.stderr!r}")
        text = ended.stderr.decode()
        check("RLIMIT_AS" in text or "ulimit -v" in text, f"{mib} MiB: {text!r}")


@test(families=TCP)
def items_in_memory_of_its_own_are_not_handed_over_and_that_is_said(lab):
    """Where a limit of file sizes has made them so: neither is a check good, nor does anybody wait for a take-over that cannot be."""
    server = lab.start("-t", "2", "-m", "64", prefix=(lab.need("prlimit", "util-linux"), f"--fsize={1 << 20}"))
    client = lab.connect(server)
    client.set("a", "x")
    for flags, status in ((("--check",), 2), ((), 69)):
        ended = lab.run_server(f"--take-over={server.pid}", "-p", str(server.port), *flags)
        check_equal(status, ended.returncode, f"exit status: {ended.stdout!r}{ended.stderr!r}")
        check("no other process can have" in " ".join((ended.stdout + ended.stderr).decode().split()), f"{ended.stdout!r}{ended.stderr!r}")
    check_equal(b"x", client.get("a"), "the value afterwards")


@test(families=TCP)
def one_that_may_not_have_the_descriptors_of_all_connections_does_not_take_over(lab):
    """80 of them; 60 and 85 descriptors in all."""
    prlimit = lab.need("prlimit", "util-linux")
    server = lab.start("-t", "2")
    clients = [lab.connect(server) for _ in range(80)]
    for client in clients:
        client.version()
    for limit in (60, 85):
        ended = lab.run(prlimit, f"--nofile={limit}", lab.program.path, f"--take-over={server.pid}", "-p", str(server.port), "-m", "64")
        check_equal(69, ended.returncode, f"exit status: {ended.stderr!r}")
        check(b"ulimit -n" in ended.stderr.splitlines()[-1], f"{ended.stderr!r}")
        for client in clients:
            client.version()


@test(families=TCP)
def too_few_addresses_are_said_with_the_cure(lab):
    """RLIMIT_AS below -m makes the store smaller; far below it there is no start, and the sentence names the flag and the limit."""
    if lab.program.is_sanitized:
        raise Skip("a sanitizer needs more addresses than the limit leaves")
    prlimit = lab.need("prlimit", "util-linux")
    server = lab.start("-t", "1", "-m", "256", prefix=(prlimit, f"--as={300 << 20}"))
    client = lab.connect(server)
    for i in range(300):
        client.set(f"large{i}", "x" * 1000000)
    check_equal("0", client.stats("riposte")["no_memory"], "sets without memory")
    server.stop()
    done = lab.run(prlimit, f"--as={100 << 20}", lab.program.path, "-p", "-1", "-m", "256", "-t", "1")
    check_equal(71, done.returncode, f"exit status ({done.stderr.decode().strip()!r})")
    for words in ("lower -m", "ulimit -v"):
        check(words in done.stderr.decode(), done.stderr.decode())
