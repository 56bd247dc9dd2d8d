# SPDX-License-Identifier: MIT
"""A program that the harness starts: bounded in time, stopped whatever happens.

A child leads a process group of its own, so that stopping it stops what it has started too. The kernel ends it when
the harness dies (PR_SET_PDEATHSIG). Its output goes to a file, whose end is shown when it fails.
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


class ChildError(Exception):
    """A child could not be started, ended early, or did not end in time."""


def tie_to_parent():
    """In the child before exec. SIGTERM rather than SIGKILL: nginx takes its workers with it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Child:
    """with Child([...], "log") as child: ...; ended on the way out."""

    def __init__(self, command, output_path):
        self.command = [str(word) for word in command]
        self.output_path = output_path
        self.process = None

    def __enter__(self):
        with open(self.output_path, "wb") as output:
            try:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                                start_new_session=True, preexec_fn=tie_to_parent)
            except OSError as error:
                raise ChildError(f"cannot start {self.command[0]}: {error.strerror}") from error
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def output(self):
        """The end of what it has printed."""
        try:
            with open(self.output_path, encoding="utf-8", errors="replace") as file:
                return file.read().strip()[-OUTPUT_SHOWN:]
        except OSError:
            return ""

    def wait(self, limit_s, tick_s=None, on_tick=None):
        """Its exit status; on_tick() every tick_s seconds until then. ChildError when it takes longer than limit_s."""
        deadline = time.monotonic() + limit_s
        descriptor = os.pidfd_open(self.pid)
        try:
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
            while not ended.poll(1000 * min(tick_s or limit_s, max(0.0, deadline - time.monotonic()))):
                if time.monotonic() >= deadline:
                    raise ChildError(f"{self.name()} did not end within {limit_s:.0f} s {self.output()}")
                if on_tick:
                    on_tick()
            return self.process.wait()
        finally:
            os.close(descriptor)

    def name(self):
        """The program, without the taskset before it."""
        words = self.command[3:] if self.command[0] == "taskset" else self.command
        return os.path.basename(words[0])

    def stop(self, first=signal.SIGTERM):
        """Asks the group to end, then ends it. Does nothing to a child that has been waited for."""
        if self.process is None or self.process.returncode is not None:
            return
        for number in (first, signal.SIGKILL):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(STOP_LIMIT_S)
                break
            except subprocess.TimeoutExpired:
                continue


def ask(command, limit_s=10.0):
    """What a short command prints, both streams together; "" when it cannot be run."""
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=limit_s, check=False)
        return result.stdout.decode(errors="replace").strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def end_by_exception():
    """Lets SIGTERM and SIGHUP leave through the finally blocks, as Ctrl-C does."""
    def raise_interrupt(number, _frame):
        raise KeyboardInterrupt(signal.Signals(number).name)
    signal.signal(signal.SIGTERM, raise_interrupt)
    signal.signal(signal.SIGHUP, raise_interrupt)
