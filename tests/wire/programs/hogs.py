# SPDX-License-Identifier: MIT
"""Clients that ask for what is costly, as fast as they can: another one is served beside them."""

import contextlib
import signal
import subprocess
import sys
import time

from harness import hog
from harness.http import http_connect, http_start, read_answer, request
from harness.outcome import check
from harness.registry import BOTH, test
from harness.server import wait_until
from harness.victim import check_served
from process import tie_to_parent

TIME_S = 2.0
LONG_TURNS_MAX = 5  # while the clients begin


@contextlib.contextmanager
def hogs(address, asked, count):
    """`count` clients that send `asked` over and over, in a process of their own."""
    command = [sys.executable, "-B", hog.__file__, str(address), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=tie_to_parent) as process:
        try:
            process.stdin.write(asked)
            process.stdin.close()
            check(process.stdout.readline() == b"ready\n", "the hogs are connected")
            yield
        finally:
            process.kill()


def check_victim(lab, asked, count, turns_short=True):
    """A get is answered soon (harness/victim.py), beside `count` clients that send `asked`.

    turns_short=False where one request may take a turn by itself on a machine whose memory others use, too: a copy of
    1 MB.
    """
    server = lab.start("-m", "256")
    lab.connect(server).set("big", b"y" * 1_000_000)  # who stores that much waits behind others, too
    victim = lab.connect(server)
    victim.set("small", "x")
    address = server.socket_path if server.family == "unix" else server.port
    check_beside(lab, server, victim, hogs(address, asked, count))
    if turns_short:
        check_turns(lab, server)


def check_beside(lab, server, victim, herd):
    """Gets of the victim while the hogs are there."""
    with herd:
        ends = time.monotonic() + TIME_S
        check_served(lab, server, victim, lambda _: time.monotonic() > ends)


def check_turns(lab, server, family=None, met="turns_costly"):
    """By the server's own measure, which does not count what others do on the machine: hardly a turn was long.

    met="turns_busy" where requests are not costly, but more than a turn serves.
    """
    figures = server.own_stats(family)
    count, long, longest_us = (int(figures[name]) for name in (met, "turns_long", "turn_longest_us"))
    check(count > 0, f"{met}: there was none")
    good = long <= max(LONG_TURNS_MAX, count // 50)
    check(lab.program.is_sanitized or good, f"{long} of {count} turns took more than 2 ms, the longest {longest_us} us")


@test(families=BOTH)
def a_client_is_served_beside_twenty_that_append_to_a_large_value(lab):
    """A byte appended to a value of 1 MB, over and over."""
    check_victim(lab, b"append big 0 0 1\r\nx\r\n", 20, turns_short=False)


@test(families=BOTH)
def a_client_is_served_beside_a_hundred_that_append_to_a_large_value(lab):
    """The same, a hundred of them."""
    check_victim(lab, b"append big 0 0 1\r\nx\r\n", 100, turns_short=False)


@test()
def a_byte_appended_to_a_large_value_costs_no_new_memory(lab):
    """A value of 1 MB that grows by a byte 300 times: its pages are used again, not taken from the system anew."""
    server = lab.start()
    client = lab.connect(server)
    client.set("big", b"y" * 1_000_000)
    for _ in range(20):
        client.ask("append big 0 0 1\r\nx", "STORED")
    before = server.page_faults()
    for _ in range(300):
        client.ask("append big 0 0 1\r\nx", "STORED")
    faults = server.page_faults() - before
    check(lab.program.is_sanitized or faults < 300 * 10, f"300 appends took {faults} page faults")


@test(families=BOTH)
def a_client_is_served_beside_a_hundred_that_ask_for_stats(lab):
    """stats, over and over."""
    check_victim(lab, b"stats\r\n", 100)


@test(families=BOTH)
def a_client_is_served_beside_a_hundred_that_ask_for_stats_riposte(lab):
    """stats riposte, over and over."""
    check_victim(lab, b"stats riposte\r\n", 100)


@test(families=BOTH)
def a_client_is_served_beside_a_hundred_that_ask_for_many_keys(lab):
    """gets of 1000 keys, over and over."""
    check_victim(lab, b"get " + b" ".join(b"small" for _ in range(1000)) + b"\r\n", 100)


@test(families=BOTH)
def a_client_is_served_beside_fifty_that_ask_for_metrics(lab):
    """GET /metrics, over and over, on the listener of HTTP."""
    server = http_start(lab, "-m", "256")
    victim = lab.connect(server)
    victim.set("small", "x")
    address = server.http_socket_path if server.family == "unix" else server.http_port
    check_beside(lab, server, victim, hogs(address, request("GET", "/metrics"), 50))
    check_turns(lab, server)


@test(families=BOTH)
def a_client_is_served_beside_a_hundred_that_send_large_heads(lab):
    """Heads of 15 KiB with 7000 names in one field, over and over."""
    server = http_start(lab, "-m", "256")
    victim = lab.connect(server)
    victim.set("small", "x")
    address = server.http_socket_path if server.family == "unix" else server.http_port
    check_beside(lab, server, victim, hogs(address, large_head(), 100))
    check_turns(lab, server)


def large_head():
    return request("GET", "/healthz", "Connection: " + "a," * 7000 + "a\r\n")


@test()
def many_large_heads_that_end_at_the_same_moment_are_not_read_in_one_turn(lab):
    """400 heads, all but their last bytes, which are all there when the server looks: some 30 ms of work."""
    server = http_start(lab, "-m", "256")
    clients = [http_connect(server) for _ in range(400)]
    for client in clients:
        client.send(large_head()[:-4])
    wait_until(lambda: int(server.own_stats()["bytes_read"]) > 400 * 14000, "the heads are there")
    before = int(server.own_stats()["turns"])
    server.signal(signal.SIGSTOP)
    for client in clients:
        client.send(b"\r\n\r\n")
    server.signal(signal.SIGCONT)
    for client in clients:
        check(read_answer(client).status == 200, "it is answered")
    turns = int(server.own_stats()["turns"]) - before
    check(turns >= 20, f"{len(clients)} large heads took {turns} turns")
