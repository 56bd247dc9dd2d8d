# SPDX-License-Identifier: MIT
"""One server process: started on a free port and a socket of its own, looked at through /proc, always stopped.

A server must be alive when its test ends, leave with status 0 on SIGTERM and print no sanitizer report; stop() says
what was wrong.

Two programs can be under test: riposte, which listens on TCP and on a Unix socket at once, and memcached, the
reference, which listens on one of them.
"""

import os
import shutil
import signal
import socket
import time

from harness.connection import Connection
from harness.outcome import Failure
from harness.tls import client_context
from process import Process, ProcessError

READY_LIMIT_S = 20.0
STOP_LIMIT_S = 20.0
POLL_S = 0.005
STDERR_SHOWN = 400

REPORTS = ("Sanitizer", "runtime error:", "Assertion", "assertion failed")


class Program:
    """The binary under test and how its command line differs."""

    def __init__(self, path):
        self.path = os.path.abspath(path) if os.path.sep in path else path
        self.is_reference = os.path.basename(path) == "memcached"
        self.is_sanitized = self.has_sanitizer()
        self.authority = None  # whose certificates servers of the family "tls" show

    def data(self):
        with open(shutil.which(self.path) or self.path, "rb") as file:
            return file.read()

    def has_tls(self):
        """Built with OpenSSL: as a library beside it, or linked in, with the names of its sources."""
        data = self.data()
        return b"libssl.so" in data or b"ssl/ssl_lib.c" in data

    def has_faults(self):
        """Built with failures on demand."""
        return b"RIPOSTE_TAKE_OVER_FAULT" in self.data()

    def has_sanitizer(self):
        """A sanitizer keeps memory that the program has freed: resident memory then says nothing about the program."""
        data = self.data()
        return b"__asan_init" in data or b"__tsan_init" in data

    def command(self, engine, family, socket_path, flags):
        """The whole command line. riposte opens both families at once, the reference the one that is asked for."""
        if self.is_reference:
            where = ["-s", socket_path] if family == "unix" else ["-p", "-1", "-l", "127.0.0.1"]
            return [self.path, "-u", "root", *where, *one_worker(flags)]
        tls = self.authority.flags() if family == "tls" else []
        return [self.path, "-p", "-1", "-s", socket_path, f"--engine={engine}", *tls, *one_worker(flags)]


def one_worker(flags):
    """The flags, with -t 1 where they do not say how many workers."""
    return list(flags) if "-t" in flags else ["-t", "1", *flags]


def wait_until(condition, what, limit_s=10.0):
    """Calls `condition` again and again until it returns something true, and returns that; Failure after limit_s."""
    end = time.monotonic() + limit_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Failure(f"not within {limit_s:g} s: {what}")
        time.sleep(POLL_S)


class Server:
    """A running server. `family` ("tcp", "unix", or "tls" over TCP) is what connect() uses. It inherits `inherited_count` descriptors that
    are of no use to it and may have `descriptor_limit` in all. `prefix` is a command that becomes the server.
    """

    def __init__(self, program, engine, family, folder, flags=(), descriptor_limit=None, inherited_count=0, prefix=(),
                 environment=None):
        self.program, self.engine, self.family, self.folder = program, engine, family, folder
        self.socket_path = os.path.join(folder, "socket")
        self.port_path = os.path.join(folder, "port")
        self.arguments = program.command(engine, family, self.socket_path, flags)
        self.inherited = [os.dup(0) for _ in range(inherited_count)]
        output = os.path.join(folder, f"stderr{len(os.listdir(folder))}")  # a server that takes over has the folder of the other
        self.process = Process([*prefix, *self.arguments], output, descriptor_limit=descriptor_limit,
                               environment=dict(os.environ, MEMCACHED_PORT_FILENAME=self.port_path, **(environment or {})),
                               inherited=self.inherited)
        self.log_paths = [flag.partition("=")[2] for flag in flags if flag.startswith("--log-file=")]
        self.port = 0
        self.stopped = False
        self.stopping = False  # a stop was asked for already; asking again would end the server at once
        try:
            self.launch()
        except BaseException:
            self.kill()
            raise

    def launch(self):
        try:
            self.process.start()
        finally:
            for descriptor in self.inherited:
                os.close(descriptor)
        wait_until(self.is_ready, f"ready after start of {' '.join(self.arguments)}", READY_LIMIT_S)

    def is_ready(self):
        if not self.process.alive():
            raise Failure(f"the server ended at start, {self.exit_text()}: {self.stderr_tail()}")
        if self.program.is_reference:
            return self.answers() if self.family == "unix" else self.has_port() and self.answers()
        return " ready:" in self.stderr_text() and (self.has_port() or "-p" in self.arguments[3:])

    def has_port(self):
        """The first port that the file names."""
        try:
            with open(self.port_path, encoding="ascii") as file:
                ports = [int(line.split(": ")[1]) for line in file if line.startswith("TCP INET: ")]
        except FileNotFoundError:
            return False
        self.port = ports[0] if ports else 0
        return self.port > 0

    def answers(self):
        probe = socket.socket(socket.AF_UNIX if self.family == "unix" else socket.AF_INET)
        with probe:
            return probe.connect_ex(self.address()) == 0

    # --- talking -------------------------------------------------------------------------------------------------

    def address(self, family=None):
        return self.socket_path if (family or self.family) == "unix" else ("127.0.0.1", self.port)

    def connect(self, family=None, **options):
        return Connection(self.address(family), tls=self.tls_context(family), **options)

    def tls_context(self, family=None):
        """What a client of that family needs: None, or a context that trusts the server."""
        return client_context(self.program.authority) if (family or self.family) == "tls" else None

    def own_stats(self, family=None):
        """The figures of `stats riposte`."""
        with self.connect(family) as connection:
            return connection.stats("riposte")

    # --- looking -------------------------------------------------------------------------------------------------

    @property
    def pid(self):
        return self.process.pid

    def resident_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        raise Failure("the server has no VmRSS: it has ended")

    def cpu_ticks(self):
        """User and system time of all threads, in clock ticks (hundredths of a second on Linux)."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def cpu_ns(self):
        """CPU time of all threads so far, kernel included."""
        folder, total = f"/proc/{self.pid}/task", 0
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total

    def page_faults(self):
        """Minor page faults of all threads so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            return int(file.read().rpartition(")")[2].split()[7])

    def descriptors_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stderr_text(self):
        """What the server has said; in its log file, where it has one."""
        texts = [self.process.output()]
        for path in self.log_paths:
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    texts.append(file.read())
        return "".join(texts)

    def stderr_tail(self):
        text = self.stderr_text().strip().replace("\n", " | ")
        return text[-STDERR_SHOWN:] or "(nothing on stderr)"

    def exit_text(self):
        return self.process.exit_text()

    # --- ending --------------------------------------------------------------------------------------------------

    def signal(self, number):
        self.stopping |= number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
        self.process.send_signal(number)

    def pause(self):
        """SIGSTOP; returns when no thread runs any more."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self.thread_states() == {"T"}, "every thread stands still")

    def thread_states(self):
        states, folder = set(), f"/proc/{self.pid}/task"
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/stat", encoding="ascii") as file:
                states.add(file.read().rpartition(") ")[2][0])
        return states

    def wait(self, limit_s=STOP_LIMIT_S):
        """Waits for the end and returns the exit status."""
        try:
            return self.process.wait(limit_s)
        except ProcessError:
            raise Failure(f"the server did not end within {limit_s:g} s") from None

    def kill(self):
        self.process.kill()
        self.stopped = True

    def stop(self):
        """Ends the server and raises Failure if it had died, does not stop, or has something to complain about."""
        if self.stopped:
            return
        self.stopped = True
        if not self.process.alive() and not self.stopping:
            raise Failure(f"the server died, {self.exit_text()}: {self.stderr_tail()}")
        try:
            if not self.stopping:
                self.signal(signal.SIGTERM)
            self.wait()
        finally:
            self.kill()
        self.check_end()

    def check_end(self, status=0):
        """After the end: the status is the expected one and nothing on stderr is a sanitizer's report."""
        text = self.stderr_text()
        if any(report in text for report in REPORTS):
            raise Failure(f"the server reported: {self.stderr_tail()}")
        if self.process.status() != status:
            raise Failure(f"the server ended with {self.exit_text()}, not {status}: {self.stderr_tail()}")

    def expect_exit(self, status=0, limit_s=STOP_LIMIT_S):
        """For tests that end the server themselves."""
        self.wait(limit_s)
        self.stopped = True
        self.check_end(status)
