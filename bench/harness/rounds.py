# SPDX-License-Identifier: MIT
"""The order of a comparison: for each workload, rounds in which each peer is measured once, a fresh server each time.

The order of the peers changes from round to round, so that each has every place and every predecessor equally often.
Workloads that targets compare with each other share their rounds: a peer is asked both, one right after the other.
What comes out is plain data, which is both the JSON file and what the report is made from:

    workloads: [{name, title, kind, unit, rounds_shared_with: [names],
                 rows: [{peer, rounds: [{round: number, figures}], failures: [text], median: {}, spread: {},
                         system_calls: {name: per request}, commands: {server, generator}}]}]
"""

import sys
import time
from dataclasses import replace

from harness import measure, summary, targets
from harness.machine import memory_available
from harness.workloads import SWEEP, find
from process import ProcessError

SWEEP_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
SWEEP_STEP_SHARE = 0.5  # of a run's duration that each rate gets
STRACE_QUICK = "get-32-c64"  # the one workload of a quick run whose system calls are counted
FAILURES_MAX = 2        # a peer that has only failed is not tried again in this workload
MEMORY_SPARE_BYTES = 1 << 30
HEAVY_KEYS = 5_000_000  # so many take longer to store than to ask for
HEAVY_ROUNDS_MAX = 5
START_S = 0.3           # a guess: what one measurement takes besides warm-up and measured time
STORED_PER_S = 500_000  # another
STRACE_S = 4.0          # and what counting the system calls of one peer takes


def order(count, number):
    """The order of `count` peers in round `number` (from 0), as their indices.

    0 1 4 2 3, 1 2 0 3 4, ...: over `count` rounds each comes to every place once, and, if the count is even, once
    behind every other; if it is odd, twice over two times as many rounds, of which the second half is mirrored
    (Williams's square).
    """
    zigzag = [(place + 1) // 2 if place % 2 else (count - place // 2) % count for place in range(count)]
    shifted = [(index + number) % count for index in zigzag]
    return shifted[::-1] if count % 2 and number // count % 2 else shifted


def groups(workloads):
    """Lists of workloads that share their rounds; in the order of the first of each."""
    found = []
    for workload in workloads:
        beside = next((group for group in found if any(share_rounds(workload, other) for other in group)), None)
        if beside is None:
            found.append([workload])
        else:
            beside.append(workload)
    return found


def share_rounds(first, second):
    return any({first.name, second.name} == set(pair[:2]) for pair in targets.WORKLOAD_PAIRS)


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
        self.share_end = deadline  # of the group that runs
        self.cut_short = False
        self.progress = Progress()

    clock = staticmethod(time.monotonic)

    def share_time(self, groups_left):
        """The next group may not use up the time of those behind it: but for its first round, this is its share."""
        if self.deadline is not None:
            self.share_end = self.clock() + (self.deadline - self.clock()) / groups_left

    def time_for(self, expected_s, end):
        """Whether something that takes so long is over by `end`; what is not is left out."""
        if end is None or self.clock() + expected_s <= end:
            return True
        self.cut_short = True
        return False

    def run(self, workload):
        """The result of one workload; None when no peer takes part or there is no time left."""
        return next(iter(self.run_group([workload])), None)

    def run_group(self, workloads):
        """The results of workloads that share their rounds, without those that no peer takes part in."""
        results = {workload: self.begin(workload) for workload in workloads
                   if any(workload.takes(peer) for peer in self.peers)}
        runnable = [workload for workload, result in results.items() if not result["skipped"]]
        rates = self.prepare_rates(runnable, results)
        runnable = [workload for workload in runnable if not results[workload]["skipped"]]
        for workload in runnable:
            results[workload]["rounds_shared_with"] = [other.name for other in runnable if other != workload]
        if runnable and not self.run_rounds({workload: results[workload] for workload in runnable}, rates):
            return []
        for workload in runnable:
            if self.strace and (workload.name == STRACE_QUICK or (workload.strace and not self.quick)):
                self.run_strace(workload, results[workload]["rows"])
        self.progress.clear()
        for result in results.values():
            for row in result["rows"]:
                summary.summarise(row)
        return list(results.values())

    def begin(self, workload):
        """An empty result; "skipped" says why nothing can be measured."""
        result = {"name": workload.name, "title": workload.title, "kind": workload.kind, "unit": workload.unit(),
                  "for_all": not workload.peers, "skipped": "", "rounds_shared_with": [],
                  "rows": [empty_row(peer) for peer in self.peers if workload.takes(peer)]}
        if memory_available() < (workload.memory_mib << 20) + MEMORY_SPARE_BYTES:
            result["skipped"] = f"needs {workload.memory_mib} MiB and 1 GiB to spare"
        return result

    def prepare_rates(self, workloads, results):
        """{sweep: its rates}"""
        rates = {}
        for workload in workloads:
            if workload.kind == SWEEP:
                try:
                    rates[workload] = self.calibrate(next(peer for peer in self.peers if workload.takes(peer)))
                except (ProcessError, OSError) as error:
                    results[workload]["skipped"] = f"no closed loop to take the rates from: {error}"
        return rates

    def run_rounds(self, results, rates):
        """Fills the rows. False when there was no time for a single round."""
        peers = [peer for peer in self.peers if any(workload.takes(peer) for workload in results)]
        round_s = sum(self.guess_s(workload) * len(result["rows"]) for workload, result in results.items())
        for number in range(self.rounds):
            if not self.time_for(round_s, self.deadline if number == 0 else self.share_end):
                return number > 0
            began = self.clock()
            for peer in (peers[index] for index in order(len(peers), number)):
                for workload, result in results.items():
                    if workload.takes(peer) and number < self.rounds_of(workload):
                        self.measure_in_round(peer, workload, result, number + 1, rates.get(workload))
            round_s = max(round_s, self.clock() - began)
        return True

    def rounds_of(self, workload):
        return min(self.rounds, HEAVY_ROUNDS_MAX) if workload.keys_count() >= HEAVY_KEYS else self.rounds

    def guess_s(self, workload):
        """What one measurement takes, before the first has been seen."""
        steps = len(SWEEP_SHARES) * SWEEP_STEP_SHARE if workload.kind == SWEEP else 1
        return (START_S + steps * (self.settings.duration_s + self.settings.warmup_s)
                + workload.keys_count() / STORED_PER_S)

    def measure_in_round(self, peer, workload, result, number, rates):
        row = next(row for row in result["rows"] if row["peer"] == peer.name)
        if len(row["failures"]) < FAILURES_MAX or row["rounds"]:
            self.progress.say(f"{workload.name}: round {number} of {self.rounds_of(workload)}, {peer.name}")
            self.measure(peer, workload, row, number, rates)

    def run_strace(self, workload, rows):
        peers = {peer.name: peer for peer in self.peers}
        for row in rows:
            if row["rounds"] and self.time_for(STRACE_S, self.deadline):
                self.progress.say(f"{workload.name}: system calls of {row['peer']}")
                self.count_calls(peers[row["peer"]], workload, row)

    def measure(self, peer, workload, row, number, rates):
        """Into the row. A failure is a result too: the others go on."""
        settings = self.settings
        if rates:
            settings = shorter(settings, SWEEP_STEP_SHARE)
        try:
            figures, row["commands"] = measure.measure(peer, workload, settings, number, rates)
            row["rounds"].append({summary.ROUND: number, **figures})
        except (ProcessError, OSError) as error:
            row["failures"].append(str(error))

    def count_calls(self, peer, workload, row):
        try:
            row["system_calls"] = measure.count_system_calls(peer, workload, self.settings)
        except (ProcessError, OSError) as error:
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
