# SPDX-License-Identifier: MIT
"""Who goes before whom where two programs share a CPU."""

import os
import subprocess

FIRST = ("chrt", "--fifo", "1")  # before a command: it runs whenever it is ready


def first_allowed():
    """Whether this process may start one that goes first: CAP_SYS_NICE, or a limit (ulimit -r)."""
    try:
        return subprocess.run([*FIRST, "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def stand_back():
    """From now on this process runs when nobody else wants its CPU.

    A session is a group of its own (sched(7), "The autogroup feature"): within it SCHED_IDLE counts, among groups the
    nice value of the group does.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write("19")
    except OSError:
        pass  # a kernel without groups
