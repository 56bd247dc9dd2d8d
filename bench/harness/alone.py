# SPDX-License-Identifier: MIT
"""A part of a server by itself: what OpenSSL takes with nothing around it, and what src/tls does (bench/tls).

It runs on the server's CPU, and beside it, so that both have the same share of the machine as a server under load, a second
one on the generator's.
"""

import os

from harness.placement import cpu_text
from harness.server import shown
from process import Process, ProcessError, ask

LIMIT_S = 30.0     # of one measurement, with its preparation
BESIDE_MS = 60_000  # it is ended before


def measure(peer, workload, settings):
    """As measure.measure: figures, and the command lines."""
    placement = settings.placement
    command = [*peer.program, *peer.extra, "--work", workload.work, "--ms", str(max(1, round(settings.duration_s * 1000)))]
    on_server = ["taskset", "-c", cpu_text(placement.server_cpus), *command]
    if placement.shared(placement.server_cpus):
        text = ask(on_server, LIMIT_S)
    else:
        beside = ["taskset", "-c", cpu_text(placement.load_cpus), *command[:-1], str(BESIDE_MS)]
        with Process(beside, os.path.join(settings.folder, "beside")):
            text = ask(on_server, LIMIT_S)
    return {"cpu_ns_per_request": figure(text)}, {"server": shown(on_server)}


def figure(text):
    """The nanoseconds that the program prints."""
    try:
        return float(text)
    except ValueError as error:
        raise ProcessError(f"no figure: {text!r}") from error
