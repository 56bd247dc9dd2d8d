# SPDX-License-Identifier: MIT
"""HTTP: each request that is refused, with its status, and whether the connection goes on."""

import signal
import time

from harness.http import HOST, http_connect, http_start, read_answer, request
from harness.outcome import Skip, check, check_equal
from harness.registry import ALL, BOTH, test
from harness.server import wait_until

# What follows must not be answered: the end of the message is in doubt, or the client has been told to go.
NEXT = request("GET", "/healthz")
TRIES_MAX = 3


def closes(server, data, status):
    """The answer has that status, says that it is the last one, and is."""
    with http_connect(server) as connection:
        connection.send(data)
        answer = read_answer(connection)
        check_equal(status, answer.status, f"status of {data[:120]!r}")
        check_equal("close", answer.fields.get("connection"), f"Connection of the answer to {data[:120]!r}")
        connection.expect_end(f"after {data[:120]!r}")


def goes_on(server, data, status, method="GET"):
    """The answer has that status, and the next request on the connection is served."""
    with http_connect(server) as connection:
        connection.send(data + NEXT)
        answer = read_answer(connection, method)
        check_equal(status, answer.status, f"status of {data[:120]!r}")
        check_equal(200, read_answer(connection).status, f"status of what follows {data[:120]!r}")
        return answer


def with_fields(fields, version="1.1", method="POST", target="/cache/a?op=append"):
    return f"{method} {target} HTTP/{version}\r\n{fields}\r\n".encode("latin-1")


DOUBTFUL_LENGTHS = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: -5\r\n",
    "Content-Length: 5 5\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 5;\r\n",
    "Content-Length:\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length: 99999999999999999999999999\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked;a=b\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Content-Length : 5\r\n",
    "X: a\r\n Content-Length: 5\r\n",
    "X: a\nContent-Length: 5\r\n",
    "X: a\rContent-Length: 5\r\n",
    "Content-Length: 5\r\n\tX: a\r\n",
    "X: \x00\r\n",
    ": a\r\n",
    "X\r\n",
    " Content-Length: 5\r\n",
    "Content-Length: 5,\r\n",
    "Content-Length: \"5\"\r\n",
    "Content-Length: 5.0\r\n",
    "Content-Length: 5e0\r\n",
    "Content-Length: 0_5\r\n",
    "Content-Length: \x0b5\r\n",
    "Content-Length: \xa05\r\n",
    "Content-Length: \xef\xbc\x95\r\n",
    "Content-Length\x00: 5\r\n",
    "Content-L\xe9ngth: 5\r\n",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: ,chunked\r\n",
    "Transfer-Encoding: chunked,\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: chunked\x00\r\n",
    "Transfer-Encoding: chunked\r\r\n",
    "Transfer-Encod\xefng: chunked\r\n",
]


@test(families=ALL)
def a_length_that_two_readers_could_read_differently_is_refused(lab):
    """Every known pair of ambiguities (request smuggling): 400, the end, and nothing of what follows is served."""
    server = http_start(lab)
    for fields in DOUBTFUL_LENGTHS:
        closes(server, with_fields(HOST + fields) + b"hello" + NEXT, 400)
    closes(server, with_fields("Transfer-Encoding: chunked\r\n", "1.0") + b"0\r\n\r\n" + NEXT, 400)


@test(families=ALL)
def a_transfer_coding_that_nobody_knows_is_501(lab):
    """The end could be found, what is in it could not be understood."""
    server = http_start(lab)
    closes(server, with_fields(HOST + "Transfer-Encoding: gzip, chunked\r\n") + NEXT, 501)


BAD_CHUNKS = ["-5", "+5", "0x5", " 5", "5 ", "5\t", "", ";a", "g", "10000000000000005", "0" * 300 + "5", "\r\n5", "5;", "5;;a", "5;=",
              "5;a=\"b", "5;a=\"\n\"", "5;a\rb", "5;\xff", "5\x00", "5,5"]


@test(families=ALL)
def a_chunk_that_is_not_spelt_as_it_should_be_is_refused(lab):
    """Sizes with signs, prefixes, spaces, overflow or bad extensions; data without its line end; lone line ends."""
    server = http_start(lab)
    head = with_fields(HOST + "Transfer-Encoding: chunked\r\n", method="PUT", target="/cache/a")
    bodies = [f"{size}\r\nhello\r\n0\r\n\r\n".encode("latin-1") for size in BAD_CHUNKS]
    bodies += [b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhello\r\n0\r\n\n"]
    bodies += [b"0\r\nX: y\r\n z\r\n\r\n", b"0\r\nX: \0\r\n\r\n", b"0\r\nX: y\n\r\n", b"0\r\nX\xff: y\r\n\r\n", b"5\r\nhello\r\r\n0\r\n\r\n"]
    bodies += [b"0\r\nX\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\n X: y\r\n\r\n", b"5;" + b"a" * 300 + b"\r\nhello\r\n"]
    for body in bodies:
        closes(server, head + body + NEXT, 400)


@test(families=ALL)
def trailers_are_dropped_and_bounded(lab):
    """Whatever they say of lengths: what follows is the next request. More than 16 KiB or 100 lines: 431 and the end."""
    server = http_start(lab)
    start = with_fields(HOST + "Transfer-Encoding: chunked\r\n", method="PUT", target="/cache/a") + b"5\r\nhello\r\n000;last\r\n"
    goes_on(server, start + b"\r\n", 201)
    goes_on(server, start + b"Content-Length: 90\r\nTransfer-Encoding: chunked\r\nHost: other\r\nContent-Type: a/b\r\n\r\n", 204)
    goes_on(server, start + b"X: y\r\n" * 100 + b"\r\n", 204)
    closes(server, start + b"X: y\r\n" * 101 + b"\r\n" + NEXT, 431)
    fill = 16 * 1024 - len("X: \r\n\r\n")
    goes_on(server, start + b"X: " + b"y" * fill + b"\r\n\r\n", 204)
    closes(server, start + b"X: " + b"y" * (fill + 3) + b"\r\n\r\n" + NEXT, 431)


@test(families=ALL)
def bodies_of_methods_that_have_none_are_read(lab):
    """A length or chunks behind GET, HEAD, DELETE, OPTIONS and unknown methods: they are no next request. Who expects 100 is closed."""
    server = http_start(lab)
    smuggled = request("PUT", "/cache/smuggled", body=b"x")
    for method, status in (("GET", 404), ("HEAD", 404), ("DELETE", 404), ("OPTIONS", 204), ("TRACE", 405), ("PATCH", 405), ("BREW", 501)):
        start = f"{method} /cache/none HTTP/1.1\r\n{HOST}"
        goes_on(server, f"{start}Content-Length: {len(smuggled)}\r\n\r\n".encode() + smuggled, status, method)
        chunk = f"{start}Transfer-Encoding: chunked\r\n\r\n{len(smuggled):x}\r\n".encode()
        goes_on(server, chunk + smuggled + b"\r\n0\r\n\r\n", status, method)
        if method != "HEAD":
            closes(server, f"{start}Expect: 100-continue\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode() + smuggled, status)
    goes_on(server, request("GET", "/cache/smuggled"), 404)


BAD_HEADS = [
    b"GET /healthz\r\n\r\n",
    b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1 \r\nHost: localhost\r\n\r\n",
    b"GET /healthz http/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\n",
    b"GET /heal\x00thz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /healthz#a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"G(T /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x17\x03\x03\x02\x00\x01\x00\x01\xfc\x03\x03",
]

BAD_HOSTS = ["", "Host:\r\n", HOST + HOST, "Host: a b\r\n", "Host: a, b\r\n", "Host: a@b\r\n", "Host: a/b\r\n",
             "Host: a:65536\r\n", "Host: [::1\r\n", "Host: a\r\nHost: b\r\n"]


@test(families=ALL)
def a_malformed_head_is_refused(lab):
    """Request lines, line ends, control bytes, targets; a Host that is missing, doubled or invalid."""
    server = http_start(lab)
    for head in BAD_HEADS:
        closes(server, head + NEXT, 400)
    for host in BAD_HOSTS:
        closes(server, with_fields(host, method="GET", target="/healthz") + NEXT, 400)


@test(families=ALL)
def other_versions_are_505(lab):
    """HTTP/2 with and without its preface, and what was never made."""
    server = http_start(lab)
    for version in ("0.9", "1.2", "2.0", "3.0"):
        closes(server, with_fields(HOST, version, "GET", "/healthz") + NEXT, 505)
    closes(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)


@test(families=ALL)
def a_head_may_be_16_kib_and_have_100_fields(lab):
    """At the limit it is served, one past it the answer is 431 and the end."""
    server = http_start(lab)
    small = f"GET /healthz HTTP/1.1\r\n{HOST}X: "
    fill = 16 * 1024 - len(small) - 4
    goes_on(server, (small + "a" * fill + "\r\n\r\n").encode(), 200)
    closes(server, (small + "a" * (fill + 1) + "\r\n\r\n").encode(), 431)
    goes_on(server, with_fields(HOST + "X: a\r\n" * 99, method="GET", target="/healthz"), 200)
    closes(server, with_fields(HOST + "X: a\r\n" * 100, method="GET", target="/healthz"), 431)


@test(families=ALL)
def a_target_may_be_8_kib(lab):
    """At the limit it is looked for, one past it the answer is 414 and the end."""
    server = http_start(lab)
    goes_on(server, request("GET", "/" + "a" * 8191), 404)
    closes(server, request("GET", "/" + "a" * 8192), 414)


@test(families=ALL)
def a_body_may_be_as_large_as_a_value(lab):
    """-I 4k: a body of 4 KiB and a byte is 413 and the end, before it is sent where the client waits."""
    server = http_start(lab, "-I", "4k")
    closes(server, with_fields(HOST + "Content-Length: 4097\r\n", method="PUT", target="/cache/a"), 413)
    closes(server, with_fields(HOST + "Content-Length: 4097\r\nExpect: 100-continue\r\n", method="PUT",
                               target="/cache/a"), 413)
    chunk = b"800\r\n" + b"x" * 2048 + b"\r\n"
    closes(server, with_fields(HOST + "Transfer-Encoding: chunked\r\n", method="PUT", target="/cache/a") + chunk * 3, 413)
    for size in (b"1001", b"fffffffffffffff", b"ffffffffffffffff"):  # announced, and not sent
        closes(server, with_fields(HOST + "Transfer-Encoding: chunked\r\n", method="PUT", target="/cache/a") + size + b"\r\n", 413)
        closes(server, with_fields(HOST + "Transfer-Encoding: chunked\r\n", method="PUT", target="/cache/a")
               + b"1\r\nx\r\n" + size + b"\r\n", 413)
    head = with_fields(HOST + "Content-Length: 4000\r\n", method="PUT", target="/cache/a")
    goes_on(server, head + b"x" * 4000, 201)


@test(families=ALL)
def methods_are_told_apart(lab):
    """Unknown ones are 501, known ones that are not served 405 with Allow; both leave the connection as it was."""
    server = http_start(lab)
    goes_on(server, request("BREW", "/cache/a"), 501)
    goes_on(server, request("get", "/cache/a"), 501)
    for method, target in (("PATCH", "/cache/a"), ("TRACE", "/"), ("PUT", "/metrics"), ("DELETE", "/healthz")):
        answer = goes_on(server, request(method, target), 405)
        check("GET" in answer.fields["allow"], f"Allow of {method} {target} names GET")
    closes(server, request("CONNECT", "localhost:80") + NEXT, 405)


@test(families=ALL)
def nothing_but_100_continue_can_be_expected(lab):
    """417, and the connection ends: the body may or may not come."""
    server = http_start(lab)
    closes(server, with_fields(HOST + "Expect: 200-ok\r\nContent-Length: 5\r\n") + b"hello", 417)


@test(families=ALL)
def an_upgrade_is_answered_as_if_it_were_not_there(lab):
    """To HTTP/2 or to anything else."""
    server = http_start(lab)
    goes_on(server, request("GET", "/healthz", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), 200)


@test(families=ALL, waits=True)
def a_request_that_comes_too_slowly_is_408(lab):
    """--http-timeout=1: half a head, and half a body, are answered after a second or two; a byte now and then is no help."""
    server = http_start(lab, "--http-timeout=1")
    for data in (b"GET /healthz HTTP/1.1\r\n", with_fields(HOST + "Content-Length: 5\r\n", method="PUT", target="/cache/a")):
        with http_connect(server) as connection:
            begun = time.monotonic()
            for byte in data:
                connection.send(bytes([byte]))
            answer = read_answer(connection)
            check_equal(408, answer.status, f"status of {data!r}")
            check(time.monotonic() - begun > 0.9, "it has had its second")
            connection.expect_end()


def stop_between_heads(lab):
    """The server stands still, and the clients have sent the begins of their heads. None where that took so long that they may have been
    closed for it."""
    began_s = time.monotonic()
    server = http_start(lab, "-t", "1", "--http-timeout=4")
    clients = [http_connect(server) for _ in range(300)]
    for client in clients:
        client.send("GET /healthz HTTP/1.1\r\n")
    wait_until(lambda: int(server.own_stats()["bytes_read"]) >= len(clients) * 23, "the begins are there")
    server.pause()
    if time.monotonic() - began_s < 3:
        return server, clients
    server.signal(signal.SIGCONT)
    return None


@test(families=BOTH, waits=True)
def a_head_whose_rest_came_while_the_server_was_stopped_is_served(lab):
    """--http-timeout=4, stopped for 5 s: the time-out is not held against what had arrived by then."""
    for _ in range(TRIES_MAX):
        stopped = stop_between_heads(lab)
        if stopped:
            break
    else:
        raise Skip(f"{TRIES_MAX} times others left this process no time to be quick enough")
    server, clients = stopped
    for client in clients:
        client.send(f"{HOST}\r\n")
    time.sleep(5)
    server.signal(signal.SIGCONT)
    for client in clients:
        check_equal(200, read_answer(client).status, "status")


@test(families=ALL)
def a_pipeline_ends_with_the_first_request_that_is_refused(lab):
    """What came before is answered, what comes after is not."""
    server = http_start(lab)
    with http_connect(server) as connection:
        connection.send(NEXT * 3 + b"BAD\r\n\r\n" + NEXT * 3)
        for _ in range(3):
            check_equal(200, read_answer(connection).status, "status of what came before")
        check_equal(400, read_answer(connection).status, "status of the malformed one")
        connection.expect_end()
