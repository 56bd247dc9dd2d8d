# SPDX-License-Identifier: MIT
"""--sandbox: what a server that serves has given up, that the rest still works, and what is said where the kernel has it not."""

import os
import re
import signal
import sys

from harness import refuse
from harness.connection import Connection
from harness.outcome import Skip, check, check_equal
from harness.registry import test
from harness.server import wait_until
from harness.service import Service

REFUSE = os.path.abspath(refuse.__file__)
UNAVAILABLE = 69
LOCK_MEMORY = 1 << 14  # CAP_IPC_LOCK


def need_sandbox(lab):
    if lab.program.is_sanitized:
        raise Skip("a build with a sanitizer has no sandbox")


def statuses(pid):
    """/proc's figures of every thread."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@test()
def every_thread_has_given_up_rights_and_calls(lab):
    """NoNewPrivs 1, a filter of system calls, and no right but to lock memory; nothing of it with off."""
    need_sandbox(lab)
    for flag, filtered in ("--sandbox=auto", "2"), ("--sandbox=on", "2"), ("--sandbox=off", "0"):
        server = lab.start(flag, "-t", "2")
        for status in statuses(server.pid):
            check_equal("1", status["NoNewPrivs"], f"NoNewPrivs with {flag}")
            check_equal(filtered, status["Seccomp"], f"Seccomp with {flag}")
            rights = int(status["CapEff"], 16) | int(status["CapPrm"], 16)
            check(filtered == "0" or not rights & ~LOCK_MEMORY, f"rights {rights:x} with {flag}")
        lab.connect(server).version()
        server.stop()


def write(path, text):
    """As editors do: another file takes the name."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(path + ".new", path)


def reload_said(server, words):
    before = server.stderr_text().count(words)
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.stderr_text().count(words) > before, f"{words!r} after SIGHUP; it says {server.stderr_tail()}")


@test()
def files_that_no_flag_names_are_out_of_reach(lab):
    """The file of passwords is read again where it is, and not through a link that leads elsewhere."""
    need_sandbox(lab)
    folder, elsewhere = lab.new_folder(), lab.new_folder()
    passwords, secret = os.path.join(folder, "passwords"), os.path.join(elsewhere, "secret")
    write(passwords, "old:word\n")
    write(secret, "other:word\n")
    server = lab.start("-Y", passwords, "--sandbox=on")
    write(passwords, "new:word\n")
    reload_said(server, "is read again")
    with server.connect() as client:
        client.send("set x 0 0 8\r\nnew word\r\n")
        client.expect("STORED\r\n")
    os.remove(passwords)
    os.symlink(secret, passwords)
    reload_said(server, "Permission denied")
    with server.connect() as client:
        client.send("set x 0 0 8\r\nnew word\r\n")
        client.expect("STORED\r\n")


@test()
def logs_and_files_of_http_are_still_opened(lab):
    """A log is made anew after logrotate(8) has taken it away; a page that is new is served."""
    need_sandbox(lab)
    logs, root = lab.new_folder(), lab.new_folder()
    log = os.path.join(logs, "access.log")
    server = lab.start("--sandbox=on", "--http=127.0.0.1:0", f"--http-root={root}", f"--http-log={log}", "-P",
                       os.path.join(logs, "pid"))
    with open(server.port_path, encoding="ascii") as file:
        port = int(re.search(r"HTTP INET: (\d+)", file.read()).group(1))
    write(os.path.join(root, "page.txt"), "new page")

    def fetch():
        with Connection(("127.0.0.1", port)) as client:
            client.send(b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return client.read_to_end()

    answer = fetch()
    check(answer.endswith(b"new page"), f"the page is not served: {answer!r}")
    os.rename(log, log + ".1")
    reload_said(server, "is opened again")
    answer = fetch()
    check(answer.endswith(b"new page"), f"the page is not served: {answer!r}")
    wait_until(lambda: os.path.exists(log) and os.path.getsize(log) > 0, "a line in the new log")
    server.stop()
    check_equal(["access.log", "access.log.1"], sorted(os.listdir(logs)), "files at the end")
    check(not os.path.exists(server.socket_path), "the file of the socket is left")


@test(engines=("epoll",))
def a_kernel_without_it_costs_one_line_or_the_start(lab):
    """Each part alone is refused: auto says so once and serves, on does not start."""
    need_sandbox(lab)
    for call, error, part in (("landlock_create_ruleset", "EOPNOTSUPP", "Landlock"), ("landlock_create_ruleset", "ENOSYS", "Landlock"),
                              ("seccomp", "EINVAL", "seccomp"), ("seccomp", "EACCES", "seccomp")):
        prefix = (sys.executable, REFUSE, call, error)
        with Service(lab, "-p", "-1", prefix=prefix) as service:
            check_equal(1, service.output().count(f"sandbox without {part} ("), f"lines in {service.output()!r}")
        said = Service(lab, "-p", "-1", "--sandbox=on", prefix=prefix).expect_refusal(UNAVAILABLE)
        check(f"--sandbox=on: the kernel refuses {part} (" in said, f"it said {said!r}")


@test(engines=("epoll",))
def a_build_with_a_sanitizer_says_that_it_has_no_sandbox(lab):
    """The sanitizer needs calls that it would forbid."""
    if not lab.program.is_sanitized:
        raise Skip("this build has no sanitizer")
    with Service(lab, "-p", "-1") as service:
        check("sandbox off: this build has a sanitizer" in service.output(), service.output())


@test()
def who_cannot_have_all_of_it_takes_nothing_over(lab):
    """--sandbox=on, and the kernel refuses a part of it: that is known before the old one has given anything away, and it goes on."""
    need_sandbox(lab)
    server = lab.start()
    with lab.connect(server) as client:
        client.set("a", "x")
        for call in "landlock_create_ruleset", "seccomp":
            ended = lab.run(sys.executable, REFUSE, call, "EINVAL", lab.program.path, "-p", "-1", "-m", "64", "--sandbox=on",
                            f"--take-over={server.pid}")
            check_equal(UNAVAILABLE, ended.returncode, f"{call}: exit status, it said {ended.stderr!r}")
            client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
