# SPDX-License-Identifier: MIT
"""The speed to reach, and whether it is reached.

Each target compares two medians of one run. `peer` is whom riposte is compared with; BEST is the best of all that are
not riposte. A bound for memcached after 1.6.18 stands in `bound_newer`.
"""

from dataclasses import dataclass

from harness.summary import row_of

RATE = "requests_per_s"
CPU = "cpu_ns_per_request"
BEST = "the best peer"
US, EPOLL, TWO = "riposte", "riposte-epoll", "riposte-2-workers"
MEMCACHED_PACKAGED = (1, 6, 18)


@dataclass(frozen=True)
class Target:
    workload: str
    figure: str
    peer: str
    bound: float
    at_most: bool = False
    bound_newer: float = 0.0
    ours: str = US


TARGETS = (
    Target("get-32-c1", RATE, "memcached", 2.5),
    Target("get-32-c4", RATE, "memcached", 3.5),
    Target("get-32-c64", RATE, "memcached", 1.35),
    Target("get-32-c64", RATE, "redis", 1.30),
    Target("get-32-c64", CPU, "memcached", 0.75, at_most=True),
    Target("get-32-c512", RATE, "memcached", 1.3),
    Target("set-32-c64", RATE, "memcached", 1.4),
    Target("get-32-d16", RATE, "redis", 2.0),
    Target("get-32-d16", RATE, "memcached", 8.0, bound_newer=2.0),
    Target("set-32-d16", RATE, BEST, 1.6),
    Target("get-16k", RATE, "memcached", 1.15),
    Target("get-256k", RATE, "memcached", 1.0),
    Target("get-1m", RATE, "memcached", 1.0),
    Target("churn-c64", CPU, "memcached", 0.6, at_most=True),
    Target("churn-c64", CPU, "nginx", 0.85, at_most=True),
    Target("churn-c64", RATE, "memcached", 1.0),
    Target("churn-c64", RATE, "nginx", 1.0),
    Target("get-32-c64", RATE, EPOLL, 1.12),
    Target("mixed-2-workers", CPU, US, 1.1, at_most=True, ours=TWO),
)

FIGURE_NAMES = {RATE: "requests/s", CPU: "CPU per request"}
ROUND_TRIP_BOUND = 0.92  # of the rate of bare round trips that is left when keys are looked up
KEYS_BOUND = 0.6       # of the rate on few keys that is left on many
IDLE_PERCENT_MAX = 0.05  # what rounds to 0.0 %
RATE_POINTS_MAX = 3.0  # of CPU above memcached's at 1,000 requests/s


def judge(results, versions):
    """All targets: {text, value, bound, reached}; value and reached are None where something was not measured."""
    by_name = {result["name"]: result for result in results}
    verdicts = [judge_ratio(target, by_name, versions) for target in TARGETS]
    return verdicts + [judge_every_row(results), judge_round_trip(by_name), judge_keys(by_name), judge_idle(by_name),
                       judge_slow_rate(by_name)]


def figure(by_name, workload, peer, name):
    row = row_of(by_name[workload], peer) if workload in by_name else None
    return row["median"].get(name) if row else None


def ratio(above, below):
    return above / below if above is not None and below else None


def verdict(text, value, bound, reached):
    return {"text": text, "value": value, "bound": bound, "reached": None if value is None else bool(reached)}


def judge_ratio(target, by_name, versions):
    bound = target.bound
    if target.bound_newer and versions.get(target.peer, ()) > MEMCACHED_PACKAGED:
        bound = target.bound_newer
    if target.peer == BEST:
        theirs = best_of_peers(by_name.get(target.workload), target.figure)
    else:
        theirs = figure(by_name, target.workload, target.peer, target.figure)
    value = ratio(figure(by_name, target.workload, target.ours, target.figure), theirs)
    reached = value is not None and (value <= bound if target.at_most else value >= bound)
    who = "" if target.ours == US else f"{target.ours}, "
    return verdict(f"{target.workload}: {who}{FIGURE_NAMES[target.figure]} against {target.peer}", shown(value),
                   f"{'at most' if target.at_most else 'at least'} {bound:g} x", reached)


def shown(value, unit=" x"):
    return None if value is None else f"{value:.2f}{unit}"


def best_of_peers(result, name):
    rows = [row for row in result["rows"] if row["median"] and not row["peer"].startswith(US)] if result else []
    return max((row["median"][name] for row in rows), default=None)


def judge_every_row(results):
    """io_uring is never behind epoll."""
    ratios = []
    for result in results:
        ours, other = row_of(result, US), row_of(result, EPOLL)
        if ours and other and other["median"].get(RATE) and result["kind"] == "closed":
            ratios.append((ours["median"][RATE] / other["median"][RATE], result["name"]))
    least = min(ratios, default=(None, ""))
    return verdict(f"every workload: requests/s against {EPOLL}{f'; least in {least[1]}' if ratios else ''}",
                   shown(least[0]), "at least 1 x", ratios and least[0] >= 1.0)


def judge_round_trip(by_name):
    """What the cache itself may cost. Two workloads, measured one after the other: a machine that drifts shifts it."""
    value = ratio(figure(by_name, "get-32-c64", US, RATE), figure(by_name, "mn-c64", US, RATE))
    return verdict("get-32-c64: requests/s against mn-c64", shown(value), f"at least {ROUND_TRIP_BOUND:g} x",
                   value is not None and value >= ROUND_TRIP_BOUND)


def judge_keys(by_name):
    value = ratio(figure(by_name, "get-10m-keys-d16", US, RATE), figure(by_name, "get-1k-keys-d16", US, RATE))
    return verdict("get-10m-keys-d16: requests/s against get-1k-keys-d16", shown(value), f"at least {KEYS_BOUND} x",
                   value is not None and value >= KEYS_BOUND)


def judge_idle(by_name):
    value = figure(by_name, "no-load", US, "cpu_percent")
    return verdict("no-load: CPU of an idle server", shown(value, " %"), "0 %",
                   value is not None and value <= IDLE_PERCENT_MAX)


def judge_slow_rate(by_name):
    ours = figure(by_name, "rate-1k", US, "cpu_percent")
    theirs = figure(by_name, "rate-1k", "memcached", "cpu_percent")
    points = ours - theirs if ours is not None and theirs is not None else None
    return verdict("rate-1k: CPU against memcached's", None if points is None else f"{points:+.1f} points",
                   f"at most +{RATE_POINTS_MAX:g} points", points is not None and points <= RATE_POINTS_MAX)
