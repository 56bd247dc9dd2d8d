# SPDX-License-Identifier: MIT
"""A client behind the filter of the example (veil.h): the same operations, other bytes on the wire."""

from harness.connection import Connection, as_bytes
from harness.outcome import Failure, check_equal

GREETING = b"veil 1\n"
FRAME_SIZE_MAX = 255


class VeiledConnection(Connection):
    """A Connection whose bytes go through the veil; the end comes behind the last word of who ends."""

    def __init__(self, address, **options):
        self.sent = self.received = 0
        self.wire = b""
        self.told_end = False
        super().__init__(address, **options)
        super().send(GREETING)

    def read_greeting(self):
        """What the server says before everything else; not said to who is turned away."""
        while len(self.wire) < len(GREETING) and super().fill():
            self.wire += self.take(len(self.unread))
        check_equal(GREETING, self.wire[:len(GREETING)], "greeting of the veil")
        self.wire = self.wire[len(GREETING):]

    def send(self, data):
        data = as_bytes(data)
        for at in range(0, len(data), FRAME_SIZE_MAX):
            piece = data[at:at + FRAME_SIZE_MAX]
            super().send(bytes([len(piece)]) + veil(piece, self.sent))
            self.sent += len(piece)

    def end(self):
        super().send(b"\0")
        super().end()

    def fill(self):
        """Whole frames only."""
        before = bytes(self.unread)
        while True:
            found = self.open_frames()
            if found or self.told_end:
                self.unread = bytearray(before + found)
                return bool(found)
            self.unread = bytearray()
            if not super().fill():
                raise Failure(f"the connection was cut: no last word behind {self.received} bytes")
            self.wire += bytes(self.unread)
            self.unread = bytearray(before)

    def open_frames(self):
        found = b""
        while self.wire and not self.told_end and len(self.wire) > self.wire[0]:
            size = self.wire[0]
            found += veil(self.wire[1:1 + size], self.received + len(found))
            self.wire = self.wire[1 + size:]
            self.told_end = size == 0
        self.received += len(found)
        return found


def veil(data, position):
    return bytes(byte ^ (position + index & 255) for index, byte in enumerate(data))
