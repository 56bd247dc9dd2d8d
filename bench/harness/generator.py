# SPDX-License-Identifier: MIT
"""One run of riposte-load: its command line, its JSON, and what the server used in the measured time.

The measured time is the last thing that the generator does, and the server's load is even in it; so the server's
usage is read a few times per second, and what counts lies between the first and the last reading that were certainly
inside. Storing the keys, connecting and warming up are left out.
"""

import json
import os
import time
from dataclasses import dataclass

from harness import usage
from harness.placement import cpu_text
from harness.server import shown
from harness.units import milliseconds
from process import Process, ProcessError

TICKS = 8             # readings per measured time
TICK_MIN_S = 0.02
TICK_MAX_S = 0.25
EDGE_SHARE = 0.08     # of the measured time at each end that is left out
EDGE_S = 0.03         # and this much at the end: the generator says good-bye
STORED_PER_S = 30000  # slowest that storing the keys may be
STORE_DEPTH = 64      # requests in flight on each connection while keys are stored
STORE_APART_KEYS = 500_000  # so many are stored by a run of their own, which may pipeline more than the workload
LIMIT_S = 40.0        # beyond the time that a run should take
STALL_LIMIT = "10s"


@dataclass(frozen=True)
class Settings:
    """What is common to all runs."""
    program: str  # riposte-load
    duration_s: float
    warmup_s: float
    placement: object
    folder: str  # for files that last as long as a run


class Generator:
    stall_limit = STALL_LIMIT  # a reply that takes longer ends the run
    prefix = ()                # words before its command line

    def __init__(self, settings, workload, server, seed, read_usage=usage.read_usage):
        self.read_usage = read_usage
        self.settings, self.workload, self.server, self.seed = settings, workload, server, seed
        self.samples = []
        self.ended_ns = 0
        self.command_text = ""

    def measure(self, rates=None, stored=False):
        """The usual run; `stored`: the server has the keys already. Returns the generator's report."""
        duration_s = self.settings.duration_s
        stored = stored or (self.workload.keys_count() >= STORE_APART_KEYS and self.store())
        steps = len(rates) if rates else 1
        arguments = ["-t", milliseconds(duration_s), "-w", milliseconds(self.settings.warmup_s)]
        if rates:
            arguments += ["--sweep", ",".join(str(rate) for rate in rates)]
        if stored and self.server.peer.protocol != "http":
            arguments += ["--preload", "no"]
        return self.run(arguments, steps * (duration_s + self.settings.warmup_s))

    def store(self):
        """Stores the keys and measures nothing. False where there are none."""
        if self.server.peer.protocol == "http":
            return False
        self.run(["--preload", "only", "-d", STORE_DEPTH], 0)
        return True

    def send(self, requests):
        """So many requests to a server whose keys are stored."""
        extra = [] if self.server.peer.protocol == "http" else ["--preload", "no"]
        return self.run(["-n", str(requests), "-w", "0", *extra], requests / STORED_PER_S)

    def run(self, arguments, expected_s):
        report_path = os.path.join(self.settings.folder, "report.json")
        encryption = self.workload.encryption_arguments() if self.server.peer.tls else []
        command = [*self.prefix, self.settings.program, *self.workload.generator_arguments(self.server.peer.protocol), *encryption, *arguments,
                   *self.cpu_arguments(), "-s", self.seed, "--timeout", self.stall_limit, "-q", "--json", report_path,
                   self.server.target(self.path())]
        remove(report_path)  # that of the run before
        limit_s = LIMIT_S + 2 * expected_s + self.workload.keys_count() / STORED_PER_S
        with Process(command, os.path.join(self.settings.folder, "generator")) as process:
            self.command_text = shown(process.command)
            tick_s = min(TICK_MAX_S, max(TICK_MIN_S, self.settings.duration_s / TICKS))
            self.samples = []
            self.sample()
            status = process.wait(limit_s, tick_s, self.sample)
            self.ended_ns = time.monotonic_ns()
            self.sample()
            report = read_report(report_path)
            if status != 0:
                raise ProcessError(describe_failure(status, report, process.output_end()))
        return report

    def path(self):
        if self.server.peer.protocol != "http":
            return ""
        is_cached = self.workload.cached and self.server.peer.kind == "riposte-http"
        return "/cache/{key}" if is_cached else f"/{self.workload.value_size()}"

    def cpu_arguments(self):
        """A thread per CPU, which spins there unless the server needs the same CPU."""
        placement = self.settings.placement
        threads = min(len(placement.load_cpus), self.workload.connections)
        wait = "sleep" if placement.shared(placement.server_cpus + self.server.cpus) else "spin"
        return ["-T", str(threads), "--cpu", cpu_text(placement.load_cpus), "--wait", wait]

    def sample(self):
        self.samples.append(self.read_usage(self.server.pid))

    def used(self, window_ns):
        """The readings that bound the measured time, which ended when the generator did."""
        edge_ns = EDGE_SHARE * window_ns
        end_ns = self.ended_ns - edge_ns - EDGE_S * 1e9
        return usage.between(self.samples, self.ended_ns - window_ns + edge_ns, end_ns)


class SleepingGenerator(Generator):
    """Leaves its CPU to others while it waits: one thread."""

    def cpu_arguments(self):
        return ["--cpu", cpu_text(self.settings.placement.load_cpus[:1]), "--wait", "sleep"]


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def read_report(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def describe_failure(status, report, output):
    steps = report.get("steps", [{}])
    said = report.get("failure") or next((step.get("first_error") or step.get("first_wrong") for step in steps
                                          if step.get("first_error") or step.get("first_wrong")), "")
    return f"riposte-load ended with status {status}: {said or output or 'without a word'}"
