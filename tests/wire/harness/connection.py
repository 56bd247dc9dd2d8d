# SPDX-License-Identifier: MIT
"""One client connection on which every operation ends: with what was asked for, or with a Failure in bounded time.

Reading never takes more bytes than the expectation covers, so a reply too many is found by whoever reads next.
"""

import socket
import struct
import time

from harness.outcome import Failure, check_equal, shown, unequal
from harness.tls import TlsSocket, Truncated

LIMIT_S = 10.0
SURPLUS_WAIT_S = 0.2  # how long a failed expectation waits for more bytes, only to show them
READ_SIZE = 1 << 16


class Connection:
    """A stream to the server. `address` is (host, port) or the path of a Unix socket. tls: a context of ssl, or None."""

    def __init__(self, address, limit_s=LIMIT_S, tls=None):
        self.limit_s = limit_s
        self.sent_size = 0
        self.unread = bytearray()
        self.ended = False
        is_unix = isinstance(address, str)
        family = socket.AF_UNIX if is_unix else (socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.connect(address, is_unix)
            self.socket = TlsSocket(self.socket, tls) if tls else self.socket
        except OSError as error:
            self.socket.close()
            raise Failure(f"cannot connect to {address}: {error}") from error

    def connect(self, address, is_unix):
        """On a Unix socket whose queue is full a connect with Python's time-out fails at once, so the kernel keeps the time."""
        if is_unix:
            seconds = struct.pack("ll", int(self.limit_s) or 1, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
            self.socket.connect(address)
        self.socket.settimeout(self.limit_s)
        if not is_unix:
            self.socket.connect(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    # --- sending -------------------------------------------------------------------------------------------------

    def send(self, data):
        """Sends all of `data` (bytes, or text that is ASCII)."""
        data = as_bytes(data)
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Failure(f"sending {shown(data)} failed: {error}") from error
        self.sent_size += len(data)

    def wire_size(self):
        """Bytes that have been sent, with what TLS has added."""
        return self.socket.sent_size if isinstance(self.socket, TlsSocket) else self.sent_size

    def end(self):
        """Says that nothing more will be sent; replies can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a reset (TCP) instead of an orderly end; on a Unix socket a plain close."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        close = self.socket.cut_off if isinstance(self.socket, TlsSocket) else self.socket.close
        close()

    # --- reading -------------------------------------------------------------------------------------------------

    def fill(self):
        """Reads what there is, at least a byte. False at the end of the stream."""
        if self.ended:
            return False
        try:
            data = self.socket.recv(READ_SIZE)
        except TimeoutError:
            raise Failure(f"nothing came within {self.limit_s:g} s; unread so far {shown(self.unread)}") from None
        except Truncated:
            raise Failure(f"the end came without close_notify; unread so far {shown(self.unread)}") from None
        except ConnectionResetError:
            raise Failure(f"the connection was reset; unread so far {shown(self.unread)}") from None
        if not data:
            self.ended = True
            return False
        self.unread += data
        return True

    def take(self, size):
        """Removes and returns the first `size` bytes of what has been read."""
        data = bytes(self.unread[:size])
        del self.unread[:size]
        return data

    def read(self, size):
        """Exactly `size` bytes."""
        while len(self.unread) < size:
            if not self.fill():
                raise Failure(f"expected {size} bytes, got the end after {shown(self.unread)}")
        return self.take(size)

    def read_line(self, end=b"\r\n"):
        """One line without its end."""
        searched = 0
        while True:
            position = self.unread.find(end, searched)
            if position >= 0:
                line = self.take(position)
                self.take(len(end))
                return line
            searched = max(0, len(self.unread) - len(end))
            if not self.fill():
                raise Failure(f"expected a line, got the end after {shown(self.unread)}")

    def read_lines_until(self, last):
        """Lines up to `last`, which is not part of the result."""
        lines = []
        while True:
            line = self.read_line()
            if line == as_bytes(last):
                return lines
            lines.append(line)

    def read_to_end(self):
        """Everything until the server closes."""
        while self.fill():
            pass
        return self.take(len(self.unread))

    # --- expecting -----------------------------------------------------------------------------------------------

    def expect(self, expected, where=""):
        """Reads as many bytes as `expected` has; fails when they differ, when the end comes or nothing comes."""
        expected = as_bytes(expected)
        checked = 0
        while checked < len(expected):
            available = min(len(self.unread), len(expected))
            if self.unread[checked:available] != expected[checked:available]:
                raise unequal(expected, self.with_surplus(), where)
            checked = available
            if checked < len(expected):
                self.fill_for(expected, where)
        del self.unread[:len(expected)]

    def fill_for(self, expected, where):
        try:
            if self.fill():
                return
        except Failure as failure:
            prefix = f"{where}: " if where else ""
            raise Failure(f"{prefix}expected {shown(expected)}, but {failure}") from None
        raise unequal(expected, bytes(self.unread), f"{where} (the server closed)".lstrip())

    def with_surplus(self):
        """What has been read, and what else comes in a moment: a failure that shows more is easier to understand."""
        until = time.monotonic() + SURPLUS_WAIT_S
        self.socket.settimeout(SURPLUS_WAIT_S)
        try:
            while time.monotonic() < until and self.fill():
                pass
        except Failure:
            pass
        finally:
            self.socket.settimeout(self.limit_s)
        return bytes(self.unread)

    def expect_end(self, where=""):
        """The server closes, in order and without another byte."""
        rest = self.read_to_end()
        if rest:
            raise unequal(b"", rest, f"{where} (expected the end)".lstrip())

    def ask(self, request, reply, where=""):
        """Sends a request and expects the reply; both without their last line end."""
        self.send(as_bytes(request) + b"\r\n")
        self.expect(as_bytes(reply) + b"\r\n", where or f"reply to {shown(as_bytes(request))}")

    # --- everyday commands ---------------------------------------------------------------------------------------

    def set(self, key, value, flags=0, exptime=0):
        self.send(set_request(key, value, flags, exptime))
        self.expect(b"STORED\r\n", f"set of {key}")

    def get(self, key):
        """The value, or None."""
        self.send(f"get {key}\r\n")
        values = self.read_values()
        return values.get(as_bytes(key))

    def read_values(self):
        """The rest of a reply to get: keys and values up to END."""
        values = {}
        while True:
            line = self.read_line()
            if line == b"END":
                return values
            words = line.split(b" ")
            if len(words) < 4 or words[0] != b"VALUE":
                raise Failure(f"expected VALUE or END, got {shown(line)}")
            data = self.read(int(words[3]) + 2)
            check_equal(b"\r\n", data[-2:], "the line end behind a value")
            values[words[1]] = data[:-2]

    def version(self):
        """A round trip that changes nothing; the version as text."""
        self.send(b"version\r\n")
        line = self.read_line()
        check_equal(b"VERSION ", line[:8], "reply to version")
        return line[8:].decode()

    def stats(self, which=""):
        """`stats <which>` as a dictionary of text."""
        self.send(f"stats {which}\r\n" if which else "stats\r\n")
        found = {}
        for line in self.read_lines_until(b"END"):
            words = line.decode("latin-1").split(" ")
            if len(words) != 3 or words[0] != "STAT":
                raise Failure(f"expected STAT name value, got {shown(line)}")
            found[words[1]] = words[2]
        return found


def set_request(key, value, flags=0, exptime=0, tail=""):
    """A set command with its data; `tail` may be " noreply"."""
    value = as_bytes(value)
    return f"set {key} {flags} {exptime} {len(value)}{tail}\r\n".encode() + value + b"\r\n"


def value_reply(key, value, flags=0):
    """The VALUE line and data of one hit, without END."""
    value = as_bytes(value)
    return f"VALUE {key} {flags} {len(value)}\r\n".encode() + value + b"\r\n"


def as_bytes(data):
    return data.encode("latin-1") if isinstance(data, str) else bytes(data)
