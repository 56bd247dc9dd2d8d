# SPDX-License-Identifier: MIT
"""--take-over with single clients in a state of their own, and with those that cannot be taken along."""

import collections
import os
import threading

from harness.outcome import Failure, check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until

TURNS = 4
LINES_AHEAD = 200  # of one client, until it waits for those who watch


@test(families=BOTH, waits=True)
def a_silent_stranger_has_its_time_to_log_in(lab):
    """One that connected when nobody was asked, and is now, is closed like any other that says nothing."""
    path = os.path.join(lab.new_folder(), "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write("ann:secret\n")
    os.chmod(path, 0o644)
    server = lab.start()
    silent, speaks = lab.connect(server, limit_s=20), lab.connect(server)
    silent.version()
    speaks.version()
    server = lab.take_over(server, "-Y", path, "--login-timeout=1")
    speaks.ask("set who 0 0 10\r\nann secret", "STORED")
    silent.expect_end("a stranger that says nothing")
    speaks.ask("get a", "END")


class Counting:
    """A thread that sets and gets n0, n1 and so on, one after the other, as fast as those who watch read: a server skips what a watcher
    does not take in time, and says so.
    """

    def __init__(self, lab, server, name, watching):
        self.client, self.name, self.ended, self.rounds, self.fault = lab.connect(server, limit_s=20), name, False, 0, None
        self.watching, self.read_on = watching, watching[0].read_on
        self.thread = threading.Thread(target=self.run)

    def is_ahead(self):
        return any(not each.fault and 2 * self.rounds > each.seen_of.get(self.name, 0) + LINES_AHEAD for each in self.watching)

    def run(self):
        try:
            while not self.ended:
                key = f"{self.name}{self.rounds}"
                self.client.send(f"set {key} 0 0 1\r\nx\r\nget {key}\r\n")
                self.client.expect(f"STORED\r\nVALUE {key} 0 1\r\nx\r\nEND\r\n")
                self.rounds += 1
                with self.read_on:
                    self.read_on.wait_for(lambda: self.ended or not self.is_ahead(), 20)
        except (Failure, OSError) as fault:
            self.fault = fault

    def lines(self):
        for number in range(self.rounds):
            yield f"type=item_store key={self.name}{number} status=stored"
            yield f"type=item_get key={self.name}{number} status=found"


class Watching:
    """A thread that watches, and reads as it comes: numbers, and what is said behind them."""

    def __init__(self, lab, server, read_on):
        self.client, self.seen, self.total, self.fault = lab.connect(server, limit_s=20), [], None, None
        self.seen_of, self.read_on = collections.Counter(), read_on
        self.client.ask("watch mutations fetchers", "OK")
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while self.total is None or len(self.seen) < self.total:
                _, number, rest = self.client.read_line(b"\n").decode().split(" ", 2)
                self.seen.append((int(number.removeprefix("gid=")), rest))
                with self.read_on:
                    self.seen_of[rest.split("key=")[1][0]] += 1
                    self.read_on.notify_all()
        except (Failure, OSError, ValueError, IndexError) as fault:
            self.fault = fault

    def check(self, clients):
        check_equal(None, self.fault, f"fault after {len(self.seen)} of {self.total} lines, the last one {self.seen[-1]}")
        check_equal(list(range(1, len(self.seen) + 1)), [number for number, _ in self.seen], "numbers")
        for client in clients:
            lines = [rest for _, rest in self.seen if f" key={client.name}" in rest]
            for said, expected in zip(lines, client.lines(), strict=True):
                check(said.startswith(expected), f"{said!r} is not {expected!r}")


@test(families=BOTH)
def a_watcher_misses_nothing(lab):
    """Two of them over several take-overs, between the transports, with two workers and more: each line of each client, in its order; numbers
    go on, one by one.
    """
    server = lab.start("-m", "64", "-t", "2")
    read_on = threading.Condition()
    watching = [Watching(lab, server, read_on) for _ in range(2)]
    counting = [Counting(lab, server, name, watching) for name in "abcd"]
    engine = lab.engine
    for each in watching + counting:
        each.thread.start()
    try:
        for turn in range(TURNS):
            before = [client.rounds for client in counting]
            wait_until(lambda: all(client.fault or client.rounds > rounds + 50 for client, rounds in zip(counting, before)), "rounds", 30)
            engine = "epoll" if engine == "uring" else "uring"
            server = lab.take_over(server, "-m", "64", "-t", str(3 - turn % 2), engine=engine)
    finally:
        for client in counting:
            client.ended = True
        for client in counting:
            client.thread.join()
        total = sum(2 * client.rounds for client in counting)
        for watcher in watching:
            watcher.total = total
        with lab.connect(server) as client:
            client.ask("get last", "END")  # one who has read all before it knew how many there are reads one more
        for watcher in watching:
            watcher.thread.join()
    check_equal([], [client.fault for client in counting if client.fault], "faults")
    for watcher in watching:
        watcher.check(counting)


class TlsCounter:
    """Increments a number of its own over TLS, one at a time, and connects anew when it has heard the end, which must be said (close_notify)."""

    def __init__(self, server, number):
        self.server, self.key = server, f"n{number}"
        self.added, self.ends, self.cut = 0, 0, 0
        self.ended, self.fault = False, None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            with self.server.connect() as client:
                client.set(self.key, "0")
            while not self.ended:
                self.connect()
        except (Failure, OSError) as fault:
            self.fault = f"{self.key}, {self.added} added, {self.ends} ends: {str(fault) or type(fault).__name__}"

    def connect(self):
        """Whoever connects just then may be closed before a handshake is over, or before a first answer."""
        try:
            client = self.server.connect()
        except Failure:
            self.cut += 1
            check(self.cut <= TURNS, "more connects have failed than there were take-overs")
            return
        with client:
            client.send(f"get {self.key}\r\n")
            if client.fill():
                client.expect(f"VALUE {self.key} 0 {len(str(self.added))}\r\n{self.added}\r\nEND\r\n")
                self.add(client)

    def add(self, client):
        while not self.ended:
            try:
                client.send(f"incr {self.key} 1\r\n")
                answered = len(client.unread) > 0 or client.fill()  # a reset, and an end that nobody said, are faults
            except Failure as fault:
                if "sending" not in str(fault):
                    raise
                answered = client.fill()  # the end was there before the request
            if not answered:
                self.ends += 1
                return
            self.added += 1
            client.expect(f"{self.added}\r\n")


@test(families=("tls",), long=True)
def clients_over_tls_hear_the_end_behind_their_last_answer(lab):
    """Under load: what is not answered was not done, and the end is said."""
    server = lab.start("-m", "64", "-t", "2")
    clients = [TlsCounter(server, number) for number in range(16)]
    for client in clients:
        client.thread.start()
    try:
        for turn in range(TURNS):
            before = [client.added for client in clients]
            wait_until(lambda: all(client.fault or client.added > added + 5 for client, added in zip(clients, before)), "increments", 30)
            server = lab.take_over(server, "-m", "64", "-t", str(1 + turn % 2))
            wait_until(lambda: all(client.fault or client.ends > turn for client in clients), "all have heard the end", 30)
    finally:
        for client in clients:
            client.ended = True
        for client in clients:
            client.thread.join()
    check_equal([], [client.fault for client in clients if client.fault], "faults")
