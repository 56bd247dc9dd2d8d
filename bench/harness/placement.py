# SPDX-License-Identifier: MIT
"""Who runs where: the server on its own CPU, the generator (and this harness) on another."""

import os
import sys
from dataclasses import dataclass

from harness.usage import read_text


@dataclass(frozen=True)
class Placement:
    server_cpus: tuple
    load_cpus: tuple
    spread_cpus: tuple  # for a server with twice the workers; may overlap load_cpus

    def shared(self, server_cpus):
        """Whether a server on these CPUs and the generator share one: then the generator may not spin."""
        return bool(set(server_cpus) & set(self.load_cpus))


def cpu_list(text):
    """0,2-4 -> (0, 2, 3, 4)"""
    cpus = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return tuple(cpus)


def cpu_text(cpus):
    return ",".join(str(cpu) for cpu in cpus)


def siblings(cpu):
    """The hardware threads that share a core with this CPU, itself included."""
    text = read_text(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").strip()
    return set(cpu_list(text)) if text else {cpu}


def choose(server_text=None, load_text=None):
    """The placement for what the user said, or for the CPUs that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    server = cpu_list(server_text) if server_text else (allowed[0],)
    load = cpu_list(load_text) if load_text else (choose_load(allowed, server),)
    for cpu in server + load:
        if cpu not in allowed:
            sys.exit(f"CPU {cpu} is not one of those this process may use: {cpu_text(allowed)}")
    free = [cpu for cpu in allowed if cpu not in server + load]
    more = (free + [cpu for cpu in load if cpu not in server] + list(server))[:len(server)]
    return Placement(server, load, server + tuple(more))


def choose_load(allowed, server):
    """Another core if there is one, else another thread of the same core, else the same CPU."""
    others = [cpu for cpu in allowed if cpu not in server]
    same_core = set().union(*(siblings(cpu) for cpu in server))
    return next((cpu for cpu in others if cpu not in same_core), others[0] if others else server[0])
