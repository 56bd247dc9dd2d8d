# SPDX-License-Identifier: MIT
"""Many clients that mean harm: what they hold together stays bounded, and another client is answered beside them.

Memory is the server's resident memory; time is the server's own (harness/victim.py).
"""

import os
import socket

from harness.connection import set_request
from harness.http import HOST, ask_status, http_connect, http_start, request
from harness.outcome import check, check_equal
from harness.registry import BOTH, TCP, test
from harness.server import wait_until
from harness.victim import check_served

MIB = 1 << 20
CONN_MEMORY_MIB = 16  # --conn-memory at -m 64
SLACK_MIB = 12        # what the allocator keeps, and a step of 64 KiB for each worker
ROUNDS = 5


def flood(clients, data, rounds=ROUNDS):
    """Each client sends as much as its socket takes, again and again."""
    for client in clients:
        client.socket.setblocking(False)
    for _ in range(rounds):
        for client in clients:
            try:
                client.socket.send(data)
            except OSError:
                pass


def blind(lab, connect, server, count):
    """So many clients that will not read, and have little room for what they do not read."""
    clients = []
    for _ in range(count):
        client = connect(server)
        lab.open_connections.append(client)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        clients.append(client)
    return clients


def check_resident(lab, server, before_kib, allowed_mib=CONN_MEMORY_MIB + SLACK_MIB):
    """The server grew by no more than its connections may hold."""
    growth_mib = (server.resident_kib() - before_kib) / 1024
    check(lab.program.is_sanitized or growth_mib <= allowed_mib, f"grew by {growth_mib:.1f} MiB, allowed {allowed_mib}")
    held = int(server.own_stats()["conn_memory"])
    check(held <= CONN_MEMORY_MIB * MIB, f"conn_memory is {held}")


def check_victim(lab, server, victim):
    """A hundred gets."""
    check_served(lab, server, victim, lambda count: count == 100)


def store(client, count, size):
    """Values k0, k1, ... and `small`."""
    for at in range(0, count, 1000):
        client.send(b"".join(set_request(f"k{i}", b"v" * size, tail=" noreply") for i in range(at, min(count, at + 1000))))
    client.set("small", "x")


@test(families=BOTH, limit_s=60)
def three_hundred_that_do_not_read_are_bounded_together(lab):
    """Each asks for megabytes of 1 KB values."""
    server = lab.start("-m", "64", "-t", "2")
    victim = lab.connect(server)
    store(victim, 50, 1000)
    clients = blind(lab, lambda server: server.connect(), server, 100)
    before_kib = server.resident_kib()
    clients += blind(lab, lambda server: server.connect(), server, 200)
    flood(clients, b"".join(b"get k%d\r\n" % (i % 50) for i in range(14_000)))
    check_victim(lab, server, victim)
    check_resident(lab, server, before_kib, CONN_MEMORY_MIB + 2 * SLACK_MIB)  # two workers, two allocators


@test(families=BOTH, limit_s=60)
def a_hundred_with_long_get_lines_are_bounded_together(lab):
    """Each asks for 1000 values of 100 bytes in a line, line after line, and reads nothing."""
    server = lab.start("-m", "64")
    victim = lab.connect(server)
    store(victim, 1000, 100)
    before_kib = server.resident_kib()
    clients = blind(lab, lambda server: server.connect(), server, 100)
    flood(clients, (b"get " + b" ".join(b"k%d" % i for i in range(1000)) + b"\r\n") * 10)
    check_victim(lab, server, victim)
    check_resident(lab, server, before_kib)


@test(families=BOTH, limit_s=60)
def requests_that_wait_for_their_turn_are_not_read_ahead(lab):
    """100 clients pipeline `stats` without end and take no answer: little of it is held."""
    server = lab.start("-m", "64")
    victim = lab.connect(server)
    store(victim, 1, 1)
    before_kib = server.resident_kib()
    flood(blind(lab, lambda server: server.connect(), server, 100), b"stats\r\n" * 50_000)
    check_victim(lab, server, victim)
    check_resident(lab, server, before_kib)


@test(families=TCP, limit_s=60)
def two_values_of_500_mb_that_are_only_announced_take_nothing(lab):
    """-m 1024 -I 512m: every one of 100,000 items stays, memory does not grow."""
    server = lab.start("-m", "1024", "-I", "512m")
    victim = lab.connect(server)
    store(victim, 100_000, 100)
    items, before_kib = victim.stats()["curr_items"], server.resident_kib()
    holders = [lab.connect(server) for _ in range(2)]
    pieces = int(server.own_stats()["values_in_pieces"])
    for index, holder in enumerate(holders):
        holder.send(b"set h%d 0 0 500000000\r\n" % index)
    wait_until(lambda: int(server.own_stats()["values_in_pieces"]) == pieces + 2, "both are announced")
    check_victim(lab, server, victim)
    check_equal(items, victim.stats()["curr_items"], "items")
    growth_mib = (server.resident_kib() - before_kib) / 1024
    check(lab.program.is_sanitized or growth_mib < SLACK_MIB, f"grew by {growth_mib:.1f} MiB")


@test(families=BOTH, limit_s=60)
def two_hundred_that_never_log_in_and_do_not_read_hold_nothing(lab):
    """-Y: bad lines, whose answers nobody takes."""
    path = os.path.join(lab.new_folder(), "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write("someone:secret\n")
    server = lab.start("-m", "64", "-Y", path)
    before_kib = server.resident_kib()
    flood(blind(lab, lambda server: server.connect(), server, 200), b"aaaaa\n" * 20_000)
    with server.connect() as client:
        client.send(b"set t 0 0 14\r\nsomeone secret\r\nget k\r\n")
        client.expect(b"STORED\r\nEND\r\n", "who knows the password is served beside them")
    growth_mib = (server.resident_kib() - before_kib) / 1024
    check(lab.program.is_sanitized or growth_mib < SLACK_MIB, f"grew by {growth_mib:.1f} MiB")


@test(families=BOTH, limit_s=60)
def values_that_come_and_do_not_end_are_bounded_together(lab):
    """100 clients send 600 KB of 1 MB each: 12 MiB are taken, the rest is refused or takes the place of those that are quiet; gets
    and sets go on."""
    server = lab.start("-m", "64", "--min-rate=0")  # a busy machine takes longer to send it all than silence may last
    victim = lab.connect(server)
    store(victim, 1, 1)
    before_kib = server.resident_kib()
    clients = [lab.connect(server) for _ in range(100)]
    for index, client in enumerate(clients):
        client.send(b"set h%d 0 0 1000000\r\n" % index + b"v" * 600_000)
    check_victim(lab, server, victim)
    victim.set("other", "y" * 1000)


    def turned_away():
        figures = server.own_stats()
        return int(figures["values_refused"]) + int(figures["closed_conn_memory"])

    wait_until(lambda: turned_away() > 50, "most are turned away")
    check_resident(lab, server, before_kib)


# --- HTTP --------------------------------------------------------------------------------------------------------


def start_http(lab):
    """A server with a value, and what a victim asks with."""
    server = http_start(lab, "-m", "64", "--min-rate=0")  # as above
    lab.connect(server).set("big", b"b" * 500_000)
    victim = lab.connect(server)
    store(victim, 1, 1)
    return server, victim, server.resident_kib()


@test(families=BOTH, limit_s=60)
def heads_that_do_not_end_are_bounded_together(lab):
    """1000 connections with 15 KB of a head each."""
    server, victim, before_kib = start_http(lab)
    clients = [http_connect(server) for _ in range(1000)]
    lab.open_connections.extend(clients)
    flood(clients, f"GET / HTTP/1.1\r\n{HOST}X: ".encode() + b"h" * 15_000, 1)
    check_victim(lab, server, victim)
    ask_status(http_connect(server), 200, "GET", "/healthz")
    check_resident(lab, server, before_kib)


@test(families=BOTH, limit_s=60)
def bodies_that_do_not_end_are_bounded_together(lab):
    """100 clients send 600 KB of 1 MB each: some are told 503, nobody else notices."""
    server, victim, before_kib = start_http(lab)
    clients = [http_connect(server) for _ in range(100)]
    lab.open_connections.extend(clients)
    for index, client in enumerate(clients):
        try:
            client.send(f"PUT /cache/h{index} HTTP/1.1\r\n{HOST}Content-Length: 1000000\r\n\r\n".encode() + b"v" * 600_000)
        except OSError:
            pass
    check_victim(lab, server, victim)
    ask_status(http_connect(server), 201, "PUT", "/cache/other", body=b"y" * 1000)
    check_resident(lab, server, before_kib)
    refused = sum(is_refused(client) for client in clients)
    check(refused > 50, f"{refused} of 100 bodies were refused")


def is_refused(client):
    """503 has come, or the connection has ended behind it."""
    client.socket.setblocking(False)
    try:
        return client.socket.recv(12) in (b"HTTP/1.1 503", b"")
    except BlockingIOError:
        return False
    except OSError:
        return True


@test(families=BOTH, limit_s=60)
def bodies_in_chunks_that_do_not_end_are_bounded_together(lab):
    """The same without a size that was announced."""
    server, victim, before_kib = start_http(lab)
    clients = [http_connect(server) for _ in range(100)]
    lab.open_connections.extend(clients)
    for client in clients:
        try:
            client.send(f"PUT /cache/h HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\nf4240\r\n".encode() + b"v" * 600_000)
        except OSError:
            pass
    check_victim(lab, server, victim)
    check_resident(lab, server, before_kib)


@test(families=BOTH, limit_s=60)
def downloads_that_nobody_reads_are_bounded_together(lab):
    """200 clients pipeline 200 gets of 500 KB each and read nothing."""
    server, victim, before_kib = start_http(lab)
    flood(blind(lab, http_connect, server, 200), request("GET", "/cache/big") * 200)
    check_victim(lab, server, victim)
    ask_status(http_connect(server), 200, "GET", "/healthz")
    check_resident(lab, server, before_kib)
