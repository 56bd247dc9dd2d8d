# SPDX-License-Identifier: MIT
"""A client that lists a server's items over and over, beside a generator on the same CPU. A program of its own.

    dump_reader.py idle                     asks nobody
    dump_reader.py dump <port> <command>    asks the server on this port, one listing after the other
    dump_reader.py itself <bytes per s>     reads so much from a connection to itself

It must take nothing from the generator but what the generator does not want. So it is SCHED_IDLE, which a waking generator
displaces at once (harness/scheduling.py); it drops what comes inside the kernel (MSG_TRUNC), in pieces that take microseconds; and it
never sleeps, whatever it does, so that its CPU is awake and as warm without a listing as with one. On SIGTERM it says
how far it came, as JSON.
"""

import json
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness.scheduling import stand_back  # noqa: E402 (the path comes first)

PIECE_SIZE = 64 << 10


class Totals:
    def __init__(self):
        self.began_s, self.listings, self.bytes, self.refused = time.monotonic(), 0, 0, 0
        self.ended = False  # enough has been read

    def text(self):
        elapsed_s = time.monotonic() - self.began_s
        return json.dumps({"listings_per_s": self.listings / elapsed_s, "bytes_per_s": self.bytes / elapsed_s,
                           "listings": self.listings, "refused": self.refused})


def take(connection, buffer):
    """How many bytes were there, and are now gone; None at the end."""
    try:
        return connection.recv_into(buffer, PIECE_SIZE, socket.MSG_TRUNC | socket.MSG_DONTWAIT) or None
    except BlockingIOError:
        return 0


def stay_idle(totals):
    ours, _theirs = socket.socketpair()
    buffer = bytearray(PIECE_SIZE)
    while not totals.ended:
        totals.bytes += take(ours, buffer)


def read_listings(totals, port, command):
    """The end of our side makes the server close behind its answer: so the end is seen without looking at the bytes."""
    buffer = bytearray(PIECE_SIZE)
    while not totals.ended:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(command.encode() + b"\r\n")
            connection.shutdown(socket.SHUT_WR)
            size = 0
            while not totals.ended and (taken := take(connection, buffer)) is not None:
                size += taken
                totals.bytes += taken
        totals.listings += not totals.ended and size > PIECE_SIZE
        totals.refused += not totals.ended and size <= PIECE_SIZE  # busy with the one before


def read_itself(totals, bytes_per_s):
    """Costs more than a listing of this size: here the sender runs on this CPU, too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    buffer = bytearray(PIECE_SIZE)
    with ours, theirs:
        while not totals.ended:
            left = 0
            if totals.bytes < bytes_per_s * (time.monotonic() - totals.began_s):
                theirs.sendall(buffer)
                left = PIECE_SIZE
            totals.bytes += left
            left -= take(ours, buffer)
            while left > 0:
                left -= take(ours, buffer)


def main(words):
    totals = Totals()

    def end(_number, _frame):
        totals.ended = True
    signal.signal(signal.SIGTERM, end)
    stand_back()
    if words[0] == "dump":
        read_listings(totals, int(words[1]), words[2])
    elif words[0] == "itself":
        read_itself(totals, float(words[1]))
    else:
        stay_idle(totals)
    print(totals.text(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
