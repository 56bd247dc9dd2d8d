# SPDX-License-Identifier: MIT
"""The report of a run as a whole: what it is made of, and where it is written.

    build/bench/<host>-<commit>.json .md -<plot>.svg -<plot>.png       table and plots below bench/results when they are to
                                                                       be kept: git ignores what is there but for what is
                                                                       added on purpose (git add -f). JSON is never kept
"""

import json
import os

from harness import floor, machine, plots, table, targets
from harness.peers import ROOT, version_numbers

UNSAVED = os.path.join(ROOT, "build", "bench")
SAVED = os.path.join(ROOT, "bench", "results")


def begin(peers, absent, settings, rounds, command):
    """Everything but the results."""
    busy_share, noise = machine.look_for_noise(settings.placement)
    description = machine.describe(settings.placement)
    description["busy_share_before"] = round(busy_share, 4)
    warnings = [noise] if noise else []
    if settings.placement.shared(settings.placement.server_cpus):
        warnings.append("server and generator share a CPU: the figures describe both together")
    return {
        "format": 1,
        "commit": machine.commit(),
        "command": command,
        "machine": description,
        "settings": {"rounds": rounds, "duration_s": settings.duration_s, "warmup_s": settings.warmup_s},
        "peers": {peer.name: {"kind": peer.kind, "version": peer.version, "version_short": peer.version_short(),
                              "program": " ".join(peer.program)} for peer in peers},
        "warnings": warnings + absent,
        "floor": [],
        "floors": {},
        "workloads": [],
        "targets": [],
    }


def judge(report):
    report["targets"] = targets.judge(report["workloads"], {name: version_numbers(peer["version_short"])
                                                            for name, peer in report["peers"].items()},
                                      report.get("floor", []))


def failed(report):
    """Whether a measurement failed; a target that is not reached is no failure."""
    return any(row["failures"] for result in report["workloads"] + report["floor"] for row in result["rows"])


def write(report, save, with_plots=True, unsaved=UNSAVED, saved=SAVED):
    """Returns the lines that say where everything is."""
    folder = saved if save else unsaved
    name = f"{report['machine']['host']}-{report['commit']}"
    stem = os.path.join(folder, name)
    paths = [os.path.join(unsaved, f"{name}.json"), f"{stem}.md"]
    for path in paths:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(paths[0], "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
    with open(paths[1], "w", encoding="utf-8") as file:
        file.write(table.markdown(report, floor.multiples(report["floor"], report["floors"])))
    return ["written: " + os.path.relpath(path) for path in paths] + (draw(report, stem) if with_plots else [])


def draw(report, stem):
    drawn, why_not = plots.draw(report, stem)
    return ["written: " + os.path.relpath(path) for path in drawn] + ([why_not] if why_not else [])


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
