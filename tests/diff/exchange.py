# SPDX-License-Identifier: MIT
"""Sends one stream of bytes per connection, in pieces, and reads until each reply stream has its end.

All connections of all servers move at the same time; whoever does not finish within the limit fails the run.
"""

import selectors
import socket
import time

from harness.outcome import Failure, shown

LIMIT_S = 30.0
READ_SIZE = 1 << 18


class Talk:
    """One connection: what is still to be sent, what has come, and how to know that all has come."""

    def __init__(self, name, address):
        self.name, self.address = name, address
        self.socket = None
        self.open()

    def open(self):
        if self.socket:
            self.socket.close()
        is_unix = isinstance(self.address, str)
        self.socket = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect(self.address)
        if not is_unix:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def begin(self, pieces, end):
        """`end` is the last thing that must come; None: the server has to close."""
        self.pieces, self.end = pieces[::-1], end
        self.received, self.closed = bytearray(), False

    def is_done(self):
        return self.closed or (not self.pieces and self.end is not None and self.received.endswith(self.end))

    def send(self):
        try:
            piece = self.pieces.pop()
            sent = self.socket.send(piece)
            if sent < len(piece):
                self.pieces.append(piece[sent:])
        except BlockingIOError:
            self.pieces.append(piece)
        except OSError:
            self.pieces.clear()  # the other side has closed; reading tells whether it should have

    def read(self):
        try:
            data = self.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self.received += data
        self.closed = not data


def exchange(talks):
    """Runs all talks to their ends."""
    end = time.monotonic() + LIMIT_S
    with selectors.DefaultSelector() as selector:
        for talk in talks:
            selector.register(talk.socket, events_of(talk), talk)
        left = set(talks)
        while left:
            ready = selector.select(end - time.monotonic())
            if not ready:
                raise Failure("; ".join(stuck_text(talk) for talk in left))
            for key, events in ready:
                advance(selector, key.data, events, left)


def events_of(talk):
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if talk.pieces else 0)


def advance(selector, talk, events, left):
    if events & selectors.EVENT_WRITE and talk.pieces:
        talk.send()
        if not talk.pieces:
            selector.modify(talk.socket, selectors.EVENT_READ, talk)
    if events & selectors.EVENT_READ:
        talk.read()
    if talk.is_done():
        selector.unregister(talk.socket)
        left.discard(talk)


def stuck_text(talk):
    return f"{talk.name} did not answer all within {LIMIT_S:g} s; the last that came: {shown(talk.received[-200:])}"
