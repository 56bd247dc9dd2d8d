# SPDX-License-Identifier: MIT
"""Take-overs in a row under load: no connection closed, no request unanswered, no answer crossed, no increment lost or done twice, no
item lost.
"""

import os
import random
import socket

from harness.connection import set_request
from harness.crowd import Crowd, Member
from harness.outcome import Failure, check, check_equal
from harness.ports import free_port
from harness.registry import test

TURNS, TURNS_SHORT = 10, 4
LARGE = 1024 * 1024
PIPELINED = 16
FILE_SIZE = 3000000
SLOW_SIZE = 500001
SLOW_VALUES = 4
ITEMS, ITEMS_AT_ONCE = 20000, 1000
MEMORY = (1024, 1536, 1280)  # -m, one after the other: larger and smaller


def pattern(seed, size):
    """Bytes that say where they belong."""
    block = f"{seed}:{seed * 7919 % 10007};".encode()
    return (block * (size // len(block) + 1))[:size]


class Counter(Member):
    """One request in flight: increments of a number that all share, and of one that is its own."""

    def begin(self):
        self.added, self.added_own = 0, 0  # to the number that all share, and to its own
        yield from self.ask(set_request(f"own{self.number}", "0"), b"STORED\r\n")

    def round(self):
        yield from self.send(b"incr sum 1\r\n")
        int((yield from self.read_line()))
        self.added += 1
        self.added_own += 1
        yield from self.ask(f"incr own{self.number} 1\r\n".encode(), b"%d\r\n" % self.added_own)


class Pipeline(Counter):
    """Sixteen requests at a time, answered in their order: what was set is what is got, and numbers go up by one."""

    def round(self):
        requests, answers = [], []
        for i in range(PIPELINED // 4):
            key, value = f"p{self.number}.{i}", f"{self.rounds}.{i}." * (self.rounds % 50 + 1)
            requests += [set_request(key, value), f"mg {key} v k O{i}\r\nget {key}\r\nincr own{self.number} 1\r\n".encode()]
            answers += [f"STORED\r\nVA {len(value)} k{key} O{i}\r\n{value}\r\nVALUE {key} 0 {len(value)}\r\n{value}\r\nEND\r\n"
                        f"{self.added_own + 1 + i}\r\n".encode()]
        yield from self.ask(b"".join(requests), b"".join(answers))
        self.added_own += PIPELINED // 4
        yield from super().round()


class Hesitant(Counter):
    """Requests that are cut somewhere most of the time, in the middle of a line or of a small value."""

    def round(self):
        key, value = f"c{self.number}", f"{self.rounds}."
        requests = f"incr own{self.number} 1\r\n".encode() + set_request(key, value) + f"get {key}\r\n".encode()
        cut = self.random.randrange(1, len(requests))
        yield from self.send(requests[:cut])
        yield self.random.uniform(0.05, 0.5)
        self.added_own += 1
        yield from self.ask(requests[cut:], b"%d\r\nSTORED\r\n" % self.added_own +
                            f"VALUE {key} 0 {len(value)}\r\n{value}\r\nEND\r\n".encode())


class Upload(Member):
    """A value of 1 MiB that is cut somewhere, most of the time; then it is read."""

    def round(self):
        value = pattern(self.number * 1000 + self.rounds, LARGE)
        request = set_request(f"u{self.number}", value)
        cut = self.random.randrange(len(request))
        yield from self.send(request[:cut])
        yield self.random.uniform(0.5, 2.0)
        yield from self.ask(request[cut:], b"STORED\r\n")
        yield from self.ask(f"get u{self.number}\r\n".encode(), f"VALUE u{self.number} 0 {LARGE}\r\n".encode() + value + b"\r\nEND\r\n")


class SlowReader(Member):
    """Asks for eight large values at a time and takes them little by little: there is unsent output at any time."""

    def begin(self):
        self.key = f"s{self.number % SLOW_VALUES}"
        value = pattern(self.number % SLOW_VALUES, SLOW_SIZE)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.expected = f"VALUE {self.key} 0 {SLOW_SIZE}\r\n".encode() + value + b"\r\nEND\r\n"
        yield from self.ask(set_request(self.key, value), b"STORED\r\n")

    def round(self):
        yield from self.send(f"get {self.key}\r\n".encode() * 8)
        for _ in range(8):
            for begin in range(0, len(self.expected), 100000):
                yield from self.expect(self.expected[begin:begin + 100000])
                yield 0.01


class Deleter(Member):
    """Makes what a Watcher sees."""

    def round(self):
        key = f"w{self.number}.{self.rounds}"
        yield from self.ask(set_request(key, "x"), b"STORED\r\n")
        yield from self.ask(f"delete {key}\r\n".encode(), b"DELETED\r\n")
        yield 0.01


class Watcher(Member):
    """Watches deletions: each once, and those of one Deleter in their order; none is missed but those that it is told of (skipped=)."""

    may_miss = False

    def begin(self):
        self.seen, self.missed, self.skipped = {}, 0, 0
        yield from self.ask(b"watch deletions\r\n", b"OK\r\n")

    def round(self):
        fields = dict(field.partition(b"=")[::2] for field in (yield from self.read_line(b"\n")).split(b" "))
        if b"skipped" in fields:
            self.skipped += int(fields[b"skipped"])
            return
        name, _, number = fields.get(b"key", b"").partition(b".")
        last = self.seen.get(name, int(number or -1) - 1)
        if not name.startswith(b"w") or int(number) <= last:
            raise Failure(f"saw {fields} after {last}")
        self.missed += int(number) - last - 1
        check(self.may_miss or self.missed <= self.skipped, f"saw {fields} after {last}: {self.missed} events were missed, and {self.skipped} are said to be")
        self.seen[name] = int(number)


class Browser(Member):
    """HTTP on a connection that stays: an item is put in two pieces, got, and got sixteen times at once."""

    def round(self):
        value = pattern(self.number * 1000 + self.rounds, 20000)
        head = f"PUT /cache/h{self.number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(value)}\r\n\r\n".encode()
        yield from self.send(head + value[:7000])
        yield 0.05
        yield from self.send(value[7000:])
        check((yield from self.answer())[0] in (b"200", b"201", b"204"), "it is not stored")
        yield from self.send(f"GET /cache/h{self.number} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * PIPELINED)
        for _ in range(PIPELINED):
            check((yield from self.answer()) == (b"200", value), "another answer than that of this request")

    def answer(self):
        """Status and body."""
        status, size = (yield from self.read_line()).split(b" ")[1], 0
        while field := (yield from self.read_line()):
            name, _, value = field.lower().partition(b": ")
            size = int(value) if name == b"content-length" else size
        return status, (yield from self.read(size))


class Download(Member):
    """A file of 3 MB, taken little by little."""

    def begin(self):
        self.expected = pattern(1, FILE_SIZE)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        yield 0.0

    def round(self):
        yield from self.send(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(b" 200 " in (yield from self.read_line()), "no file")
        while (yield from self.read_line()):
            pass
        for begin in range(0, FILE_SIZE, 100000):
            yield from self.expect(self.expected[begin:begin + 100000])
            yield 0.01


# How many of a hundred.
MEMCACHED = {Counter: 35, Pipeline: 25, Hesitant: 5, Upload: 5, SlowReader: 5, Deleter: 2, Watcher: 1}
HTTP = {Browser: 14, Download: 8}


class Load:
    """A server, and clients of both families during take-overs: to and fro between the transports, with other numbers of workers, with
    more memory and less.
    """

    def __init__(self, lab, count):
        self.lab, self.engine = lab, lab.engine
        self.http_path, root = os.path.join(lab.new_folder(), "http"), lab.new_folder()
        with open(os.path.join(root, "large"), "wb") as file:
            file.write(pattern(1, FILE_SIZE))
        self.flags = ("-I", "2m", "-c", "4000", f"--http=unix:{self.http_path}", f"--http-root={root}")
        self.port = free_port()
        self.server = lab.start("-m", str(MEMORY[0]), "-t", "2", f"--http=127.0.0.1:{self.port}", *self.flags)
        with self.server.connect() as client:
            client.set("sum", "0")
            fill(client)
        self.members = [self.member(kind, number) for number, kind in enumerate(self.kinds(count))]

    @staticmethod
    def kinds(count):
        shares = MEMCACHED | HTTP
        return [kind for kind, share in shares.items() for _ in range(max(1, share * count // 100))]

    def member(self, kind, number):
        is_unix = number % 2 == 1
        http = self.http_path if is_unix else ("127.0.0.1", self.port)
        member = kind(number, http if kind in HTTP else self.server.address("unix" if is_unix else "tcp"))
        member.random = random.Random(f"{self.lab.seed}.{number}")
        member.has_limit = kind is not Watcher
        return member

    def run(self, turns):
        with Crowd(self.members) as crowd:
            crowd.await_rounds([0] * len(self.members))
            for turn in range(turns):
                before = crowd.rounds()
                self.take_over(turn)
                crowd.await_rounds(before)
        check_equal([], crowd.faults(), "faults")

    def take_over(self, turn):
        self.engine = "epoll" if self.engine == "uring" else "uring"
        self.server = self.lab.take_over(self.server, "-m", str(MEMORY[(turn + 1) % len(MEMORY)]), "-t", str(1 + turn % 3),
                                         f"--http=127.0.0.1:{self.port}", *self.flags, engine=self.engine)

    def check(self):
        """Of what was counted, and of what was stored before."""
        with self.server.connect() as client:
            added = sum(each.added for each in self.members if isinstance(each, Counter))
            check_equal(str(added).encode(), client.get("sum"), "the number that all share")
            expect_all(client)
        own = self.server.own_stats()
        check_equal("0", own["closed_handed_over"], "connections that could not be taken along")

    def report(self):
        print(f"{len(self.members)} connections [{self.lab.engine} first], {TURNS} take-overs, nothing closed, crossed or lost:")
        for kind in MEMCACHED | HTTP:
            members = [member for member in self.members if type(member) is kind]
            missed = f", {sum(member.missed for member in members)} events missed" if kind is Watcher else ""
            print(f"    {len(members):4} {kind.__name__:10} {sum(member.rounds for member in members):8} rounds, longest wait for bytes "
                  f"{max(member.longest_s for member in members) * 1000:5.0f} ms{missed}")


@test(limit_s=120, long=True)
def nobody_notices(lab):
    """About a hundred clients, both families; the long form is `make take-over`."""
    load = Load(lab, 100)
    load.run(TURNS_SHORT)
    load.check()


@test(limit_s=300, apart=True)
def sixty_four_do_not_notice(lab):
    """The proof, of 64 connections; what was done is printed."""
    prove(lab, 64)


@test(limit_s=600, apart=True)
def a_thousand_do_not_notice(lab):
    """The proof, of 1,000 connections."""
    prove(lab, 1000)


def prove(lab, count):
    load = Load(lab, count)
    load.run(TURNS)
    load.check()
    load.report()


def fill(client):
    for begin in range(0, ITEMS, ITEMS_AT_ONCE):
        client.send(b"".join(set_request(f"item{i}", f"value {i}") for i in range(begin, begin + ITEMS_AT_ONCE)))
        client.expect(b"STORED\r\n" * ITEMS_AT_ONCE)


def expect_all(client):
    for begin in range(0, ITEMS, ITEMS_AT_ONCE):
        client.send(b"".join(f"mg item{i} v\r\n".encode() for i in range(begin, begin + ITEMS_AT_ONCE)))
        client.expect(b"".join(f"VA {len(str(i)) + 6}\r\nvalue {i}\r\n".encode() for i in range(begin, begin + ITEMS_AT_ONCE)))
