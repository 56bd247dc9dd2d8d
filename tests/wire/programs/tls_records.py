# SPDX-License-Identifier: MIT
"""TLS on the wire: records cut anywhere, of one byte, of the largest size and one more; updates of keys; what follows an end."""

import socket
import ssl
import subprocess
import time

from harness.connection import LIMIT_S, set_request, value_reply
from harness.outcome import check, check_equal
from harness.registry import test
from harness.server import wait_until
from harness.tls import TlsSocket, client_context
from process import tie_to_parent

TLS = ("tls",)
RECORD_HEAD_SIZE = 5
RECORD_PLAIN_MAX = 16384
RECORD_OVERHEAD_MAX = 256  # RFC 8446, section 5.2
CONVERSATION = b"set a 0 0 5\r\nhello\r\nget a\r\n"
ANSWER = b"STORED\r\nVALUE a 0 5\r\nhello\r\nEND\r\n"


def dial(server):
    plain = socket.create_connection(server.address(), LIMIT_S)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


def read_exactly(client, size):
    got = b""
    while len(got) < size:
        part = client.recv(size - len(got))
        check(part, f"an end after {got!r}")
        got += part
    return got


def read_to_end(plain):
    """What comes until the end; a reset is one, too."""
    got = b""
    try:
        while part := plain.recv(1 << 16):
            got += part
    except ConnectionResetError:
        pass
    return got


class Cutter:
    """Cuts what a client sends at one byte of all; the server has read the first part before the second comes."""

    def __init__(self, witness, position):
        self.witness, self.position, self.sent = witness, position, 0

    def __call__(self, data):
        at = self.position - self.sent
        self.sent += len(data)
        if not 0 < at < len(data):
            return [data]
        return self.pieces(data, at)

    def pieces(self, data, at):
        yield data[:at]
        self.witness.version()
        yield data[at:]


@test(families=TLS, long=True)
def a_conversation_cut_at_every_byte_is_the_same(lab):
    """Handshake, requests and end, in both versions: the client's bytes come in two parts, cut at each place there is."""
    server = lab.start()
    witness = server.connect("unix")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_context(lab.program.authority, version=version)
        position, size = 1, 2
        while position < size:
            cutter = Cutter(witness, position)
            client = TlsSocket(dial(server), context, cut=cutter)
            client.sendall(CONVERSATION)
            check_equal(ANSWER, read_exactly(client, len(ANSWER)), f"the answer, cut at {position}")
            client.close()
            position, size = position + 1, cutter.sent
        check(position > 300, f"only {position} bytes were cut")
    witness.close()


@test(families=TLS)
def a_conversation_that_comes_byte_by_byte_is_the_same(lab):
    """Every byte of the wire is a segment of its own."""
    server = lab.start()
    client = TlsSocket(dial(server), client_context(lab.program.authority), cut=lambda data: [bytes([byte]) for byte in data])
    client.sendall(CONVERSATION)
    check_equal(ANSWER, read_exactly(client, len(ANSWER)), "the answer")
    client.close()


@test(families=TLS)
def a_record_for_each_byte_is_the_same(lab):
    """A value of 3,000 bytes in as many records, which come together."""
    server = lab.start()
    held = []
    client = TlsSocket(dial(server), client_context(lab.program.authority))
    client.cut = lambda data: held.append(data) or []
    value = lab.random.randbytes(3000)
    for byte in set_request("a", value) + b"get a\r\n":
        client.sendall(bytes([byte]))
    client.plain.sendall(b"".join(held))
    expected = b"STORED\r\n" + value_reply("a", value) + b"END\r\n"
    check_equal(expected, read_exactly(client, len(expected)), "the answers")


@test(families=TLS)
def values_around_the_size_of_a_record_come_back(lab):
    """Requests and answers of 16 KiB less, exactly and more by a few bytes, so that each ends at the border of a record once."""
    server = lab.start()
    with server.connect() as client:
        for size in range(RECORD_PLAIN_MAX - 40, RECORD_PLAIN_MAX + 3):
            value = lab.random.randbytes(size)
            client.set("a", value)
            check_equal(value, client.get("a"), f"a value of {size} bytes")


def expect_alert(lab, server, record, what):
    """After a handshake the record ends the connection, and nobody else's."""
    with server.connect() as other:
        client = TlsSocket(dial(server), client_context(lab.program.authority))
        client.sendall(b"version\r\n")
        check(read_exactly(client, 8) == b"VERSION ", "an answer before")
        client.plain.sendall(record)
        read_to_end(client.plain)
        client.plain.close()
        other.version()


def record(kind, size, version=b"\x03\x03"):
    return bytes([kind]) + version + size.to_bytes(2, "big") + b"x" * size


@test(families=TLS)
def a_record_above_the_largest_size_ends_the_connection(lab):
    """16 KiB + 256 bytes are the most that a record may have; one more, an empty one, an unknown kind and a false text too."""
    server = lab.start()
    for each, what in ((record(23, RECORD_PLAIN_MAX + RECORD_OVERHEAD_MAX + 1), "too large"), (record(23, 65535), "the largest"),
                       (record(23, 0), "empty"), (record(99, 20), "an unknown kind"), (record(23, 100), "a false one"),
                       (record(22, 50), "a plain handshake"), (record(21, 2), "a plain alert"), (b"get a\r\n", "plain text")):
        expect_alert(lab, server, each, what)


@test(families=TLS)
def an_alert_in_each_state_ends_the_connection(lab):
    """Before a ClientHello and behind one: close_notify, a fatal one, one that does not exist."""
    server = lab.start()
    for said in (0, None):
        for alert in (b"\x01\x00", b"\x02\x28", b"\x02\xff", b"\x07\x07"):
            client = TlsSocket(dial(server), client_context(lab.program.authority), shake=False)
            try:
                client.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            hello = client.records()
            client.plain.sendall(hello[:said] + b"\x15\x03\x03\x00\x02" + alert)
            read_to_end(client.plain)
            client.plain.close()
    with server.connect() as other:
        other.version()


@test(families=TLS)
def bytes_behind_an_end_are_nobodys(lab):
    """close_notify, then garbage, a record, or a request in plain text: what came before is answered, the rest is not done."""
    server = lab.start()
    for rest in (b"\x00" * 100, lab.random.randbytes(5000), record(23, 300), b"set b 0 0 1\r\nx\r\n" * 10):
        client = TlsSocket(dial(server), client_context(lab.program.authority))
        held = []
        client.cut = lambda data: held.append(data) or []
        client.sendall(CONVERSATION)
        client.say_end()
        client.cut = lambda data: [data]
        client.plain.sendall(b"".join(held) + rest)
        check_equal(ANSWER, read_exactly(client, len(ANSWER)), "what was asked before")
        client.plain.close()
    with server.connect() as other:
        check_equal(None, other.get("b"), "what was asked behind it")


class Talker:
    """openssl s_client, which has commands of its own: K and k update keys, R renegotiates."""

    def __init__(self, lab, server, *flags):
        program = lab.need("openssl", "openssl")
        self.process = subprocess.Popen(
            [program, "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "server.test", "-CAfile",
             lab.program.authority.path, "-verify_return_error", *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=tie_to_parent)
        self.text = b""

    def say(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def wait_for(self, word, count=1):
        """Reads until the word has come so often."""
        while self.text.count(word) < count:
            part = self.process.stdout.read1(4096)
            check(part, f"s_client ended without {word!r}: {self.text[-300:]!r}")
            self.text += part

    def end(self):
        self.process.stdin.close()
        self.text += self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(LIMIT_S)


@test(families=TLS)
def keys_may_be_updated(lab):
    """s_client updates its own keys, and asks for the server's, between requests."""
    server = lab.start()
    talker = Talker(lab, server, "-tls1_3", "-crlf")
    for count, command in enumerate((None, b"k", b"K", b"k", b"K"), 1):
        if command:
            talker.say(command)
            talker.wait_for(b"KEYUPDATE", count - 1)
        talker.say(b"version")
        talker.wait_for(b"VERSION ", count)
    talker.say(b"quit")
    talker.end()
    check_equal(4, talker.text.count(b"KEYUPDATE"), "updates that s_client made")


@test(families=TLS)
def a_renegotiation_is_refused(lab):
    """TLS 1.2: the client hears so; the server goes on for others."""
    server = lab.start()
    talker = Talker(lab, server, "-tls1_2", "-crlf")
    talker.say(b"version")
    talker.wait_for(b"VERSION ")
    talker.say(b"R")
    talker.wait_for(b"RENEGOTIATING")
    talker.end()
    check(b"no renegotiation" in talker.text, f"the refusal: {talker.text[-300:]!r}")
    with server.connect() as other:
        other.version()


@test(families=TLS)
def a_client_of_tls_on_a_plain_port_is_not_left_waiting(lab):
    """Its ClientHello is no request: it reads something that is no TLS, or the end, at once."""
    server = lab.start(family="tcp")
    began = time.monotonic()
    try:
        TlsSocket(dial(server), client_context())
        check(False, "a handshake with a plain port")
    except (ssl.SSLError, ConnectionError):
        pass
    check(time.monotonic() - began < 5, "it was left waiting")
    wait_until(lambda: int(stats(server)["curr_connections"]) == 1, "the connection is gone")


def stats(server):
    with server.connect("unix") as client:
        return client.stats()
