# SPDX-License-Identifier: MIT
"""--take-over: counters, histograms and uptime go on in the new process."""

import socket

from harness.connection import LIMIT_S
from harness.http import ask_status, http_connect, http_start
from harness.outcome import check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until
from harness.tls import TlsSocket

GOES_ON = ("get_hits", "get_misses", "cmd_set", "total_items", "total_connections", "incr_hits", "delete_hits", "cmd_touch",
           "bytes_read", "bytes_written", "closed_by_client", "requests", "http_requests")


def all_numbers(client):
    return {**client.stats(), **client.stats("riposte")}


def metrics_of(server):
    with http_connect(server) as client:
        text = ask_status(client, 200, "GET", "/metrics").body.decode()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}


@test(families=BOTH)
def counters_go_on(lab):
    """Three times, with more workers and with fewer: no counter falls, uptime goes on, and what was not asked is not counted."""
    server = http_start(lab, "-t", "2")
    flags = [flag for flag in server.arguments if flag.startswith("--http=unix:")]
    port, path = server.http_port, server.http_socket_path
    with lab.connect(server) as client:
        client.set("n", "1")
        client.set("gone", "x")
        for request, answer in (("get n", "VALUE n 0 1\r\n1\r\nEND"), ("get none", "END"), ("incr n 1", "2"), ("delete gone", "DELETED")):
            client.ask(request, answer)
    for workers in "3", "1", "2":
        with lab.connect(server) as client:
            before = all_numbers(client)
        metrics_before = metrics_of(server)
        server = lab.take_over(server, "-t", workers, f"--http=127.0.0.1:{port}", *flags)
        server.http_port, server.http_socket_path = port, path
        with lab.connect(server) as client:
            after = all_numbers(client)
        for name in GOES_ON:
            if name in before:
                check(int(before[name]) <= int(after[name]) <= int(before[name]) + 200000,
                      f"{name} was {before[name]} and is {after[name]}")
        for name in "get_hits", "get_misses", "cmd_set", "incr_hits", "delete_hits", "total_items", "curr_items":
            check_equal(before[name], after[name], f"{name} with {workers} workers")
        check(int(after["uptime"]) >= int(before["uptime"]), f"uptime was {before['uptime']} and is {after['uptime']}")
        check(int(after["pid"]) != int(before["pid"]), "it is another process")
        metrics_after = metrics_of(server)
        for name, value in metrics_before.items():
            single = name.partition("{")[0]
            grows = single.endswith(("_total", "_bucket", "_count", "_sum")) or single == "memcached_uptime_seconds"
            if grows and "worker=" not in name and "cpu" not in name:
                check(metrics_after.get(name, -1) >= value, f"{name} was {value} and is {metrics_after.get(name)}")


@test(families=BOTH)
def counters_that_were_reset_stay_so(lab):
    """`stats reset` before a take-over: the new one shows what came since."""
    server = lab.start()
    with lab.connect(server) as client:
        client.set("a", "x")
        client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
        client.ask("stats reset", "RESET")
        client.ask("get none", "END")
    server = lab.take_over(server)
    with lab.connect(server) as client:
        numbers = client.stats()
        check_equal(("0", "1", "0"), (numbers["get_hits"], numbers["get_misses"], numbers["cmd_set"]), "hits, misses, sets")
        check_equal(("1", "0"), (numbers["curr_items"], numbers["total_items"]), "items now, and stored since")
        client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
        check_equal("1", client.stats()["get_hits"], "hits")


TLS_COUNTERS = ("handshakes", "handshakes_resumed", "handshake_errors", "protocol_errors", "plain_clients", "truncations", "tickets",
                "records_sent")


def tls_counters_of(server):
    metrics = metrics_of(server)
    return {name: metrics[f"riposte_tls_{name}_total"] for name in TLS_COUNTERS}


def dial(server):
    return socket.create_connection(server.address(), LIMIT_S)


def visit(server, session=None):
    """A client that asks and is answered."""
    return visit_with(server, server.tls_context(), session)


def visit_with(server, context, session=None):
    client = TlsSocket(dial(server), context, session=session)
    client.sendall(b"version\r\n")
    check(client.recv().startswith(b"VERSION "), "an answer")
    return client


def count_each(server):
    """What each counter of TLS counts, once or more."""
    first = visit(server)
    session = first.tls.session
    first.close()
    visit(server, session).close()
    visit(server).cut_off()
    for said in (b"get a\r\n", b"\x16\x03\x01\x00\x05hello"):
        with dial(server) as plain:
            plain.sendall(said)
            while plain.recv(4096):
                pass
    broken = visit(server)
    broken.plain.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    while broken.plain.recv(4096):
        pass
    broken.plain.close()
    wait_until(lambda: all(tls_counters_of(server).values()), "each counter of TLS counts")


@test(families=("tls",))
def counters_of_tls_go_on(lab):
    """Twice, with more workers and with fewer: what they were, and what the new process has counted since."""
    server = http_start(lab, "-t", "2")
    count_each(server)
    for workers in "3", "1":
        before = tls_counters_of(server)
        port, path = server.http_port, server.http_socket_path
        server = lab.take_over(server, "-t", workers, f"--http=https:127.0.0.1:{port}", f"--http=unix:{path}")
        server.http_port, server.http_socket_path = port, path
        after = tls_counters_of(server)
        for name in TLS_COUNTERS:
            check(before[name] <= after[name] <= before[name] + 20, f"{name} was {before[name]:g} and is {after[name]:g}")
        visit(server).close()
        check(tls_counters_of(server)["handshakes"] > after["handshakes"], "it counts on")
