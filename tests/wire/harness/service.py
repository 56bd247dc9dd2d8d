# SPDX-License-Identifier: MIT
"""riposte as a service manager starts it: with sockets that listen already, and with a place to report to."""

import fcntl
import os
import socket
import sys

from harness.connection import Connection
from harness.outcome import Failure, check_equal
from harness.server import READY_LIMIT_S, REPORTS, STOP_LIMIT_S, wait_until
from process import Process, ProcessError

# Gives the descriptors their numbers and says whom they are for, as sd_listen_fds(3) has it, then becomes the program.
TRAMPOLINE = """
import os, sys
numbers = [int(word) for word in sys.argv[1].split(",") if word]
for index, number in enumerate(numbers):
    os.dup2(number, 3 + index, inheritable=True)
if numbers:
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def listening_socket(address, backlog=64):
    """A stream socket on (host, port) or on the path of a Unix socket."""
    listener = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    listener.bind(address)
    listener.listen(backlog)
    return listener


class Service:
    """with Service(lab, *flags, sockets=[...], names="http:memcached") as service: ...; stopped with SIGTERM on the way out.

    No flag but those that are given and the transport under test.
    """

    def __init__(self, lab, *flags, sockets=(), names="", environment=None, prefix=()):
        # The numbers are above those that the program is to get.
        self.passed = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, 64) for each in sockets]
        numbers = ",".join(str(number) for number in self.passed)
        command = [sys.executable, "-c", TRAMPOLINE, numbers, names, lab.program.path, f"--engine={lab.engine}", *flags]
        self.stopped = False
        self.process = Process([*prefix, *command], os.path.join(lab.new_folder(), "output"), inherited=self.passed,
                               environment={**os.environ, **(environment or {})})

    def start(self):
        try:
            self.process.start()
        finally:
            for number in self.passed:
                os.close(number)

    def __enter__(self):
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.stop()
        finally:
            self.process.kill()

    def wait_ready(self):
        def ready():
            if not self.process.alive():
                raise Failure(f"ended at start, {self.process.exit_text()}: {self.process.output_end()}")
            return " ready:" in self.process.output()

        wait_until(ready, "the service is ready", READY_LIMIT_S)

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        return self.process.output()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, limit_s=STOP_LIMIT_S):
        """Its exit status."""
        if not self.process.alive():
            return self.process.status()
        try:
            return self.process.wait(limit_s)
        except ProcessError as error:
            raise Failure(str(error)) from None

    def stop(self):
        """As the manager does; nothing may be wrong in the end."""
        if self.stopped:
            return
        self.stopped = True
        if self.process.alive():
            self.process.send_signal(15)
        check_equal(0, self.wait(), f"exit status ({self.process.output_end()})")
        text = self.output()
        if any(report in text for report in REPORTS):
            raise Failure(f"the server reported: {self.process.output_end()}")

    def expect_refusal(self, status):
        """It does not start; what it says."""
        self.start()
        check_equal(status, self.wait(), f"exit status ({self.process.output_end()})")
        return self.output()


def ask(address, request, reply):
    """One question on a connection of its own."""
    with Connection(address) as client:
        client.ask(request, reply)
