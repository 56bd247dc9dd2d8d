# SPDX-License-Identifier: MIT
"""--take-over: what the old process is asked to do during the pause is done by the one that serves."""

import os
import signal
import socket

from harness.outcome import Skip, check, check_equal
from harness.registry import test
from harness.server import wait_until
from process import Process


UNAVAILABLE = 69


def is_paused(server):
    """Nobody answers for a while."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.5) as client:
        try:
            client.sendall(b"version\r\n")
            return client.recv(64) == b""
        except TimeoutError:
            return True


def take_over_with(lab, number, how=None):
    """Old and new; the signal went to the old one while both waited for the last word. how: what becomes of it when it passes that on."""
    if not lab.program.has_faults():
        raise Skip("a build without debug commands has no failures on demand")
    old = lab.start("--hand-over-timeout=10", "-m", "64", environment={"RIPOSTE_TAKE_OVER_FAULT": f"SIGNALS:{how}"} if how else None)
    flags = [str(old.port) if flag == "-1" else flag for flag in old.arguments]
    new = Process([*flags, f"--take-over={old.pid}"], os.path.join(lab.new_folder(), "new"),
                  environment={**os.environ, "RIPOSTE_TAKE_OVER_FAULT": "MINE:stall"})
    new.start()
    wait_until(lambda: is_paused(old), "the pause")
    old.signal(number)
    old.expect_exit(-signal.SIGKILL if how in ("die", "sent") else 0)
    return new


@test(debug=True, waits=True)
def a_stop_goes_on_to_who_serves(lab):
    """SIGTERM, SIGUSR1: the new one stops in order."""
    for number in signal.SIGTERM, signal.SIGUSR1:
        new = take_over_with(lab, number)
        try:
            check_equal(0, new.wait(10), f"exit status of the new one, which said {new.output_end()}")
            check("stopping" in new.output(), f"it said {new.output_end()}")
        finally:
            new.kill()


@test(debug=True, waits=True)
def a_reload_goes_on_to_who_serves(lab):
    """SIGHUP: the new one reads its files again, and serves."""
    new = take_over_with(lab, signal.SIGHUP)
    try:
        wait_until(lambda: "SIGHUP: there is nothing to read again" in new.output(), "the reload")
        new.send_signal(signal.SIGTERM)
        check_equal(0, new.wait(10), f"exit status of the new one, which said {new.output_end()}")
    finally:
        new.kill()


def has_blocked(pid, number):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith("SigBlk:"))
    return mask >> (number - 1) & 1 == 1


@test(debug=True, waits=True)
def who_is_asked_to_stop_before_it_serves_takes_nothing(lab):
    """SIGTERM, SIGINT, SIGUSR1 to the new one, which is about to say READY: the old one goes on."""
    if not lab.program.has_faults():
        raise Skip("a build without debug commands has no failures on demand")
    old = lab.start("-m", "64")
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGUSR1:
        new = Process([*old.arguments, f"--take-over={old.pid}"], os.path.join(lab.new_folder(), "new"),
                      environment={**os.environ, "RIPOSTE_TAKE_OVER_FAULT": "READY:stall"})
        new.start()
        try:
            wait_until(lambda: has_blocked(new.pid, number), "it takes signals")
            new.send_signal(number)
            check_equal(UNAVAILABLE, new.wait(10), f"exit status of the new one, which said {new.output_end()}")
            check("asked to stop before it serves" in new.output(), f"it said {new.output_end()}")
        finally:
            new.kill()
        with lab.connect(old) as client:
            check_equal(str(old.pid), client.stats()["pid"], "who serves")


@test(debug=True, waits=True)
def who_fails_to_pass_a_signal_on_hurts_nobody(lab):
    """Killed before and behind it, or with something else to say: the new one serves, and stops when it is asked to."""
    for how in "die", "sent", "bad":
        new = take_over_with(lab, signal.SIGHUP, how)
        try:
            wait_until(lambda: "ready:" in new.output(), f"{how}: it serves")
            new.send_signal(signal.SIGTERM)
            check_equal(0, new.wait(10), f"{how}: exit status of the new one, which said {new.output_end()}")
        finally:
            new.kill()
