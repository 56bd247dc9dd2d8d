# SPDX-License-Identifier: MIT
"""A program that a test or a benchmark starts: bounded in time, stopped whatever happens.

A process leads a session of its own, so that stopping it stops what it has started too. The kernel ends it when the one
that started it dies (PR_SET_PDEATHSIG). It leaves no core. Its output, both streams, goes to a file, whose end is shown
when it fails. Standard library only: tests/wire and bench both stand on this, and it on nothing of theirs.
"""

import ctypes
import os
import resource
import select
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
STOP_LIMIT_S = 3.0
OUTPUT_SHOWN = 600

LIBC = ctypes.CDLL(None)


class ProcessError(Exception):
    """A process could not be started, ended early, or did not end in time."""


def tie_to_parent(death_signal=signal.SIGKILL, descriptor_limit=None):
    """In the child before exec: end with the parent, leave no core, have no more descriptors than that."""
    LIBC.prctl(PR_SET_PDEATHSIG, death_signal)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if descriptor_limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptor_limit, descriptor_limit))


class Process:
    """with Process([...], "log") as process: ...; ended on the way out.

    `death_signal` is what it gets when its parent dies: SIGTERM for a program that must take its own children with it.
    `inherited` are descriptors that stay open in it.
    """

    def __init__(self, command, output_path, environment=None, death_signal=signal.SIGKILL, descriptor_limit=None,
                 inherited=()):
        self.command = [str(word) for word in command]
        self.output_path, self.environment = output_path, environment
        self.death_signal, self.descriptor_limit, self.inherited = death_signal, descriptor_limit, inherited
        self.popen = None

    def start(self):
        with open(self.output_path, "wb") as output:
            try:
                self.popen = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self.environment,
                    pass_fds=self.inherited, start_new_session=True,
                    preexec_fn=lambda: tie_to_parent(self.death_signal, self.descriptor_limit))
            except OSError as error:
                raise ProcessError(f"cannot start {self.command[0]}: {error.strerror}") from error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # --- looking -------------------------------------------------------------------------------------------------

    @property
    def pid(self):
        return self.popen.pid

    def status(self):
        """Its exit status, below 0 the signal that ended it; None while it runs."""
        return self.popen.poll()

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def exit_text(self):
        status = self.status()
        return f"signal {signal.Signals(-status).name}" if status is not None and status < 0 else f"status {status}"

    def output(self):
        """All that it has printed."""
        try:
            with open(self.output_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def output_end(self):
        """The last of it, for a message."""
        return self.output().strip()[-OUTPUT_SHOWN:]

    def name(self):
        """The program, without the taskset before it."""
        words = self.command[3:] if self.command[0] == "taskset" else self.command
        return os.path.basename(words[0])

    # --- ending --------------------------------------------------------------------------------------------------

    def send_signal(self, number):
        self.popen.send_signal(number)

    def wait(self, limit_s, tick_s=None, on_tick=None):
        """Its exit status; on_tick() every tick_s seconds until then. ProcessError when it takes longer than limit_s."""
        deadline = time.monotonic() + limit_s
        descriptor = os.pidfd_open(self.pid)
        try:
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
            while not ended.poll(1000 * min(tick_s or limit_s, max(0.0, deadline - time.monotonic()))):
                if time.monotonic() >= deadline:
                    raise ProcessError(f"{self.name()} did not end within {limit_s:g} s {self.output_end()}".strip())
                if on_tick:
                    on_tick()
            return self.popen.wait()
        finally:
            os.close(descriptor)

    def stop(self, first=signal.SIGTERM):
        """Asks the session to end, then ends it. Does nothing to a process that has been waited for."""
        for number in (first, signal.SIGKILL):
            if self.popen is None or self.popen.returncode is not None:
                return
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass
            try:
                self.popen.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                continue

    def kill(self):
        self.stop(signal.SIGKILL)


def ask(command, limit_s=10.0):
    """What a short command prints, both streams together; "" when it cannot be run."""
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=limit_s, check=False)
        return result.stdout.decode(errors="replace").strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
