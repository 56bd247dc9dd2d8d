# SPDX-License-Identifier: MIT
"""Medians and spread of the rounds of a row, and how two rows compare.

A machine changes its speed, and not a little where it is virtual: two medians over all rounds may come from its good
and from its bad times. So a ratio is taken within each round, whose runs are next to each other in time, and the median
of these ratios is what counts.
"""

from statistics import median


ROUND = "round"  # among the figures of a round: its number


def summarise(row):
    """Fills row["median"] and row["spread"] (largest less smallest, as a share of the median)."""
    if not row["rounds"]:
        return
    if "steps" in row["rounds"][0]:
        row["median"] = {"knee_per_s": median(figures["knee_per_s"] for figures in row["rounds"]),
                         "steps": median_steps(row["rounds"])}
        return
    for name, first in row["rounds"][0].items():
        if isinstance(first, str) or name == ROUND:
            continue
        values = [figures[name] for figures in row["rounds"]]
        row["median"][name] = median(values)
        row["spread"][name] = (max(values) - min(values)) / median(values) if median(values) else 0.0


def median_steps(rounds):
    """For each offered rate that at least half of the rounds came to: the median of what they saw there."""
    by_rate = {}
    for figures in rounds:
        for step in figures["steps"]:
            by_rate.setdefault(step["offered_per_s"], []).append(step)
    return [median_step(rate, steps) for rate, steps in sorted(by_rate.items()) if 2 * len(steps) >= len(rounds)]


def median_step(rate, steps):
    names = [name for name in steps[0] if name not in ("offered_per_s", "kept_up")]
    result = {name: median(step[name] for step in steps) for name in names}
    kept = sum(step["kept_up"] for step in steps)
    return {"offered_per_s": rate, **result, "kept_up": 2 * kept > len(steps)}


def by_round(row):
    """Number of the round -> its figures. Files of before the numbers: by position, unless rounds are missing."""
    if all(ROUND in figures for figures in row["rounds"]):
        return {figures[ROUND]: figures for figures in row["rounds"]}
    return {} if row["failures"] else dict(enumerate(row["rounds"], 1))


def paired(ours, theirs, name):
    """[(our figure, their figure)] of every round in which both rows have one."""
    first, second = by_round(ours) if ours else {}, by_round(theirs) if theirs else {}
    return [(first[number][name], second[number][name]) for number in sorted(first.keys() & second.keys())
            if name in first[number] and name in second[number]]


def paired_ratio(ours, theirs, name):
    """The median of the rounds' own ratios; None when no round has both figures."""
    return median_or_none([above / below for above, below in paired(ours, theirs, name) if below])


def paired_difference(ours, theirs, name):
    return median_or_none([above - below for above, below in paired(ours, theirs, name)])


def median_or_none(values):
    return median(values) if values else None


def row_of(result, peer):
    """The row of a peer in the result of a workload; None without one that was measured."""
    return next((row for row in result["rows"] if row["peer"] == peer and row["median"]), None)


def calls_per_request(row):
    """The sum over all system calls; None when they were not counted."""
    return sum(row["system_calls"].values()) if row["system_calls"] else None
