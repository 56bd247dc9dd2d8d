# SPDX-License-Identifier: MIT
"""The speed to reach, and whether it is reached.

Each target compares two rows of one run, round by round (see summary.py). `peer` is whom riposte is compared with; BEST
is the best of all that are not riposte: the one beside which riposte does worst. A bound for memcached after 1.6.18
stands in `bound_newer`.
"""

from dataclasses import dataclass

from harness.summary import paired_difference, paired_ratio, row_of

RATE = "requests_per_s"
CPU = "cpu_ns_per_request"
BEST = "the best peer"
TLS, MEMCACHED_TLS, NGINX_TLS = "riposte-tls", "memcached-tls", "nginx-tls"
OPENSSL, FILTER = "openssl", "riposte-filter"  # without sockets (bench/tls)
US, EPOLL, TWO, WEB = "riposte", "riposte-epoll", "riposte-2-workers", "riposte-http"
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
    Target("churn-c64", CPU, "nginx", 1.0, at_most=True, ours=WEB),
    Target("web-file-64k", CPU, "nginx", 1.0, at_most=True, ours=WEB),
    Target("web-file-10m", CPU, "nginx", 1.0, at_most=True, ours=WEB),
    Target("mixed-2-workers", CPU, US, 1.1, at_most=True, ours=TWO),
    Target("tls-get-32-c64", CPU, US, 1.35, at_most=True, ours=TLS),
    Target("tls-get-32-c64", CPU, MEMCACHED_TLS, 1 / 1.15, at_most=True, ours=TLS),
    Target("tls-get-32-d16", CPU, US, 1.8, at_most=True, ours=TLS),
    Target("tls-get-32-d16", CPU, MEMCACHED_TLS, 1 / 1.6, at_most=True, ours=TLS),
    Target("tls-full-c64", CPU, NGINX_TLS, 1.0, at_most=True, ours=TLS),
    Target("tls-alone-get", CPU, OPENSSL, 1.15, at_most=True, ours=FILTER),
    Target("tls-alone-full", CPU, OPENSSL, 1.05, at_most=True, ours=FILTER),
    Target("tls-alone-resumed", CPU, OPENSSL, 1.05, at_most=True, ours=FILTER),
)

FLOOR, WEB_FLOOR = "floor", "floor-http"  # the peers that are the bare kernel path
FLOOR_BOUNDS = (  # row, multiple of the floor, whose, of which floor
    ("floor-get-d16", 1.10, US, FLOOR),
    ("floor-set-d16", 1.25, US, FLOOR),
    ("floor-web-c64", 1.06, WEB, WEB_FLOOR),
    ("floor-web-d16", 1.5, WEB, WEB_FLOOR),
    ("floor-web-cache-1k", 1.08, WEB, WEB_FLOOR),
)

FIGURE_NAMES = {RATE: "requests/s", CPU: "CPU per request"}
# Workload, the one it is compared with, what is left of that one's rate. Two such workloads share their rounds.
WORKLOAD_PAIRS = (
    ("get-32-c64", "mn-c64", 0.92),  # of bare round trips, when keys are looked up: what the cache itself may cost
    ("get-10m-keys-d16", "get-1k-keys-d16", 0.6),
)
# Of a full handshake's CPU, with the connection and its one request on both sides. OpenSSL alone does not reach it while each handshake has
# new keys; so its own share is said beside it, and the bound that can be reached is that of tls-alone-resumed.
RESUMED_SHARE_MAX = 0.4
IDLE_PERCENT_MAX = 0.05  # what rounds to 0.0 %
RATE_POINTS_MAX = 3.0  # of CPU above memcached's at 1,000 requests/s


def judge(results, versions, floor_results=()):
    """All targets: {text, value, bound, reached}; value and reached are None where something was not measured."""
    by_name = {result["name"]: result for result in results}
    verdicts = [judge_ratio(target, by_name, versions) for target in TARGETS]
    verdicts += [judge_every_row(results)] + [judge_workloads(by_name, *pair) for pair in WORKLOAD_PAIRS]
    verdicts += [judge_resumed(by_name), judge_idle(by_name), judge_slow_rate(by_name)]
    return [judge_multiple(floor_results, *bound) for bound in FLOOR_BOUNDS] + verdicts


def judge_multiple(floor_results, name, bound, ours, floor):
    result = next((result for result in floor_results if result["name"] == name), None)
    value = paired_ratio(row_of(result, ours), row_of(result, floor), CPU) if result else None
    return verdict(f"{name}: CPU per request against the bare kernel path", shown(value), f"at most {bound:g} x",
                   value is not None and value <= bound)


def figure(by_name, workload, peer, name):
    row = row_in(by_name, workload, peer)
    return row["median"].get(name) if row else None


def row_in(by_name, workload, peer):
    return row_of(by_name[workload], peer) if workload in by_name else None


def verdict(text, value, bound, reached):
    return {"text": text, "value": value, "bound": bound, "reached": None if value is None else bool(reached)}


def judge_ratio(target, by_name, versions):
    bound = target.bound
    if target.bound_newer and versions.get(target.peer, ()) > MEMCACHED_PACKAGED:
        bound = target.bound_newer
    ours = row_in(by_name, target.workload, target.ours)
    if target.peer == BEST:
        value = worst_ratio(target, ours, by_name.get(target.workload))
    else:
        value = paired_ratio(ours, row_in(by_name, target.workload, target.peer), target.figure)
    reached = value is not None and (value <= bound if target.at_most else value >= bound)
    who = "" if target.ours == US else f"{target.ours}, "
    return verdict(f"{target.workload}: {who}{FIGURE_NAMES[target.figure]} against {target.peer}", shown(value),
                   f"{'at most' if target.at_most else 'at least'} {bound:.3g} x", reached)


def shown(value, unit=" x"):
    return None if value is None else f"{value:.2f}{unit}"


def worst_ratio(target, ours, result):
    """Beside the best of the peers that are not riposte."""
    rows = [row for row in result["rows"] if not row["peer"].startswith(US)] if result else []
    ratios = [paired_ratio(ours, row, target.figure) for row in rows]
    found = [ratio for ratio in ratios if ratio is not None]
    return (max if target.at_most else min)(found, default=None)


def judge_every_row(results):
    """io_uring is never behind epoll."""
    ratios = []
    for result in results:
        ratio = paired_ratio(row_of(result, US), row_of(result, EPOLL), RATE)
        if ratio is not None and result["kind"] == "closed":
            ratios.append((ratio, result["name"]))
    least = min(ratios, default=(None, ""))
    return verdict(f"every workload: requests/s against {EPOLL}{f'; least in {least[1]}' if ratios else ''}",
                   shown(least[0]), "at least 1 x", ratios and least[0] >= 1.0)


def judge_workloads(by_name, workload, other, bound):
    value = ratio_of_workloads(by_name, workload, other)
    return verdict(f"{workload}: requests/s against {other}", shown(value), f"at least {bound:g} x",
                   value is not None and value >= bound)


def ratio_of_workloads(by_name, workload, other):
    """Of riposte's rates; round by round where the two took turns, else, in older files, of the medians."""
    if other in by_name.get(workload, {}).get("rounds_shared_with", ()):
        return paired_ratio(row_in(by_name, workload, US), row_in(by_name, other, US), RATE)
    above, below = figure(by_name, workload, US, RATE), figure(by_name, other, US, RATE)
    return above / below if above is not None and below else None


def judge_resumed(by_name):
    resumed, full = (figure(by_name, name, TLS, CPU) for name in ("tls-resumed-c64", "tls-full-c64"))
    share = resumed / full if resumed and full else None
    own = openssl_resumed_share(by_name)
    beside = "" if own is None else f" (OpenSSL alone {own:.2f} x)"
    return verdict("tls-resumed-c64: CPU per request against tls-full-c64", shown(share), f"at most {RESUMED_SHARE_MAX:g} x{beside}",
                   share is not None and share <= RESUMED_SHARE_MAX)


def openssl_resumed_share(by_name):
    """Of its full handshake, with nothing around either; None where it was not measured."""
    resumed, full = (figure(by_name, name, OPENSSL, CPU) for name in ("tls-alone-resumed", "tls-alone-full"))
    return resumed / full if resumed and full else None


def judge_idle(by_name):
    value = figure(by_name, "no-load", US, "cpu_percent")
    return verdict("no-load: CPU of an idle server", shown(value, " %"), "0 %",
                   value is not None and value <= IDLE_PERCENT_MAX)


def judge_slow_rate(by_name):
    points = paired_difference(row_in(by_name, "rate-1k", US), row_in(by_name, "rate-1k", "memcached"), "cpu_percent")
    return verdict("rate-1k: CPU against memcached's", None if points is None else f"{points:+.1f} points",
                   f"at most +{RATE_POINTS_MAX:g} points", points is not None and points <= RATE_POINTS_MAX)
