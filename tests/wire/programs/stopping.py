# SPDX-License-Identifier: MIT
"""Stopping and starting again: what has been received is answered, the exit status is right, nothing is left behind."""

import os
import select
import selectors
import signal
import socket
import threading
import time

from harness.connection import set_request, value_reply
from harness.outcome import Failure, check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until

QUICK_S = 5.0  # for what takes milliseconds on a machine that has nothing else to do
DRAIN_S = 10.0  # the default of --drain-timeout


@test(families=BOTH, reference=True)
def an_idle_server_stops_on_sigterm(lab):
    """Also with connections that say nothing; exit status 0, soon."""
    server = lab.start("-t", "2")
    for _ in range(20):
        lab.connect(server).version()
    server.signal(signal.SIGTERM)
    server.expect_exit(0, QUICK_S)


@test(families=BOTH, reference=True)
def sigint_stops_as_sigterm_does(lab):
    """Ctrl-C on a terminal."""
    server = lab.start()
    server.signal(signal.SIGINT)
    server.expect_exit(0, QUICK_S)


@test(families=BOTH)
def sigusr1_stops_gracefully(lab):
    """Exit status 0 and open connections are ended in order."""
    server = lab.start()
    client = lab.connect(server)
    client.version()
    server.signal(signal.SIGUSR1)
    check_equal(b"", client.read_to_end(), "what the client reads")
    server.expect_exit(0, DRAIN_S)


@test(families=BOTH, reference=True)
def sighup_does_not_stop_the_server(lab):
    """It reloads what can be reloaded."""
    server = lab.start()
    client = lab.connect(server)
    server.signal(signal.SIGHUP)
    client.set("a", "x")
    lab.connect(server).version()


@test(families=BOTH)
def what_was_received_before_sigterm_is_answered_whole(lab):
    """Eight clients have 50 values of 60 KB each to come when the signal arrives; all get all of it, then the end."""
    server = lab.start("-t", "2", "--conn-output-limit=16m")
    value = lab.random.randbytes(60_000)
    lab.connect(server).set("a", value)
    clients = [lab.connect(server) for _ in range(8)]
    before = int(server.own_stats()["requests"])
    for client in clients:
        client.send(b"get a\r\n" * 50)
    wait_until(lambda: int(server.own_stats()["requests"]) >= before + 400, "the requests were received")
    server.signal(signal.SIGTERM)
    for index, client in enumerate(clients):
        client.expect((value_reply("a", value) + b"END\r\n") * 50, f"client {index}")
        client.expect_end()
    server.expect_exit(0, DRAIN_S)


@test(families=BOTH)
def clients_in_full_flight_get_whole_replies_when_the_server_stops(lab):
    """Pipelines without a pause from six clients; each one's stream ends between two replies."""
    server = lab.start("-t", "2")
    lab.connect(server).set("a", "x" * 500)
    reply = value_reply("a", "x" * 500) + b"END\r\n"
    streams = [Stream(server.connect(), b"get a\r\n" * 50) for _ in range(6)]
    for stream in streams:
        wait_until(lambda stream=stream: stream.size > 50 * len(reply), "replies are flowing")
    server.signal(signal.SIGTERM)
    for index, stream in enumerate(streams):
        stream.join()
        rest = stream.size % len(reply)
        check(rest == 0, f"client {index} got {rest} bytes of a reply that is not whole, then {stream.ends}")
    server.expect_exit(0, DRAIN_S)


class Stream:
    """A client that sends without end and counts what it reads, in two threads."""

    def __init__(self, client, request):
        self.client, self.request, self.size = client, request, 0
        self.ends = []  # what ended sending and reading; a reset is told to one of the two only
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self.send, self.read)]
        for thread in self.threads:
            thread.start()

    def send(self):
        try:
            while True:
                self.client.send(self.request)
        except (Failure, OSError) as error:
            self.ends.append(str(error)[-60:])

    def read(self):
        try:
            while data := self.client.socket.recv(1 << 16):
                self.size += len(data)
        except OSError as error:
            self.ends.append(str(error))
        self.client.close()

    def join(self):
        self.threads[1].join(20)
        check(not self.threads[1].is_alive(), "the stream has not ended")


@test(families=BOTH, waits=True)
def a_client_that_never_reads_does_not_hold_the_stop_longer_than_the_drain_time(lab):
    """--drain-timeout=1 with megabytes unsent: exit status 0 all the same."""
    server = lab.start("--drain-timeout=1")
    stuck_client(lab, server)
    server.signal(signal.SIGTERM)
    server.expect_exit(0, 1 + QUICK_S)


@test(families=BOTH)
def a_second_signal_ends_the_stop_at_once(lab):
    """--drain-timeout=600 with megabytes unsent: the first signal waits, the second does not."""
    server = lab.start("--drain-timeout=600")
    stuck_client(lab, server)
    server.signal(signal.SIGTERM)
    wait_until(lambda: not accepts(server), "the server accepts no more")
    check_equal(None, server.process.status(), "the exit status while it drains")
    server.signal(signal.SIGTERM)
    server.wait(QUICK_S)
    server.stopped = True


def stuck_client(lab, server):
    """A client with 6 MB of replies to come that reads nothing."""
    client = lab.connect(server)
    client.set("a", "x" * 600_000)
    requests = int(server.own_stats()["requests"])
    client.send(b"get a\r\n" * 10)
    wait_until(lambda: int(server.own_stats()["requests"]) >= requests + 10, "the requests were received")


def accepts(server):
    """True while a new connection is answered."""
    probe = socket.socket(socket.AF_UNIX if server.family == "unix" else socket.AF_INET)
    with probe:
        probe.settimeout(0.3)
        try:
            probe.connect(server.address())
            probe.sendall(b"version\r\n")
            return probe.recv(100) != b""
        except OSError:
            return False


@test()
def a_restart_is_not_refused_by_connections_in_time_wait(lab):
    """The server closes 50 connections itself, stops, and starts again on the same port at once."""
    server = lab.start()
    port = server.port
    for _ in range(50):
        with server.connect() as client:
            client.send("quit\r\n")
            client.expect_end()
    server.stop()
    again = lab.start("-p", str(port))
    lab.connect(again).set("a", "x")


@test()
def a_server_takes_the_place_of_a_killed_one_at_once(lab):
    """The kernel needs a moment to close what a killed server listened on; the next one waits for that."""
    server = lab.start("-t", "2")
    for _ in range(10):
        server.kill()
        server = lab.start("-t", "2", "-p", str(server.port))
        lab.connect(server).set("a", "x")


@test(families=("unix",))
def the_unix_socket_is_removed_at_the_end_and_a_stale_one_at_the_start(lab):
    """After a clean stop the file is gone; after a kill it is there and does not stop the next start."""
    server = lab.start()
    server.stop()
    check(not os.path.exists(server.socket_path), "the socket is still there after a clean stop")
    killed = lab.start()
    killed.kill()
    check(os.path.exists(killed.socket_path), "a killed server leaves its socket")
    again = lab.start("-s", killed.socket_path, family="tcp")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(killed.socket_path)
    again.stop()


@test(families=BOTH)
def a_stop_under_load_leaves_no_half_value_in_the_way(lab):
    """Clients in the middle of a value do not hold the stop up to the end of the drain time."""
    server = lab.start("--drain-timeout=60")
    for _ in range(10):
        lab.connect(server).send(set_request("a", "x" * 100_000)[:50_000])
    begin = time.monotonic()
    server.signal(signal.SIGTERM)
    server.expect_exit(0, 20)
    check(time.monotonic() - begin < 20, "it took the drain time")


class Asker:
    """A client that asks again as soon as it has been answered, `depth` requests at a time, until it reads the end."""

    REQUEST, REPLY_SIZE = b"get a\r\n", len(value_reply("a", "x"))

    def __init__(self, server, depth):
        self.socket = server.connect().socket
        self.socket.setblocking(False)
        self.depth, self.sent, self.answered, self.partial = depth, 0, 0, 0
        self.exempt = 0  # requests that the client could have known to be too late
        self.wrong = ""
        self.open = True

    def ask(self):
        try:
            self.socket.send(self.REQUEST * self.depth)
        except BrokenPipeError:  # nothing was sent
            return
        except OSError as error:
            self.end(f"a send ends with {error}")
            return
        self.sent += self.depth
        if ended_by_server(self.socket):
            self.exempt += self.depth

    def read(self):
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            self.end(f"a receive ends with {error}")
            return
        if not data:
            self.end("")
            return
        self.partial += len(data)
        answers, self.partial = divmod(self.partial, self.REPLY_SIZE)
        self.answered += answers
        if self.answered == self.sent:
            self.ask()

    def end(self, wrong):
        self.wrong, self.open = wrong, False
        self.socket.close()


def ended_by_server(client):
    """Whether the end of the server's side has come."""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP)
    return bool(poll.poll(0))


@test(families=BOTH)
def a_stop_under_load_answers_every_request_that_was_sent_before_its_end_was_seen(lab):
    """64 clients that never pause, with 1 and with 16 requests under way: no reset, no request without its answer."""
    for depth in (1, 16):
        server = lab.start("-t", "2")
        lab.connect(server).set("a", "x")
        askers = [Asker(server, depth) for _ in range(64)]
        selector = selectors.DefaultSelector()
        for asker in askers:
            selector.register(asker.socket, selectors.EVENT_READ, asker)
            asker.ask()
        begin, stopped = time.monotonic(), False
        while selector.get_map():
            check(time.monotonic() - begin < 20, "the clients were not all ended")
            if not stopped and time.monotonic() - begin > 0.2:
                server.signal(signal.SIGTERM)
                stopped = True
            for key, _ in selector.select(0.1):
                asker = key.data
                descriptor = asker.socket
                asker.read()
                if not asker.open:
                    selector.unregister(descriptor if descriptor.fileno() >= 0 else key.fd)
        selector.close()
        server.expect_exit(0, QUICK_S)
        for asker in askers:
            check_equal("", asker.wrong, f"how a client with {depth} requests under way was ended")
            check(asker.sent - asker.answered <= asker.exempt,
                  f"{asker.sent - asker.answered} of {asker.sent} requests without an answer, {asker.exempt} sent too late")
        check(sum(asker.answered for asker in askers) > 64 * depth, "the clients were not busy")
