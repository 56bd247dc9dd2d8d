# SPDX-License-Identifier: MIT
"""Closing: a last reply is never lost to a reset, whatever input was left unread."""

import select
import socket

from harness.connection import set_request, value_reply
from harness.outcome import Failure, check, check_equal
from harness.registry import ALL, BOTH, test
from harness.server import wait_until

LARGE = bytes(1_000_000)
MORE = b"get a\r\n" * 100_000


def send_and_forgive(client, data):
    """Sends as much as the other side takes; it may close before all is sent."""
    try:
        client.send(data)
    except Failure:
        pass


def wait_for_hang_up(client):
    """Until the other side has closed: what has arrived by now is all that will arrive."""
    poll = select.poll()
    poll.register(client.socket, select.POLLRDHUP)
    check(poll.poll(10_000), "the server has not closed within 10 s")


@test(families=ALL)
def replies_before_quit_arrive_although_much_more_was_sent_behind_it(lab):
    """A set, a get, quit and 700 KB of further requests; the client reads only after the server has closed."""
    server = lab.start()
    value = lab.random.randbytes(20_000)
    for _ in range(10):
        client = server.connect()
        client.send(set_request("a", value) + b"get a\r\nquit\r\n")
        send_and_forgive(client, MORE)
        wait_for_hang_up(client)
        client.expect(b"STORED\r\n" + value_reply("a", value) + b"END\r\n")
        client.expect_end()
        client.close()


@test(families=ALL)
def replies_before_a_line_without_an_end_arrive(lab):
    """A get, then 100 KB that are no line; the reply arrives, then the end, not a reset."""
    server = lab.start()
    lab.connect(server).set("a", "x")
    for _ in range(10):
        client = server.connect()
        client.send(b"get a\r\n")
        send_and_forgive(client, b"y" * 100_000)
        client.expect(value_reply("a", "x") + b"END\r\n")
        client.expect_end()
        client.close()
    check_equal("10", server.own_stats()["closed_line_too_long"], "closed_line_too_long")


@test(families=BOTH, waits=True)
def a_client_that_never_stops_sending_after_quit_does_not_stay(lab):
    """The server drains for a bounded time only: the connection is gone although its client never closes."""
    server = lab.start()
    client = lab.connect(server)
    client.send(b"quit\r\n")
    client.socket.settimeout(0.1)

    def is_gone():
        try:
            client.socket.send(MORE)
        except TimeoutError:
            pass
        except OSError:
            return True
        return server.own_stats()["connections_current"] == "1"

    wait_until(is_gone, "the connection is gone", 20)


@test(families=BOTH)
def the_binary_protocol_is_counted_and_logged_once(lab):
    """Three connections that open with 0x80: three closed, one line on standard error."""
    server = lab.start()
    for _ in range(3):
        with server.connect() as client:
            client.send(b"\x80\x0a" + b"\0" * 22)
            client.expect_end()
    check_equal("3", server.own_stats()["closed_binary"], "closed_binary")

    def lines():
        return [line for line in server.stderr_text().splitlines() if "binary" in line.lower()]

    wait_until(lines, "a line about the binary protocol")
    server.stop()
    check_equal(1, len(lines()), f"lines about the binary protocol, all being written, in {server.stderr_text()!r}")


@test(families=BOTH)
def a_browser_is_closed_without_a_word_and_counted(lab):
    """A whole HTTP request with headers and a body that looks like commands."""
    server = lab.start()
    other = lab.connect(server)
    other.set("a", "x")
    with server.connect() as client:
        client.send(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\nflush_all\r\n")
        client.expect_end()
    check_equal(b"x", other.get("a"), "the value afterwards")
    check_equal("1", server.own_stats()["closed_http"], "closed_http")


@test(families=BOTH)
def a_client_that_sends_no_more_gets_all_it_has_asked_for_from_whoever_takes_over(lab):
    """Ten large values, more than the socket holds, and the end of what the client says; then the other transport goes on with them."""
    server = lab.start("-m", "64")
    with lab.connect(server) as client:
        client.set("a", LARGE)
    client = lab.connect(server)
    client.send(b"get a\r\n" * 10)
    client.socket.shutdown(socket.SHUT_WR)
    client.expect(b"VALUE")
    lab.take_over(server, "-m", "64", engine="epoll" if lab.engine == "uring" else "uring")
    client.expect((value_reply("a", LARGE) + b"END\r\n")[len(b"VALUE"):] + (value_reply("a", LARGE) + b"END\r\n") * 9)
    client.expect_end()
