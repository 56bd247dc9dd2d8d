# SPDX-License-Identifier: MIT
"""The log: where it goes, how its lines look, what -v and -vv tell."""

import datetime
import json
import os
import re
import signal
import socket
import subprocess

from harness.connection import set_request
from harness.outcome import Skip, check, check_equal
from harness.registry import BOTH, TCP, test
from harness.server import wait_until

STAMPED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z riposte: (error|warning|info|debug|trace): (.*)")


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def whole_lines(server):
    """What a server has said, without a line that is being written."""
    return server.stderr_text().rpartition("\n")[0].splitlines()


def texts(server):
    """The lines of a server without time and level; each has both, because its standard error is a file."""
    found = [STAMPED.fullmatch(line) for line in whole_lines(server)]
    check(all(found), f"a line without time and level in {server.stderr_text()!r}")
    return [match[2] for match in found]


def wait_for_line(server, pattern):
    wait_until(lambda: any(re.fullmatch(pattern, text) for text in texts(server)), f"a line {pattern!r}")


@test()
def the_start_says_one_short_line_and_v_says_more(lab):
    """What the kernel offers and what the limits are is said with -v."""
    plain, verbose = lab.start("-u", "root"), lab.start("-u", "root", "-v")
    lines = [text for text in texts(plain) if "warning" not in text]
    check_equal(1, len([text for text in lines if " ready: " in text]), f"start lines in {lines}")
    check(all(len(text) < 200 for text in lines if " ready: " in text), f"long lines in {lines}")
    check(not any("descriptors)" in text for text in lines), f"limits in {lines}")
    check(any("descriptors)" in text for text in texts(verbose)), f"no limits in {texts(verbose)}")


@test(families=BOTH)
def v_tells_how_connections_come_and_go(lab):
    """With the reason, at once: the client still holds its side open."""
    server = lab.start("-v")
    transport = "a Unix socket" if lab.family == "unix" else r"127\.0\.0\.1:\d+"
    client = lab.connect(server)
    client.version()
    wait_for_line(server, rf"<\d+ new memcached connection from {transport}")
    client.send("quit\r\n")
    wait_for_line(server, r"<\d+ connection closed: asked for by the client, or after its last answer")
    with server.connect() as other:
        other.send("x" * 3000)
        other.expect_end()
    wait_for_line(server, r"<\d+ connection closed: error: what it sent is refused")
    with server.connect() as other:
        other.version()
    wait_for_line(server, r"<\d+ connection closed: by the client")
    check(not any(text.startswith(("<", ">")) and "connection" not in text for text in texts(server)),
          "a command is told without -vv")


@test(families=BOTH)
def vv_tells_commands_and_answers_but_no_value(lab):
    """As memcached does; keys are written out safely."""
    server = lab.start("-vv")
    client = lab.connect(server)
    client.set("a", "secret")
    client.get("a")
    client.ask(b"get b\x1b[2J", "END")
    client.send("quit\r\n")
    wait_for_line(server, r"<\d+ connection closed: .*")
    lines = [re.sub(r"^([<>])\d+ ", r"\1 ", text) for text in texts(server) if text[0] in "<>"]
    check_equal(["< set a 0 0 6", "> STORED", "< get a", "> sending key a", "> END", "< get b\\x1b[2J", "> END", "< quit"],
                lines[1:-1], "lines between those of the connection")
    check("secret" not in server.stderr_text(), "a value is in the log")


@test(families=TCP)
def a_pipe_that_nobody_reads_holds_up_no_request(lab):
    """-vv into a full pipe: requests are answered, lines are lost and counted."""
    reader, writer = os.pipe()
    process = subprocess.Popen([lab.program.path, "-p", "-1", "-t", "1", "-vv", f"--engine={lab.engine}"], stderr=writer,
                               env=dict(os.environ, MEMCACHED_PORT_FILENAME=os.path.join(folder := lab.new_folder(), "port")))
    os.close(writer)
    try:
        wait_until(lambda: "INET" in read(os.path.join(folder, "port")), "the port is known")
        port = int(read(os.path.join(folder, "port")).splitlines()[0].split()[-1])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            for _ in range(100):
                client.sendall(b"get a-key-that-fills-the-pipe-sooner\r\n" * 100)
                received = b""
                while len(received) < 500:
                    received += client.recv(1 << 16)
                check_equal(b"END\r\n" * 100, received, "answers")
            os.set_blocking(reader, False)
            while drain(reader):
                pass
            client.sendall(b"get x\r\n")
            client.recv(100)
            wait_until(lambda: b"lines before this one were lost" in drain(reader), "the lost lines are counted")
    finally:
        process.kill()
        process.wait()
        os.close(reader)


def drain(descriptor):
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""


@test()
def a_file_is_opened_again_when_it_was_moved_away(lab):
    """--log-file with SIGHUP, as logrotate sends it; errors of a start are on standard error all the same."""
    path = os.path.join(lab.new_folder(), "log")
    server = lab.start(f"--log-file={path}")
    check(" ready: " in read(path), f"the file says {read(path)!r}")
    os.rename(path, path + ".1")
    server.signal(signal.SIGHUP)
    wait_until(lambda: "is opened again" in read(path), "the new file is written")
    check("is opened again" not in read(path + ".1"), "the old one is not")
    os.rename(path, path + ".2")
    os.mkdir(path)
    server.signal(signal.SIGHUP)
    wait_until(lambda: "the old one is kept" in read(path + ".2"), "what cannot be opened is said in the old file")
    os.rmdir(path)
    server.stop()
    check(read(path + ".2").endswith(" riposte: info: stopped\n"), "the last line")
    done = lab.run(lab.program.path, f"--log-file={path}", "-p", "-1", "-l", "192.0.2.1")
    check_equal(71, done.returncode, "exit status")
    check(b"riposte: cannot bind 192.0.2.1" in done.stderr and "192.0.2.1" in read(path), f"{done.stderr!r}, {read(path)!r}")
    done = lab.run(lab.program.path, "--log-file=/nonexistent/log", "-p", "-1")
    check_equal(71, done.returncode, "exit status without a folder")
    check(b"--log-file=/nonexistent/log cannot be opened" in done.stderr, done.stderr)


@test()
def a_file_that_takes_no_line_ends_the_start_with_a_sentence(lab):
    """--log-file on a disk without room, and where the limit of file sizes is 0."""
    path = os.path.join(lab.new_folder(), "log")
    for prefix, name, words in (((), "/dev/full", "No space left on device"),
                                ((lab.need("prlimit", "util-linux"), "--fsize=0"), path, "File too large")):
        done = lab.run(*prefix, lab.program.path, f"--log-file={name}", "-p", "-1")
        check_equal(71, done.returncode, f"exit status with {name}: {done.stderr!r}")
        check(f"riposte: --log-file={name} cannot be written: {words}" in done.stderr.decode(), done.stderr)


@test()
def a_daemon_keeps_its_log(lab):
    """-d with a relative name, from a folder that it leaves."""
    folder = lab.new_folder()
    done = subprocess.run([lab.program.path, "-d", "-p", "-1", "-t", "1", f"--engine={lab.engine}", "-P", f"{folder}/pid",
                           "--log-file=log"], cwd=folder, stderr=subprocess.PIPE, timeout=20, check=False)
    check_equal((0, b""), (done.returncode, done.stderr), "status and standard error of the parent")
    pid = int(read(f"{folder}/pid"))
    try:
        wait_until(lambda: " ready: " in read(f"{folder}/log"), "the start line is in the file")
        os.rename(f"{folder}/log", f"{folder}/log.1")
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: "is opened again" in read(f"{folder}/log"), "it is opened again in the same folder")
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: "stopped" in read(f"{folder}/log"), "the stop is in the file")


@test()
def lines_can_be_json(lab):
    """Every line is an object with time, level and message."""
    server = lab.start("--log-format=json", "-vv")
    client = lab.connect(server)
    client.ask('get "quoted\\', "END")
    wait_until(lambda: "quoted" in server.stderr_text(), "the command is told")
    lines = [json.loads(line) for line in whole_lines(server)]
    check(all(set(line) == {"time", "level", "message"} for line in lines), f"members of {lines}")
    check(any(re.fullmatch(r'<\d+ get "quoted\\x5c', line["message"]) for line in lines), f"the command in {lines}")


@test()
def the_journal_gets_levels_and_no_time(lab):
    """JOURNAL_STREAM names the socket that is standard error; another's name changes nothing."""
    for shift, pattern in ((0, rb"<6>version \S+ ready: "), (1, rb"riposte: version \S+ ready: ")):
        ours, theirs = socket.socketpair()
        status = os.fstat(theirs.fileno())
        environment = dict(os.environ, JOURNAL_STREAM=f"{status.st_dev}:{status.st_ino + shift}")
        process = subprocess.Popen([lab.program.path, "-p", "-1", "-t", "1", f"--engine={lab.engine}"], stderr=theirs,
                                   env=environment)
        theirs.close()
        try:
            ours.settimeout(20)
            said = b""
            while b" ready: " not in said:
                said += ours.recv(1 << 16)
            check(any(re.match(pattern, line) for line in said.splitlines()), f"{said!r}")
        finally:
            process.terminate()
            process.wait(20)
            ours.close()


@test(families=TCP)
def clients_that_find_no_descriptor_are_told_of_once_a_second(lab):
    """EMFILE, on either transport: one warning with the cure, however many clients wait."""
    if lab.program.is_sanitized:
        raise Skip("the sanitizer holds descriptors of its own")
    server = lab.start("-v", "-c", "100", descriptor_limit=200, inherited_count=165)
    clients = []
    try:
        for _ in range(90):
            clients.append(socket.create_connection(server.address("tcp"), timeout=20))

        def lines():
            return [line for line in whole_lines(server) if "(EMFILE)" in line]

        wait_until(lambda: len(lines()) >= 3, "lines about it")
        check(all("raise LimitNOFILE or lower -c" in line for line in lines()), f"the cure in {lines()}")
        seconds = [datetime.datetime.fromisoformat(line.split()[0].rstrip("Z")).timestamp() for line in lines()]
        check(seconds[-1] - seconds[0] > 0.9 * (len(seconds) - 2), f"lines at {seconds}")
    finally:
        for client in clients:
            client.close()


@test(families=BOTH)
def lines_of_connections_are_bounded(lab):
    """5000 connections within seconds: at most 1000 pairs of lines a second, and how many were left out."""
    server = lab.start("-v")
    for _ in range(2500):
        with server.connect():
            pass
    with server.connect() as client:
        wait_until(lambda: client.stats()["curr_connections"] == "1", "they are gone")
    server.stop()
    lines = [text for text in texts(server) if text.startswith("<")]
    told = [int(text.split()[0]) for text in texts(server) if "more lines like the next one were left out" in text]
    check(len(lines) + sum(told) <= 5010, f"{len(lines)} lines, {sum(told)} left out")
    check(len(lines) >= 1000, f"{len(lines)} lines")
