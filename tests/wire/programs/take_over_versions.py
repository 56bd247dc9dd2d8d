# SPDX-License-Identifier: MIT
"""--take-over between builds of different versions: what the other one says of another layout, and what it says besides."""

import os
import socket
import struct

from harness.outcome import Skip, check, check_equal
from harness.registry import test
from harness.server import wait_until
from process import Process

VERSION_AT, STATE_AT = 16, 20  # in the root block: src/store/image.h
COMPLETE, SHARED = 2, 3
HELLO, REFUSED, SETTINGS = 1, 2, 3
EXTRA_KINDS = 0x8000


def arena_of(server):
    """The store's memory, to be written to."""
    folder = f"/proc/{server.pid}/fd"
    for name in os.listdir(folder):
        if os.readlink(f"{folder}/{name}") == "/memfd:riposte (deleted)":
            return os.open(f"{folder}/{name}", os.O_RDWR)
    raise Skip("the store is not in a file of memory")


def take_over_with_layout(lab, change):
    """The old one stops before it sends its store, whose layout is then said to be of a version so much higher."""
    old = lab.start("--hand-over-timeout=10", "-m", "64", environment={"RIPOSTE_TAKE_OVER_FAULT": "STORE:stall"})
    stays = lab.connect(old)
    stays.set("a", "x")
    arena = arena_of(old)
    flags = [str(old.port) if flag == "-1" else flag for flag in old.arguments]
    new = Process([*flags, f"--take-over={old.pid}"], os.path.join(lab.new_folder(), "new"))
    new.start()
    try:
        wait_until(lambda: struct.unpack("I", os.pread(arena, 4, STATE_AT))[0] in (COMPLETE, SHARED), "the store is left")
        version, = struct.unpack("I", os.pread(arena, 4, VERSION_AT))
        os.pwrite(arena, struct.pack("I", version + change), VERSION_AT)
        old.expect_exit(0)
        words = "1 items are carried over one by one"
        wait_until(lambda: words in new.output(), f"{words!r} said; it says {new.output_end()}")
        stays.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
        stays.set("b", "y")
        stays.ask("get b", "VALUE b 0 1\r\ny\r\nEND")
        numbers = stays.stats()
        check_equal(("2", "2", str(new.pid)), (numbers["curr_items"], numbers["total_items"], numbers["pid"]), "items now and ever")
    finally:
        os.close(arena)
        new.kill()


@test(debug=True, waits=True)
def items_of_another_layout_are_carried_over(lab):
    """A newer and an older one: the items are asked for one by one, that is said, and the connection goes on."""
    if not lab.program.has_faults():
        raise Skip("a build without debug commands has no failures on demand")
    for change in 1, -1:
        take_over_with_layout(lab, change)


def message(version, kind, fields=b""):
    return struct.pack("<4sHHI", b"RTPO", version, kind, 12 + len(fields)) + fields


@test()
def what_a_newer_build_says_besides_is_passed_over_or_refused(lab):
    """Kinds that one may do without are passed over; other kinds, and another version of the messages, are refused."""
    server = lab.start()
    hello = message(1, HELLO, b"\x01\0x\x01")
    for sent, answered in ([message(1, EXTRA_KINDS, b"news"), message(1, 0xffff), hello], SETTINGS), ([message(1, EXTRA_KINDS - 1)], REFUSED), \
                          ([message(2, HELLO, b"\x01\0x\x01\x01")], REFUSED):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.settimeout(20)
            peer.connect(f"\0riposte-{server.pid}")
            for each in sent:
                peer.send(each)
            check_equal(answered, struct.unpack_from("<H", peer.recv(4096), 6)[0], f"the kind of what is said to {sent}")
    lab.take_over(server)
    check("another version of the hand-over" in server.stderr_text(), server.stderr_tail())
