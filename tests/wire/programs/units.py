# SPDX-License-Identifier: MIT
"""The units of tools/systemd: that systemd takes them, how safe it calls them, and that they allow what the server calls."""

import os
import re
import shutil
import signal
import urllib.request

from harness.connection import Connection
from harness.outcome import Skip, check, check_equal
from harness.ports import free_port
from harness.registry import test
from harness.service import Service

UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, os.pardir, "tools", "systemd")
EXPOSURE_TENTHS_MAX = "15"
WORKERS = 2


def unit(name):
    return os.path.join(UNITS, name)


def need_analyze(lab):
    return lab.need("systemd-analyze", "systemd")


@test(engines=("epoll",))
def systemd_finds_nothing_wrong_with_the_units(lab):
    """With the program and the page of the manual where they are."""
    analyze = need_analyze(lab)
    folder = lab.new_folder()
    program = os.path.join(folder, "riposte")
    shutil.copy(lab.program.path, program)
    for name in ("riposte.service", "riposte.socket"):
        with open(unit(name), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/bin/riposte", program))
    done = lab.run(analyze, "verify", "--man=no", os.path.join(folder, "riposte.service"),
                   os.path.join(folder, "riposte.socket"))
    check_equal((0, b""), (done.returncode, done.stderr), "what systemd-analyze verify says")


@test(engines=("epoll",))
def systemd_calls_the_service_safe(lab):
    """systemd-analyze security: below 1.5, of 10 for a service that may do everything."""
    done = lab.run(need_analyze(lab), "security", "--offline=true", f"--threshold={EXPOSURE_TENTHS_MAX}", "--no-pager",
                   unit("riposte.service"))
    if b"unrecognized option" in done.stderr or b"Unknown" in done.stderr:
        raise Skip("this systemd-analyze is too old to look at a file (250)")
    check_equal(0, done.returncode, (done.stdout + done.stderr).decode()[-200:])


def allowed_calls(lab):
    """What SystemCallFilter= leaves, line by line as systemd.exec(5) has it."""
    analyze, allowed = need_analyze(lab), set()

    def expand(word):
        if not word.startswith("@"):
            return {word}
        listed = lab.run(analyze, "syscall-filter", "--no-pager", word).stdout.decode().splitlines()[1:]
        words = [line.split("#")[0].strip() for line in listed]
        return set().union(*(expand(each) for each in words if each))

    with open(unit("riposte.service"), encoding="utf-8") as file:
        lines = re.findall(r"^SystemCallFilter=(~?)(.*)$", file.read(), re.MULTILINE)
    for inverted, words in lines:
        calls = set().union(*(expand(word) for word in words.split()))
        allowed = allowed - calls if inverted else allowed | calls
    return allowed


def work(service, path, port):
    """What a day has: requests of all kinds, a page, statistics, a reload."""
    with Connection(path) as client:
        client.set("small", "x")
        client.set("large", "x" * 900_000)
        check_equal(900_000, len(client.get("large")), "size of the large value")
        client.stats("conns"), client.stats("riposte"), client.stats("settings")
        client.ask("cache_memlimit 60", "OK")
    for what in ("metrics", "stats.json", "cache/small", "index.html"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{what}", timeout=10) as answer:
            answer.read()
    service.signal(signal.SIGHUP)


@test()
def the_unit_allows_every_call_that_the_server_makes(lab):
    """Seen by strace, from start to stop; the unit's answer to others is EPERM, as is that of the server's own sandbox."""
    if lab.program.is_sanitized:
        raise Skip("the leak sanitizer does not work beside strace")
    strace, allowed = lab.need("strace", "strace"), allowed_calls(lab)
    folder = lab.new_folder()
    path, trace = os.path.join(folder, "socket"), os.path.join(folder, "trace")
    with open(os.path.join(folder, "index.html"), "w", encoding="ascii") as file:
        file.write("hello")
    port = free_port()
    flags = ["-s", path, "-t", str(WORKERS), "-k", f"--http=127.0.0.1:{port}", f"--http-root={folder}",
             f"--http-log={os.path.join(folder, 'log')}"]
    with Service(lab, *flags, prefix=[strace, "-f", "-qq", "-o", trace]) as service:
        work(service, path, port)
        # strace passes no signal on: the server is its child.
        with open(f"/proc/{service.pid}/task/{service.pid}/children", encoding="ascii") as file:
            server = int(file.read().split()[0])
        os.kill(server, signal.SIGTERM)
        service.wait()
    with open(trace, encoding="utf-8", errors="replace") as file:
        text = file.read()
    called = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", text, re.MULTILINE))
    _, _, inside = text.partition("SECCOMP_SET_MODE_FILTER")
    check_equal([], re.findall(r".* = -1 E(?:PERM|ACCES) .*", inside), "calls that its own sandbox refused")
    check("io_uring_enter" in called or "epoll_wait" in called, f"strace saw no loop: {sorted(called)}")
    check_equal([], sorted(called - allowed), "calls that the unit forbids")
    if lab.engine == "uring" and not lab.program.is_sanitized:
        rings = text.count("IORING_REGISTER_RESTRICTIONS, "), text.count("IORING_REGISTER_ENABLE_RINGS, ")
        check_equal((WORKERS, WORKERS), rings, "rings that got a list of operations, and were enabled then")
