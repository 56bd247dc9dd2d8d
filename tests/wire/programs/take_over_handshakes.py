# SPDX-License-Identifier: MIT
"""Handshakes of TLS that are under way when another process takes over, or the server stops: what a client was not answered was not done, and
the end is said. With keys that take microseconds, and with such as take milliseconds, which a thread beside the worker uses.
"""

import signal
import socket
import ssl
import threading
import time

from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import test
from harness.server import wait_until
from harness.tls import TlsSocket, Truncated, client_context
from programs.take_over_counters import visit_with
from programs.tls_handshakes import is_let_in, start_with_slow_key

WAITING, TOO_MANY = 20, 800  # handshakes of 4 ms each: done in a moment, and more than there is time for
SIGNS_S = 1.0  # so long an old process goes on with handshakes
ANSWERS_S = 0.25  # and so long a client may take
TURNS = 4


class HalfShaken:
    """A client over TLS whose handshake is over for itself, while what ends it for the server, and a request, are still here."""

    def __init__(self, server):
        plain = socket.create_connection(server.address())
        plain.settimeout(20)
        self.socket = TlsSocket(plain, server.tls_context(), shake=False)
        self.step()
        self.socket.flush()
        while not self.step():
            check(self.socket.feed(), "the server ended a handshake")
        self.socket.tls.write(b"set half 0 0 1\r\nx\r\n")

    def step(self):
        try:
            self.socket.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def check_end(self):
        """Not one byte of an answer, and the end is said: the request was not executed."""
        check_equal(b"", self.socket.recv(), "what comes")
        self.socket.close()


@test(families=("tls",), debug=True)
def a_handshake_in_the_middle_of_a_take_over_hears_the_end(lab):
    """Its client has sent a request already when all wait: that is not done, and close_notify says so."""
    if not lab.program.has_faults():
        raise Skip("a build without debug commands has no failures on demand")
    server = lab.start("-m", "64", "-t", "2", environment={"RIPOSTE_TAKE_OVER_FAULT": "NUMBERS:stall"})
    clients = [HalfShaken(server) for _ in range(8)]
    going_on = threading.Thread(target=go_on_when_all_wait, args=(server, clients))
    going_on.start()
    server = lab.take_over(server, "-m", "64")
    going_on.join()
    for client in clients:
        client.check_end()
    lab.connect(server).ask("get half", "END")


def go_on_when_all_wait(server, clients):
    wait_until(lambda: not answers(server) and not answers(server), "all wait")  # the first one may just have heard the end
    for client in clients:
        client.socket.flush()


def answers(server):
    """Whether a new client is answered soon."""
    try:
        with server.connect(limit_s=0.5) as client:
            client.version()
            return True
    except Failure:
        return False


def accepts(server):
    """Whether anybody listens there."""
    try:
        socket.create_connection(server.address()).close()
        return True
    except OSError:
        return False


@test(families=("tls",))
def a_handshake_in_the_middle_of_a_stop_is_served(lab):
    """What was sent before the end was seen is answered."""
    server = lab.start("-t", "2")
    clients = [HalfShaken(server) for _ in range(8)]
    server.signal(signal.SIGTERM)
    wait_until(lambda: not accepts(server), "the stop has begun")
    for client in clients:
        client.socket.flush()
    for client in clients:
        check_equal(b"STORED\r\n", client.socket.recv(), "the answer")
        client.check_end()
    server.expect_exit(0)


def hello(server, context):
    """A client that has said what it wants, and waits for the server's signature."""
    plain = socket.create_connection(server.address())
    plain.settimeout(20)
    client = TlsSocket(plain, context, shake=False)
    try:
        client.tls.do_handshake()
    except ssl.SSLWantReadError:
        client.flush()
    return client


def ends_in_order(client):
    """Whether a client is let in, and what it asks for then is not done, and the end said; else it was cut off before."""
    try:
        client.shake()
    except (ssl.SSLError, ConnectionError):
        client.plain.close()
        return False
    try:
        client.sendall(b"set slow 0 0 1\r\nx\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # the end was there before the request
    check_equal(b"", client.recv(), "what comes")
    client.close()
    return True


def begin_take_over(lab, server, *flags):
    """A new server that serves, while the old one may still be there."""
    new = lab.start(f"--take-over={server.pid}", *flags, family=server.family, folder=server.folder)
    wait_until(lambda: "serves from now on" in server.stderr_text(), "it has taken over")
    return new


@test(families=("tls",))
def sessions_go_on_with_the_next_process(lab):
    """By a ticket of the process before, and of the one before that, in both versions; the connections that had it are closed, and counted."""
    server = lab.start("-m", "64")
    sessions, ended = [], 0
    for _ in range(2):
        clients = [visit_with(server, client_context(lab.program.authority, version=version))
                   for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
        sessions += [(client.tls.context, client.tls.session) for client in clients]
        server = lab.take_over(server, "-m", "64")
        for client in clients:
            check_equal(b"", client.recv(), "what comes")
            client.close()
        ended += len(clients)
        check_equal(str(ended), server.own_stats()["closed_handed_over"], "connections that could not go over")
        for context, session in sessions:
            client = visit_with(server, context, session)
            check(client.tls.session_reused, f"a session of {client.tls.version()} begins anew")
            client.close()


@test(families=("tls",))
def who_waits_for_a_slow_key_is_let_in_and_hears_the_end(lab):
    """All of them, on one worker and on two, and what they ask for is not done; who comes is served by the new process."""
    for workers in "1", "2":
        own, server = start_with_slow_key(lab, "-t", workers)
        context = client_context(own)
        clients = [hello(server, context) for _ in range(WAITING)]
        new = begin_take_over(lab, server, *own.flags(), "-t", workers)
        began = time.monotonic()
        for index, client in enumerate(clients):
            good = ends_in_order(client)
            # Where others leave no CPU to the thread that signs.
            check(good or time.monotonic() - began > SIGNS_S - 0.1, f"client {index} was cut off, with -t {workers}")
        server.expect_exit(0)
        with new.connect("unix") as client:
            client.ask("get slow", "END")


@test(families=("tls",), limit_s=90, long=True)
def more_than_a_slow_key_has_time_for_keep_nobody_waiting(lab):
    """The new one serves at once; the old one ends all the same, and of those who wait there some are let in, and nobody is answered by half."""
    own, server = start_with_slow_key(lab, "-t", "1", "-c", "4000")
    context = client_context(own)
    clients = [hello(server, context) for _ in range(TOO_MANY)]
    new = begin_take_over(lab, server, *own.flags(), "-t", "1")
    check(is_let_in(new, context), "a client of the new process")
    cut_off = 0
    for client in clients:
        try:
            cut_off += not ends_in_order(client)
        except (Truncated, ConnectionResetError):
            cut_off += 1
    check(0 < cut_off, f"{cut_off} of {TOO_MANY} were cut off: the test is none")
    server.expect_exit(0)
    with new.connect("unix") as client:
        client.ask("get slow", "END")


class Insistent:
    """Comes, increments a number of its own and leaves, over and over; where it hears the end instead it comes again. Threads of one process."""

    def __init__(self, server, context, number):
        self.address, self.context, self.key = server.address(), context, f"n{number}"
        self.added, self.ends, self.late, self.ended, self.fault = 0, 0, 0, False, None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.ended:
                self.visit()
        except Exception as fault:  # every kind is one
            self.fault = f"{self.key}, {self.added} added, {self.ends} ends: {fault!r}"

    def visit(self):
        plain = socket.create_connection(self.address)
        plain.settimeout(20)
        began = time.monotonic()
        try:
            self.ask(TlsSocket(plain, self.context))
        except (ssl.SSLError, Truncated, ConnectionResetError) as fault:
            check(time.monotonic() - began > ANSWERS_S - 0.05, f"cut off at once: {fault!r}")
            self.late += 1
        plain.close()

    def ask(self, client):
        try:
            client.sendall(f"incr {self.key} 1\r\n".encode())
        except (BrokenPipeError, ConnectionResetError):
            pass  # the end was there before the request
        answer = client.recv()
        if answer:
            self.added += 1
            check_equal(b"%d\r\n" % self.added, answer, "the number")
        else:
            self.ends += 1
        client.close()


@test(families=("tls",), limit_s=90, long=True)
def clients_of_a_slow_key_that_come_all_the_time_are_served_or_hear_the_end(lab):
    """Over several take-overs, with one worker and two: nobody is cut off who was not late, and what is not answered was not done."""
    own, server = start_with_slow_key(lab, "-t", "2")
    context = client_context(own)
    clients = [Insistent(server, context, number) for number in range(8)]
    with server.connect("unix") as client:
        for each in clients:
            client.set(each.key, "0")
    for each in clients:
        each.thread.start()
    try:
        for turn in range(TURNS):
            before = [each.added for each in clients]
            wait_until(lambda: all(each.fault or each.added > added + 2 for each, added in zip(clients, before)), "increments", 30)
            server = lab.take_over(server, *own.flags(), "-t", str(1 + turn % 2))
    finally:
        for each in clients:
            each.ended = True
        for each in clients:
            each.thread.join()
    check_equal([], [each.fault for each in clients if each.fault], "faults")
    with server.connect("unix") as client:
        for each in clients:
            check_equal(str(each.added).encode(), client.get(each.key), each.key)
