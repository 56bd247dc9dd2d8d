# SPDX-License-Identifier: MIT
"""The order of a comparison: for each workload, rounds of A B C A B C, a fresh server each time.

What comes out is plain data, which is both the JSON file and what the report is made from:

    workloads: [{name, title, kind, unit, rows: [{peer, rounds: [figures], failures: [text], median: {}, spread: {},
                 system_calls: {name: per request}, commands: {server, generator}}]}]
"""

import sys
import time
from dataclasses import replace

from harness import measure, summary
from harness.child import ChildError
from harness.machine import memory_available
from harness.workloads import SWEEP, find

SWEEP_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
SWEEP_STEP_SHARE = 0.5  # of a run's duration that each rate gets
STRACE_QUICK = "get-32-c64"  # the one workload of a quick run whose system calls are counted
FAILURES_MAX = 2        # a peer that has only failed is not tried again in this workload
MEMORY_SPARE_BYTES = 1 << 30


class Progress:
    """One line on a terminal that says what is going on."""

    def __init__(self):
        self.terminal = sys.stderr.isatty()

    def say(self, text):
        if self.terminal:
            sys.stderr.write(f"\r\033[K  {text}")
            sys.stderr.flush()

    def clear(self):
        if self.terminal:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


class Comparison:
    def __init__(self, peers, settings, rounds, strace=True, deadline=None, quick=False):
        self.peers, self.settings, self.rounds = peers, settings, rounds
        self.strace, self.deadline, self.quick = strace, deadline, quick
        self.progress = Progress()

    def out_of_time(self):
        return self.deadline is not None and time.monotonic() > self.deadline

    def run(self, workload):
        """The result of one workload; None when no peer takes part or there is no time left."""
        peers = [peer for peer in self.peers if workload.takes(peer)]
        if not peers or self.out_of_time():
            return None
        result = {"name": workload.name, "title": workload.title, "kind": workload.kind, "unit": workload.unit(),
                  "for_all": not workload.peers, "skipped": "", "rows": [empty_row(peer) for peer in peers]}
        if memory_available() < (workload.memory_mib << 20) + MEMORY_SPARE_BYTES:
            result["skipped"] = f"needs {workload.memory_mib} MiB and 1 GiB to spare"
            return result
        try:
            rates = self.calibrate(peers[0]) if workload.kind == SWEEP else None
        except (ChildError, OSError) as error:
            result["skipped"] = f"no closed loop to take the rates from: {error}"
            return result
        self.run_rounds(peers, workload, result["rows"], rates)
        if self.strace and (workload.name == STRACE_QUICK or (workload.strace and not self.quick)):
            self.run_strace(peers, workload, result["rows"])
        self.progress.clear()
        for row in result["rows"]:
            summary.summarise(row)
        return result

    def run_strace(self, peers, workload, rows):
        for peer, row in zip(peers, rows):
            if row["rounds"] and not self.out_of_time():
                self.progress.say(f"{workload.name}: system calls of {peer.name}")
                self.count_calls(peer, workload, row)

    def run_rounds(self, peers, workload, rows, rates):
        for number in range(self.rounds):
            if number > 0 and self.out_of_time():
                break
            for peer, row in zip(peers, rows):
                if len(row["failures"]) >= FAILURES_MAX and not row["rounds"]:
                    continue
                self.progress.say(f"{workload.name}: round {number + 1} of {self.rounds}, {peer.name}")
                self.measure(peer, workload, row, number + 1, rates)

    def measure(self, peer, workload, row, seed, rates):
        """Into the row. A failure is a result too: the others go on."""
        settings = self.settings
        if rates:
            settings = shorter(settings, SWEEP_STEP_SHARE)
        try:
            figures, row["commands"] = measure.measure(peer, workload, settings, seed, rates)
            row["rounds"].append(figures)
        except (ChildError, OSError) as error:
            row["failures"].append(str(error))

    def count_calls(self, peer, workload, row):
        try:
            row["system_calls"] = measure.count_system_calls(peer, workload, self.settings)
        except (ChildError, OSError) as error:
            row["system_calls_failure"] = str(error)

    def calibrate(self, peer):
        """The rates of a sweep: shares of what the first peer answers in a closed loop, in thousands."""
        self.progress.say(f"sweep: how much {peer.name} can do")
        figures, _ = measure.measure(peer, find("get-32-c64"), self.settings, 1)
        return [max(1000, 1000 * round(share * figures["requests_per_s"] / 1000)) for share in SWEEP_SHARES]


def empty_row(peer):
    return {"peer": peer.name, "rounds": [], "failures": [], "median": {}, "spread": {}, "system_calls": {},
            "commands": {}}


def shorter(settings, share):
    return replace(settings, duration_s=settings.duration_s * share, warmup_s=settings.warmup_s * share)
