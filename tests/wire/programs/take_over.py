# SPDX-License-Identifier: MIT
"""--take-over: a new process goes on with sockets and items of the old one, and clients find one of the two at any time."""

import json
import os
import shutil
import signal
import socket
import struct
import threading

from harness.certificates import Authority
from harness.connection import Connection, set_request
from harness.http import http_start
from harness.outcome import Skip, check, check_equal
from harness.ports import free_port
from harness.registry import BOTH, test
from harness.server import Program, wait_until
from harness.service import Service
from process import Process
from programs.memory_file import expect_types, memory_file, put_typed
from programs.notifying import Manager

UNAVAILABLE, NOPERM = 69, 77
COUNT = 20000
BATCH = 1000


def other(engine):
    return "epoll" if engine == "uring" else "uring"


def said(server, words):
    wait_until(lambda: words in server.stderr_text(), f"{words!r} said; it says {server.stderr_tail()}")


def fill(client):
    for begin in range(0, COUNT, BATCH):
        client.send(b"".join(set_request(f"key{i}", f"value {i} " * (i % 7), flags=i % 3) for i in range(begin, begin + BATCH)))
        client.expect(b"STORED\r\n" * BATCH)


def expect_all(client):
    for begin in range(0, COUNT, BATCH):
        client.send(b"".join(f"get key{i}\r\n".encode() for i in range(begin, begin + BATCH)))
        for i in range(begin, begin + BATCH):
            check_equal({f"key{i}".encode(): (f"value {i} " * (i % 7)).encode()}, client.read_values(), f"key{i}")


class Callers:
    """Threads that connect, ask and leave, over and over, until the end; none may be refused or left without its answer."""

    def __init__(self, server, count=4):
        self.address, self.ended, self.faults, self.calls = server.address(), False, [], 0
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_until(lambda: self.calls > 20, "calls")
        return self

    def __exit__(self, kind, *_):
        self.ended = True
        for thread in self.threads:
            thread.join()
        if kind is None:
            check_equal([], self.faults[:3], f"faults of {self.calls} calls")

    def run(self):
        while not self.ended:
            try:
                with Connection(self.address) as client:
                    client.ask("get key1", "VALUE key1 1 8\r\nvalue 1 \r\nEND")
                self.calls += 1
            except Exception as fault:  # every kind is one
                self.faults.append(str(fault))
                return


@test(families=BOTH)
def items_are_there_and_nobody_is_refused(lab):
    """Ten times, to and fro between the transports, with one worker and with several, while clients come and go."""
    server = lab.start("-m", "256", "-t", "2")
    with lab.connect(server) as client:
        fill(client)
        client.set("number", "0")
        client.ask("ms chosen 1 E12345\r\nx", "HD")
        client.set("group:1", "x")
        client.ask("flush_prefix group:", "OK")
    engine = lab.engine
    with Callers(server) as callers:
        for turn in range(10):
            engine = other(engine)
            before = callers.calls
            server = lab.take_over(server, "-m", "256", "-t", str(1 + turn % 3), engine=engine)
            said(server, "taken over from process")
            with lab.connect(server) as client:
                client.ask("incr number 1", str(turn + 1))
                client.ask("mg chosen c", "HD c12345")
                client.ask("get group:1", "END")
            wait_until(lambda: callers.calls > before + 20, "calls after it")
    with lab.connect(server) as client:
        expect_all(client)


@test()
def signal_starts_the_program_again_where_there_is_no_sandbox(lab):
    """SIGUSR2: the same flags; a second time, too; the pid file names the one that serves, and is gone in the end."""
    folder = lab.new_folder()
    path = os.path.join(folder, "pid")
    server = lab.start("--sandbox=off", "-P", path)
    pids = [server.pid]
    with lab.connect(server) as client:
        client.set("a", "x")
    for _ in range(2):
        os.kill(pids[-1], signal.SIGUSR2)
        wait_until(lambda: read_pid(path) not in (None, *pids), "the pid file names another process")
        pids.append(read_pid(path))
        with lab.connect(server) as client:
            client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
    server.expect_exit(0)
    os.kill(pids[-1], signal.SIGTERM)
    wait_until(lambda: not os.path.exists(path), "the pid file is removed")


@test()
def a_pid_file_that_is_no_longer_asked_for_is_removed(lab):
    """-P changes, goes, and comes again."""
    folder = lab.new_folder()
    first, second = os.path.join(folder, "first"), os.path.join(folder, "second")
    server = lab.start("-P", first)
    for flags, there in ((("-P", second), (False, True)), ((), (False, False)), (("-P", first), (True, False))):
        server = lab.take_over(server, *flags)
        check_equal(there, (os.path.exists(first), os.path.exists(second)), f"which of them is there after {flags}")
    check_equal(server.pid, read_pid(first), "what it says")


LISTS_DESCRIPTORS = """#!/bin/sh
ls /proc/self/fd >{out}.part && mv {out}.part {out}
"""


@test()
def who_is_started_inherits_no_descriptor(lab):
    """SIGUSR2, with another program in the old one's place: of its sockets, files and rings none is there."""
    folder = lab.new_folder()
    path, out = os.path.join(folder, "riposte"), os.path.join(folder, "descriptors")
    shutil.copy(lab.program.path, path)
    server = lab.start("--sandbox=off", "-t", "2", "--http=127.0.0.1:0", program=Program(path))
    with lab.connect(server) as client:
        client.version()
        with open(path + ".next", "w", encoding="ascii") as file:
            file.write(LISTS_DESCRIPTORS.format(out=out))
        os.chmod(path + ".next", 0o755)
        os.replace(path + ".next", path)
        server.signal(signal.SIGUSR2)
        wait_until(lambda: os.path.exists(out), "it was started")
        with open(out, encoding="ascii") as file:
            numbers = {int(line) for line in file.read().split()}
        check(numbers <= {0, 1, 2, 3}, f"it has {sorted(numbers)}, of which 3 is the folder that it lists")
        client.version()


def read_pid(path):
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read() or "0") or None
    except FileNotFoundError:
        return None


@test()
def signal_says_what_to_start_where_there_is_a_sandbox(lab):
    """And nothing else happens."""
    if lab.program.is_sanitized:
        raise Skip("a build with a sanitizer has no sandbox")
    server = lab.start()
    server.signal(signal.SIGUSR2)
    said(server, f"SIGUSR2: in its sandbox a server starts nothing; start riposte --take-over={server.pid} with its flags")
    with lab.connect(server) as client:
        client.version()


def binds(listener, name):
    try:
        listener.bind(name)
        return True
    except OSError:
        return False


@test()
def a_process_that_is_none_of_riposte_is_not_taken_over_from(lab):
    """Nobody is there; somebody else has the name; the flags do not start."""
    ended = lab.run_server("--take-over=1", "-p", "-1")
    check_equal(UNAVAILABLE, ended.returncode, f"exit status: {ended.stderr!r}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as squatter:
        wait_until(lambda: binds(squatter, "\0riposte-1"), "the same test on the other transport is done with the name")
        squatter.listen(1)
        ended = lab.run_server("--take-over=1", "-p", "-1")
        check_equal(NOPERM, ended.returncode, f"exit status: {ended.stderr!r}")
    server = lab.start()
    passwords = os.path.join(lab.new_folder(), "passwords")
    with open(passwords, "w", encoding="ascii") as file:
        file.write("no line of passwords\n")
    with lab.connect(server) as client:
        client.set("a", "x")
        ended = lab.run_server(f"--take-over={server.pid}", "-p", "-1", "-m", "64", "-Y", passwords)
        check(ended.returncode != 0 and b"-Y" in ended.stderr, f"{ended.returncode}: {ended.stderr!r}")
    said(server, "does not take over: -Y")
    with lab.connect(server) as client:
        client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")


@test()
def who_hears_nothing_does_not_serve(lab):
    """A socket that ends before its first word: it may be one that stops, or that another process has taken over from."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other_one:
        other_one.bind(f"\0riposte-{os.getpid()}")
        other_one.listen(1)
        other_one.settimeout(20)
        closer = threading.Thread(target=lambda: other_one.accept()[0].close())
        closer.start()
        ended = lab.run_server(f"--take-over={os.getpid()}", "-p", "-1")
        closer.join()
    check_equal(UNAVAILABLE, ended.returncode, f"exit status: {ended.stderr!r}")
    check(b"has handed over to another process" in ended.stderr, f"it said {ended.stderr!r}")


@test()
def what_is_no_message_ends_the_attempt_and_nothing_else(lab):
    """Bytes, silence cut short, a second one who waits for its turn."""
    server = lab.start()
    for sent in b"", b"x", b"RTPO\x01\0\x06\0\x0c\0\0\0", b"RTPO\x09\0\x06\0\x0c\0\0\0":
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.connect(f"\0riposte-{server.pid}")
            if sent:
                peer.send(sent)
                check(b"RTPO" in peer.recv(4096), "it refused")
    said(server, "speaks another version of the hand-over")
    lab.take_over(server)


def message(kind, fields=b""):
    """As src/server/take_over/message.h says."""
    return struct.pack("<4sHHI", b"RTPO", 1, kind, 12 + len(fields)) + fields


@test()
def a_service_manager_is_not_kept_waiting_by_who_hangs(lab):
    """However long --hand-over-timeout is: the old one goes on in time for its next sign of life."""
    hello, offered, ready = 1, 5, 6
    path = os.path.join(lab.new_folder(), "socket")
    with Manager(lab) as manager:
        environment = manager.environment(WATCHDOG_USEC="2000000")
        with Service(lab, "-s", path, "--hand-over-timeout=3600", environment=environment) as old:
            check("WATCHDOG" in manager.expect("READY"), "a sign of life with READY")
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
                peer.settimeout(20)
                peer.connect(f"\0riposte-{old.pid}")
                peer.send(message(hello, b"\x01\0x\0"))
                while struct.unpack_from("<H", peer.recv(4096), 6)[0] != offered:
                    pass
                peer.send(message(ready))
                words = "does not take over: the other one took too long; this one goes on"
                wait_until(lambda: words in old.output(), f"{words!r} said")
            manager.expect("WATCHDOG")


@test()
def a_check_says_what_would_not_be_carried_over(lab):
    """0: nothing is lost; 1: something is. The old one does not notice."""
    server = lab.start("-m", "64", "--http=127.0.0.1:0")
    same = ["-p", str(server.port), "-s", server.socket_path, "-m", "64"]
    http = "--http=127.0.0.1:0"
    for flags, status, words in (([*same, http], 0, "0 items, "), (same, 1, "no flag names it; it is closed"),
                                 ([*same, http, "-m", "32"], 1, "is evicted afterwards"),
                                 ([*same, http, "-m", "255"], 0, "0 items, "), ([*same, http, "-m", "256"], 1, "carried over one by one"),
                                 ([*same, http, "-e", "/dev/shm/none"], 1, "-e /dev/shm/none: is not used"),
                                 ([*same, http, "-I", "2m"], 1, "they are carried over one by one")):
        ended = lab.run_server("--check", f"--take-over={server.pid}", *flags)
        text = " ".join(ended.stdout.decode().split())
        check_equal(status, ended.returncode, f"exit status with {flags}: {text}{ended.stderr!r}")
        check(words in text, f"with {flags} it said {text}")
    ended = lab.run_server("--check", "--take-over=1")
    check_equal(2, ended.returncode, "exit status without such a process")
    found = json.loads(lab.run_server("--check=json", f"--take-over={server.pid}", *same).stdout)
    check_equal(1, found["exit_status"], "of --check=json")
    check_equal([("process", "good"), ("address", "fair")], [(each["area"], each["verdict"]) for each in found["findings"]], "findings")
    with lab.connect(server) as client:
        client.version()
    server.stop()
    check("take over" not in server.stderr_text(), server.stderr_text())


@test()
def a_check_knows_what_is_spoken_elsewhere_and_what_cannot_be_opened(lab):
    """Another protocol or TLS at the same address; an address that somebody else has; one that nobody has."""
    server = lab.start("-m", "64")
    base = ["--check", f"--take-over={server.pid}", "-s", server.socket_path, "-m", "64"]
    own = f"127.0.0.1:{server.port}"
    spoken = f"{own}: something else is spoken there from then on; its connections are closed"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        free_address = f"127.0.0.1:{free_port()}"
        for flags, status, words in ((["-l", own], 0, "1 good, 0 fair"), ([f"--http={own}"], 1, spoken),
                                     (["-l", own, *Authority(lab.new_folder()).flags()], 1, spoken),
                                     (["-l", f"{own},127.0.0.1:{taken.getsockname()[1]}"], 2, "is in use by another process"),
                                     (["-l", f"{own},{free_address}"], 0, f"{free_address}: is opened anew")):
            ended = lab.run_server(*base, *flags)
            text = " ".join(ended.stdout.decode().split())
            check_equal(status, ended.returncode, f"exit status with {flags}: {text}{ended.stderr!r}")
            check(words in text, f"with {flags} it said {text}")


def check_at(lab, *flags, prefix=()):
    """The exit status of --check, and what it says, on one line."""
    ended = lab.run(*prefix, lab.program.path, "--check", *flags)
    return ended.returncode, " ".join(ended.stdout.decode().split())


@test()
def a_check_foresees_limits_and_ports_of_the_new_one(lab):
    """Limits are the new process's own; an address of all addresses cannot be opened beside one of them."""
    server = lab.start("-m", "64")
    take_over = ["-s", server.socket_path, "-m", "64", f"--take-over={server.pid}"]
    same = [*take_over, "-p", str(server.port)]
    prlimit = lab.need("prlimit", "util-linux")
    for flags, limits, status, words in ((same, (), 0, "would take over, and nothing would be lost"),
                                         (same, ("--nofile=40:40",), 2, "descriptors"), (same, ("--nofile=200:200",), 1, "-c becomes"),
                                         ([*take_over, "-l", f"0.0.0.0:{server.port}"], (), 2, "name single addresses")):
        prefix = (prlimit, *limits, "--") if limits else ()
        found, text = check_at(lab, *flags, prefix=prefix)
        check_equal(status, found, f"exit status with {flags} and {limits}: {text}")
        check(words in text, f"with {flags} and {limits} it said {text}")
    if not lab.program.is_sanitized:
        found, text = check_at(lab, *same, prefix=(prlimit, f"--as={80 << 20}:{80 << 20}", "--"))
        check_equal(2, found, f"exit status without address space: {text}")
    with lab.connect(server) as client:
        client.version()


@test()
def the_service_manager_hears_who_serves(lab):
    """The old one says MAINPID before it ends; from then on the new one speaks on the same socket: before that the manager would not listen."""
    path = os.path.join(lab.new_folder(), "socket")
    with Manager(lab) as manager:
        with Service(lab, "-s", path, environment=manager.environment()) as old:
            manager.expect("READY")
            environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
            new = Process([lab.program.path, "-s", path, f"--engine={lab.engine}", f"--take-over={old.pid}"],
                          os.path.join(lab.new_folder(), "new"), environment=environment)
            new.start()
            try:
                heard = []
                wait_until(lambda: heard.append(manager.next(0.1) or {}) or any("MAINPID" in each for each in heard), "MAINPID")
                check_equal(str(new.pid), next(each["MAINPID"] for each in heard if "MAINPID" in each), "the main process")
                check_equal(0, old.wait(), "exit status of the old one")
                wait_until(lambda: any("READY" in each for each in heard) or heard.append(manager.next(0.1) or {}), "READY of the new one")
                words = [word for each in heard for word in each if word in ("MAINPID", "READY")]
                check_equal(["MAINPID", "READY"], words, "what the manager heard")
                new.send_signal(signal.SIGTERM)
                manager.expect("STOPPING")
                check_equal(0, new.wait(10), "exit status of the new one")
            finally:
                new.kill()


@test()
def the_service_manager_hears_of_the_process_in_the_background(lab):
    """-d: who serves is not who has been started; the one that was started ends when it serves, and the old one says whom to follow."""
    folder = lab.new_folder()
    path, pid_path = os.path.join(folder, "socket"), os.path.join(folder, "pid")
    with Manager(lab) as manager:
        with Service(lab, "-s", path, environment=manager.environment()) as old:
            manager.expect("READY")
            environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
            new = Process([lab.program.path, "-s", path, f"--engine={lab.engine}", f"--take-over={old.pid}", "-d", "-P", pid_path],
                          os.path.join(folder, "new"), environment=environment)
            new.start()
            try:
                heard = []
                wait_until(lambda: heard.append(manager.next(0.1) or {}) or any("MAINPID" in each for each in heard), "MAINPID")
                check_equal(0, new.wait(10), "exit status of the parent")
                wait_until(lambda: read_pid(pid_path) not in (None, old.pid), "the pid file names who serves")
                serving = read_pid(pid_path)
                check_equal(str(serving), next(each["MAINPID"] for each in heard if "MAINPID" in each), "the main process")
                check_equal(0, old.wait(), "exit status of the old one")
                os.kill(serving, signal.SIGTERM)
                manager.expect("STOPPING")
                wait_until(lambda: not os.path.exists(pid_path), "the pid file is removed")
            finally:
                new.kill()


@test(families=BOTH)
def items_of_a_memory_file_are_left_by_who_serves_last(lab):
    """-e, taken over, stopped, started again: each has them. Without the flag, or with another file, they stay where they are."""
    with memory_file() as path:
        server = lab.start("-e", path)
        with lab.connect(server) as client:
            client.set("a", "x")
        server = lab.take_over(server, "-e", path)
        with lab.connect(server) as client:
            client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
            client.set("b", "y")
        server.signal(signal.SIGTERM)
        server.expect_exit(0)
        check("2 items are left for the next start" in server.stderr_text(), server.stderr_tail())
        server = lab.start("-e", path)
        with lab.connect(server) as client:
            client.ask("get a b", "VALUE a 0 1\r\nx\r\nVALUE b 0 1\r\ny\r\nEND")
        server = lab.take_over(server, "-e", path + ".other")
        said(server, f"-e {path}.other is not used")
        with lab.connect(server) as client:
            client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")


@test(families=BOTH)
def media_types_are_taken_over_with_the_values(lab):
    """Twice; what the new one meets first is no other's."""
    server = http_start(lab)
    flags = [flag for flag in server.arguments if flag.startswith("--http=unix:")]
    port, path = server.http_port, server.http_socket_path
    types = {"a": "application/x-strange", "h": "text/html"}
    for key, kind in types.items():
        put_typed(server, key, kind)
    for key in "b", "c":
        server = lab.take_over(server, f"--http=127.0.0.1:{port}", *flags)
        said(server, "taken over from process")
        server.http_port, server.http_socket_path = port, path
        expect_types(server, types)
        types[key] = f"application/x-{key}"
        put_typed(server, key, types[key])
        expect_types(server, types)
