# SPDX-License-Identifier: MIT
"""TLS from those who give much work for few bytes: what one may do is bounded, and a hundred of them leave others their share."""

import contextlib
import signal
import socket
import ssl
import subprocess
import sys
import time

from harness import tls_hog
from harness.certificates import Authority
from harness.connection import Connection
from harness.http import ask_status
from harness.outcome import check, check_equal
from harness.registry import test
from harness.server import wait_until
from harness.tls import client_context
from harness.victim import check_served
from process import tie_to_parent
from programs.hogs import check_turns
from programs.tls_handshakes import is_let_in
from tls_records import ALERT, ASIDES_MAX, DATA, HANDSHAKE, HANDSHAKE_INPUT_SIZE_MAX, Talker, hello_fragments

TLS = ("tls",)
TIME_S = 2.0
HOGS_COUNT = 100
CONN_MEMORY_MIB = 16  # of all connections together
GROWN_MIB_MAX = 1.5 * CONN_MEMORY_MIB  # with what the allocator rounds up, and buffers that are not a connection's
ASK_COUNT = 300
TURN_SENDS_SIZE_MAX = 1024 * 1024  # ARM_TURN_SIZE_MAX of arm.c in src/engine
LEAVE_COUNT = 400
LEAVE_IN_TURN_MAX = 50  # ARM_FILTER_CLOSES_MAX of arm.c in src/engine
HELLO_KIB_MAX = 192  # of one handshake at its bound: 48 KiB that wait or are read, twice at most, 40 KiB of OpenSSL
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
WARNING_USER_CANCELED = b"\x01\x5a"


# --- many of them -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def hogs(server, kind, count):
    """In a process of their own."""
    command = [sys.executable, "-B", tls_hog.__file__, str(server.port), str(count), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=tie_to_parent) as process:
        try:
            check(process.stdout.readline() == b"ready\n", "the hogs are connected")
            yield
            check(process.poll() is None, "the hogs have ended")
        finally:
            process.kill()


def check_beside(lab, kind, value="x", met="turns_costly"):
    """A get is answered soon beside a hundred of that kind, hardly a turn is long, and the server's memory is bounded."""
    server = lab.start("-m", "256", f"--conn-memory={CONN_MEMORY_MIB}m")
    victim = lab.connect(server)
    victim.set("small", value)
    before_kib = server.resident_kib()
    with hogs(server, kind, HOGS_COUNT):
        ends = time.monotonic() + TIME_S
        check_served(lab, server, victim, lambda _: time.monotonic() > ends)
        grown_mib = (server.resident_kib() - before_kib) / 1024
    check(server.program.is_sanitized or grown_mib < GROWN_MIB_MAX, f"{grown_mib:.1f} MiB for {HOGS_COUNT} of them")
    check_turns(lab, server, met=met)
    return server


@test(families=TLS)
def a_client_is_served_beside_a_hundred_that_send_full_records(lab):
    """Each of some 1,500 small requests. On io_uring receive buffers are left for those who send little."""
    figures = check_beside(lab, "records", met="turns_busy").own_stats()
    received, found_none = int(figures["recvs"]), int(figures["recv_buffers_empty"])
    check(found_none < received // 2, f"{received} receives, and {found_none} that found no buffer")


@test(families=TLS)
def a_client_is_served_beside_a_hundred_that_ask_for_much(lab):
    """The same, for values of which 80, what a turn answers at most, are a little less than a record."""
    check_beside(lab, "records", value="x" * 150, met="turns_busy")


@test(families=TLS)
def a_client_is_served_beside_a_hundred_that_update_keys(lab):
    """As many updates as there may be with no data between them, each of which asks for one of the server's, over and over."""
    check_beside(lab, "updates")


@test(families=TLS)
def a_client_is_served_beside_a_hundred_that_renegotiate(lab):
    """TLS 1.2: as many hellos, each refused by an alert, then a request."""
    check_beside(lab, "renegotiations")


@test(families=TLS)
def a_client_is_served_beside_a_hundred_that_begin_handshakes(lab):
    """They say their hello, leave when it is answered, and come again."""
    check_beside(lab, "handshakes")


@test(families=TLS)
def a_client_is_served_beside_a_hundred_that_say_their_hello_in_pieces(lab):
    """Of a byte each, until they are turned away."""
    check_beside(lab, "fragments")


@test(families=TLS)
def answers_of_some_kilobytes_are_not_all_sent_in_one_turn(lab):
    """300 clients whose requests are all there when the server looks: 4.5 MB to be encrypted, and to be sent."""
    server = lab.start()
    with lab.connect(server) as other:
        other.set("large", "x" * 15_000)
        talkers = [Talker(server.port) for _ in range(ASK_COUNT)]
        before = int(server.own_stats()["turns"])
        server.signal(signal.SIGSTOP)
        for talker in talkers:
            talker.send(talker.writer.record(DATA, b"get large\r\n"))
        server.signal(signal.SIGCONT)
        for talker in talkers:
            size = 0
            while size < 15_000:
                part = talker.plain.recv(65536)
                check(part, "it is answered")
                size += len(part)
        turns = int(other.stats("riposte")["turns"]) - before
    for talker in talkers:
        talker.close()
    check(turns >= ASK_COUNT * 15_000 // TURN_SENDS_SIZE_MAX, f"{ASK_COUNT} answers took {turns} turns")


@test(families=TLS)
def hundreds_that_leave_at_once_hold_nobody_up(lab):
    """What TLS holds of a connection takes some 10 us to free: a turn frees that of a few."""
    server = lab.start()
    with lab.connect(server) as other:
        leaving = [Talker(server.port) for _ in range(LEAVE_COUNT)]
        before = int(server.own_stats()["turns"])
        server.signal(signal.SIGSTOP)
        for talker in leaving:
            talker.close()
        server.signal(signal.SIGCONT)
        wait_until(lambda: int(other.stats()["curr_connections"]) <= 2, "they are gone")
        turns = int(other.stats("riposte")["turns"]) - before
    check(turns >= LEAVE_COUNT // LEAVE_IN_TURN_MAX, f"{LEAVE_COUNT} left in {turns} turns")


# --- one of them ------------------------------------------------------------------------------------------------------


def tls_counter(server, name):
    with Connection(server.http_path) as client:
        text = ask_status(client, 200, "GET", "/metrics").body.decode()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"riposte_tls_{name}_total "))


def start(lab, *flags):
    """With /metrics on a Unix socket."""
    path = f"{lab.new_folder()}/http"
    server = lab.start(f"--http=unix:{path}", *flags)
    server.http_path = path
    return server


def check_limit(lab, version, asides, what):
    """asides(talker): what `talker` may send and be answered; and one more, which ends it. Others go on."""
    server = start(lab)
    good, bad = Talker(server.port, version), Talker(server.port, version)
    for _ in range(3):  # data between them begins the count anew
        good.send(*asides(good, 0), good.writer.record(DATA, b"version\r\n"))
        check(good.plain.recv(65536), f"an answer behind {what}")
    before = tls_counter(server, "protocol_errors")
    bad.send(*asides(bad, 1), bad.writer.record(DATA, b"version\r\n"))
    check(bad.is_ended(), f"one more of {what} ends the connection")
    check_equal(before + 1, tls_counter(server, "protocol_errors"), "connections ended for it")
    good.send(good.writer.record(DATA, b"quit\r\n"))
    check(good.is_ended(), "the other one lived until it quit")
    check_equal(before + 1, tls_counter(server, "protocol_errors"), "connections ended for it")
    good.close()
    bad.close()


@test(families=TLS)
def sixteen_updates_of_keys_are_taken_and_no_more(lab):
    """With no data between them."""
    check_limit(lab, TLS_1_3, lambda talker, more: [talker.writer.key_update() for _ in range(ASIDES_MAX + more)], "16 updates of keys")


@test(families=TLS)
def sixteen_renegotiations_are_refused_and_no_more(lab):
    """TLS 1.2, with no data between them."""
    check_limit(lab, TLS_1_2, lambda talker, more: [talker.writer.record(HANDSHAKE, talker.hello) for _ in range(ASIDES_MAX + more)],
                "16 hellos")


@test(families=TLS)
def a_few_warnings_are_taken_and_no_more(lab):
    """TLS 1.2: OpenSSL's bound, five with no data between them (MAX_WARN_ALERT_COUNT)."""
    check_limit(lab, TLS_1_2, lambda talker, more: [talker.writer.record(ALERT, WARNING_USER_CANCELED) for _ in range(4 + more)],
                "4 warnings")


@test(families=TLS)
def a_few_empty_records_are_taken_and_no_more(lab):
    """OpenSSL's bound, 32 in a row (MAX_EMPTY_RECORDS)."""
    for version in (TLS_1_2, TLS_1_3):
        check_limit(lab, version, lambda talker, more: [talker.writer.record(DATA, b"") for _ in range(32 + more)], "32 empty records")


@test(families=TLS)
def a_hello_has_48_kib_however_it_is_cut(lab):
    """8,192 records of one byte are waited for, one more is refused; a hundred at the limit hold what they may."""
    server = start(lab, "--login-timeout=60")
    with server.connect("unix") as other:
        words = hello_fragments()
        before, resident_kib = tls_counter(server, "handshake_errors"), server.resident_kib()
        waiting = [connect(server, words[:HANDSHAKE_INPUT_SIZE_MAX]) for _ in range(HOGS_COUNT)]
        received = HOGS_COUNT * HANDSHAKE_INPUT_SIZE_MAX
        wait_until(lambda: int(other.stats("riposte")["bytes_read"]) >= received, "they have said it", 30)
        other.version()
        grown_kib = server.resident_kib() - resident_kib
        check(server.program.is_sanitized or grown_kib < HOGS_COUNT * HELLO_KIB_MAX, f"{grown_kib} KiB for {HOGS_COUNT} of them")
        check_equal(before, tls_counter(server, "handshake_errors"), "handshakes that failed")
        for plain in waiting[:HOGS_COUNT // 2]:
            plain.sendall(words[-6:])
        wait_until(lambda: tls_counter(server, "handshake_errors") == before + HOGS_COUNT // 2, "who says more is turned away", 30)
        for plain in waiting:
            plain.close()


def connect(server, words):
    """A socket that has said them."""
    plain = socket.create_connection(server.address(), 20)
    plain.sendall(words)
    return plain


@test(families=TLS)
def a_chain_of_a_client_has_32_kib(lab):
    """ssl_verify_mode=2: a certificate with some 20 KB of others behind it is looked at, with 40 or 100 KB it is refused."""
    authority = Authority(lab.new_folder())
    own = authority.make("own", "client.test")
    server = start(lab, "-o", f"ssl_verify_mode=2,ssl_ca_cert={authority.path}")
    with open(authority.path, encoding="ascii") as file:
        extra = file.read()
    with open(own[0], encoding="ascii") as file:
        leaf = file.read()
    each = len(ssl.PEM_cert_to_DER_cert(extra))
    resident_kib = server.resident_kib()
    for size, expected in ((0, True), (20_000, True), (40_000, False), (100_000, False)):
        path = authority.file(f"chain{size}.pem")
        with open(path, "w", encoding="ascii") as file:
            file.write(leaf + extra * (size // each))
        for version in (TLS_1_2, TLS_1_3):
            context = client_context(lab.program.authority, (path, own[1]), version)
            before = tls_counter(server, "handshake_errors")
            check_equal(expected, is_let_in(server, context), f"{version.name}: a client with {size} bytes of chain is let in")
            check_equal(before + (not expected), tls_counter(server, "handshake_errors"), f"{size}: handshakes that failed")
    grown_kib = server.resident_kib() - resident_kib
    check(server.program.is_sanitized or grown_kib < 2048, f"{grown_kib} KiB more")
