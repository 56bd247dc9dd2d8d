# SPDX-License-Identifier: MIT
"""--take-over while somebody asks one of the two to stop, or both, as a service manager does that stops a service in the middle of its reload."""

import contextlib
import ctypes
import os
import signal
import time

from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import test
from harness.server import REPORTS, wait_until
from process import Process
from programs.notifying import Manager

UNAVAILABLE = 69
PR_SET_CHILD_SUBREAPER = 36
LIMIT_S = 20.0
ATTEMPTS = 20
RANDOM_STOPS = 12
LIBC = ctypes.CDLL(None)


def need_faults(lab):
    if not lab.program.has_faults():
        raise Skip("a build without debug commands has no failures on demand")


@test(debug=True, waits=True)
def who_takes_over_from_one_that_stops_says_that_it_does(lab):
    """The new one has got the old one's sockets, which listen no more when it looks at them: it is unavailable, and not what they are."""
    need_faults(lab)
    old = lab.start("-m", "64")
    new = Process([*old.arguments, f"--take-over={old.pid}"], os.path.join(lab.new_folder(), "new"),
                  environment={**os.environ, "RIPOSTE_TAKE_OVER_FAULT": "OFFERED:heard"})
    new.start()
    try:
        wait_until(lambda: "about to take over" in old.stderr_text(), "the new one is there")
        old.signal(signal.SIGTERM)
        old.expect_exit(0)
        check_equal(UNAVAILABLE, new.wait(LIMIT_S), f"exit status of the new one, which said {new.output_end()}")
        check("it refuses: this one stops" in new.output(), f"it said {new.output_end()}")
    finally:
        new.kill()


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "X"


def stop_behind_the_last_word(lab):
    """Whether the old one still was there when it was asked to stop, having said that it had stopped."""
    old = lab.start("-m", "64")
    flags = [str(old.port) if flag == "-1" else flag for flag in old.arguments]
    new = Process([*flags, f"--take-over={old.pid}"], os.path.join(lab.new_folder(), "new"))
    new.start()
    try:
        end = time.monotonic() + LIMIT_S
        while "info: stopped" not in old.stderr_text():
            check(time.monotonic() < end, f"the old one has not stopped: {old.stderr_tail()}")
        os.kill(old.pid, signal.SIGTERM)
        was_there = state_of(old.pid) not in "ZX"
        old.expect_exit(0)
        if not was_there:
            new.send_signal(signal.SIGTERM)
        check_equal(0, new.wait(LIMIT_S), f"exit status of the new one, which said {new.output_end()}")
        return was_there
    finally:
        new.kill()


@test()
def a_signal_behind_the_last_word_of_the_old_one_goes_on_to_the_new_one(lab):
    """The old one has said that it has stopped: for a moment it is still there, for who has just looked up its process id."""
    check(any(stop_behind_the_last_word(lab) for _ in range(ATTEMPTS)), "the old one was gone each time")


def stop_both(lab):
    """Whether the new one was asked soon after the old one, which had passed that on by then, or was about to."""
    old = lab.start("-m", "64")
    path = os.path.join(lab.new_folder(), "pid")
    flags = [str(old.port) if flag == "-1" else flag for flag in old.arguments]
    new = Process([*flags, f"--take-over={old.pid}", "-P", path], os.path.join(lab.new_folder(), "new"))
    new.start()
    try:
        wait_until(lambda: "info: stopped" in old.stderr_text() and " ready:" in new.output(), "the new one serves")
        began = time.monotonic()
        with contextlib.suppress(ProcessLookupError):  # it was there for a moment only
            old.process.send_signal(signal.SIGTERM)
        time.sleep(lab.random.random() * 0.005)
        new.send_signal(signal.SIGTERM)
        was_soon = time.monotonic() - began < 0.05
        check(not was_soon or new.wait(LIMIT_S) == 0, f"seed {lab.seed}: {new.exit_text()}; the new one said {new.output_end()}")
        check(not was_soon or not os.path.exists(path), "the pid file is left")
        old.expect_exit(0)
        return was_soon
    finally:
        new.kill()


@test()
def who_asks_both_to_stop_asks_once(lab):
    """The old one, behind its last word, passes it on; what the new one is told itself is no second one, which would end it at once."""
    check(sum(stop_both(lab) for _ in range(10)) > 0, "the new one was asked late each time")


def children_of(pid):
    """Its descendants."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                for child in map(int, file.read().split()):
                    found += [child, *children_of(child)]
    return found


class Reload:
    """A service, whose reload is a take-over in the background, and its manager, which stops it. This process becomes the parent of what
    loses its own, as the manager is.
    """

    def __init__(self, lab, manager, *flags, fault=None):
        self.manager, self.folder, self.statuses = manager, lab.new_folder(), {}
        environment = manager.environment(**({"RIPOSTE_TAKE_OVER_FAULT": fault} if fault else {}))
        self.paths = [os.path.join(self.folder, name) for name in ("log", "pid", "socket")]
        self.command = [lab.program.path, f"--engine={lab.engine}", "-t", "1", "-m", "64", "-s", self.paths[2], "-P", self.paths[1], "-p", "0",
                        f"--log-file={self.paths[0]}", *flags]
        self.errors = os.path.join(lab.new_folder(), "errors")
        self.main = self.spawn(self.command, {**os.environ, **manager.environment()})
        wait_until(lambda: "ready:" in self.log(), "it serves")
        self.first, self.control, self.environment = self.main, self.main, {**os.environ, **environment}

    def begin(self):
        command = [*self.command, "-d", f"--take-over={self.main}"]
        self.control = self.spawn(command, self.environment)

    def spawn(self, command, environment):
        to_file = (os.POSIX_SPAWN_OPEN, 2, self.errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.posix_spawn(command[0], command, environment, file_actions=[to_file])

    def log(self):
        with contextlib.suppress(FileNotFoundError), open(self.paths[0], encoding="utf-8") as file:
            return file.read()
        return ""

    def hear(self):
        """Whom the manager watches."""
        while (message := self.manager.next(0.001)) is not None:
            self.main = int(message.get("MAINPID", self.main))

    def all(self):
        return {self.main, self.control, *(pid for pid in children_of(os.getpid()) if self.is_mine(pid))}

    def is_mine(self, pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return self.paths[2] in file.read().split("\0")
        return False

    def stop(self):
        """First the one that is watched, then the reload, then all others, as systemd.kill(5) has it."""
        self.hear()
        for pid in dict.fromkeys((self.main, self.control, *self.all())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def collect(self):
        for pid in {self.first, *self.all()} - set(self.statuses):
            with contextlib.suppress(ChildProcessError):  # the grandchild of a parent that is there
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self.statuses[pid] = os.waitstatus_to_exitcode(status)

    def check_stopped(self, where):
        def is_over():
            self.hear()
            self.collect()
            return {self.first, self.main, self.control} <= set(self.statuses) and not [pid for pid in self.all() if state_of(pid) not in "ZX"]

        try:
            wait_until(is_over, f"{where}: all have ended, and not {self.all()}", LIMIT_S)
        except Failure as failure:
            raise Failure(f"{failure}; they said {self.log()[-800:]}") from None
        names = {self.first: "the old one", self.control: "the reload", self.main: "the one that is watched"}
        for pid, name in names.items():
            check_equal(0, self.statuses[pid], f"{where}: exit status of {name}; they said {self.log()[-800:]}")
        with open(self.errors, encoding="utf-8") as file:
            text = file.read()
        check(not any(report in text for report in REPORTS), f"{where}: {text}")
        check_equal(["log"], os.listdir(self.folder), f"{where}: files that are left")

    def kill(self):
        left = {self.first, *self.all()} - set(self.statuses)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


@contextlib.contextmanager
def reload(lab, *flags, fault=None):
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with Manager(lab) as manager:
        service = Reload(lab, manager, *flags, fault=fault)
        try:
            yield service
        finally:
            service.kill()
            LIBC.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@test(debug=True, waits=True, limit_s=120)
def a_service_that_is_stopped_at_any_message_of_its_reload_has_not_failed(lab):
    """The new one does nothing for three seconds before, or behind, that message: whoever is watched and the reload itself end with status 0."""
    need_faults(lab)
    for fault in "HELLO:stall", "OFFERED:heard", "READY:stall", "COMPLETE:heard", "MINE:stall":
        with reload(lab, fault=fault) as service:
            service.begin()
            message = fault.partition(":")[0]
            stalls = {"HELLO": lambda: service.all() - {service.main, service.control} or is_catching(service.control),
                      "COMPLETE": lambda: is_paused(service), "MINE": lambda: is_paused(service)}
            wait_until(stalls.get(message, lambda: "about to take over" in service.log()), f"{fault}: it is there")
            service.stop()
            service.check_stopped(fault)


def is_catching(pid):
    """Whether a stop signal does not simply kill it."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        caught = next(int(line.split()[1], 16) for line in file if line.startswith("SigCgt:"))
    return caught >> (signal.SIGTERM - 1) & 1 == 1


def is_paused(service):
    return "about to take over" in service.log() and all(state_of(pid) == "S" for pid in service.all())


@test(waits=True, limit_s=120)
def a_service_that_is_stopped_at_any_time_of_its_reload_has_not_failed(lab):
    """At random, once the reload takes signals; with and without a delay of the stop."""
    for turn in range(RANDOM_STOPS):
        with reload(lab, *(["--stop-delay=1"] if turn % 4 == 0 else [])) as service:
            service.begin()
            wait_until(lambda: is_catching(service.control), "it takes signals")
            delay_s = lab.random.random() * 0.03
            time.sleep(delay_s)
            service.stop()
            service.check_stopped(f"seed {lab.seed}, turn {turn}, {1000 * delay_s:.1f} ms")
