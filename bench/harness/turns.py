# SPDX-License-Identifier: MIT
"""Servers that are alive at the same time and are asked in turns, each for a fraction of a second.

A machine changes its speed within seconds, above all a virtual one. Here whatever is compared is measured within a
second or two of each other, by processes that have long been started: the ratios within a round are then the same from
round to round and, for most, from machine to machine. All servers have the same CPU; those that are not asked sleep.

A contest is a list of entries, each a server and what it is asked. In each round every entry has a turn, in an order
that changes as in rounds.py; what comes out is the plain data that is described there.
"""

import contextlib
import sys
import time
from dataclasses import dataclass, replace

from harness import measure, rounds, summary, usage
from harness.generator import Generator
from harness.peers import spun_path
from harness.server import Server
from process import ProcessError

TURN_S = 0.3
WARMUP_S = 0.05
MEMORY_MIB = 256  # of each server; nobody is asked for more than some thousand small items


@dataclass(frozen=True)
class Entry:
    """One server and what it is asked."""
    peer: object
    workload: object


@dataclass(frozen=True)
class Contest:
    name: str
    title: str
    entries: tuple


class Turns:
    """with Turns(peers, settings, workload) as turns: all of them run, and have the keys of the workload."""

    def __init__(self, peers, settings, workload, deadline=None, progress=None):
        self.peers, self.workload, self.deadline = peers, workload, deadline
        self.settings = replace(settings, duration_s=TURN_S, warmup_s=WARMUP_S)
        self.progress = progress or rounds.Progress()
        self.stack = contextlib.ExitStack()
        self.servers, self.failures = {}, {}
        self.cut_short = False

    clock = staticmethod(time.monotonic)

    def __enter__(self):
        try:
            for peer in self.peers:
                self.progress.say(f"starting {peer.name}")
                self.start(peer)
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()
        self.progress.clear()

    def start(self, peer):
        """One that does not start is a failure of its turns; the others go on."""
        server = Server(peer, self.settings.placement.server_cpus, max(MEMORY_MIB, self.workload.memory_mib),
                        self.workload.item_mib, (self.workload.value_size(),))
        try:
            self.servers[peer.name] = self.stack.enter_context(server)
            if not peer.floor:
                Generator(self.settings, self.workload, server, 1).store()
        except (ProcessError, OSError) as error:
            self.failures[peer.name] = str(error)

    def run(self, contest, count):
        """`count` rounds of a contest, fewer where there is no time for more; its result."""
        result = {"name": contest.name, "title": contest.title, "kind": "turns", "unit": "request", "for_all": True,
                  "skipped": "", "rounds_shared_with": [], "rows": [rounds.empty_row(entry.peer) for entry in contest.entries]}
        round_s = 0.0
        for number in range(count):
            if self.deadline is not None and self.clock() + round_s > self.deadline:
                self.cut_short = True
                break
            began = self.clock()
            for index in rounds.order(len(contest.entries), number):
                self.progress.say(f"{contest.name}: round {number + 1} of {count}, {contest.entries[index].peer.name}")
                self.take_turn(contest.entries[index], result["rows"][index], number + 1)
            round_s = max(round_s, self.clock() - began)
        for row in result["rows"]:
            summary.summarise(row)
        self.progress.clear()
        return result

    def take_turn(self, entry, row, number):
        """Into the row. A failure is a result too: the others go on."""
        if len(row["failures"]) >= rounds.FAILURES_MAX and not row["rounds"]:
            return
        try:
            figures, row["commands"] = self.measure(entry, number)
            row["rounds"].append({summary.ROUND: number, **figures})
        except (ProcessError, OSError) as error:
            row["failures"].append(str(error))

    def measure(self, entry, number):
        """Figures of one turn, and the command lines."""
        if entry.peer.name in self.failures:
            raise ProcessError(self.failures[entry.peer.name])
        server = self.servers[entry.peer.name]
        generator = Generator(self.settings, entry.workload, server, number, lambda pid: read_work(server, pid))
        report = generator.measure(stored=True)
        return measure.run_figures(report, generator), {"server": server.command_text(),
                                                        "generator": generator.command_text}


def read_work(server, pid):
    """The CPU time of a server; a floor's without what it spent spinning: it is so quick that the generator may be what
    limits it, and waiting is no part of a request's price."""
    used = usage.read_cpu(pid)
    if not server.peer.floor:
        return used
    with open(spun_path(server.folder), "rb") as file:
        return replace(used, cpu_ns=used.cpu_ns - int.from_bytes(file.read(), sys.byteorder))
