# SPDX-License-Identifier: MIT
"""One measurement: a fresh server, one workload, the figures of both sides."""

import time

from harness import alone, usage
from harness.generator import Generator
from harness.server import Server
from harness.strace import count_calls
from harness.workloads import ALONE, IDLE, SWEEP
from process import ProcessError

STRACE_REQUESTS_MIN = 20000
STRACE_REQUESTS_PER_CONNECTION = 100  # so that accepting does not count for much
STRACE_LARGE_VALUE = 16 << 10         # fewer requests are enough where each one is many calls
STRACE_LARGE_REQUESTS = 2000
IDLE_SETTLE_S = 0.3


def serve(peer, workload, placement):
    """The server of a measurement, to be used in a `with`."""
    if peer.workers_factor > 1:
        cpus = placement.spread_cpus
    else:
        cpus = placement.server_cpus
    return Server(peer, cpus, workload.memory_mib, workload.item_mib, (workload.value_size(),))


def measure(peer, workload, settings, seed, rates=None):
    """Figures of one peer in one round, and the command lines."""
    if workload.kind == ALONE:
        return alone.measure(peer, workload, settings)
    with serve(peer, workload, settings.placement) as server:
        if workload.kind == IDLE:
            return idle_figures(server, settings.duration_s), {"server": server.command_text()}
        generator = Generator(settings, workload, server, seed)
        report = generator.measure(rates)
        figures = sweep_figures(report) if workload.kind == SWEEP else run_figures(report, generator)
        return figures, {"server": server.command_text(), "generator": generator.command_text}


def run_figures(report, generator):
    step = report["steps"][0]
    if step["replies"] == 0:
        raise ProcessError("no reply came in the measured time")
    first, last = generator.used(step["window_ns"])
    rate = step["requests_per_s"]
    figures = {
        "requests_per_s": rate,
        "bytes_per_s": step["bytes_received_per_s"] + step["bytes_sent_per_s"],
        "p50_ns": step["latency_ns"]["p50"],
        "p99_ns": step["latency_ns"]["p99"],
        "p999_ns": step["latency_ns"]["p99.9"],
        "misses_percent": 100 * step["misses"] / step["replies"],
        "generator_busy_share": step["generator_busy_share"],
        "warning": step.get("warning") or "",
    }
    figures.update(usage_figures(first, last))
    elapsed_s = (last.time_ns - first.time_ns) / 1e9
    requests = rate * elapsed_s
    figures["cpu_ns_per_request"] = (last.cpu_ns - first.cpu_ns) / requests
    figures["switches_per_request"] = (last.switches - first.switches) / requests
    return figures


def usage_figures(first, last):
    elapsed_ns = max(1, last.time_ns - first.time_ns)
    return {
        "cpu_percent": 100 * (last.cpu_ns - first.cpu_ns) / elapsed_ns,
        "switches_per_s": (last.switches - first.switches) * 1e9 / elapsed_ns,
        "rss_bytes": last.rss_bytes,
        "wait_percent": 100 * (last.wait_ns - first.wait_ns) / elapsed_ns,
        "steal_percent": 100 * (last.steal_ticks - first.steal_ticks) * usage.TICK_NS / elapsed_ns,
    }


def idle_figures(server, duration_s):
    time.sleep(IDLE_SETTLE_S)
    first = usage.read_usage(server.pid)
    time.sleep(duration_s)
    return usage_figures(first, usage.read_usage(server.pid))


def sweep_figures(report):
    """Latency at each offered rate, and the highest rate that the server kept up with."""
    steps = [{
        "offered_per_s": step["offered_per_s"],
        "requests_per_s": step["requests_per_s"],
        "p50_ns": step["latency_ns"]["p50"],
        "p99_ns": step["latency_ns"]["p99"],
        "p999_ns": step["latency_ns"]["p99.9"],
        "kept_up": step["kept_up"],
    } for step in report["steps"]]
    kept = [step["offered_per_s"] for step in steps if step["kept_up"]]
    warnings = {step.get("warning") for step in report["steps"] if step["kept_up"]} - {None, ""}
    return {"steps": steps, "knee_per_s": max(kept, default=0), "warning": "; ".join(sorted(warnings))}


def count_system_calls(peer, workload, settings, requests=None):
    """System calls of the server per request under strace, by name; ProcessError where strace may not."""
    requests = requests or strace_requests(workload)
    with serve(peer, workload, settings.placement) as server:
        generator = Generator(settings, workload, server, 1)
        generator.store()
        with count_calls(server.pid, settings.folder) as calls:
            report = generator.send(requests)
        replies = max(1, report["steps"][0]["replies"])
        return {name: count / replies for name, count in calls.counts.items()}


def strace_requests(workload):
    if workload.value_size() >= STRACE_LARGE_VALUE:
        return STRACE_LARGE_REQUESTS
    return max(STRACE_REQUESTS_MIN, STRACE_REQUESTS_PER_CONNECTION * workload.connections)
