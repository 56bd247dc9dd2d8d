# SPDX-License-Identifier: MIT
"""Ten take-overs in a row under load: no connection closed, no request unanswered, no answer crossed, no increment lost or done twice."""

import os
import socket
import threading
import time

from harness.connection import Connection, set_request
from harness.outcome import Failure, check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until

TURNS = 10
LARGE = 1024 * 1024
PIPELINED = 16
FILE_SIZE = 3000000


def pattern(seed, size):
    """Bytes that say where they belong."""
    block = f"{seed}:{seed * 7919 % 10007};".encode()
    return (block * (size // len(block) + 1))[:size]


class Client:
    """A thread with connections of its own, which does round() until it is told to end; what goes wrong is kept."""

    def __init__(self, server, number, family=None):
        self.address, self.number = server.address(family), number
        self.ended, self.fault, self.rounds, self.slowest_s = False, None, 0, 0.0
        self.thread = threading.Thread(target=self.run)

    def start(self):
        self.thread.start()

    def run(self):
        try:
            self.begin()
            while not self.ended:
                began = time.monotonic()
                self.round()
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.rounds += 1
            self.finish()
        except (Failure, OSError, AssertionError) as fault:
            self.fault = f"{type(self).__name__} {self.number}, round {self.rounds}: {fault}"

    def begin(self):
        """Opens connections."""

    def finish(self):
        """What is still under way is ended."""


class Counter(Client):
    """Eight connections, a request of each in flight: increments of one number that all share, and of one that is its own."""

    def begin(self):
        self.connections = [Connection(self.address) for _ in range(8)]
        self.own, self.done = 0, 0
        self.connections[0].set(f"own{self.number}", "0")

    def round(self):
        for connection in self.connections:
            connection.send("incr sum 1\r\n")
        for connection in self.connections:
            int(connection.read_line())
            self.done += 1
        self.own += 1
        self.connections[0].ask(f"incr own{self.number} 1", str(self.own))


class Pipeline(Client):
    """Sixteen requests at a time, answered in their order: what was set is what is got."""

    def begin(self):
        self.connection = Connection(self.address)

    def round(self):
        requests, answers = [], []
        for i in range(PIPELINED // 2):
            key, value = f"p{self.number}.{i}", f"{self.rounds}.{i}." * (self.rounds % 50 + 1)
            requests += [set_request(key, value), f"mg {key} v k O{i}\r\n".encode()]
            answers += [b"STORED\r\n", f"VA {len(value)} k{key} O{i}\r\n{value}\r\n".encode()]
        self.connection.send(b"".join(requests))
        self.connection.expect(b"".join(answers))


class Upload(Client):
    """A value of 1 MiB whose bytes come in four pieces, some time apart; then it is read."""

    def begin(self):
        self.connection = Connection(self.address)

    def round(self):
        value = pattern(self.number * 1000 + self.rounds, LARGE - 1000)
        request = set_request(f"u{self.number}", value)
        for i in range(4):
            self.connection.send(request[i * len(request) // 4:(i + 1) * len(request) // 4])
            time.sleep(0.02)
        self.connection.expect("STORED\r\n")
        check(self.connection.get(f"u{self.number}") == value, "another value was read than was stored")


class SlowReader(Client):
    """Asks for eight large values at a time and takes them little by little: there is unsent output at any time."""

    def begin(self):
        self.value = pattern(self.number, 500000)
        self.connection = Connection(self.address)
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.connection.set(f"s{self.number}", self.value)

    def round(self):
        expected = f"VALUE s{self.number} 0 {len(self.value)}\r\n".encode() + self.value + b"\r\nEND\r\n"
        self.connection.send(f"get s{self.number}\r\n" * 8)
        for _ in range(8):
            for begin in range(0, len(expected), 100000):
                piece = expected[begin:begin + 100000]
                check(self.connection.read(len(piece)) == piece, f"wrong bytes from {begin} on")
                time.sleep(0.002)


class Watcher(Client):
    """Watches deletions, which nobody else makes; goes on seeing them. One that is on its way between two workers may be lost."""

    def begin(self):
        self.watching, self.writing = Connection(self.address, limit_s=2), Connection(self.address)
        self.watching.ask("watch deletions", "OK")
        self.lost = 0

    def round(self):
        key = f"w{self.number}.{self.rounds}"
        self.writing.set(key, "x")
        self.writing.ask(f"delete {key}", "DELETED")
        try:
            check(f"key={key} ".encode() in self.watching.read_line(b"\n"), "another event than the one that happened")
        except Failure as fault:
            check("nothing came within" in str(fault), str(fault))
            self.lost += 1
            check(self.lost <= TURNS, "more events are lost than there were take-overs")
        time.sleep(0.01)


class Browser(Client):
    """HTTP on a connection that stays: an item is put in two pieces, got, and got sixteen times at once."""

    def begin(self):
        self.connection = Connection(("127.0.0.1", self.http_port))

    def round(self):
        value = pattern(self.number * 1000 + self.rounds, 20000)
        head = f"PUT /cache/h{self.number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(value)}\r\n\r\n".encode()
        self.connection.send(head + value[:7000])
        time.sleep(0.005)
        self.connection.send(value[7000:])
        check(self.answer()[0] in (b"200", b"201", b"204"), "it is not stored")
        self.connection.send(f"GET /cache/h{self.number} HTTP/1.1\r\nHost: localhost\r\n\r\n" * 16)
        for _ in range(16):
            check(self.answer() == (b"200", value), "another answer than that of this request")

    def answer(self):
        status = self.connection.read_line().split(b" ")[1]
        fields = dict(line.lower().split(b": ", 1) for line in self.connection.read_lines_until(b""))
        return status, self.connection.read(int(fields.get(b"content-length", b"0")))


class Download(Client):
    """A file of 3 MB, taken little by little."""

    def begin(self):
        self.connection = Connection(("127.0.0.1", self.http_port))
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)

    def round(self):
        self.connection.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(b" 200 " in self.connection.read_line(), "no file")
        self.connection.read_lines_until(b"")
        for begin in range(0, FILE_SIZE, 100000):
            check(self.connection.read(100000) == pattern(1, FILE_SIZE)[begin:begin + 100000], f"wrong bytes from {begin} on")
            time.sleep(0.002)


def other(engine):
    return "epoll" if engine == "uring" else "uring"


def run_load(lab, kinds, flags, turns=TURNS, port=0):
    """Clients of these kinds during `turns` take-overs; the last server, and the longest round of a Counter."""
    server = lab.start("-m", "256", "-t", "2", *flags)
    with server.connect() as client:
        client.set("sum", "0")
    clients = [kind(server, number) for number, kind in enumerate(kinds)]
    for client in clients:
        client.http_port = port
        client.start()
    engine = lab.engine
    try:
        wait_until(lambda: all(client.rounds > 0 or client.fault for client in clients), "a round of every client")
        for turn in range(turns):
            engine = other(engine)
            before = [client.rounds for client in clients]
            server = lab.take_over(server, "-m", "256", "-t", str(1 + turn % 3), *flags, engine=engine)
            wait_until(lambda: all(client.rounds > rounds or client.fault for client, rounds in zip(clients, before)),
                       "a round of every client after it", 30)
    finally:
        for client in clients:
            client.ended = True
        for client in clients:
            client.thread.join()
    check_equal([], [client.fault for client in clients if client.fault], "faults")
    return server, clients


@test(families=BOTH, limit_s=120, long=True)
def nobody_notices(lab):
    """64 connections and more, to and fro between the transports, with one, two and three workers."""
    kinds = [Counter] * 6 + [Pipeline] * 4 + [Upload] * 2 + [SlowReader] * 2 + [Watcher]
    server, clients = run_load(lab, kinds, ())
    expect_sum(server, clients)


def expect_sum(server, clients):
    counters = [client for client in clients if isinstance(client, Counter)]
    with server.connect() as client:
        check_equal(str(sum(each.done for each in counters)).encode(), client.get("sum"), "the number that all share")
    own = server.own_stats()
    check_equal("0", own["closed_handed_over"], "connections that could not be taken along")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@test(limit_s=120, long=True)
def nobody_notices_over_http_either(lab):
    """Items put in pieces and got, files taken slowly, beside counters."""
    folder, port = lab.new_folder(), free_port()
    with open(os.path.join(folder, "large"), "wb") as file:
        file.write(pattern(1, FILE_SIZE))
    server, clients = run_load(lab, [Browser] * 4 + [Download] * 3 + [Counter] * 2,
                               (f"--http=127.0.0.1:{port}", f"--http-root={folder}"), port=port)
    expect_sum(server, clients)
