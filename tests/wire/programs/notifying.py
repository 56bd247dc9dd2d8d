# SPDX-License-Identifier: MIT
"""What a service manager hears (sd_notify(3)). The manager is a socket of the test's own."""

import contextlib
import ctypes
import os
import signal
import socket
import time

from harness.connection import Connection
from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import test
from harness.service import Service, ask

LIMIT_S = 20.0
STATUS_INTERVAL_S = 10.0
VERSION = "VERSION 1.6.45"

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WAIT_ALL = 0x40000000  # __WALL: threads, too


class Manager:
    """Listens where NOTIFY_SOCKET says: at a path, or at a name without a file."""

    def __init__(self, lab, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = os.path.join(lab.new_folder(), "notify")
        self.socket.bind("\0" + name if abstract else name)
        self.name = "@" + name if abstract else name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def environment(self, **more):
        return {"NOTIFY_SOCKET": self.name, **more}

    def next(self, limit_s=LIMIT_S):
        """The lines of the next message as a dictionary; None when none comes in time."""
        self.socket.settimeout(limit_s)
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.split("\n"))

    def expect(self, name, limit_s=LIMIT_S):
        """The next message that has `name`; others are passed over."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            message = self.next(max(0.01, end - time.monotonic()))
            if message and name in message:
                return message
        raise Failure(f"no {name}= within {limit_s:g} s")

    def count(self, name, seconds):
        """How many messages have `name` in the next `seconds`."""
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            message = self.next(max(0.01, end - time.monotonic()))
            count += message is not None and name in message
        return count


@test()
def readiness_is_told_when_clients_are_answered(lab):
    """At a path and at a name without a file; nobody asks before and waits."""
    for abstract in (False, True):
        path = os.path.join(lab.new_folder(), "socket")
        with Manager(lab, abstract) as manager:
            service = Service(lab, "-s", path, environment=manager.environment())
            service.start()
            try:
                check_equal("1", manager.next().get("READY"), "the first message")
                ask(path, "version", VERSION)
                service.stop()
                check_equal("1", manager.expect("STOPPING")["STOPPING"], "the last message")
            finally:
                service.process.kill()


@test(waits=True)
def the_status_tells_items_and_connections(lab):
    """At once, and again when it has changed."""
    path = os.path.join(lab.new_folder(), "socket")
    with Manager(lab) as manager, Service(lab, "-s", path, environment=manager.environment()):
        check_equal("0 items, 0 connections", manager.expect("STATUS")["STATUS"], "status at the start")
        with Connection(path) as client:
            for number in range(5):
                client.set(f"key-{number}", "x")
            status = manager.expect("STATUS", 2 * STATUS_INTERVAL_S)["STATUS"]
            check_equal("5 items, 1 connections", status, "status with five items")


@test()
def a_reload_begins_and_ends_with_a_word(lab):
    """The time of the first is the clock's; READY comes behind it."""
    path = os.path.join(lab.new_folder(), "socket")
    with Manager(lab) as manager, Service(lab, "-s", path, environment=manager.environment()) as service:
        manager.expect("READY")
        before_us = time.monotonic_ns() // 1000
        service.signal(signal.SIGHUP)
        told_us = int(manager.expect("RELOADING")["MONOTONIC_USEC"])
        check(before_us <= told_us <= time.monotonic_ns() // 1000, f"the reload was at {told_us}, not after {before_us}")
        manager.expect("READY")


@test()
def a_stop_says_how_long_it_may_take(lab):
    """--drain-timeout and a margin, whatever the manager's own time-out."""
    with Manager(lab) as manager, Service(lab, "-p", "-1", "--drain-timeout=200", environment=manager.environment()) as service:
        manager.expect("READY")
        service.stop()
        message = manager.expect("STOPPING")
        check_equal("205000000", message["EXTEND_TIMEOUT_USEC"], "microseconds")


@contextlib.contextmanager
def stopped_thread(thread):
    """Holds one thread of another process, as a worker that hangs; the others go on."""

    def ask_kernel(request):
        if LIBC.ptrace(request, thread, None, None) < 0:
            error = ctypes.get_errno()
            if error in (1, 38):  # EPERM, ENOSYS
                raise Skip("this machine lets nobody stop a thread (ptrace)")
            raise Failure(f"ptrace {request:#x}: {os.strerror(error)}")

    ask_kernel(PTRACE_SEIZE)
    ask_kernel(PTRACE_INTERRUPT)
    os.waitpid(thread, WAIT_ALL)
    try:
        yield
    finally:
        ask_kernel(PTRACE_DETACH)


def worker_threads(pid):
    """All but the main thread, oldest first."""
    return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid)


@test(waits=True)
def a_worker_that_hangs_stops_the_signs_of_life(lab):
    """Idle workers are alive; one that hangs is enough for silence; they come again when it goes on."""
    with Manager(lab) as manager:
        environment = manager.environment(WATCHDOG_USEC="400000")
        with Service(lab, "-p", "-1", "-t", "2", environment=environment) as service:
            manager.expect("READY")
            check(manager.count("WATCHDOG", 2.0) >= 3, "an idle server shows no sign of life")
            for thread in worker_threads(service.pid)[:2]:
                with stopped_thread(thread):
                    manager.count("WATCHDOG", 0.5)  # what was on its way
                    check_equal(0, manager.count("WATCHDOG", 1.5), f"signs of life while thread {thread} hangs")
                manager.expect("WATCHDOG")


@test(waits=True)
def a_watchdog_for_another_process_is_none(lab):
    """WATCHDOG_PID."""
    with Manager(lab) as manager:
        environment = manager.environment(WATCHDOG_USEC="100000", WATCHDOG_PID="1")
        with Service(lab, "-p", "-1", environment=environment):
            manager.expect("READY")
            check_equal(0, manager.count("WATCHDOG", 1.0), "signs of life")


@test()
def a_manager_that_cannot_be_reached_costs_a_warning(lab):
    """No such socket, a name too long, a kind that is not known; it serves all the same."""
    for name in ("/nonexistent/notify", "/" + 200 * "x", "vsock:2:1234"):
        with Service(lab, "-p", "-1", environment={"NOTIFY_SOCKET": name}) as service:
            check(f"warning: NOTIFY_SOCKET={name} cannot be used: " in service.output(), f"it said {service.output()!r}")
