# SPDX-License-Identifier: MIT
"""Clients that ask for what is expensive, as fast as they are served, beside a generator on the same CPU. A program of its own.

    hog.py <port> <connections> <kind> [<keys>]       kinds: see REQUESTS, and with "tls-" before them those of tls_records.py;
                                                      keys: how many the server has, as riposte-load names them

Each connection sends the same requests over and over, without waiting for answers, and throws those away inside the
kernel (MSG_TRUNC). Requests are never cut by a new beginning: what a socket does not take now follows later. It runs
only when nobody else wants its CPU, so that a waking generator displaces it at once: what the generator sees is the
server's delay and not the hogs'. Prints "ready" when all connections have what they need and the server has begun to
answer; on SIGTERM it says how far it came, as JSON.
"""

import json
import os
import selectors
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness.scheduling import stand_back  # noqa: E402 (the path comes first)
from tls_records import hog_of  # noqa: E402

PIECE_SIZE = 256 << 10
BLOCK_SIZE = 64 << 10     # bytes of requests that are repeated as one
VALUE_SIZE = 1_000_000
LARGE_SIZE = 900_000
APPENDS_COUNT = 20_000    # then the value is set anew: it must stay below the usual limit of 1 MiB
MULTIGET_KEYS = 1000
PREFIXES_COUNT = 5000


def repeated(request):
    return request * max(1, BLOCK_SIZE // len(request))


def set_of(key, size):
    return b"set %s 0 0 %d\r\n%s\r\n" % (key, size, b"y" * size)


def append(index, _keys):
    """A value of one's own, 1 MB long, that grows by a byte at a time."""
    key = b"hog%d" % index
    return set_of(key, VALUE_SIZE), b"append %s 0 0 1\r\nx\r\n" % key * APPENDS_COUNT + set_of(key, VALUE_SIZE)


def multiget(index, keys, count=MULTIGET_KEYS):
    names = [b"key:%012d" % ((index * 37 + number) % keys) for number in range(count)]
    return b"", repeated(b"get " + b" ".join(names) + b"\r\n")


def multiget_200(index, keys):
    """Just below what riposte serves behind the requests of others."""
    return multiget(index, keys, 200)


def large_set(index, _keys):
    return b"", set_of(b"large%d" % index, LARGE_SIZE)


def always(request):
    return lambda _index, _keys: (b"", repeated(request))


def detail_dump(index, _keys):
    """The first one brings the prefixes that are then listed."""
    prefixes = b"".join(b"get p%d:x\r\n" % number for number in range(PREFIXES_COUNT))
    return (b"stats detail on\r\n" + prefixes if index == 0 else b""), repeated(b"stats detail dump\r\n")


# kind -> function from a connection's index and the number of keys to (what it sends first, what it sends for ever)
REQUESTS = {
    "append": append,
    "stats-riposte": always(b"stats riposte\r\n"),
    "stats": always(b"stats\r\n"),
    "stats-conns": always(b"stats conns\r\n"),
    "detail-dump": detail_dump,
    "multiget": multiget,
    "multiget-200": multiget_200,
    "metadump": always(b"lru_crawler metadump all\r\n"),
    "large-set": large_set,
}


class Hog:
    """One connection."""

    def __init__(self, port, first, block):
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setblocking(False)
        self.first, self.block = memoryview(first), memoryview(block)
        self.at, self.sent, self.received, self.rounds = 0, 0, 0, 0

    @property
    def ready(self):
        return not self.first and self.received > 0

    def send(self):
        source = self.first or self.block
        taken = self.connection.send(source[self.at:self.at + PIECE_SIZE])
        self.sent += taken
        self.at += taken
        if self.at == len(source):
            self.at, self.rounds = 0, self.rounds + (not self.first)
            self.first = memoryview(b"")

    def receive(self, buffer):
        """False at the end."""
        taken = self.connection.recv_into(buffer, PIECE_SIZE, socket.MSG_TRUNC)
        self.received += taken
        return taken > 0


class Herd:
    """All connections. Ends when told to."""

    def __init__(self, port, count, kind, keys):
        self.selector = selectors.DefaultSelector()
        self.began_s, self.lost, self.ended = time.monotonic(), 0, False
        over_tls = kind.startswith("tls-")
        self.hogs = [hog_of(port, kind[4:]) if over_tls else Hog(port, *REQUESTS[kind](index, keys)) for index in range(count)]
        for hog in self.hogs:
            self.register(hog)

    def register(self, hog):
        self.selector.register(hog.connection, selectors.EVENT_READ | selectors.EVENT_WRITE, hog)

    def turn(self, buffer):
        for key, events in self.selector.select(0.1):
            hog = key.data
            try:
                alive = not events & selectors.EVENT_READ or hog.receive(buffer)
                if alive and events & selectors.EVENT_WRITE:
                    hog.send()
            except BlockingIOError:
                continue
            except OSError:
                alive = False
            if not alive or hog.connection is not key.fileobj:
                self.selector.unregister(key.fileobj)
                self.lost += not alive
            if alive and hog.connection is not key.fileobj:
                self.register(hog)  # it has come again

    def ready(self):
        return all(hog.ready for hog in self.hogs) or self.lost == len(self.hogs)

    def text(self):
        elapsed_s = time.monotonic() - self.began_s
        return json.dumps({"sent_per_s": sum(hog.sent for hog in self.hogs) / elapsed_s,
                           "received_per_s": sum(hog.received for hog in self.hogs) / elapsed_s, "lost": self.lost})


def main(words):
    herd = Herd(int(words[0]), int(words[1]), words[2], int((words + ["10000"])[3]))

    def end(_number, _frame):
        herd.ended = True
    signal.signal(signal.SIGTERM, end)
    stand_back()
    buffer = bytearray(PIECE_SIZE)
    said_ready = False
    while not herd.ended:
        herd.turn(buffer)
        if not said_ready and herd.ready():
            said_ready = True
            print("ready", flush=True)
    print(herd.text(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
