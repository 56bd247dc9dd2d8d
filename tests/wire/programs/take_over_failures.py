# SPDX-License-Identifier: MIT
"""--take-over: one of the two processes is killed, stalls or says something else at any message, or stops: one of them serves in the end."""

import os
import signal
import socket
import struct
import threading
import time

from harness.connection import Connection
from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import test
from harness.server import REPORTS, wait_until
from process import Process

OLD_SAYS = ("SETTINGS", "LISTENER", "FILE", "ABILITIES", "OFFERED", "STORE", "CONNECTIONS", "NUMBERS", "COMPLETE", "SIGNALS")
NEW_SAYS = ("HELLO", "ABILITIES", "READY", "MINE")
OLD_SAYS_OF_ITEMS = ("ITEMS", "ITEMS_END")  # where they cannot stay in their memory
NEW_SAYS_OF_ITEMS = ("ITEMS_WANTED",)
MATRIX = [(message, True) for message in OLD_SAYS] + [(message, False) for message in NEW_SAYS]  # and whether the old one says it
STALL_S = 3.0  # of the hook


class Witness:
    """A thread that asks who serves, on a new connection each time: process ids in their order, and the longest time without an answer."""

    def __init__(self, server):
        self.address, self.ended, self.pids, self.gap_s = server.address(), False, [], 0.0
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.pids, "an answer")
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()

    def run(self):
        last = time.monotonic()
        while not self.ended:
            time.sleep(0.001)  # the CPU is for those who are asked
            try:
                with Connection(self.address) as client:
                    pid = int(client.stats()["pid"])
            except Failure:
                time.sleep(0.005)
                continue
            now = time.monotonic()
            self.gap_s, last = max(self.gap_s, now - last), now
            if not self.pids or self.pids[-1] != pid:
                self.pids.append(pid)


def fail_at(lab, message, how, *more, is_old):
    """Old and new (which has more flags), one of which fails at that message of its own: one of them serves in the end, and the other one has ended."""
    fault = {"RIPOSTE_TAKE_OVER_FAULT": f"{message}:{how}"}
    where = f"{how} at {message} of the {'old' if is_old else 'new'} one"
    old = lab.start("--hand-over-timeout=1", "-m", "64", environment=fault if is_old else None)
    stays = lab.connect(old)
    stays.set("a", "x")
    # By its number: who has not heard of the old one's port before that one dies opens it itself.
    flags = [str(old.port) if flag == "-1" else flag for flag in old.arguments]
    new = Process([*flags, *more, f"--take-over={old.pid}"], os.path.join(old.folder, "new"),
                  environment={**os.environ, **({} if is_old else fault)})
    try:
        with Witness(old) as witness:
            new.start()
            wait_until(lambda: old.process.alive() != new.alive(), f"{where}: one has ended; they said {old.stderr_text()} {new.output()}")
            time.sleep(0.2)  # whoever is left has the time to do something wrong
            wait_until(lambda: witness.pids[-1] == (old if old.process.alive() else new).pid, f"{where}: the other one serves")
        check(witness.pids in ([old.pid], [old.pid, new.pid]), f"{where}: {witness.pids} served, of {old.pid} and {new.pid}")
        limit_s = 1.0 if how != "stall" else STALL_S + 1.5
        check(witness.gap_s < limit_s, f"{where}: {witness.gap_s:.1f} s without an answer")
        # Items are lost with a process that is killed while they are its own.
        if not (is_old and how in ("die", "sent")):
            stays.ask("get a", "VALUE a 0 1\r\nx\r\nEND", where)
        if new.alive():
            old.kill()
            new.send_signal(signal.SIGTERM)
            check_equal(0, new.wait(10), f"{where}: exit status of the new one, which said {new.output_end()}")
        check(not any(report in new.output() for report in REPORTS), f"{where}: the new one said {new.output_end()}")
    finally:
        new.kill()
    old.stop()


def need_faults(lab):
    if not lab.program.has_faults():
        raise Skip("a build without debug commands has no failures on demand")


@test(debug=True, limit_s=120, waits=True)
def whoever_dies_at_any_message_the_other_one_serves(lab):
    """Within a second; with the items where they are not the dead one's own."""
    need_faults(lab)
    for message, is_old in MATRIX:
        fail_at(lab, message, "die", is_old=is_old)


@test(debug=True, limit_s=120, waits=True)
def whoever_dies_behind_any_message_the_other_one_serves(lab):
    """Likewise, when it has sent it."""
    need_faults(lab)
    for message, is_old in MATRIX:
        fail_at(lab, message, "sent", is_old=is_old)


@test(debug=True, limit_s=120, waits=True)
def who_says_something_else_at_any_message_is_not_believed(lab):
    """The old one goes on, with everything."""
    need_faults(lab)
    for message, is_old in MATRIX:
        fail_at(lab, message, "bad", is_old=is_old)


@test(debug=True, limit_s=120, waits=True)
def who_stalls_at_any_message_is_waited_for_or_left(lab):
    """--hand-over-timeout=1: the old one goes on then, and the new one comes late; an old one that stalls goes on when it can."""
    need_faults(lab)
    for message, is_old in MATRIX:
        fail_at(lab, message, "stall", is_old=is_old)


def first_to_be_killed(pid):
    with open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as file:
        return int(file.read())


@test(debug=True, waits=True)
def where_memory_runs_out_the_new_one_is_killed_until_it_serves(lab):
    """The old one has everything until then; the new one is what the old one was afterwards, though it has no rights any more."""
    need_faults(lab)
    old = lab.start("--hand-over-timeout=30")
    usual = first_to_be_killed(old.pid)
    new = Process([*old.arguments, f"--take-over={old.pid}"], os.path.join(old.folder, "new"),
                  environment={**os.environ, "RIPOSTE_TAKE_OVER_FAULT": "MINE:stall"})
    new.start()
    try:
        wait_until(lambda: first_to_be_killed(new.pid) == 1000, "the new one offers itself")
        check_equal(usual, first_to_be_killed(old.pid), "of the old one")
        check(old.process.alive(), "the old one serves")
        wait_until(lambda: "taken over from" in new.output(), "taken over")
        check_equal(usual, first_to_be_killed(new.pid), "of the one that serves")
        old.expect_exit(0)
    finally:
        new.kill()


@test()
def who_comes_when_it_stops_hears_so(lab):
    """Who was there already, and who waits behind that one with its first words unread: a server that says nothing was killed."""
    refused = 2
    server = lab.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as first, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as second:
        for peer in first, second:
            peer.settimeout(20)
            peer.connect(f"\0riposte-{server.pid}")
        second.send(b"RTPO\x01\0\x01\0")
        server.signal(signal.SIGTERM)
        server.expect_exit(0)
        for peer in first, second:
            try:
                heard = peer.recv(4096)
            except ConnectionResetError:  # it left something unread; what it has said is behind that
                heard = peer.recv(4096)
            check_equal(refused, struct.unpack_from("<H", heard, 6)[0], f"the kind of {heard}")
            check(b"this one stops" in heard, f"it said {heard}")


def switches_of(pid):
    """How often it has waited."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches:"))


@test()
def who_finds_the_queue_full_waits(lab):
    """Any user may fill it, again and again; then it is empty again."""
    old = lab.start()
    old.pause()
    try:
        for _ in range(64):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
                other.setblocking(False)
                try:
                    other.connect(f"\0riposte-{old.pid}")
                except BlockingIOError:
                    break
        else:
            raise Failure("the queue is never full")
        new = Process([*old.arguments, f"--take-over={old.pid}"], os.path.join(lab.new_folder(), "new"))
        new.start()
        try:
            wait_until(lambda: not new.alive() or switches_of(new.pid) > 50, "it waits")
            old.signal(signal.SIGCONT)
            old.expect_exit(0)
            wait_until(lambda: "taken over from" in new.output(), f"it has taken over; it said {new.output_end()}")
        finally:
            new.kill()
    finally:
        old.signal(signal.SIGCONT)


@test()
def who_asks_one_that_is_killed_starts_nothing(lab):
    """--check, and not a word from the other one: it says so, and listens on nothing."""
    server = lab.start()
    os.kill(server.pid, signal.SIGSTOP)
    checker = Process([lab.program.path, "--check", f"--take-over={server.pid}", "-p", str(server.port)],
                      os.path.join(lab.new_folder(), "check"))
    checker.start()
    try:
        wait_until(lambda: waits_in_queue(server.pid), "it has connected")
        server.kill()
        check_equal(2, checker.wait(10), f"exit status; it said {checker.output()}")
        check("it has ended, or stops" in " ".join(checker.output().split()), f"it said {checker.output()}")
    finally:
        checker.kill()


def waits_in_queue(pid):
    """Whether somebody has connected to the control socket: the listening one, and another of that name."""
    with open("/proc/net/unix", encoding="ascii") as file:
        return sum(line.rstrip().endswith(f"@riposte-{pid}") for line in file) > 1
