# SPDX-License-Identifier: MIT
"""HTTP for tests that look at bytes: requests as bytes, answers taken apart strictly."""

import os
from dataclasses import dataclass

from harness.connection import Connection
from harness.outcome import Failure, check, check_equal

HOST = "Host: localhost\r\n"


@dataclass
class Answer:
    """An answer; names of fields in small letters."""

    status: int
    fields: dict
    body: bytes


def http_start(lab, *flags, **options):
    """A server that speaks HTTP, too: on a free port (over TLS, if the test is about that), and on a Unix socket of its own."""
    socket_path = os.path.join(lab.new_folder(), "http")
    scheme = "https:" if lab.family == "tls" else ""
    server = lab.start(f"--http={scheme}127.0.0.1:0", f"--http=unix:{socket_path}", *flags, **options)
    server.http_socket_path = socket_path
    with open(server.port_path, encoding="ascii") as file:
        server.http_port = next(int(line.split(": ")[1]) for line in file if line.startswith("HTTP INET: "))
    return server


def http_connect(server, **options):
    """A connection of the family that the test is about."""
    address = server.http_socket_path if server.family == "unix" else ("127.0.0.1", server.http_port)
    return Connection(address, tls=server.tls_context(), **options)


def request(method, target, fields="", body=b""):
    """A request with a Host, and a Content-Length where there is a body."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\n{HOST}{fields}{length}\r\n".encode("latin-1") + body


def read_answer(connection, method="GET"):
    """One answer, and not a byte more."""
    line = connection.read_line()
    words = line.split(b" ", 2)
    if len(words) != 3 or words[0] != b"HTTP/1.1" or not words[1].isdigit():
        raise Failure(f"not a status line: {line!r}")
    fields = {}
    for field in connection.read_lines_until(b""):
        name, colon, value = field.decode("latin-1").partition(": ")
        check(colon and name.lower() not in fields, f"a field that stands once: {field!r}")
        fields[name.lower()] = value
    status = int(words[1])
    bodyless = method == "HEAD" or status in (100, 204, 304)
    check(bodyless or "content-length" in fields, f"an answer {status} says how long it is")
    if status != 100:
        check("date" in fields, f"an answer {status} has a date")
    return Answer(status, fields, b"" if bodyless else connection.read(int(fields["content-length"])))


def ask(connection, method, target, fields="", body=b""):
    """Sends a request and returns its answer."""
    connection.send(request(method, target, fields, body))
    return read_answer(connection, method)


def ask_status(connection, expected, method, target, fields="", body=b""):
    """As ask; the status must be the expected one."""
    answer = ask(connection, method, target, fields, body)
    check_equal(expected, answer.status, f"status of {method} {target} {fields!r}")
    return answer
