# SPDX-License-Identifier: MIT
"""The example, running: every seam of a protocol, seen from a client."""

import contextlib
import os
import re
import signal
import sys
import time

from harness.connection import Connection
from harness.outcome import Failure, check, check_equal
from harness.server import wait_until
from process import Process, ProcessError
from veiled import VeiledConnection

LINE_SIZE_MAX = 1024
LINE_TIMEOUT_S = 5.0
LATER_S = 0.1
LIMITS = {"tcp": 64, "unix": 4}
STOP_LIMIT_S = 20.0


class Echo:
    """A server of the example on a free port and a socket; `family` is what connect() uses, through the veil or not."""

    def __init__(self, process, family, path, port, veiled=False):
        self.process, self.family, self.path, self.port, self.veiled = process, family, path, port, veiled

    def address(self, family=None):
        return self.path if (family or self.family) == "unix" else ("127.0.0.1", self.port)

    def connect(self, family=None):
        """A connection that has read the greeting."""
        connection = VeiledConnection(self.address(family)) if self.veiled else Connection(self.address(family))
        if self.veiled:
            connection.read_greeting()
        connection.expect(b"echo\r\n", "the greeting")
        return connection

    def connect_in_the_clear(self):
        """For who looks at the first words only."""
        return Connection(self.address())

    def expect_served(self, client):
        """The first words to a client that has been accepted."""
        client.expect(b"veil 1\n" if self.veiled else b"echo\r\n", "the first words")

    def expect_full(self, client):
        """No veil is made for one too many: it reads the end."""
        if not self.veiled:
            client.expect(b"full\r\n", "words to one too many")
        client.expect_end()

    def stop(self):
        """Ends it as an operator does; what it had to say in the end."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_LIMIT_S)
        except ProcessError as error:
            raise Failure(str(error)) from None
        check_equal(0, status, f"exit status ({self.process.output_end()})")
        return self.process.output()


@contextlib.contextmanager
def on_one_cpu():
    """What is started meanwhile has one worker, so that connections are served in the order of their bytes."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cpus)


def with_sockets(command, descriptors):
    """The command with these sockets as sd_listen_fds(3) says."""
    moves = "".join(f"os.dup2({number}, {3 + index}, inheritable=True); " for index, number in enumerate(descriptors))
    program = f"import os, sys; {moves}os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='{len(descriptors)}'); "
    return [sys.executable, "-c", program + "os.execv(sys.argv[1], sys.argv[1:])", *command]


@contextlib.contextmanager
def started(installation, lab, one_worker=False, path=None, inherited=()):
    """`inherited` are the sockets that it is started with, as descriptors 3, 4, ..."""
    folder = lab.new_folder()
    path = path or os.path.join(folder, "socket")
    command = [installation.echo, "0", lab.engine, path, *(["veil"] if lab.veiled else [])]
    if inherited:
        command = with_sockets(command, inherited)
    process = Process(command, os.path.join(folder, "output"), inherited=inherited)
    with on_one_cpu() if one_worker else contextlib.nullcontext():
        process.start()
    try:

        def ready():
            check(process.alive(), f"ended at start: {process.output_end()}")
            return re.search(r"ready on port (\d+) \((\S+)\)", process.output())

        found = wait_until(ready, "the example is ready")
        check_equal({"uring": "io_uring", "epoll": "epoll"}[lab.engine], found.group(2), "transport")
        yield Echo(process, lab.family, path, int(found.group(1)), lab.veiled)
    finally:
        process.stop()


def lines_come_back_behind_their_count(installation, lab):
    with started(installation, lab) as server, server.connect() as client:
        client.ask("hello", "1 hello")
        client.ask("hello", "2 hello")
        client.ask("", "1 ")
        client.send(b"with a newline only\n")
        client.expect(b"1 with a newline only\r\n")


def a_line_may_come_in_pieces(installation, lab):
    """A second connection's answer in between: the server has seen each piece."""
    with started(installation, lab, one_worker=True) as server, server.connect() as client, server.connect() as witness:
        for turn, byte in enumerate(b"in pieces\r\n", 1):
            client.send(bytes([byte]))
            witness.ask(f"{turn}", f"1 {turn}")
        client.expect(b"1 in pieces\r\n")


def a_pipeline_is_answered_in_order(installation, lab):
    """More lines than one round takes, and a help that is pinned between them."""
    with started(installation, lab) as server, server.connect() as client:
        client.send(b"".join(b"line %d\r\n" % index for index in range(200)) + b"help\r\nend\r\n")
        for index in range(200):
            client.expect(b"1 line %d\r\n" % index)
        check_equal([b"help   this", b"later  is answered a tenth of a second later",
                     b"ticks  is answered ten times a second, until you end", b"counts lists what is counted", b"quit   ends the connection", b"All else comes back behind a count."], client.read_lines_until("1 end"), "reply to help")


def a_late_answer_holds_up_its_own_connection_only(installation, lab):
    with started(installation, lab) as server, server.connect() as client, server.connect() as other:
        begin = time.monotonic()
        client.send(b"later\r\nbehind it\r\n")
        other.ask("meanwhile", "1 meanwhile")
        client.expect(b"later\r\n1 behind it\r\n")
        check(time.monotonic() - begin >= LATER_S, "later came too soon")


def an_answer_is_owed_to_who_has_ended(installation, lab):
    with started(installation, lab) as server, server.connect() as client:
        client.send(b"later\r\nlast\r\n")
        client.end()
        client.expect(b"later\r\n1 last\r\n")
        client.expect_end()


def a_subscription_goes_on_until_the_client_ends(installation, lab):
    """Nothing is owed to who has ended: the connection ends with it."""
    with started(installation, lab) as server, server.connect() as client:
        begin = time.monotonic()
        client.send(b"before\r\nticks\r\nnever\r\n")
        client.expect(b"1 before\r\n" + 5 * b"tick\r\n")
        check(time.monotonic() - begin >= 5 * LATER_S, "ticks came too soon")
        client.end()
        rest = client.read_to_end()
        check(not rest.replace(b"tick\r\n", b""), f"more than ticks came: {rest!r}")


def a_line_that_does_not_come_to_its_end_is_refused(installation, lab):
    """Whatever trickles in meanwhile; other connections go on."""
    with started(installation, lab) as server, server.connect() as client, server.connect() as other:
        begin = time.monotonic()
        client.send(b"never")
        other.ask("quick", "1 quick")
        client.expect(b"too slow\r\n")
        client.expect_end()
        check(time.monotonic() - begin >= LINE_TIMEOUT_S, "it was refused too soon")
        other.ask("still here", "1 still here")


def quit_ends_the_connection_behind_what_was_answered(installation, lab):
    with started(installation, lab) as server, server.connect() as client:
        client.send(b"one\r\nquit\r\nnever\r\n")
        client.expect(b"1 one\r\n")
        client.expect_end()


def a_line_has_a_limit(installation, lab):
    """As long as it may be; a byte more, whole and without an end."""
    with started(installation, lab) as server:
        longest = b"x" * (LINE_SIZE_MAX - 2)
        with server.connect() as client:
            client.send(longest + b"\r\n")
            client.expect(b"1 " + longest + b"\r\n")
        for too_long in (longest + b"x\r\n", longest + b"xx"):
            with server.connect() as client:
                client.send(too_long)
                client.expect(b"too long\r\n")
                client.expect_end()


def a_full_listen_says_so_and_the_other_one_is_open(installation, lab):
    with started(installation, lab) as server, contextlib.ExitStack() as stack:
        for _ in range(LIMITS[lab.family]):
            stack.enter_context(server.connect())
        with server.connect_in_the_clear() as client:
            server.expect_full(client)
        with server.connect("unix" if lab.family == "tcp" else "tcp") as client:
            client.ask("room here", "1 room here")


def a_place_is_free_again_when_a_client_leaves(installation, lab):
    with started(installation, lab) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(LIMITS[lab.family])]
        clients[0].close()

        def served():
            try:
                with server.connect():
                    return True
            except Failure:
                return False

        wait_until(served, "a place is free")


def a_stop_answers_what_has_come_and_leaves_nothing(installation, lab):
    with started(installation, lab, one_worker=True) as server, server.connect() as client:
        client.ask("hello", "1 hello")
        client.send(b"later\r\n")
        with server.connect() as witness:
            witness.ask("seen", "1 seen")
        output = server.stop()
        client.expect(b"later\r\n")
        client.expect_end()
        check("2 connections, 0 turned away, 3 lines" in output, f"the sum is not in {output!r}")
        ends = re.findall(r"worker \d+ ends with (\d+) connections", output)
        check(ends and set(ends) == {"0"}, f"connections are left: {output!r}")
        check(not os.path.exists(server.path), "the socket's file is left")


def counts_lists_what_every_source_has(installation, lab):
    """The workers' own, one by one, and the engine's; they count what this client did."""
    with started(installation, lab, one_worker=True) as server, server.connect() as client:
        client.ask("one", "1 one")
        client.send(b"later\r\ncounts\r\n")
        client.expect(b"later\r\n")
        rows = dict(line.decode().split(" ") for line in client.read_lines_until("end"))
        check_equal("2", rows.get('echo_lines_total{worker="0"}'), "lines before this one")
        check_equal("1", rows.get('echo_lines_late_total{worker="0"}'), "late answers")
        check_equal("1", rows.get("engine_connections_current"), "connections")
        check(int(rows["engine_turns_total"]) > 0, "the engine counts no turns")
        check(int(rows['echo_naps_total{worker="0"}']) <= int(rows["engine_sleeps_total"]), "more naps than sleeps")


TESTS = (
    lines_come_back_behind_their_count,
    a_line_may_come_in_pieces,
    a_pipeline_is_answered_in_order,
    a_late_answer_holds_up_its_own_connection_only,
    an_answer_is_owed_to_who_has_ended,
    a_subscription_goes_on_until_the_client_ends,
    a_line_that_does_not_come_to_its_end_is_refused,
    quit_ends_the_connection_behind_what_was_answered,
    a_line_has_a_limit,
    a_full_listen_says_so_and_the_other_one_is_open,
    a_place_is_free_again_when_a_client_leaves,
    a_stop_answers_what_has_come_and_leaves_nothing,
    counts_lists_what_every_source_has,
)
