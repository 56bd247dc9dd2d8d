# SPDX-License-Identifier: MIT
"""A server without work uses no CPU, whatever happened before."""

import time

from harness.outcome import check
from harness.registry import ALL, BOTH, test
from harness.server import wait_until

WATCHED_S = 2.0
TICKS_MAX = 2  # of 200: the rounding of the clock that the kernel counts with, and a timer or two


def expect_sleep(server, what):
    """Waits until the server has come to rest, then looks for two seconds at the CPU time of all its threads."""
    wait_until(lambda: ticks_during(server, 0.2) == 0, f"the server comes to rest {what}", 15)
    ticks = ticks_during(server, WATCHED_S)
    check(ticks <= TICKS_MAX, f"{ticks} clock ticks of CPU in {WATCHED_S:g} s {what}")


def ticks_during(server, seconds):
    before = server.cpu_ticks()
    time.sleep(seconds)  # the time that is measured
    return server.cpu_ticks() - before


@test(families=BOTH, reference=True, waits=True)
def an_idle_server_uses_no_cpu(lab):
    """Without connections, and with 300 that say nothing."""
    server = lab.start("-t", "2")
    expect_sleep(server, "without connections")
    for _ in range(300):
        lab.connect(server)
    expect_sleep(server, "with idle connections")


@test(families=BOTH, waits=True)
def a_server_goes_to_sleep_after_a_burst(lab):
    """Adaptive spinning ends when the requests do; items to expire and half-sent requests do not keep it awake."""
    server = lab.start("-t", "2", "--spin-us=auto")
    clients = [lab.connect(server) for _ in range(8)]
    clients[0].set("a", "x", exptime=1000)
    for _ in range(2000):
        for client in clients:
            client.send("get a\r\n")
        for client in clients:
            client.expect("VALUE a 0 1\r\nx\r\nEND\r\n")
    clients[0].send("get unfinish")
    expect_sleep(server, "after a burst")


@test(families=ALL, waits=True)
def a_paused_connection_does_not_keep_the_server_awake(lab):
    """A client that reads nothing and has reached its output bound."""
    server = lab.start("--conn-output-limit=64k")
    client = lab.connect(server)
    client.set("a", "x" * 500_000)
    client.send(b"get a\r\n" * 100)
    wait_until(lambda: server.own_stats()["output_pauses"] != "0", "the connection is paused")
    expect_sleep(server, "with a paused connection")


@test(waits=True)
def a_full_server_that_pauses_accepting_sleeps(lab):
    """-o no_maxconns_fast with more clients than places."""
    server = lab.start("-c", "2", "-o", "no_maxconns_fast")
    clients = [lab.connect(server) for _ in range(6)]
    clients[0].version()
    expect_sleep(server, "with clients that wait")
