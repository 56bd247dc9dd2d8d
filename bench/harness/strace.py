# SPDX-License-Identifier: MIT
"""System calls of a running server, counted by strace -f -c.

Under strace every call takes many times as long. A server that batches then finds more to do in each turn and makes
fewer calls per request than at full speed; one that makes so many calls per request whatever happens makes as many.
"""

import os
import shutil
import signal
import time

from harness.placement import cpu_text
from harness.usage import process_tree, read_text, tasks_of
from process import Process, ProcessError

ATTACH_LIMIT_S = 10.0
ATTACH_POLL_S = 0.01
END_LIMIT_S = 10.0


class count_calls:  # noqa: N801 (reads as a verb in a `with`)
    """with count_calls(pid, folder) as calls: ...; afterwards calls.counts has the number of calls by name."""

    def __init__(self, pid, folder):
        self.pid = pid
        self.table_path = os.path.join(folder, "strace.table")
        self.log_path = os.path.join(folder, "strace.log")
        self.process = None
        self.counts = {}

    def __enter__(self):
        if not shutil.which("strace"):
            raise ProcessError("strace is not here: tools/setup --bench installs it")
        targets = [word for process in process_tree(self.pid) for word in ("-p", str(process))]
        # On the server's CPU: one of the two waits for the other anyway, and the generator keeps its own.
        cpus = cpu_text(sorted(os.sched_getaffinity(self.pid)))
        self.process = Process(["taskset", "-c", cpus, "strace", "-f", "-c", "-o", self.table_path, *targets],
                               self.log_path)
        self.process.start()
        try:
            self.wait_until_attached()
        except BaseException:
            self.process.stop(signal.SIGINT)
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.process.send_signal(signal.SIGINT)  # it detaches and writes its table
                self.process.wait(END_LIMIT_S)
                self.counts = parse_table(read_text(self.table_path))
        finally:
            self.process.stop(signal.SIGINT)

    def wait_until_attached(self):
        deadline = time.monotonic() + ATTACH_LIMIT_S
        while not self.attached():
            if not self.process.alive() or time.monotonic() > deadline:
                raise ProcessError(f"strace could not attach: {self.process.output_end()}")
            time.sleep(ATTACH_POLL_S)

    def attached(self):
        """Every thread says who traces it."""
        tasks = [task for process in process_tree(self.pid) for task in tasks_of(process)]
        return all(f"TracerPid:\t{self.process.pid}\n" in read_text(f"{task}/status") for task in tasks)


def parse_table(text):
    """The calls by name. A row is: % time, seconds, usecs/call, calls, errors where there were any, the name."""
    counts = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) in (5, 6) and words[0].replace(".", "").isdigit() and words[3].isdigit() and words[-1] != "total":
            counts[words[-1]] = int(words[3])
    return counts
