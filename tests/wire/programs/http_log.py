# SPDX-License-Identifier: MIT
"""HTTP: the access log."""

import json
import os
import re
import signal

from harness.http import HOST, ask, ask_status, http_connect, http_start, read_answer
from harness.outcome import check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until

COMBINED = re.compile(r'(\S+) - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)"')


def lines_of(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


@test(families=BOTH)
def every_request_has_a_line(lab):
    """Combined format: hits, misses, a body in pieces, a large file, a malformed request; quotes of clients are harmless."""
    folder = lab.new_folder()
    path = os.path.join(folder, "access.log")
    with open(os.path.join(folder, "large.bin"), "wb") as file:
        file.write(b"x" * 3_000_000)
    server = http_start(lab, f"--http-log={path}", f"--http-root={folder}", "--http-files-memory=64k")
    with http_connect(server) as web:
        ask_status(web, 404, "GET", "/cache/none", "User-Agent: a\"b\r\nReferer: http://r/\r\n")
        web.send(f"PUT /cache/a HTTP/1.1\r\n{HOST}Content-Length: 4\r\n\r\nab")
        web.send("cd")
        check_equal(201, read_answer(web).status, "status of PUT")
        ask_status(web, 200, "GET", "/cache/a")
        ask_status(web, 200, "GET", "/large.bin")
        ask(web, "HEAD", "/cache/a")
        web.send("BAD\r\n\r\n")
        check_equal(400, read_answer(web).status, "status of what is malformed")
    wait_until(lambda: len(lines_of(path)) == 6, "six lines are written")
    found = [COMBINED.fullmatch(line).groups() for line in lines_of(path)]
    peer = "unix" if server.family == "unix" else "127.0.0.1"
    check_equal([(peer, "GET /cache/none HTTP/1.1", "404", "27", "http://r/", "a\\x22b"),
                 (peer, "PUT /cache/a HTTP/1.1", "201", "0", "-", "-"),
                 (peer, "GET /cache/a HTTP/1.1", "200", "4", "-", "-"),
                 (peer, "GET /large.bin HTTP/1.1", "200", "3000000", "-", "-"),
                 (peer, "HEAD /cache/a HTTP/1.1", "200", "0", "-", "-")], found[:5], "lines")
    check_equal(("-", "400"), found[5][1:3], "the line of what is malformed")


@test(families=BOTH)
def a_log_that_was_moved_away_is_opened_again(lab):
    """SIGHUP, as logrotate sends it; --http-log-json writes objects."""
    path = os.path.join(lab.new_folder(), "access.log")
    server = http_start(lab, f"--http-log={path}", "--http-log-json")
    with http_connect(server) as web:
        ask_status(web, 200, "GET", "/healthz?first")
        wait_until(lambda: len(lines_of(path)) == 1, "a line is written")
        os.rename(path, path + ".1")
        server.signal(signal.SIGHUP)
        wait_until(lambda: "opened again" in server.stderr_text(), "the server says so")
        ask_status(web, 200, "GET", "/healthz?second")
        wait_until(lambda: len(lines_of(path)) == 1, "a line in the new file")
    check_equal("/healthz?first", json.loads(lines_of(path + ".1")[0])["target"], "the old file")
    check_equal("/healthz?second", json.loads(lines_of(path)[0])["target"], "the new file")


@test()
def a_log_that_nobody_reads_holds_up_neither_requests_nor_the_stop(lab):
    """A pipe that is full: lines are dropped and counted, the server goes on and ends."""
    path = os.path.join(lab.new_folder(), "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        server = http_start(lab, f"--http-log={path}")
        with http_connect(server) as web:
            for _ in range(200):
                web.send(f"GET /healthz HTTP/1.1\r\n{HOST}User-Agent: {'x' * 480}\r\n\r\n" * 20)
                for _ in range(20):
                    check_equal(200, read_answer(web).status, "status")
            wait_until(lambda: dropped(web) > 0, "lines are counted as dropped")
        server.stop()
    finally:
        os.close(reader)


def dropped(web):
    body = ask_status(web, 200, "GET", "/metrics").body.decode()
    return int(re.search(r"^riposte_http_log_dropped_total (\d+)$", body, re.M).group(1))
