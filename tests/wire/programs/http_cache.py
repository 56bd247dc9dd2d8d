# SPDX-License-Identifier: MIT
"""HTTP: the store at /cache/, beside memcached clients of the same server."""

import contextlib
import os
import signal
import time

from harness.http import HOST, ask, ask_status, http_connect, http_start, read_answer, request
from harness.outcome import check, check_equal
from harness.registry import ALL, test
from harness.server import wait_until


@test(families=ALL)
def both_protocols_see_the_same_values(lab):
    """What one stores the other reads, byte for byte; the CAS is the entity tag."""
    server = http_start(lab)
    text, web = lab.connect(server), http_connect(server)
    with web:
        text.set("a", "from memcached", flags=5)
        answer = ask_status(web, 200, "GET", "/cache/a")
        check_equal(b"from memcached", answer.body, "the value")
        check_equal("application/octet-stream", answer.fields["content-type"], "the type of a value of memcached's")
        text.send("gets a\r\n")
        cas = text.read_line().split()[-1].decode()
        text.read_lines_until(b"END")
        check_equal(f'"{cas}"', answer.fields["etag"], "ETag")
        ask_status(web, 201, "PUT", "/cache/b", "Content-Type: text/html\r\n", b"<p>from the web")
        check_equal(b"<p>from the web", text.get("b"), "the value of the web")
        check_equal("text/html", ask(web, "GET", "/cache/b").fields["content-type"], "the type that was PUT")


@test(families=ALL)
def values_of_every_size_come_back_whole(lab):
    """0 bytes to 1 MB, with a length and in chunks, in one piece and in many."""
    server = http_start(lab)
    with http_connect(server) as web:
        for size in (0, 1, 1000, 1024, 2049, 4095, 4096, 65_537, 1_000_000):
            value = bytes(lab.random.getrandbits(8) for _ in range(min(size, 5000))) * (size // 5000 + 1)
            value = value[:size]
            ask(web, "PUT", "/cache/length", body=value)
            check_equal(value, ask_status(web, 200, "GET", "/cache/length").body, f"{size} bytes with a length")
            web.send(f"PUT /cache/chunks HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n")
            at = 0
            while at < size:
                piece = value[at:at + 1 + lab.random.randrange(40_000)]
                web.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
                at += len(piece)
            web.send("0\r\nX-Trailer: y\r\n\r\n")
            check(read_answer(web).status in (201, 204), "stored")
            check_equal(value, ask_status(web, 200, "GET", "/cache/chunks").body, f"{size} bytes in chunks")


@test(families=ALL)
def a_pipeline_is_answered_in_order(lab):
    """A thousand requests at once, each answered with its own value."""
    server = http_start(lab)
    with http_connect(server) as web:
        for i in range(50):
            ask_status(web, 201, "PUT", f"/cache/k{i}", body=b"v%d" % i)
        order = [lab.random.randrange(60) for _ in range(1000)]
        web.send(b"".join(request("GET", f"/cache/k{i}") for i in order))
        for i in order:
            answer = read_answer(web)
            check_equal((200, b"v%d" % i) if i < 50 else (404, answer.body), (answer.status, answer.body), f"k{i}")


@test(families=ALL)
def the_same_bytes_cut_anywhere_get_the_same_answers(lab):
    """A conversation with bodies of all kinds, whole and in random pieces."""
    server = http_start(lab)
    conversation = (request("PUT", "/cache/a?ttl=100", "Content-Type: text/plain\r\n", b"hello")
                    + f"PUT /cache/b HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n".encode()
                    + b"3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: u\r\n\r\n"
                    + request("GET", "/cache/a", "Range: bytes=1-2\r\n") + request("GET", "/cache/b", body=b"ignored")
                    + request("BREW", "/", body=b"x" * 3000) + request("POST", "/cache/n?op=incr&initial=1")
                    + request("DELETE", "/cache/n") + request("GET", "/cache/b", "Connection: close\r\n"))
    expected = None
    for _ in range(30):
        with http_connect(server) as web:
            at = 0
            while at < len(conversation):
                size = len(conversation) if expected is None else 1 + lab.random.randrange(200)
                web.send(conversation[at:at + size])
                at += size
            statuses = [read_answer(web) for _ in range(8)]
            web.expect_end()
        found = [(answer.status, answer.body) for answer in statuses]
        ask_delete(server)
        expected = expected or found
        check_equal(expected, found, "statuses and bodies")


def ask_delete(server):
    with http_connect(server) as web:
        ask(web, "DELETE", "/cache/a")
        ask(web, "DELETE", "/cache/b")


@test(families=ALL)
def conditions_are_compare_and_swap(lab):
    """Of many who read, add one and write with If-Match, each success counts exactly once."""
    server = http_start(lab, "-t", "2")
    with http_connect(server) as first, http_connect(server) as second:
        ask_status(first, 201, "PUT", "/cache/n", body=b"0")
        written = 0
        for _ in range(100):
            tags = []
            for web in (first, second):
                answer = ask_status(web, 200, "GET", "/cache/n")
                tags.append((web, answer.fields["etag"], int(answer.body)))
            for web, tag, number in tags:
                answer = ask(web, "PUT", "/cache/n", f"If-Match: {tag}\r\n", b"%d" % (number + 1))
                check(answer.status in (204, 412), f"status {answer.status}")
                written += answer.status == 204
        check_equal(b"%d" % written, ask(first, "GET", "/cache/n").body, "the number")
        check_equal(100, written, "one of two wins each time")
        ask_status(first, 412, "PUT", "/cache/n", "If-None-Match: *\r\n", b"x")
        ask_status(first, 201, "PUT", "/cache/new", "If-None-Match: *\r\n", b"x")


@test(families=ALL, waits=True)
def values_expire_as_their_ttl_says(lab):
    """?ttl= and max-age; without either a value stays."""
    server = http_start(lab)
    with http_connect(server) as web:
        ask_status(web, 201, "PUT", "/cache/a?ttl=1", body=b"x")
        ask_status(web, 201, "PUT", "/cache/b", "Cache-Control: max-age=1\r\n", b"x")
        ask_status(web, 201, "PUT", "/cache/c", body=b"x")
        ask_status(web, 400, "PUT", "/cache/d?ttl=0", body=b"x")
        wait_until(lambda: ask(web, "GET", "/cache/a").status == 404, "a has expired")
        wait_until(lambda: ask(web, "GET", "/cache/b").status == 404, "b has expired")
        ask_status(web, 200, "GET", "/cache/c")


@test(families=ALL)
def flags_of_the_server_hold_here_too(lab):
    """-C: no entity tags. --http-readonly: no writes."""
    server = http_start(lab, "-C", "--http-readonly")
    lab.connect(server).set("a", "x")
    with http_connect(server) as web:
        check("etag" not in ask_status(web, 200, "GET", "/cache/a").fields, "no ETag with -C")
        ask_status(web, 403, "PUT", "/cache/a", body=b"x")
        ask_status(web, 403, "DELETE", "/cache/a")
        ask_status(web, 403, "POST", "/cache/a?op=incr")


@test()
def only_names_of_loopback_are_served_on_loopback(lab):
    """A page whose name server says 127.0.0.1 (DNS rebinding) is told 421."""
    server = http_start(lab)
    with http_connect(server) as web:
        for host, status in (("localhost", 200), ("127.0.0.1:1", 200), ("[::1]", 200), ("app.localhost", 200),
                             ("evil.example", 421), ("localhost.evil.example", 421), ("127.0.0.1.evil.example", 421)):
            web.send(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")
            check_equal(status, read_answer(web).status, f"Host: {host}")


@test(families=ALL)
def pages_of_other_origins_may_not_write(lab):
    """A POST that a browser sends without asking is refused, unless its origin is the allowed one."""
    server = http_start(lab, "--http-cors=https://app.example")
    with http_connect(server) as web:
        ask_status(web, 403, "PUT", "/cache/a", "Origin: https://evil.example\r\n", b"x")
        answer = ask_status(web, 201, "PUT", "/cache/a", "Origin: https://app.example\r\n", b"x")
        check_equal("https://app.example", answer.fields["access-control-allow-origin"], "the origin")
        answer = ask_status(web, 204, "OPTIONS", "/cache/a", "Origin: https://app.example\r\n")
        check("PUT" in answer.fields["access-control-allow-methods"], "a preflight says what is allowed")
        answer = ask_status(web, 200, "GET", "/cache/a", "Origin: https://evil.example\r\n")
        check("access-control-allow-origin" not in answer.fields, "nobody else is allowed")


@test(families=ALL)
def a_token_is_asked_for_on_all_but_health(lab):
    """--http-token-file; SIGHUP reads it again."""
    path = os.path.join(lab.new_folder(), "token")
    with open(path, "w", encoding="ascii") as file:
        file.write("first\n")
    server = http_start(lab, f"--http-token-file={path}")
    with http_connect(server) as web:
        ask_status(web, 200, "GET", "/healthz")
        ask_status(web, 200, "GET", "/readyz")
        for target in ("/cache/a", "/metrics", "/stats.json"):
            ask_status(web, 401, "GET", target)
            ask_status(web, 401, "GET", target, "Authorization: Bearer wrong\r\n")
        ask_status(web, 200, "GET", "/metrics", "Authorization: Bearer first\r\n")
        with open(path, "w", encoding="ascii") as file:
            file.write("second\n")
        server.signal(signal.SIGHUP)
        wait_until(lambda: ask(web, "GET", "/metrics", "Authorization: Bearer second\r\n").status == 200, "read again")
        ask_status(web, 401, "GET", "/metrics", "Authorization: Bearer first\r\n")


@test()
def passwords_for_memcached_alone_do_not_leave_the_web_open(lab):
    """-Y with --http and without a token is a mistake that ends the start."""
    path = os.path.join(lab.new_folder(), "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write("a:b\n")
    ended = lab.run_server("-p", "-1", "-Y", path, "--http=127.0.0.1:0")
    check_equal(64, ended.returncode, "exit status")
    check(b"--http-token-file" in ended.stderr, ended.stderr.decode())


@test(families=ALL)
def large_answers_to_a_client_that_does_not_read_are_bounded(lab):
    """A hundred requests for 1 MB on a connection nobody reads from: the server's memory does not grow with them."""
    server = http_start(lab, "-m", "64", "--conn-output-limit=1m")
    with http_connect(server) as web:
        ask_status(web, 201, "PUT", "/cache/a", body=b"x" * 1_000_000)
        before = server.resident_kib()
        web.send(request("GET", "/cache/a") * 100)
        time.sleep(0.3)
        check(server.resident_kib() - before < 20_000, "memory stays")
        for _ in range(100):
            check_equal(1_000_000, len(read_answer(web).body), "bytes of the answer")


@test(families=ALL)
def a_prefix_is_flushed_at_once_for_every_client(lab):
    """DELETE /cache/?prefix=: gone for both protocols and every worker; what is stored after it lives."""
    server = http_start(lab, "-t", "2")
    with contextlib.ExitStack() as stack:
        webs = [stack.enter_context(http_connect(server)) for _ in range(8)]
        text = lab.connect(server)
        for i, web in enumerate(webs):
            ask_status(web, 201, "PUT", f"/cache/user:42:{i}", body=b"old")
            ask_status(web, 201, "PUT", f"/cache/user:4%20{i}", body=b"kept")
        ask_status(webs[0], 204, "DELETE", "/cache/?prefix=user:42:")
        for i, web in enumerate(webs):
            ask_status(web, 404, "GET", f"/cache/user:42:{7 - i}")
            check_equal(b"kept", ask(web, "GET", f"/cache/user:4%20{i}").body, "another's value")
        check_equal(None, text.get("user:42:0"), "the value for memcached's client")
        ask_status(webs[1], 201, "PUT", "/cache/user:42:1", body=b"new")
        check_equal(b"new", ask(webs[2], "GET", "/cache/user:42:1").body, "what came after")
        ask_status(webs[3], 204, "DELETE", "/cache/?prefix=user:4%20")
        ask_status(webs[4], 404, "GET", "/cache/user:4%200")
        text.send("flush_prefix user:\r\n")
        check_equal(b"OK", text.read_line(), "flush_prefix")
        ask_status(webs[5], 404, "GET", "/cache/user:42:1")


@test(families=ALL)
def a_prefix_that_cannot_be_flushed_is_refused(lab):
    """Without a prefix, with a long one, with -F, with --http-readonly: nothing is gone."""
    server = http_start(lab)
    with http_connect(server) as web:
        ask(web, "PUT", "/cache/a", body=b"x")
        for query in ("", "?prefix=", "?prefix=" + 251 * "a", "?prefix=%zz", "?other=a"):
            ask_status(web, 400, "DELETE", "/cache/" + query)
        ask_status(web, 400, "DELETE", "/cache/?prefix=a", 'If-Match: "1"\r\n')
        ask_status(web, 200, "GET", "/cache/a")
        ask_status(web, 204, "DELETE", "/cache/?prefix=" + 250 * "a")
    for flag in ("-F", "--http-readonly"):
        server = http_start(lab, flag)
        lab.connect(server).set("a", "x")
        with http_connect(server) as web:
            ask_status(web, 403, "DELETE", "/cache/?prefix=a")
            ask_status(web, 200, "GET", "/cache/a")
