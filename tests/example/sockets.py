# SPDX-License-Identifier: MIT
"""Sockets of the example that others have opened, and those that it leaves to its successor."""

import contextlib
import os
import re
import select
import signal
import socket

from echo import STOP_LIMIT_S, Echo, started
from harness.outcome import Failure, check, check_equal
from harness.server import wait_until


@contextlib.contextmanager
def listening(lab):
    """A socket of the family under test, as a service manager would open it; and where it is."""
    path = os.path.join(lab.new_folder(), "inherited")
    with socket.socket(socket.AF_UNIX if lab.family == "unix" else socket.AF_INET) as listener:
        listener.bind(path if lab.family == "unix" else ("127.0.0.1", 0))
        listener.listen()
        yield listener, path


def address_of(listener, path, lab):
    return Echo(None, lab.family, path, 0 if lab.family == "unix" else listener.getsockname()[1], lab.veiled)


def a_socket_of_another_is_served_also_by_who_comes_next(installation, lab):
    """The first one's stop neither closes it nor loses a client that comes before the second one."""
    with listening(lab) as (listener, path):
        place = address_of(listener, path, lab)
        with started(installation, lab, path=path, inherited=[listener.fileno()]) as first:
            with place.connect() as client:
                client.ask("hello", "1 hello")
                client.ask("hello", "2 hello")
            first.stop()
        check(lab.family == "tcp" or os.path.exists(path), "the socket's file is gone")
        with place.connect_in_the_clear() as early:
            with started(installation, lab, path=path, inherited=[listener.fileno()]):
                place.expect_served(early)
                with place.connect() as client:
                    client.ask("hello", "1 hello")


def several_sockets_of_one_address_are_all_served(installation, lab):
    """More than there are workers, and fewer."""
    if lab.family == "unix":
        return
    with contextlib.ExitStack() as stack:
        listeners = []
        for _ in range(3):
            listener = stack.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(listeners[0].getsockname() if listeners else ("127.0.0.1", 0))
            listeners.append(listener)
        for listener in listeners:
            listener.listen()
        place = address_of(listeners[0], "", lab)
        inherited = [listener.fileno() for listener in listeners]
        for one_worker in (True, False):
            with started(installation, lab, one_worker=one_worker, inherited=inherited) as server:
                for _ in range(60):  # the kernel deals them out to the sockets
                    with place.connect() as client:
                        client.send(b"quit\r\n")
                        client.expect_end()
                server.stop()


@contextlib.contextmanager
def successor(server):
    """The process that a predecessor names at its end; ended on the way out."""
    server.process.wait(STOP_LIMIT_S)
    found = re.search(r"handed over to (\d+)", server.process.output())
    check(found, f"no successor: {server.process.output_end()}")
    pid = int(found.group(1))
    descriptor = os.pidfd_open(pid)
    try:
        yield pid
    finally:
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        ended, _, _ = select.select([descriptor], [], [], STOP_LIMIT_S)
        if not ended:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)
        if not ended:
            raise Failure("the successor did not end")


def a_successor_serves_who_connects_while_nobody_accepts(installation, lab):
    """The predecessor answers what it has; who comes meanwhile waits in the queue and is served by the successor."""
    with started(installation, lab) as server:
        with server.connect() as client:
            client.ask("hello", "1 hello")
            client.ask("hello", "2 hello")
            client.send(b"later\r\n")
            server.process.send_signal(signal.SIGUSR2)
            client.expect(b"later\r\n")
            client.expect_end()
            # Its end has come, so the predecessor accepts no more; it lingers until this client has ended, too.
            early = server.connect_in_the_clear()
        with early, successor(server):
            server.expect_served(early)
            wait_until(lambda: server.process.output().count("ready on port") == 2, "the successor says that it is ready")
            with server.connect() as client:
                client.ask("hello", "1 hello")
        check_equal(0, server.process.status(), "exit status of the predecessor")
        check(lab.family == "tcp" or os.path.exists(server.path), "the socket's file is gone")


def nobody_is_refused_or_reset_while_a_successor_takes_over(installation, lab):
    """Clients come one after the other all the time; each is greeted by one of the two."""
    with started(installation, lab) as server:
        for count in range(300):
            if count == 100:
                server.process.send_signal(signal.SIGUSR2)
            with server.connect_in_the_clear() as client:
                server.expect_served(client)
                client.end()
                client.read_to_end()  # so that its place is free for the next one
        with successor(server):
            with server.connect() as client:
                client.ask("hello", "1 hello")


TESTS = (
    a_socket_of_another_is_served_also_by_who_comes_next,
    several_sockets_of_one_address_are_all_served,
    a_successor_serves_who_connects_while_nobody_accepts,
    nobody_is_refused_or_reset_while_a_successor_takes_over,
)
