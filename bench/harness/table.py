# SPDX-License-Identifier: MIT
"""The report as text: a block per workload while it is measured, then the ratios and the targets; and as Markdown."""

from harness import units
from harness.summary import calls_per_request, paired_ratio, row_of

# Figures that make others doubtful: (name, in percent, from where on, what it means).
DOUBTS = (
    ("misses_percent", 0.1, "replies that were misses"),
    ("wait_percent", 5.0, "time that threads of the server were ready and had no CPU, other programs run there"),
    ("steal_percent", 2.0, "of a CPU was taken by the hypervisor"),
)

CPU = "cpu_ns_per_request"

# Rounds that differ by more are too few to tell a ratio near 1 from noise.
SPREAD_MAX = 0.4

LEGEND = ("figures are medians of the rounds, spread is the largest less the smallest; a ratio is the median of the "
          "rounds' own ratios, both sides measured in the same round")


def lay_out(rows):
    """Columns as wide as they need be; the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join([row[0].ljust(widths[0])] +
                             [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]).rstrip() for row in rows]


def workload_block(result):
    """The lines of one workload."""
    lines = ["", f"{result['name']}: {result['title']}"]
    if result["skipped"]:
        return lines + [f"  not measured: {result['skipped']}"]
    if any("steps" in row["median"] for row in result["rows"]):
        lines += sweep_lines(result)
    elif result["kind"] == "alone":
        lines += lay_out(alone_rows(result))
    elif result["kind"] == "idle":
        lines += lay_out([["", "CPU", "switches/s", "memory"]] +
                         [idle_cells(row) for row in result["rows"] if row["median"]])
    elif any(row["median"] for row in result["rows"]):
        lines += lay_out(closed_rows(result))
    return lines + notes(result)


def closed_rows(result):
    base = row_of(result, "riposte") or next(row for row in result["rows"] if row["median"])
    name = "connections/s" if result["unit"] == "connection" else "requests/s"
    rows = [["", name, "spread", f"{base['peer']}/this", "p50 us", "p99 us", "CPU", "CPU us each", "calls each",
             "switches each", "memory"]]
    for row in result["rows"]:
        if row["median"]:
            rows.append(closed_cells(row, base))
    return rows


def closed_cells(row, base):
    figures = row["median"]
    calls = calls_per_request(row)
    return [row["peer"], units.count(figures["requests_per_s"]), units.percent(row["spread"]["requests_per_s"]),
            ratio_text(paired_ratio(base, row, "requests_per_s")),
            units.microseconds(figures["p50_ns"]), units.microseconds(figures["p99_ns"]),
            f"{figures['cpu_percent']:.0f} %", units.microseconds(figures["cpu_ns_per_request"]),
            "-" if calls is None else f"{calls:.3f}", f"{figures['switches_per_request']:.3f}", memory(figures)]


def alone_rows(result):
    """The first row is what the others are a multiple of."""
    measured = [row for row in result["rows"] if row["median"]]
    return [["", "CPU us each", "spread", f"of {measured[0]['peer']}'s" if measured else ""]] + [
        [row["peer"], f"{row['median'][CPU] / 1000:.2f}", units.percent(row["spread"][CPU]),
         ratio_text(paired_ratio(row, measured[0], CPU))] for row in measured]


def ratio_text(ratio):
    return "-" if ratio is None else f"{ratio:.2f}"


def idle_cells(row):
    figures = row["median"]
    return [row["peer"], f"{figures['cpu_percent']:.2f} %", f"{figures['switches_per_s']:.0f}", memory(figures)]


def memory(figures):
    return f"{figures['rss_bytes'] / (1 << 20):.1f} MiB"


def sweep_lines(result):
    """p50 and p99 of every peer at every rate; in brackets where it did not keep up."""
    measured = [row for row in result["rows"] if row["median"]]
    rates = sorted({step["offered_per_s"] for row in measured for step in row["median"]["steps"]})
    rows = [["offered/s: p50, p99 us"] + [row["peer"] for row in measured]]
    for rate in rates:
        rows.append([units.count(rate)] + [sweep_cell(row, rate) for row in measured])
    rows.append(["kept up with"] + [units.count(row["median"]["knee_per_s"]) for row in measured])
    return lay_out(rows)


def sweep_cell(row, rate):
    for step in row["median"]["steps"]:
        if step["offered_per_s"] == rate:
            text = f"{units.microseconds(step['p50_ns'])}, {units.microseconds(step['p99_ns'])}"
            return text if step["kept_up"] else f"({text})"
    return "-"


def notes(result):
    """What a reader must know before believing the figures; what several peers share is said once."""
    said = {}
    for row in result["rows"]:
        rounds = len(row["failures"]) + len(row["rounds"])
        for failure in row["failures"]:
            said.setdefault(f"failed: {failure}", []).append((row["peer"], rounds))
        for figures in row["rounds"]:
            for warning in filter(None, [figures.get("warning")]):
                said.setdefault(warning, []).append((row["peer"], rounds))
    lines = []
    for text, where in said.items():
        counted = [f"{peer} in {where.count((peer, rounds))} of {rounds}" for peer, rounds in dict.fromkeys(where)]
        lines.append(f"  ! {text}: {', '.join(counted)} rounds")
    for name, limit, text in DOUBTS:
        above = [(row["peer"], row["median"].get(name, 0)) for row in result["rows"] if row["median"].get(name, 0) > limit]
        if above:
            lines.append(f"  ! {text}: {', '.join(f'{peer} {value:.1f} %' for peer, value in above)}")
    wide = [row["peer"] for row in result["rows"] if row["spread"].get("requests_per_s", 0) > SPREAD_MAX]
    if wide:
        lines.append(f"  ! rounds differ by more than {SPREAD_MAX:.0%}, take more of them (--rounds): {', '.join(wide)}")
    for row in result["rows"]:
        if row.get("system_calls_failure"):
            lines.append(f"  ! {row['peer']}: system calls not counted: {row['system_calls_failure']}")
    return lines


def matrix(results):
    """Requests/s of every peer in every workload, with riposte's multiple in brackets: a header and rows of cells."""
    names = names_of_all(results)
    rows = []
    for result in results:
        if result["for_all"] and any("requests_per_s" in row["median"] for row in result["rows"]):
            rows.append([result["name"]] + [matrix_cell(result, name) for name in names])
    return [["requests/s (riposte's multiple of it)"] + names] + rows if rows else []


def names_of_all(results):
    """The columns of a matrix: not those that take part in a workload of their own only."""
    return list(dict.fromkeys(row["peer"] for result in results if result["for_all"]
                              for row in result["rows"] if row["median"]))


def matrix_cell(result, name):
    row, base = row_of(result, name), row_of(result, "riposte")
    if not row:
        return "-"
    rate = row["median"]["requests_per_s"]
    if name == "riposte" or not base or not rate:
        return units.count(rate)
    return f"{units.count(rate)} ({ratio_text(paired_ratio(base, row, 'requests_per_s'))})"


def verdict_rows(verdicts):
    words = {True: "reached", False: "NOT reached", None: "not measured"}
    return [["target", "asked", "found", ""]] + [
        [verdict["text"], verdict["bound"], verdict["value"] or "-", words[verdict["reached"]]] for verdict in verdicts]


def closing_lines(report):
    """Behind the last workload."""
    lines = []
    rows = matrix(report["workloads"])
    if len(rows) > 2:
        lines += [""] + lay_out(rows)
    measured = [verdict for verdict in report["targets"] if verdict["reached"] is not None]
    if measured:
        lines += [""] + lay_out(verdict_rows(measured))
        reached = sum(verdict["reached"] for verdict in measured)
        lines += ["", f"{reached} of {len(measured)} targets reached; "
                      f"{len(report['targets']) - len(measured)} not measured"]
    return lines


def head_lines(report):
    """What machine, what versions, what settings: before the first workload."""
    machine, settings = report["machine"], report["settings"]
    cpu = machine["cpu"]
    lines = [f"{machine['host']}: {cpu['model']}, {cpu['online']} CPUs{', virtual' if cpu['virtual'] else ''}, "
             f"{machine['memory_bytes'] / (1 << 30):.1f} GiB; {machine['kernel'].split(' #')[0]}; "
             f"{machine['distribution']}",
             f"server on CPU {', '.join(map(str, machine['server_cpus']))}, generator on CPU "
             f"{', '.join(map(str, machine['load_cpus']))}; {settings['rounds']} rounds of "
             f"{settings['duration_s']:g} s, {settings['warmup_s']:g} s warm-up; load average {machine['load_average_before'][0]:.2f}; "
             f"commit {report['commit']}"]
    lines.append("  " + "; ".join(f"{name} {peer['version_short']}" for name, peer in report["peers"].items()))
    return lines + [f"  {LEGEND}"] + [f"! {warning}" for warning in report["warnings"]]


def markdown(report, multiples=()):
    """The whole report for a README: machine, ratios, targets. `multiples`: cells of those of the floor."""
    lines = ["\n".join(head_lines(report)[:2]), "", LEGEND[0].upper() + LEGEND[1:] + ".", ""]
    lines += markdown_table(multiples) + ([""] if multiples else [])
    lines += markdown_table(matrix(report["workloads"])) + [""]
    lines += markdown_table(cpu_matrix(report["workloads"])) + [""]
    lines += markdown_table(verdict_rows(report["targets"]))
    return "\n".join(lines) + "\n"


def cpu_matrix(results):
    """The server's CPU time per request."""
    names = names_of_all(results)
    rows = []
    for result in results:
        found = {name: row_of(result, name) for name in names}
        if result["for_all"] and any(row and "cpu_ns_per_request" in row["median"] for row in found.values()):
            rows.append([result["name"]] + [units.microseconds(row["median"]["cpu_ns_per_request"]) if row else "-"
                                            for row in found.values()])
    return [["server CPU, us per request"] + names] + rows if rows else []


def markdown_table(rows):
    if not rows:
        return []
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|---" + "|---:" * (len(rows[0]) - 1) + "|"] + lines[1:]
