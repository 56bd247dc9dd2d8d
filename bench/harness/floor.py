# SPDX-License-Identifier: MIT
"""What servers cost as a multiple of the bare kernel path (bench/floor): the limit, and how near to it each one is.

The floor is a ring with multishot accept and receive and one send of fixed answers, without parsing; web servers are
held against one that answers in HTTP. CPU time per request, and requests/s where there is one connection, are divided
by the floor's of the same round. That number hardly depends on the machine; the floor's own time does.

The floor's time is without what it spins, since under pipelines the generator may be slower than it. A server's time is
all that it uses: one that keeps the generator from being the bottleneck (a note says so) does not spin.
"""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from harness import table, units
from harness.summary import paired_ratio, row_of
from harness.targets import FLOOR
from harness.turns import Contest, Entry
from harness.workloads import find

CPU = "cpu_ns_per_request"
RATE = "requests_per_s"
SHAPES = {"http": "floor-http"}  # protocol of a peer -> the floor it is held against
LEGEND = ("multiples of the floor's CPU per request; with one connection of its requests/s; medians of the rounds' own "
          "ratios, turns of 0.3 s with all servers alive")


@dataclass(frozen=True)
class Row:
    """What the peers are asked, and what the floor is asked beside them."""
    name: str
    title: str
    workload: str
    floor_workload: str
    figure: str = CPU
    quick: bool = True


ROWS = (
    Row("floor-get-c64", "get 32 B, 64 connections", "get-32-c64", "get-32-c64"),
    Row("floor-get-c512", "get 32 B, 512 connections", "get-32-c512", "get-32-c512", quick=False),
    Row("floor-get-d16", "get 32 B, 16 pipelined", "get-32-d16", "get-32-d16"),
    Row("floor-set-d16", "set 32 B, 16 pipelined, against the floor of get", "set-32-d16", "get-32-d16"),
    Row("floor-get-c1", "get 32 B, 1 connection, requests/s", "get-32-c1", "get-32-c1", RATE, quick=False),
    Row("floor-web-c64", "web: 13 bytes, 64 connections", "web-13-c64", "web-13-c64", quick=False),
    Row("floor-web-d16", "web: 13 bytes, 16 pipelined", "web-13-d16", "web-13-d16", quick=False),
    Row("floor-web-cache-1k", "web: cached value of 1 KiB, 64 connections", "web-cache-1k", "web-cache-1k", quick=False),
)


def floor_of(peer):
    """The name of the floor that a peer is held against."""
    return SHAPES.get(peer.protocol, FLOOR)


def choose(names, quick):
    """As workloads.choose: those whose name matches a pattern, those of a quick run, or all."""
    if names:
        return [row for row in ROWS if any(fnmatchcase(row.name, name) for name in names)]
    return [row for row in ROWS if row.quick or not quick]


def contest_of(row, peers):
    """The contest of a row."""
    return contest(row.name, row.title, find(row.workload), find(row.floor_workload), peers)


def contest(name, title, workload, floor_workload, peers):
    """The floors that are needed, and the peers that can be asked. The generator does the same for all: it looks at
    kind, key and length of replies. The floor always names key 0: it is asked for nothing else."""
    asked = replace(workload, check="length", peers=())
    asked_floor = replace(floor_workload, check="length", peers=(), keys="1", ratio="100:0")
    takers = [peer for peer in peers if peer.floor or asked.takes(peer)]
    needed = {floor_of(peer) for peer in takers if not peer.floor}
    return Contest(name, title, tuple(Entry(peer, asked_floor if peer.floor else asked) for peer in takers
                                      if not peer.floor or peer.name in needed))


def multiple(result, peer_name, floor_name, figure):
    """Of the floor; None where a round of both is missing."""
    return paired_ratio(row_of(result, peer_name), row_of(result, floor_name), figure)


def figure_of(result):
    return next(row.figure for row in ROWS if row.name == result["name"])


def multiples(results, floors):
    """A header and rows of cells. `floors`: name of a peer -> name of its floor."""
    if not results:
        return []
    lines = [["multiple of the floor", "floor, us"] + list(floors)]
    for result in results:
        figure = figure_of(result)
        found = [multiple(result, name, floor, figure) for name, floor in floors.items()]
        lines.append([result["title"], floor_text(result, figure)] + [table.ratio_text(value) for value in found])
    return lines


def floor_text(result, figure):
    row = row_of(result, FLOOR) or row_of(result, SHAPES["http"])
    if not row:
        return "-"
    value = row["median"][figure]
    return units.microseconds(value) if figure == CPU else f"{units.count(value)}/s"


def block(result, floors):
    """One contest by itself: a line for each peer, the first of them to each."""
    measured = [row for row in result["rows"] if row["median"]]
    base = next((row for row in measured if row["peer"] in floors), None)
    cells = [["", "requests/s", "spread", f"{base['peer'] if base else ''}/this", "p50 us", "p99 us", "CPU us each",
              "of the floor's"]]
    for row in measured:
        figures = row["median"]
        floor = floors.get(row["peer"])
        cells.append([row["peer"], units.count(figures[RATE]), units.percent(row["spread"][RATE]),
                      table.ratio_text(paired_ratio(base, row, RATE)) if floor else "",
                      units.microseconds(figures["p50_ns"]), units.microseconds(figures["p99_ns"]),
                      units.microseconds(figures[CPU]),
                      table.ratio_text(multiple(result, row["peer"], floor, CPU)) if floor else ""])
    return ["", f"{result['name']}: {result['title']}"] + table.lay_out(cells) + table.notes(result)


def lines(results, floors):
    """For a terminal, with what a reader must know before believing them."""
    found = [f"  ! {result['name']}: {note.strip(' !')}" for result in results for note in table.notes(result)]
    return ["", LEGEND] + table.lay_out(multiples(results, floors)) + found
