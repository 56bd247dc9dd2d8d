# SPDX-License-Identifier: MIT
"""Handshakes that stop half way, certificates of clients, and certificates that change under load."""

import os
import signal
import socket
import ssl
import threading
import time

from harness.certificates import SERVER_NAME, Authority
from harness.connection import LIMIT_S, Connection
from harness.http import ask_status
from harness.outcome import check, check_equal
from harness.registry import test
from harness.server import wait_until
from harness.tls import TlsSocket, client_context
from programs.hogs import check_turns
from programs.tls_clients import load

TLS = ("tls",)
HALVES_COUNT = 1000
LOGIN_TIMEOUT_S = 2
RELOADS_COUNT = 8


def half_handshake(server, context, size):
    """A connection that says so many bytes of a ClientHello, or all of it (None), and no more."""
    plain = socket.create_connection(server.address(), LIMIT_S)
    client = TlsSocket(plain, context, shake=False)
    try:
        client.tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    plain.sendall(client.records()[:size])
    return plain


@test(families=TLS, limit_s=90, long=True)
def a_thousand_half_handshakes_hurt_nobody_and_end(lab):
    """Half a ClientHello, or a whole one without what follows: others get in and are answered; --login-timeout ends them."""
    server = lab.start("-c", "4096", f"--login-timeout={LOGIN_TIMEOUT_S}")
    context = client_context(lab.program.authority)
    with server.connect() as old:
        old.set("a", "x")
        resident_kib = server.resident_kib()
        halves = [half_handshake(server, context, 50 if index % 2 else None) for index in range(HALVES_COUNT)]
        for _ in range(50):
            check_equal(b"x", old.get("a"), "a client that was there")
        with server.connect() as new:
            check_equal(b"x", new.get("a"), "a client that comes")
        grown_kib = server.resident_kib() - resident_kib
        check(server.program.is_sanitized or grown_kib < HALVES_COUNT * 64, f"{grown_kib} KiB for {HALVES_COUNT} half handshakes")
        wait_until(lambda: int(old.stats()["curr_connections"]) < 10, "they are closed", 20 + LOGIN_TIMEOUT_S)
    for plain in halves:
        plain.close()


def is_let_in(server, context):
    try:
        client = TlsSocket(socket.create_connection(server.address(), LIMIT_S), context)
        client.sendall(b"version\r\n")
        answer = client.recv()
        client.close()
        return answer.startswith(b"VERSION ")
    except (ssl.SSLError, ConnectionError):
        return False


@test(families=TLS)
def certificates_of_clients_are_judged(lab):
    """ssl_verify_mode=1 and 2: the authority's is good; one that has ended, another authority's, its own; and none."""
    lab.need_tls()
    own, other = Authority(lab.new_folder()), Authority(lab.new_folder())
    good = own.make("good", "client.test")
    ended = own.make("ended", "client.test", days=-1)
    strange, alone = other.make("strange", "client.test"), own.make("alone", "client.test", signed=False)
    for mode, without in ((1, True), (2, False)):
        server = lab.start(*own.flags(f"ssl_verify_mode={mode}", f"ssl_ca_cert={own.path}"), family="tls-own")
        for pair, expected, what in ((good, True, "a good one"), (ended, False, "one that has ended"), (strange, False, "another's"),
                                     (alone, False, "one that signed itself"), (None, without, "none")):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = client_context(own, pair, version)
                check_equal(expected, is_let_in(server, context), f"mode {mode}, {version.name}: {what} is let in")


class Visitors:
    """Clients that connect, ask and leave as fast as they can, on threads of their own; any fault is kept."""

    def __init__(self, server, context, count=3):
        self.server, self.context = server, context
        self.visits, self.faults, self.ends = 0, [], False
        self.threads = [threading.Thread(target=self.visit, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def visit(self):
        while not self.ends:
            try:
                client = TlsSocket(socket.create_connection(self.server.address(), LIMIT_S), self.context)
                client.sendall(b"get a\r\n")
                answer = client.recv()
                check_equal(b"VALUE a 0 1\r\nx\r\nEND\r\n", answer, "an answer")
                client.close()
                self.visits += 1
            except Exception as error:  # kept for the thread that waits
                self.faults.append(error)
                return

    def end(self):
        self.ends = True
        for thread in self.threads:
            thread.join(LIMIT_S)


@test(families=TLS)
def certificates_change_under_load_without_a_failed_request(lab):
    """New ones are put in place and SIGHUP is sent, again and again, while clients come, ask and go, and others stay."""
    lab.need_tls()
    own = Authority(lab.new_folder())
    server = lab.start(*own.flags(), family="tls-own")
    context = client_context(own)
    stays = TlsSocket(socket.create_connection(server.address(), LIMIT_S), context)
    stays.sendall(b"set a 0 0 1\r\nx\r\n")
    check_equal(b"STORED\r\n", stays.recv(), "a set")
    visitors = Visitors(server, context)
    for number in range(RELOADS_COUNT):
        own.make("next", SERVER_NAME)
        # The key first: a pair that does not fit is not taken, and the signal comes when both are there.
        os.replace(own.file("next.key"), own.file("server.key"))
        os.replace(own.file("next.pem"), own.file("server.pem"))
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: server.stderr_text().count("certificates are read again") > number, "a line")
        before = visitors.visits
        wait_until(lambda: visitors.visits > before + 3 or visitors.faults, "visits under the new certificate")
    visitors.end()
    check(not visitors.faults, f"{visitors.faults[:1]}")
    stays.sendall(b"get a\r\n")
    check_equal(b"VALUE a 0 1\r\nx\r\nEND\r\n", stays.recv(), "who stayed")


@test(families=TLS)
def sessions_go_on_by_ticket(lab):
    """A second connection takes up the session of the first, in both versions; not with no_ssl_session_cache."""
    for flags, expected in (((), True), (("-o", "no_ssl_session_cache"), False)):
        server = lab.start(*flags)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client_context(lab.program.authority, version=version)
            first = TlsSocket(socket.create_connection(server.address(), LIMIT_S), context)
            first.sendall(b"version\r\n")
            first.recv()
            session = first.tls.session
            first.close()
            second = TlsSocket(socket.create_connection(server.address(), LIMIT_S), context, session=session)
            second.sendall(b"version\r\n")
            check(second.recv().startswith(b"VERSION "), "an answer")
            check_equal(expected, second.tls.session_reused, f"{version.name}, {flags}: the session goes on")
            second.close()


@test(families=TLS)
def handshakes_take_a_bounded_part_of_a_turn(lab):
    """600 full ones, 32 at a time, while a client asks: by the server's own measure hardly a turn was long."""
    server = lab.start()
    with server.connect() as other:
        other.set("a", "x")
        done = []
        storm = threading.Thread(target=lambda: done.append(load(lab, server, "-n", "600", "-c", "32", "--churn", "1")))
        storm.start()
        while storm.is_alive():
            check_equal(b"x", other.get("a"), "a client that was there")
        storm.join()
        check(done, "the load generator has made no storm")
    check_turns(lab, server)


def start_with_slow_key(lab, *flags, **options):
    """A server whose signatures take some 4 ms each, and who trusts it."""
    lab.need_tls()
    own = Authority(lab.new_folder())
    own.once("server", SERVER_NAME, rsa_bits=4096, rsa_primes=3)
    return own, lab.start(*own.flags(), *flags, family="tls-own", **options)


def signatures(path, whose):
    """By /metrics on a Unix socket."""
    name = b"riposte_tls_signatures_%s_total " % whose
    with Connection(path) as client:
        text = ask_status(client, 200, "GET", "/metrics").body
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))


def signatures_apart(path):
    return signatures(path, b"apart")


@test(families=TLS)
def signatures_with_a_slow_key_take_no_part_of_a_turn(lab):
    """RSA of 4096 bits, 60 full handshakes, 16 at a time, while a client asks: all are signed beside the worker, in whose turns hardly one
    is long. Those that come while others leave no CPU to the thread beside it are the worker's, and make its turns long."""
    path = os.path.join(lab.new_folder(), "http")
    _, server = start_with_slow_key(lab, f"--http=unix:{path}")
    with server.connect("unix") as other:
        other.set("a", "x")
        done = []
        storm = threading.Thread(target=lambda: done.append(load(lab, server, "--tls-no-verify", "-n", "60", "-c", "16", "--churn", "1")))
        storm.start()
        while storm.is_alive():
            check_equal(b"x", other.get("a"), "a client that was there")
        storm.join()
    check(done, "the load generator has made no storm")
    apart, late = signatures_apart(path), signatures(path, b"late")
    check(apart + late >= 60, f"{apart} signatures were made beside the worker, {late} by it")
    if late == 0:
        check_turns(lab, server, "unix")


@test(families=TLS)
def a_key_may_become_slow_or_quick_while_the_server_runs(lab):
    """By SIGHUP. The thread that signs is there whatever the first key was."""
    lab.need_tls()
    for first, second, apart in ((0, 4096, (0, 1)), (4096, 0, (1, 1))):
        own, path = Authority(lab.new_folder()), os.path.join(lab.new_folder(), "http")
        own.once("server", SERVER_NAME, rsa_bits=first, rsa_primes=3)
        server = lab.start(*own.flags(), f"--http=unix:{path}", family="tls-own")
        check(is_let_in(server, client_context(own)), f"a client of a key of {first} bits")
        check_equal(apart[0], signatures_apart(path), "signatures beside the worker")
        own.make("next", SERVER_NAME, rsa_bits=second, rsa_primes=3)
        os.replace(own.file("next.key"), own.file("server.key"))
        os.replace(own.file("next.pem"), own.file("server.pem"))
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: "certificates are read again" in server.stderr_text(), "a line")
        check(is_let_in(server, client_context(own)), f"a client of a key of {second} bits")
        check_equal(apart[1], signatures_apart(path), "signatures beside the worker")


@test(families=TLS)
def handshakes_that_wait_for_a_slow_key_go_on_or_end(lab):
    """Thirty hellos at once: a third of the clients leaves, the others are let in; with as many waiting again the process is taken over,
    and the next one stops."""
    own, server = start_with_slow_key(lab, "-t", "2")
    context = client_context(own)
    for ends in ("go on", "taken over", "stopped"):
        clients = [TlsSocket(socket.create_connection(server.address(), LIMIT_S), context, shake=False) for _ in range(30)]
        for client in clients:
            try:
                client.tls.do_handshake()
            except ssl.SSLWantReadError:
                client.flush()
        for client in clients[::3]:
            client.cut_off()
        if ends == "go on":
            for index, client in enumerate(clients):
                if index % 3:
                    client.shake()
                    client.sendall(b"version\r\n")
                    check(client.recv().startswith(b"VERSION "), "an answer")
        elif ends == "taken over":
            server = lab.take_over(server, *own.flags(), "-t", "1")
            check(is_let_in(server, context), "a client of the new process")
        else:
            server.signal(signal.SIGTERM)
            server.expect_exit(0)
        for client in clients:
            client.plain.close()


@test(families=TLS)
def idle_connections_hold_little(lab):
    """200 that have spoken and wait: at most 16 KiB of the server's memory each beyond what they were before TLS."""
    server = lab.start()
    context = client_context(lab.program.authority)
    warm = [TlsSocket(socket.create_connection(server.address(), LIMIT_S), context) for _ in range(50)]
    time.sleep(0.1)
    before = server.resident_kib()
    clients = [TlsSocket(socket.create_connection(server.address(), LIMIT_S), context) for _ in range(200)]
    for client in clients:
        client.sendall(b"version\r\n")
        client.recv()
    each_kib = (server.resident_kib() - before) / len(clients)
    check(server.program.is_sanitized or each_kib < 24, f"{each_kib:.1f} KiB each")
    for client in clients + warm:
        client.close()
