# SPDX-License-Identifier: MIT
"""Many clients in one thread: each has a connection and does its rounds, as a generator that yields what it waits for.

What a member yields: READ or WRITE, until its socket can do that, or a float, of seconds to rest. It never takes more of the server's bytes
than it needs, so that one that rests leaves the others in the socket.
"""

import heapq
import select
import socket
import threading
import time

from harness.outcome import Failure, shown
from harness.server import wait_until

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
LIMIT_S = 15.0  # without an answer
LOOK_S = 1.0
ROUNDS_LIMIT_S = 60.0
LINE_SIZE = 4096


class Member:
    """A client; a kind of it has begin, round and finish, all of them generators."""

    has_limit = True  # an answer is due whenever it waits for one

    def __init__(self, number, address):
        self.number, self.rounds, self.fault = number, 0, None
        self.unread, self.waits_for, self.since, self.longest_s = bytearray(), 0, 0.0, 0.0
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect(address)
        if not isinstance(address, str):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def __str__(self):
        where = "unix" if self.socket.family == socket.AF_UNIX else "tcp"
        return f"{type(self).__name__} {self.number} ({where}), round {self.rounds}"

    def steps(self, crowd):
        yield from self.begin()
        while not crowd.ended:
            yield from self.round()
            self.rounds += 1
        yield from self.finish()

    def begin(self):
        """What comes before the first round."""
        yield 0.0

    def round(self):
        """What is done again and again."""
        raise NotImplementedError

    def finish(self):
        """What comes after the last round."""
        yield 0.0

    # --- steps of a round ----------------------------------------------------------------------------------------

    def send(self, data):
        view = memoryview(data)
        while view:
            try:
                view = view[self.socket.send(view):]
            except BlockingIOError:
                yield WRITE

    def fill(self, size):
        yield READ
        data = self.socket.recv(size)
        if not data:
            raise Failure(f"the connection was closed; unread {shown(self.unread)}")
        self.unread += data

    def read(self, size):
        while len(self.unread) < size:
            yield from self.fill(size - len(self.unread))
        data = bytes(self.unread[:size])
        del self.unread[:size]
        return data

    def read_line(self, end=b"\r\n"):
        while (at := self.unread.find(end)) < 0:
            yield from self.fill(LINE_SIZE)
        line = bytes(self.unread[:at])
        del self.unread[:at + len(end)]
        return line

    def expect(self, expected):
        data = yield from self.read(len(expected))
        if data != expected:
            at = next(i for i in range(len(expected)) if data[i] != expected[i])
            raise Failure(f"expected {shown(expected[at:])} at byte {at}, got {shown(data[at:])}")

    def ask(self, request, reply):
        yield from self.send(request)
        yield from self.expect(reply)


class Crowd:
    """Members in a thread of their own, from `with` to its end; a fault ends its member, and is kept."""

    def __init__(self, members):
        self.members, self.ended = members, False
        self.poll = select.epoll()
        self.resting = []  # a heap of (when it goes on, number, its steps, member)
        self.left = set()
        self.thread = threading.Thread(target=self.run)
        self.by_fd = {}

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        for member in self.members:
            member.socket.close()
        self.poll.close()

    def faults(self):
        return [f"{member}: {member.fault}" for member in self.members if member.fault]

    def rounds(self):
        return [member.rounds for member in self.members]

    def await_rounds(self, before):
        """Until each has done a whole round since then, or one has failed."""
        wait_until(lambda: self.faults() or all(now > then + 1 for now, then in zip(self.rounds(), before)), "a round of every client",
                   ROUNDS_LIMIT_S)

    def run(self):
        now = time.monotonic()
        for index, member in enumerate(self.members):
            self.left.add(member)
            self.by_fd[member.socket.fileno()] = (index, member, member.steps(self))
            self.poll.register(member.socket.fileno(), 0)
            heapq.heappush(self.resting, (now, index, member.socket.fileno()))
        looked = now
        while self.left:
            wait_s = max(0.0, self.resting[0][0] - time.monotonic()) if self.resting else LOOK_S
            for number, _ in self.poll.poll(min(wait_s, LOOK_S)):
                self.go_on(number, True)
            now = time.monotonic()
            while self.resting and self.resting[0][0] <= now:
                self.go_on(heapq.heappop(self.resting)[2], False)
            if now - looked > LOOK_S:
                looked = now
                self.look(now)

    def go_on(self, number, came):
        index, member, steps = self.by_fd[number]
        if member not in self.left:
            return
        now = time.monotonic()
        if came and not member.waits_for:
            self.leave(member, "the connection was closed while the client rested")
            return
        if member.waits_for == READ:
            member.longest_s = max(member.longest_s, now - member.since)
        try:
            wanted = next(steps)
        except StopIteration:
            self.leave(member)
            return
        except (Failure, OSError) as fault:
            self.leave(member, str(fault) or type(fault).__name__)
            return
        events = 0 if isinstance(wanted, float) else wanted
        if events != member.waits_for:
            self.poll.modify(number, events)
            member.waits_for = events
        member.since = now
        if not events:
            heapq.heappush(self.resting, (now + wanted, index, number))

    def look(self, now):
        for member in list(self.left):
            if self.ended and not member.has_limit:
                self.leave(member)
            elif member.waits_for and member.has_limit and now - member.since > LIMIT_S:
                self.leave(member, f"nothing came within {LIMIT_S:g} s; unread {shown(member.unread)}")

    def leave(self, member, fault=None):
        member.fault = fault
        self.left.discard(member)
        self.poll.unregister(member.socket.fileno())
