# SPDX-License-Identifier: MIT
"""The filter of the example by itself: what it does with bytes that no client of its own would send."""

from echo import started
from harness.connection import Connection
from harness.outcome import check
from veiled import GREETING, VeiledConnection


def a_stranger_is_told_and_nothing_of_his_is_read(installation, lab):
    with started(installation, lab) as server:
        with Connection(server.address()) as client:
            client.send(b"veil 2\nhello\r\n")
            client.expect(GREETING + b"no veil\n")
            rest = client.read_to_end()
            check(b"hello" not in rest, f"it was answered: {rest!r}")
        with server.connect() as client:
            client.ask("still here", "1 still here")


def nothing_is_said_before_the_handshake(installation, lab):
    """The greeting of the protocol waits for it."""
    with started(installation, lab) as server, Connection(server.address()) as client:
        client.expect(GREETING)
        with server.connect() as witness:
            witness.ask("seen", "1 seen")
        client.send(GREETING + b"\0")
        client.expect(b"\x06" + bytes(byte ^ index for index, byte in enumerate(b"echo\r\n")) + b"\0")
        client.expect_end()


def bytes_are_hidden_on_the_wire(installation, lab):
    with started(installation, lab) as server, server.connect() as client:
        client.send(b"a secret\r\n")
        while not client.wire:
            super(VeiledConnection, client).fill()
            client.wire += client.take(len(client.unread))
        check(b"secret" not in client.wire, f"it is in {client.wire!r}")
        client.expect(b"1 a secret\r\n")


TESTS = (
    a_stranger_is_told_and_nothing_of_his_is_read,
    nothing_is_said_before_the_handshake,
    bytes_are_hidden_on_the_wire,
)
