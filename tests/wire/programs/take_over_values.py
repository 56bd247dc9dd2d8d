# SPDX-License-Identifier: MIT
"""Large values on their way to clients that take them slowly, while one process takes over from the other: whoever sends, every client gets
all of it, whatever becomes of the item meanwhile; and nothing of it is copied, or kept longer than it is sent.
"""

import os
import re
import signal
import socket

from harness.connection import Connection, set_request, value_reply
from harness.outcome import Failure, check, check_equal
from harness.ports import free_port
from harness.registry import BOTH, test
from harness.server import wait_until
from process import Process
from programs.take_over_failures import need_faults
from programs.take_over_layouts import OTHER_LAYOUT
from programs.take_over_load import pattern

TURNS = 10
SENT_TURNS = 4
SIZE = 1000003
KEYS = ("v0", "v1", "v2", "deleted", "overwritten", "evicted")
FILE_SIZE = 3000000
MEMORY = (128, 192, 160)  # -m, one after the other: larger and smaller
RECEIVED_SIZE = 16384
# Several packets of the largest size on loopback. A smaller one has no room for one that was sent without a copy, and each is repeated, later
# and later.
UNCOPIED_RECEIVED_SIZE = 131072
STEP = 20000  # bytes that each client takes between two take-overs
SAID = re.compile(r"serves from now on, with (\d+) connections \((\d+)k\) and (\d+) values on their way to them, after (\d+) ms")
AWAITED_MS = 900  # who waits for clients does so for a second


def value(key):
    return pattern(KEYS.index(key) + 1, SIZE)


class Reader:
    """One that has asked for much, and takes it little by little."""

    def __init__(self, address, received_size, requests, expected, again):
        self.client = Connection(address)
        self.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received_size)
        self.expected, self.at, self.again = memoryview(expected), 0, again
        self.client.send(requests)
        self.read(1)  # by now all of it was served

    def read(self, size):
        end = min(self.at + size, len(self.expected))
        self.client.expect(bytes(self.expected[self.at:end]), f"bytes from {self.at} of {len(self.expected)} on")
        self.at = end

    def finish(self):
        self.read(len(self.expected))
        request, answer = self.again
        self.client.send(request)
        self.client.expect(answer, "the next request")
        self.client.close()


def memcached(address, received_size, *keys):
    return Reader(address, received_size, b"".join(f"get {key}\r\n".encode() for key in keys),
                  b"".join(value_reply(key, value(key)) + b"END\r\n" for key in keys), (b"mn\r\n", b"MN\r\n"))


def meta(address, received_size, *keys):
    return Reader(address, received_size, b"".join(f"mg {key} v\r\n".encode() for key in keys),
                  b"".join(b"VA %d\r\n" % SIZE + value(key) + b"\r\n" for key in keys), (b"mn\r\n", b"MN\r\n"))


class HttpReader(Reader):
    """Of items and of a file, over a connection that stays. Heads are looked at no further than to their end."""

    def __init__(self, address, received_size, *paths):
        self.bodies = [pattern(99, FILE_SIZE) if path == "/large" else value(path.rpartition("/")[2]) for path in paths]
        self.body = b""
        requests = b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths)
        super().__init__(address, received_size, requests, b"", None)

    def read(self, size):
        if not self.body and self.bodies:
            check(b" 200 " in self.client.read_line(), "not found")
            self.client.read_lines_until("")
            self.body = self.bodies.pop(0)
        self.client.expect(self.body[:size], f"{len(self.body)} bytes before the end of a body, {len(self.bodies)} before the last")
        self.body = self.body[size:]

    def finish(self):
        while self.body or self.bodies:
            self.read(FILE_SIZE)
        self.client.send(b"GET /cache/none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(b" 404 " in self.client.read_line(), "the next request")
        self.client.close()


class Readers:
    """A server, and clients that are in the middle of large values."""

    def __init__(self, lab, *flags, **options):
        self.lab, self.engine, self.memory = lab, lab.engine, MEMORY
        self.paused_ms = None
        self.received_size = UNCOPIED_RECEIVED_SIZE if "--send=zc" in flags else RECEIVED_SIZE
        self.http_path, root = os.path.join(lab.new_folder(), "http"), lab.new_folder()
        self.port = free_port()
        with open(os.path.join(root, "large"), "wb") as file:
            file.write(pattern(99, FILE_SIZE))
        self.flags = ["-I", "2m", f"--http=127.0.0.1:{self.port}", f"--http=unix:{self.http_path}", f"--http-root={root}", *flags]
        self.server = lab.start("-m", str(MEMORY[0]), "-t", "2", *self.flags, **options)
        with self.server.connect() as client:
            for key in KEYS:
                client.set(key, value(key))
        self.readers = self.begin()
        self.end_items()

    def begin(self):
        address, size = self.server.address(), self.received_size
        http = self.http_path if self.lab.family == "unix" else ("127.0.0.1", self.port)
        return [*(memcached(address, size, "v0") for _ in range(4)),
                *(memcached(address, size, *KEYS) for _ in range(8)),
                *(meta(address, size, *KEYS) for _ in range(4)),
                *(memcached(address, size, key, key, key, key) for key in KEYS),
                *(HttpReader(http, size, f"/cache/{key}", "/cache/v0", "/cache/v1", "/cache/v2") for key in KEYS),
                *(HttpReader(http, size, "/cache/v0", "/large", "/cache/v1") for _ in range(2)),
                *(HttpReader(http, size, "/large") for _ in range(2))]

    def end_items(self):
        """Of some, before they are sent; others are filled in for them."""
        with self.server.connect() as client:
            client.ask("delete deleted", "DELETED")
            client.set("overwritten", "x" * SIZE)
        self.evict()

    def evict(self):
        """All items make room for others."""
        with self.server.connect() as client:
            for number in range(MEMORY[0]):
                client.send(set_request(f"other{number}", b"y" * SIZE))
                client.expect(b"STORED\r\n")

    def take_over(self, turn, **options):
        """Returns how many KiB the records have, and how many values they name."""
        old = self.server
        self.engine = "epoll" if self.engine == "uring" else "uring"
        self.server = self.lab.take_over(old, "-m", str(self.memory[(turn + 1) % len(self.memory)]), "-t", str(1 + turn % 3), *self.flags,
                                         engine=self.engine, **options)
        said = SAID.search(old.stderr_text())
        check(said, f"the old one said {old.stderr_tail()}")
        check_equal(len(self.readers), int(said.group(1)), "connections that go over")
        self.paused_ms = int(said.group(4))
        return int(said.group(2)), int(said.group(3))

    def take_some(self):
        for reader in self.readers:
            reader.read(STEP)

    def finish(self):
        for reader in self.readers:
            reader.finish()
        own = self.server.own_stats()
        for name in ("closed_handed_over", "closed_conn_memory", "closed_no_memory", "closed_slow_reader", "closed_error", "files_cut"):
            check_equal("0", own[name], name)
        wait_until(lambda: self.server.own_stats()["retired_size"] == "0", "segments that nobody sends from are free")


class FileReaders(Readers):
    """Of several large files each, which were asked for at once: from the beginning of the first, to its end."""

    def begin(self):
        http = self.http_path if self.lab.family == "unix" else ("127.0.0.1", self.port)
        readers = [HttpReader(http, self.received_size, *paths)
                   for paths in (["/large"] * 3, ["/large"] * 8, ["/large", "/cache/v0", "/large", "/cache/v1"]) for _ in range(8)]
        for number, reader in enumerate(readers):
            reader.read(number * FILE_SIZE // len(readers))
        return readers

    def end_items(self):
        """They are still to be asked for."""


@test(BOTH, limit_s=120, long=True)
def values_come_whole_through_ten_take_overs(lab):
    """Gets and pipelines of them, many clients of one value, HTTP; items that are deleted, overwritten or evicted meanwhile; other
    numbers of workers and sizes of memory. Values are named and not copied: what goes over stays small.
    """
    readers = Readers(lab)
    for turn in range(TURNS):
        size_kib, values_count = readers.take_over(turn)
        check(values_count > 20, f"only {values_count} values are on their way: the test is none")
        check(size_kib < 256, f"{size_kib} KiB were copied for {values_count} values")
        readers.take_some()
    readers.finish()


@test(BOTH)
def files_that_are_asked_for_at_once_come_whole(lab):
    """A request behind a file that is being sent is one like any other: several large files at a time, items between them;
    nobody is closed, and nothing of them is copied.
    """
    readers = FileReaders(lab)
    for turn in range(4):
        size_kib, _ = readers.take_over(turn)
        check(size_kib < 256, f"{size_kib} KiB were copied")
    readers.finish()


@test(engines=("uring",), limit_s=120, long=True)
def what_the_kernel_sends_from_the_store_comes_whole_through_take_overs(lab):
    """--send=zc: nobody waits for clients that have not taken it, and it stays what it was while all else is evicted; in the end it is freed."""
    readers = Readers(lab, "--send=zc")
    check(int(readers.server.own_stats()["sends_zero_copy"]) > 0, "nothing is sent so: the test is none")
    for turn in range(SENT_TURNS):
        readers.take_over(turn)
        check(readers.paused_ms < AWAITED_MS, f"clients waited for {readers.paused_ms} ms")
        readers.evict()
        readers.take_some()
    readers.finish()


@test(engines=("uring",), debug=True, limit_s=120)
def what_the_kernel_sends_from_the_store_is_kept_by_who_takes_back(lab):
    """Whoever takes over fails at its last word: the old one goes on, and with it what it had given to the kernel."""
    need_faults(lab)
    fail_at(lab, "MINE", "die", False, "--send=zc")


@test(BOTH, debug=True, limit_s=120)
def values_are_copied_for_a_store_of_another_layout(lab):
    """The one that takes over copies them out of the old store's memory."""
    need_faults(lab)
    readers = Readers(lab)
    # Twice as much as the pins that there can be, and the answers, up to a half of which may be the copies of values that are in several.
    readers.flags.append("--conn-memory=256m")
    readers.take_over(0, environment=OTHER_LAYOUT)
    check("one by one" in readers.server.stderr_text(), readers.server.stderr_tail())
    check("are closed" not in readers.server.stderr_text(), readers.server.stderr_tail())
    readers.take_some()
    readers.take_over(1)
    readers.finish()


@test(debug=True, limit_s=120)
def copies_for_which_there_is_no_room_close_their_connections(lab):
    """--conn-memory bounds them; a line says how many; the others go on."""
    need_faults(lab)
    readers = Readers(lab)
    readers.flags.append("--conn-memory=16m")
    count = len(readers.readers)
    readers.take_over(0, environment=OTHER_LAYOUT)
    said = re.search(r"(\d+) connections of it are closed: memory has ended", readers.server.stderr_text())
    check(said and 0 < int(said.group(1)) < count, readers.server.stderr_tail())
    ended = 0
    for reader in readers.readers:
        try:
            reader.finish()
        except Failure as failure:
            check("closed" in str(failure) or "the end" in str(failure) or "reset" in str(failure), str(failure))
            ended += 1
    check_equal(int(said.group(1)), ended, "connections that have ended")
    with readers.server.connect() as client:
        client.ask("mn", "MN")


def fail_at(lab, message, how, is_old, *flags):
    """One of the two fails at that message: whoever serves then goes on sending; returns the process that serves."""
    fault = {"RIPOSTE_TAKE_OVER_FAULT": f"{message}:{how}"}
    readers = Readers(lab, *flags, environment=fault if is_old else None)
    old = readers.server
    where = f"{how} at {message} of the {'old' if is_old else 'new'} one"
    new = Process([*old.arguments[:old.arguments.index("-m")], "-m", "256", *readers.flags, "-p", str(old.port), f"--take-over={old.pid}"],
                  os.path.join(old.folder, "new"), environment={**os.environ, **({} if is_old else fault)})
    try:
        new.start()
        wait_until(lambda: old.process.alive() != new.alive(), f"{where}: one has ended; they said {old.stderr_text()} {new.output()}")
        check_equal(is_old, new.alive(), f"{where}: the new one serves; it said {new.output_end()}")
        readers.take_some()
        for reader in readers.readers:
            reader.finish()
        if not is_old:
            wait_until(lambda: old.own_stats()["retired_size"] == "0", f"{where}: segments that nobody sends from are free")
        else:
            new.send_signal(signal.SIGTERM)
            check_equal(0, new.wait(10), f"{where}: exit status of the new one, which said {new.output_end()}")
    finally:
        new.kill()
        old.kill()


@test(debug=True, limit_s=240, long=True)
def whoever_fails_while_values_are_sent_the_other_one_sends_the_rest(lab):
    """Killed before and behind its messages, or believed no more: the old one has all of it as before, or the new one has what it was told of."""
    need_faults(lab)
    for message in "ABILITIES", "READY", "MINE":
        fail_at(lab, message, "die", is_old=False)
    for message in "NUMBERS", "COMPLETE":
        fail_at(lab, message, "die", is_old=True)
    fail_at(lab, "COMPLETE", "sent", is_old=True)
    fail_at(lab, "ABILITIES", "bad", is_old=False)
