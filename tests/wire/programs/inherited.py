# SPDX-License-Identifier: MIT
"""Sockets that the server is started with (LISTEN_FDS): which are served, what is spoken there, what a stop leaves."""

import contextlib
import os
import socket
import urllib.request

from harness.connection import Connection
from harness.outcome import Skip, check, check_equal
from harness.registry import BOTH, test
from harness.service import Service, ask, listening_socket

USAGE = 64
VERSION = "VERSION 1.6.45"


def place(lab):
    return os.path.join(lab.new_folder(), "socket") if lab.family == "unix" else ("127.0.0.1", 0)


@test(families=BOTH)
def a_socket_that_listens_already_is_served_and_outlives_the_server(lab):
    """Whoever comes when the first server has gone waits in its queue and is served by the next one."""
    with listening_socket(place(lab)) as listener:
        where = listener.getsockname()
        with Service(lab, "-t", "2", sockets=[listener]) as first:
            ask(where, "version", VERSION)
            first.stop()
        check(lab.family == "tcp" or os.path.exists(where), "the file of the socket is gone")
        with Connection(where) as early:
            early.send("version\r\n")
            with Service(lab, "-t", "2", sockets=[listener]):
                early.expect(VERSION + "\r\n")


@test(families=BOTH)
def a_socket_that_was_taken_over_is_still_the_service_managers(lab):
    """It goes over as what it is: the new one ends, and whoever comes then waits in its queue and is served by the next start."""
    with listening_socket(place(lab)) as listener:
        where = listener.getsockname()
        flags = ("-s", where) if lab.family == "unix" else ("-p", str(where[1]))
        with Service(lab, "-t", "2", sockets=[listener]) as first, Connection(where) as stays:
            stays.set("a", "x")
            with Service(lab, f"--take-over={first.pid}", "-t", "2", *flags):
                check_equal(0, first.wait(), "exit status of the first one")
                stays.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
                ask(where, "version", VERSION)
        with Connection(where) as early:
            early.send("version\r\n")
            with Service(lab, "-t", "2", sockets=[listener]):
                early.expect(VERSION + "\r\n")


@test()
def only_inherited_sockets_are_open_and_their_names_say_what_is_spoken(lab):
    """The usual port is not opened beside them."""
    with listening_socket(("127.0.0.1", 0)) as plain, listening_socket(("127.0.0.1", 0)) as web, \
            Service(lab, sockets=[plain, web], names="riposte.socket:http") as service:
        ask(plain.getsockname(), "version", VERSION)
        with urllib.request.urlopen(f"http://127.0.0.1:{web.getsockname()[1]}/metrics", timeout=10) as answer:
            check(b"memcached_up 1" in answer.read(), "no metrics")
        ready = next(line for line in service.output().splitlines() if " ready:" in line)
        check(ready.endswith(f"listening on 127.0.0.1:{plain.getsockname()[1]}, http://127.0.0.1:{web.getsockname()[1]}"),
              f"it listens elsewhere: {ready}")
        with Connection(plain.getsockname()) as client:
            check_equal(str(plain.getsockname()[1]), client.stats("settings")["tcpport"], "tcpport")


@test()
def a_flag_that_names_the_address_of_a_socket_says_what_is_spoken_there(lab):
    """And opens the others that it names."""
    with listening_socket(("127.0.0.1", 0)) as web:
        port = web.getsockname()[1]
        with Service(lab, f"--http=127.0.0.1:{port}", "-p", "-1", sockets=[web], names="unknown") as service:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                check(b"memcached_up 1" in answer.read(), "no metrics")
            check(f"listening on http://127.0.0.1:{port}, 127.0.0.1:" in service.output(),
                  f"not both: {service.output()}")


@test(families=BOTH)
def workers_share_a_socket_and_all_of_them_serve(lab):
    """One for four workers."""
    with listening_socket(place(lab), 512) as listener, Service(lab, "-t", "4", sockets=[listener]), \
            contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Connection(listener.getsockname())) for _ in range(200)]
        for client in clients:
            client.send("version\r\n")
        for client in clients:
            client.expect(VERSION + "\r\n")


@test()
def sockets_of_one_address_are_dealt_out_and_none_is_forgotten(lab):
    """The kernel has chosen the socket before the server comes: each queue must have a worker."""
    with contextlib.ExitStack() as stack:
        listeners = []
        for _ in range(5):
            listener = stack.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(listeners[0].getsockname() if listeners else ("127.0.0.1", 0))
            listeners.append(listener)
        for listener in listeners:
            listener.listen(64)
        clients = [stack.enter_context(Connection(listeners[0].getsockname())) for _ in range(100)]
        for client in clients:
            client.send("version\r\n")
        with Service(lab, "-t", "2", sockets=listeners):
            for client in clients:
                client.expect(VERSION + "\r\n")


@test()
def a_descriptor_that_cannot_be_served_ends_the_start_with_a_cure(lab):
    """A file, a datagram socket, one that does not listen."""
    with open(os.devnull, "rb") as file, socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        for wrong, words in ((file, "is no stream socket"), (datagrams, "is no stream socket"), (deaf, "does not listen")):
            said = Service(lab, sockets=[wrong], names="odd").expect_refusal(USAGE)
            check_equal(1, len(said.strip().splitlines()), f"lines of {said!r}")
            check(f"descriptor 3 (odd) {words}; the socket unit wants ListenStream=" in said, f"it said {said!r}")


@test()
def sockets_for_another_process_are_left_alone(lab):
    """LISTEN_PID speaks to who started this one."""
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "7"}
    with Service(lab, "-p", "-1", environment=environment) as service:
        check("listening on 127.0.0.1:" in service.output(), service.output())


@test(families=("unix",))
def the_file_of_an_inherited_socket_stays_with_its_owner(lab):
    """-u and -P make the server clean up after itself: not there."""
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    with listening_socket(place(lab)) as listener:
        path = listener.getsockname()
        before = os.stat(path)
        pid_file = os.path.join(lab.new_folder(), "pid")
        with Service(lab, "-u", "nobody", "-P", pid_file, sockets=[listener]) as service:
            ask(path, "version", VERSION)
            service.stop()
        after = os.stat(path)
        check_equal((before.st_ino, before.st_uid), (after.st_ino, after.st_uid), "inode and owner")
        check(not os.path.exists(pid_file), "the pid file is left")
