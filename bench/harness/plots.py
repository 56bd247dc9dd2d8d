# SPDX-License-Identifier: MIT
"""Three plots by gnuplot, SVG and PNG each: throughput by connections, latency by offered rate, CPU by peer."""

import shutil
import subprocess

from harness.summary import row_of

GNUPLOT_LIMIT_S = 60
COLOURS = ("#c0392b", "#e59866", "#2471a3", "#7d3c98", "#229954", "#5d6d7e", "#b7950b", "#17202a")
TERMINALS = {
    "svg": "svg size 900,540 dynamic background rgb 'white' font 'sans-serif,14'",
    "png": "pngcairo size 1350,810 font 'sans,15'",
}
STYLE = """
set border 3 linecolor rgb '#444444'
set tics nomirror out
set grid ytics linecolor rgb '#dddddd' linetype 1
set key outside right top
"""
CPU_WORKLOADS = ("get-32-c64", "set-32-c64", "get-32-d16", "mixed-1m-zipf", "get-1k")


def draw(report, stem):
    """Writes <stem>-<plot>.svg and .png for each plot there are figures for; returns (paths, sentence why not or "")."""
    if not shutil.which("gnuplot"):
        return [], "no plots: gnuplot is not here (tools/setup --bench)"
    paths = []
    for name, script in (("throughput", throughput_script(report)), ("latency", latency_script(report)),
                         ("cpu", cpu_script(report))):
        if script is None:
            continue
        for extension, terminal in TERMINALS.items():
            path = f"{stem}-{name}.{extension}"
            failure = run_gnuplot(f"set terminal {terminal}\nset output {quoted(path)}\n{STYLE}{script}")
            if failure:
                return paths, f"gnuplot failed: {failure}"
            paths.append(path)
    return paths, ""


def run_gnuplot(script):
    """What it complains about; "" when it did not."""
    try:
        result = subprocess.run(["gnuplot", "-"], input=script, capture_output=True, text=True, timeout=GNUPLOT_LIMIT_S,
                                check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return result.stderr.strip() if result.returncode != 0 else ""


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def title(report, text):
    """With the machine below it."""
    machine, rounds = report["machine"], report["settings"]["rounds"]
    below = (f"{machine['cpu']['model']}, {machine['kernel'].split(' #')[0]}; server on {len(machine['server_cpus'])} CPU"
             f"{'s' if len(machine['server_cpus']) > 1 else ''}; median of {rounds} round{'s' if rounds > 1 else ''}")
    return (f"set title {quoted(text)} noenhanced\nset bmargin 5\n"
            f"set label 99 {quoted(below)} at screen 0.02,0.02 font ',10' textcolor rgb '#777777' noenhanced\n")


def block(name, rows):
    """Data in the script itself."""
    return f"${name} << END\n" + "".join(" ".join(str(cell) for cell in row) + "\n" for row in rows) + "END\n"


def peers_of(workloads):
    """Names of those that were measured in any of the workloads, in the order of the tables."""
    return list(dict.fromkeys(row["peer"] for result in workloads for row in result["rows"] if row["median"]))


def colour_and_title(index, name):
    return f"linecolor rgb '{COLOURS[index % len(COLOURS)]}' title {quoted(name)} noenhanced"


def lines_command(names, using):
    """One line per peer."""
    parts = [f"$line{index} using {using} with linespoints linewidth 2 pointtype 7 pointsize 0.7 "
             f"{colour_and_title(index, name)}" for index, name in enumerate(names)]
    return "plot " + ", \\\n     ".join(parts) + "\n"


def throughput_script(report):
    found = sorted((int(result["name"].rpartition("c")[2]), result) for result in report["workloads"]
                   if result["name"].startswith("get-32-c") and any(row["median"] for row in result["rows"]))
    if len(found) < 2:
        return None
    names = peers_of([result for _, result in found])
    data = ""
    for index, name in enumerate(names):
        rows = [(count, row["median"]["requests_per_s"] / 1000) for count, row in
                ((count, row_of(result, name)) for count, result in found) if row]
        data += block(f"line{index}", rows)
    marks = ", ".join(f"'{count}' {count}" for count, _ in found)
    return (title(report, "get of 32 bytes: throughput by connections") + data +
            f"set logscale x 2\nset xtics ({marks})\nset xlabel 'connections'\nset ylabel 'thousand requests/s'\n"
            f"set yrange [0:*]\nset xrange [{0.9 * found[0][0]}:{1.1 * found[-1][0]}]\n" + lines_command(names, "1:2"))


def latency_script(report):
    result = next((result for result in report["workloads"] if result["kind"] == "sweep"), None)
    names = peers_of([result]) if result else []
    if not names:
        return None
    data = ""
    for index, name in enumerate(names):
        steps = [step for step in row_of(result, name)["median"]["steps"] if step["kept_up"]]
        data += block(f"line{index}", [(step["offered_per_s"] / 1000, step["p50_ns"] / 1000, step["p99_ns"] / 1000)
                                       for step in steps] or [("NaN", "NaN", "NaN")])
    return (title(report, "get of 32 bytes, 64 connections, open loop: p99 latency by offered rate") + data +
            "set logscale y\nset xlabel 'thousand requests/s offered (as far as the server kept up)'\n"
            "set ylabel 'p99, microseconds'\nset xrange [0:*]\n" + lines_command(names, "1:3"))


def cpu_script(report):
    results = [result for wanted in CPU_WORKLOADS for result in report["workloads"]
               if result["name"] == wanted and any(row["median"] for row in result["rows"])]
    if not results:
        return None
    names = peers_of(results)
    rows = []
    for result in results:
        cells = [row_of(result, name) for name in names]
        rows.append([result["name"]] + [row["median"]["cpu_ns_per_request"] / 1000 if row else "NaN" for row in cells])
    parts = [f"$bars using {index + 2}:xtic(1) {colour_and_title(index, name)}" for index, name in enumerate(names)]
    return (title(report, "server CPU time per request") + block("bars", rows) +
            "set style data histogram\nset style histogram clustered gap 1\nset style fill solid 0.9 noborder\n"
            "set ylabel 'microseconds of CPU'\nset yrange [0:*]\nset xtics noenhanced scale 0\n"
            "plot " + ", \\\n     ".join(parts) + "\n")
