# SPDX-License-Identifier: MIT
"""TLS: certificates, those of clients, what a plain client reads, how a connection ends, and files that change."""

import os
import signal
import socket
import ssl

from harness.certificates import Authority
from harness.outcome import check, check_equal
from harness.registry import test
from harness.server import wait_until
from harness.tls import client_context

USAGE = 64
LIMIT_S = 10


def authority_of(lab):
    """One of the test's own, so that its files may change."""
    lab.need_tls()
    return Authority(lab.new_folder())


def dial(server, context, name="server.test", **options):
    plain = socket.create_connection(("127.0.0.1", server.port), LIMIT_S)
    return context.wrap_socket(plain, server_hostname=name, **options)


def ask(client, request=b"version\r\n", answer=b"VERSION "):
    client.sendall(request)
    got = b""
    while len(got) < len(answer):
        part = client.recv(65536)
        check(part, f"an end instead of {answer!r}")
        got += part
    check_equal(answer, got[:len(answer)], "the answer")


def tls_metrics(server):
    """The figures of /metrics that begin with riposte_tls_, by what follows."""
    with open(server.port_path, encoding="ascii") as file:
        port = next(int(line.split(": ")[1]) for line in file if line.startswith("HTTP INET: "))
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    rows = [line.split(" ") for line in text.splitlines() if line.startswith("riposte_tls_")]
    return {name[len("riposte_tls_"):]: float(value) for name, value in rows}


@test()
def values_of_all_sizes_come_and_go_in_both_versions(lab):
    """set and get of 1 byte to 1 MB over TLS 1.2 and 1.3; the Unix socket beside it is plain."""
    authority = authority_of(lab)
    server = lab.start(*authority.flags(), "-I", "2m")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with dial(server, client_context(authority, version=version)) as client:
            for size in (1, 2000, 16384, 16385, 100_000, 1_000_000):
                value = lab.random.randbytes(size)
                ask(client, b"set a 0 0 %d\r\n%s\r\n" % (size, value), b"STORED\r\n")
                ask(client, b"get a\r\n", b"VALUE a 0 %d\r\n%s\r\nEND\r\n" % (size, value))
    server.connect(family="unix").ask("version", "VERSION 1.6.45")


@test()
def a_client_without_tls_reads_why_and_the_reverse_ends(lab):
    """A line on a port of memcached, a 400 on one of HTTP; both counted, and told by -v."""
    authority = authority_of(lab)
    server = lab.start("-v", *authority.flags(), "--http=127.0.0.1:0", "--http=https:127.0.0.1:0")
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as client:
        client.sendall(b"get a\r\n")
        check_equal(b"SERVER_ERROR this port speaks TLS\r\n", client.recv(100), "the line")
        check_equal(b"", client.recv(100), "then the end")
    with open(server.port_path, encoding="ascii") as file:
        ports = [int(line.split(": ")[1]) for line in file if line.startswith("HTTP INET: ")]
    with socket.create_connection(("127.0.0.1", ports[1]), LIMIT_S) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        check_equal(b"HTTP/1.1 400 Bad Request\r\n", client.recv(1000)[:26], "the status line")
    check_equal(2, tls_metrics(server)["plain_clients_total"], "plain_clients_total")
    wait_until(lambda: server.stderr_text().count("TLS handshake failed: the client does not speak TLS") == 2, "two lines")


@test()
def https_offers_http_1_1(lab):
    """By ALPN; a client that offers only HTTP/2 gets an alert, one that offers nothing is served."""
    authority = authority_of(lab)
    chain, key = authority.make("server", "server.test")
    server = lab.start("-o", f"ssl_chain_cert={chain},ssl_key={key}", "--http=https:127.0.0.1:0")
    with open(server.port_path, encoding="ascii") as file:
        server.port = next(int(line.split(": ")[1]) for line in file if line.startswith("HTTP INET: "))
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), ([], None)):
        with dial(server, client_context(authority, alpn=tuple(offered))) as client:
            check_equal(chosen, client.selected_alpn_protocol(), f"of {offered}")
            ask(client, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200 OK\r\n")
    context = client_context(authority, alpn=("h2",))
    check("no application protocol" in refusal(server, context).lower().replace("_", " "), "the alert")


def refusal(server, context):
    """What ssl says of a handshake, or the first read, that is refused."""
    try:
        with dial(server, context) as client:
            ask(client)
    except ssl.SSLError as error:
        return str(error)
    raise AssertionError("it was let in")


def read_lines(client, count):
    text = b""
    while text.count(b"\n") < count:
        part = client.recv(4096)
        check(part, f"an end behind {text!r}")
        text += part
    return text.splitlines(keepends=True)


@test()
def clients_show_certificates_where_they_must(lab):
    """ssl_verify_mode=2: one of the authority's gets in; none, another's and an ended one hear of it."""
    authority = authority_of(lab)
    server = lab.start(*authority.flags("ssl_verify_mode=2", f"ssl_ca_cert={authority.path}"))
    mine = authority.make("client", "client.test")
    with dial(server, client_context(authority, mine)) as client, dial(server, client_context(authority, mine)) as watcher:
        ask(client)
        watcher.sendall(b"watch connevents\r\n")
        check_equal(b"OK\r\n", watcher.recv(100), "watch")
        with dial(server, client_context(authority, mine)) as other:
            ask(other)
        events = read_lines(watcher, 2)
        check(all(b" identity=%2FCN%3Dclient.test\n" in event for event in events), f"who came and went: {events}")
        check(b"type=conn_new " in events[0] and b"type=conn_close " in events[1], f"in this order: {events}")
        client.sendall(b"stats conns\r\n")
        text = b""
        while not text.endswith(b"END\r\n"):
            part = client.recv(65536)
            check(part, "an end instead of stats conns")
            text += part
        names = [line.split()[2] for line in text.splitlines() if b":identity " in line]
        check_equal([b"/CN=client.test"] * 2, names, "who is connected")
    check("certificate required" in refusal(server, client_context(authority)).lower().replace("_", " "), "without one")
    strange = authority.make("strange", "client.test", signed=False)
    check("unknown ca" in refusal(server, client_context(authority, strange)).lower().replace("_", " "), "another's")


@test()
def an_end_is_told_from_a_cut(lab):
    """close_notify, then answers and ours; without it what came is answered, and the end is counted as a truncation."""
    authority = authority_of(lab)
    server = lab.start(*authority.flags(), "--http=127.0.0.1:0")
    with dial(server, client_context(authority)) as client:
        ask(client)
        client.unwrap()  # waits for the server's close_notify
    check_equal(0, tls_metrics(server)["truncations_total"], "truncations_total")
    with dial(server, client_context(authority), suppress_ragged_eofs=False) as client:
        client.sendall(b"version\r\n")
        socket.socket.shutdown(client, socket.SHUT_WR)
        check_equal(b"VERSION 1.6.45\r\n", client.recv(100), "the answer")
        check_equal(b"", client.recv(100), "then close_notify")
    wait_until(lambda: tls_metrics(server)["truncations_total"] == 1, "a truncation")


@test()
def certificates_are_read_again_and_kept_when_they_cannot_be(lab):
    """SIGHUP: new clients see the new one, those that are there go on; a bad file changes nothing, and a line says so."""
    authority = authority_of(lab)
    server = lab.start(*authority.flags())
    with dial(server, client_context(authority)) as old:
        ask(old)
        authority.make("server", "new.test")
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: "certificates are read again" in server.stderr_text(), "a line")
        with dial(server, client_context(authority), "new.test") as client:
            ask(client)
        ask(old)
    with open(authority.file("server.key"), "w", encoding="ascii") as file:
        file.write("nothing\n")
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: "the certificates that were read before stay" in server.stderr_text(), "a line")
    with dial(server, client_context(authority), "new.test") as client:
        ask(client)


@test()
def a_client_of_tls_hears_an_alert_where_it_is_not_spoken(lab):
    """handshake_failure, and a count; by memcached's port and by that of HTTP."""
    authority = authority_of(lab)
    server = lab.start("--http=127.0.0.1:0")
    check("handshake failure" in refusal(server, client_context(authority)).lower().replace("_", " "), "the alert")
    check_equal("1", server.own_stats()["closed_tls"], "closed_tls")
    with open(server.port_path, encoding="ascii") as file:
        server.port = next(int(line.split(": ")[1]) for line in file if line.startswith("HTTP INET: "))
    check("handshake failure" in refusal(server, client_context(authority)).lower().replace("_", " "), "the alert of HTTP")
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b"".join(iter(lambda: client.recv(65536), b""))
    check(b"\nriposte_http_closed_tls_total 1\n" in text, "riposte_http_closed_tls_total")


@test()
def a_client_over_the_limit_hears_an_alert(lab):
    """-c 4: the fifth is told internal_error in its handshake; when one leaves, a place is free again."""
    authority = authority_of(lab)
    server = lab.start(*authority.flags(), "-c", "4")
    context = client_context(authority)
    clients = [dial(server, context) for _ in range(4)]
    for client in clients:
        ask(client)
    check("internal error" in refusal(server, context).lower().replace("_", " "), "the alert")
    clients.pop().close()

    def is_let_in():
        try:
            with dial(server, context) as client:
                ask(client)
            return True
        except ssl.SSLError:
            return False
    wait_until(is_let_in, "a place is free again")
    for client in clients:
        client.close()


@test()
def refresh_certs_answers_when_it_is_done(lab):
    """OK and a younger refresh; SERVER_ERROR with the reason and what was in force stays; ERROR without TLS."""
    authority = authority_of(lab)
    server = lab.start(*authority.flags())
    authority.make("server", "new.test")
    with server.connect(family="unix") as admin:
        admin.ask("refresh_certs", "OK")
        with dial(server, client_context(authority), "new.test") as client:
            ask(client)
        with open(authority.file("server.key"), "w", encoding="ascii") as file:
            file.write("nothing\n")
        admin.send(b"refresh_certs\r\nversion\r\n")
        check(admin.read_line().startswith(b"SERVER_ERROR ssl_key"), "the reason")
        admin.expect(b"VERSION 1.6.45\r\n")
        stats = admin.stats()
        check_equal("0", stats["ssl_handshake_errors"], "ssl_handshake_errors")
        check_equal("1", stats["ssl_new_sessions"], "ssl_new_sessions")
        check(int(stats["time_since_server_cert_refresh"]) < LIMIT_S, "time_since_server_cert_refresh")
        check(stats["ssl_cert_days_left"] in ("29", "30"), "ssl_cert_days_left")
        settings = admin.stats("settings")
        check_equal(("yes", "tlsv1.2"), (settings["ssl_enabled"], settings["ssl_min_version"]), "settings")
    lab.connect(lab.start()).ask("refresh_certs", "ERROR")


@test()
def a_refresh_to_a_slow_key_leaves_its_signatures_to_another_thread(lab):
    """P-256, then RSA of 4096 bits: in the sandbox, where no thread can be made by then."""
    authority = authority_of(lab)
    server = lab.start(*authority.flags(), "--http=127.0.0.1:0")
    with dial(server, client_context(authority)) as client:
        ask(client)
    check_equal(0, tls_metrics(server)["signatures_apart_total"], "signatures apart with P-256")
    policies = [os.sched_getscheduler(int(thread)) for thread in os.listdir(f"/proc/{server.pid}/task")]
    check_equal(1, policies.count(os.SCHED_IDLE), "threads that take what nobody else wants of a CPU")
    authority.make("server", "server.test", rsa_bits=4096)
    with server.connect(family="unix") as admin:
        admin.ask("refresh_certs", "OK")
    with dial(server, client_context(authority)) as client:
        ask(client)
    figures = tls_metrics(server)
    made = figures["signatures_apart_total"] + figures["signatures_late_total"]
    check_equal(1, made, "signatures that were left to it, or would have been but for others that want its CPU")


@test()
def what_cannot_be_ends_the_start_and_says_why(lab):
    """Flags that lack something, files that are not there, a key of another certificate."""
    authority = authority_of(lab)
    chain, key = authority.make("server", "server.test")
    other = authority.make("other", "other.test")[1]
    for options, texts in (("ssl_session_cache", ["ssl_chain_cert=FILE,ssl_key=FILE"]),
                           (f"ssl_chain_cert={chain}", ["ssl_key=FILE"]),
                           (f"ssl_chain_cert={chain},ssl_key={other}", ["key values mismatch"]),
                           (f"ssl_chain_cert={chain},ssl_key={key},ssl_verify_mode=2", ["ssl_ca_cert=FILE"]),
                           (f"ssl_chain_cert={chain},ssl_key={key},ssl_ciphers=NONE", ["no cipher match"])):
        done = lab.run_server("-p", "-1", "-Z", "-o", options)
        check_equal(USAGE, done.returncode, f"exit status of {options}")
        for text in texts:
            check(text in done.stderr.decode(), f"{text!r} in {done.stderr!r}")


@test()
def a_certificate_that_ends_soon_is_spoken_of(lab):
    """Thirteen days before its end a warning stands in the log."""
    authority = authority_of(lab)
    chain, key = authority.make("server", "server.test", days=13)
    server = lab.start("-Z", "-o", f"ssl_chain_cert={chain},ssl_key={key}")
    wait_until(lambda: "ssl_chain_cert ends in 1" in server.stderr_text(), "the warning")
