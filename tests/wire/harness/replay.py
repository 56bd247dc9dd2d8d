# SPDX-License-Identifier: MIT
"""Plays a case of a transcript against a server, in several cuts of the same bytes:

    as written     each run of sent lines in one send, then its replies
    at once        all requests before the first reply is read (one connection only)
    byte by byte   every byte of every request on its own; the server has seen each prefix before the next byte leaves
    cut at n       each request stream in two pieces, at positions spread over all its bytes

That a piece has been seen is known, not hoped: a round trip on a second connection to the same single worker comes
after it (the witness).
"""

import re

from harness.outcome import Failure, Skip, shown
from harness.transcript import ACT, EXPECT, MATCH, SEND

CUTS_MAX = 12  # cut positions tried for each case
SINGLE_BYTES_MAX = 700  # of one send, at its head and at its tail, that are sent one by one
LARGE_STEP = 16384  # between head and tail
AT_ONCE_SIZE_MAX = 1 << 20  # bytes sent before anything is read


class Cut:
    """How the bytes of a case are divided: into single bytes, or once at a position, or not at all."""

    def __init__(self, name, single_bytes=False, position=None):
        self.name, self.single_bytes, self.position = name, single_bytes, position

    def pieces(self, data, offset):
        """`data` in pieces; it begins at byte `offset` of all that the case sends."""
        if self.single_bytes:
            return single_pieces(data)
        if self.position is not None and offset < self.position < offset + len(data):
            return [data[:self.position - offset], data[self.position - offset:]]
        return [data]


def single_pieces(data):
    """Single bytes; of a large send only the head and the tail."""
    if len(data) <= 2 * SINGLE_BYTES_MAX:
        return [data[index:index + 1] for index in range(len(data))]
    head, middle, tail = data[:SINGLE_BYTES_MAX], data[SINGLE_BYTES_MAX:-SINGLE_BYTES_MAX], data[-SINGLE_BYTES_MAX:]
    steps = [middle[index:index + LARGE_STEP] for index in range(0, len(middle), LARGE_STEP)]
    return single_pieces(head) + steps + single_pieces(tail)


class Play:
    """One run through the steps of a case."""

    def __init__(self, server, witness, case, cut):
        self.server, self.witness, self.case, self.cut = server, witness, case, cut
        self.connections = {}
        self.variables = {}
        self.sent = 0

    def run(self, steps):
        """Plays the steps and then asks every open connection for one more reply."""
        try:
            for step in steps:
                self.play(step)
            for name, connection in sorted(self.connections.items()):
                if connection:
                    connection.send(b"version\r\n")
                    connection.expect(b"VERSION ", f"after the last step of connection {name!r}")
        finally:
            for connection in self.connections.values():
                if connection:
                    connection.close()

    def play(self, step):
        if step.connection not in self.connections:
            self.connections[step.connection] = self.server.connect()
        connection = self.connections[step.connection]
        where = f"line {step.line}"
        if not connection:
            raise Failure(f"{where}: a step on a connection that is closed")
        if step.kind == SEND:
            self.send(connection, step.data(self.variables))
        elif step.kind == EXPECT:
            connection.expect(step.data(self.variables), where)
        elif step.kind == MATCH:
            self.match(connection, step.pieces[0], where)
        elif step.kind == ACT:
            self.act(connection, step, where)

    def send(self, connection, data):
        pieces = self.cut.pieces(data, self.sent)
        self.sent += len(data)
        for piece in pieces[:-1]:
            connection.send(piece)
            self.witness.version()
        connection.send(pieces[-1])

    def match(self, connection, pattern, where):
        line = connection.read_line()
        found = re.fullmatch(pattern.encode("ascii"), line)
        if not found:
            raise Failure(f"{where}: expected a line that matches {pattern!r}, got {shown(line)}")
        self.variables.update(found.groupdict())

    def act(self, connection, step, where):
        action = step.pieces[0]
        if action == "end":
            connection.end()
            return
        if action == "close":
            connection.close()
        elif action == "reset":
            connection.reset()
        elif action == "closed":
            connection.expect_end(where)
            connection.close()
        self.connections[step.connection] = None


def steps_at_once(steps):
    """The same steps with every send before every expectation, in stretches between the actions."""
    ordered, sends, others = [], [], []
    for step in steps:
        if step.kind == ACT:
            ordered += sends + others + [step]
            sends, others = [], []
        else:
            (sends if step.kind == SEND else others).append(step)
    return ordered + sends + others


def can_be_sent_at_once(case, is_reference):
    directives = case.directives
    if "apart" in directives or (is_reference and "apart-there" in directives):
        return False
    if len(case.connections()) != 1 or case.has_variables():
        return False
    size = sum(len(step.data({})) for step in case.steps if step.kind in (SEND, EXPECT))
    return size <= AT_ONCE_SIZE_MAX and sum(step.kind == SEND for step in case.steps) > 1


def cut_positions(size, random):
    """At most CUTS_MAX positions inside `size` bytes, one from each of as many equal stretches."""
    if size < 2:
        return []
    count = min(CUTS_MAX, size - 1)
    return sorted({1 + int((index + random.random()) * (size - 1) / count) for index in range(count)})


class Replayer:
    """Plays cases against one server, one after the other."""

    def __init__(self, server, random):
        self.server, self.random = server, random
        self.witness = server.connect()
        self.knows_debugtime = self.probe_debugtime()

    def probe_debugtime(self):
        self.witness.send(b"debugtime 0\r\n")
        return self.witness.read_line() == b"OK"

    def play_case(self, case):
        """The case in all its cuts; Failure says in which one it failed."""
        if "differs" in case.directives and self.server.program.is_reference:
            raise Skip(f"the reference differs: {case.directives['differs']}")
        if "debug" in case.directives and not self.knows_debugtime:
            raise Skip("needs a build with debugtime")
        if "release" in case.directives and self.knows_debugtime:
            raise Skip("needs a build without debugtime")
        sent = self.play(case, case.steps, Cut("as written"))
        if can_be_sent_at_once(case, self.server.program.is_reference):
            self.play(case, steps_at_once(case.steps), Cut("at once"))
        if "whole" in case.directives:
            return
        self.play(case, case.steps, Cut("byte by byte", single_bytes=True))
        for position in cut_positions(sent, self.random):
            self.play(case, case.steps, Cut(f"cut at {position} of {sent}", position=position))

    def play(self, case, steps, cut):
        """One run; how many bytes it sent."""
        self.witness.ask(b"flush_all", b"OK")
        play = Play(self.server, self.witness, case, cut)
        try:
            play.run(steps)
        except Failure as failure:
            raise Failure(f"{cut.name}: {failure}") from None
        return play.sent
