# SPDX-License-Identifier: MIT
"""What a server has used: CPU time, context switches and memory of all its threads and children, from /proc.

CPU time is the clock of the process (clock_getcpuclockid(3)): nanoseconds, up to now also for threads that are running.
What /proc says of a running thread is as old as the last tick, milliseconds. The time contains what the kernel does on
the server's behalf, and the network's soft interrupts that run in its context, as they do over loopback.
"""

import os
import time
from dataclasses import dataclass

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED: the low bits of a clock's number, whose upper ones are the process's, inverted


@dataclass(frozen=True)
class Usage:
    """Everything since the server's start, but for the memory, which is now's."""
    time_ns: int
    cpu_ns: int
    wait_ns: int  # time that threads were ready to run and had no CPU
    switches: int
    rss_bytes: int
    steal_ticks: int  # time that the hypervisor took from the machine's CPUs


def read_text(path):
    """A file of /proc, or "" when its thread has just ended."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def tasks_of(process):
    """A folder of /proc for each of its threads."""
    try:
        return [f"/proc/{process}/task/{task}" for task in os.listdir(f"/proc/{process}/task")]
    except OSError:
        return []


def process_tree(pid):
    """The process and all that descend from it."""
    found, at = [pid], 0
    while at < len(found):
        for task in tasks_of(found[at]):
            found += [int(word) for word in read_text(f"{task}/children").split()]
        at += 1
    return found


def read_usage(pid):
    """The usage of a server; cheap enough to be read a few times per second."""
    now_ns, cpu_ns, wait_ns, switches, rss_bytes = time.monotonic_ns(), 0, 0, 0, 0
    for process in process_tree(pid):
        cpu_ns += process_cpu_ns(process) + ended_children_ns(process)
        rss_bytes += PAGE_SIZE * int((read_text(f"/proc/{process}/statm").split() + ["0", "0"])[1])
        for task in tasks_of(process):
            wait_ns += task_wait_ns(task)
            switches += task_switches(task)
    return Usage(now_ns, cpu_ns, wait_ns, switches, rss_bytes, steal_ticks())


def read_cpu(pid):
    """The CPU time alone: takes some microseconds, and so may be read within a short measurement."""
    now_ns = time.monotonic_ns()
    return Usage(now_ns, sum(process_cpu_ns(process) for process in process_tree(pid)), 0, 0, 0, 0)


def stat_fields(path):
    """The fields of a stat file behind the name, which may contain anything: field 3 of proc(5) is index 0."""
    return read_text(path).rpartition(")")[2].split()


def ended_children_ns(process):
    """cutime + cstime: what children that are gone have used."""
    fields = stat_fields(f"/proc/{process}/stat")
    return TICK_NS * (int(fields[13]) + int(fields[14])) if len(fields) > 14 else 0


def process_cpu_ns(process):
    """Of all its threads, ended ones too; 0 when the process is gone."""
    try:
        return time.clock_gettime_ns((~process << 3) | CLOCK_OF_PROCESS)
    except OSError:
        return 0


def task_wait_ns(task):
    """The time it was ready to run and had no CPU; 0 where the kernel does not keep it."""
    return int((read_text(f"{task}/schedstat").split() + ["0", "0"])[1])


def task_switches(task):
    return sum(int(line.split()[1]) for line in read_text(f"{task}/status").splitlines()
               if line.startswith(("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")))


def steal_ticks():
    """Field 8 of the first line of /proc/stat."""
    fields = read_text("/proc/stat").split("\n", 1)[0].split()
    return int(fields[8]) if len(fields) > 8 else 0


def between(samples, begin_ns, end_ns):
    """The first and the last of the samples (at least one) in a time; of all samples when there are not two in it."""
    inside = [sample for sample in samples if begin_ns <= sample.time_ns <= end_ns]
    chosen = inside if len(inside) >= 2 else samples
    return chosen[0], chosen[-1]
