# SPDX-License-Identifier: MIT
"""How long a client waits beside others: the CPU time that the server has used between a request and its answer.

What others do on the machine does not count, and a server with one worker can have done nothing else in that time. But
a client that the machine keeps waiting counts what the server does meanwhile: of all gets the quicker quarter is judged.
"""

from harness.outcome import check

SERVER_MS_MAX = 5.0


def check_served(lab, server, victim, until):
    """Gets of the key `small`, until told to stop: one takes less than SERVER_MS_MAX."""
    spent_ms = []
    while not spent_ms or not until(len(spent_ms)):
        before_ns = server.cpu_ns()
        check(victim.get("small") is not None, "the value has gone")
        spent_ms.append((server.cpu_ns() - before_ns) / 1e6)
    quicker_ms = sorted(spent_ms)[len(spent_ms) // 4]
    good = lab.program.is_sanitized or quicker_ms < SERVER_MS_MAX
    check(good, f"{len(spent_ms)} gets, a quarter of them below {quicker_ms:.1f} ms of the server's time")
