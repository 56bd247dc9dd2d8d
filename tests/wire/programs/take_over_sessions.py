# SPDX-License-Identifier: MIT
"""--take-over with single clients in a state of their own, and with those that cannot be taken along."""

import os
import threading

from harness.outcome import Failure, check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until

TURNS = 4


@test(families=BOTH, waits=True)
def a_silent_stranger_has_its_time_to_log_in(lab):
    """One that connected when nobody was asked, and is now, is closed like any other that says nothing."""
    path = os.path.join(lab.new_folder(), "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write("ann:secret\n")
    os.chmod(path, 0o644)
    server = lab.start()
    silent, speaks = lab.connect(server, limit_s=20), lab.connect(server)
    silent.version()
    speaks.version()
    server = lab.take_over(server, "-Y", path, "--login-timeout=1")
    speaks.ask("set who 0 0 10\r\nann secret", "STORED")
    silent.expect_end("a stranger that says nothing")
    speaks.ask("get a", "END")


class TlsCounter:
    """Increments a number of its own over TLS, one at a time, and connects anew when it has heard the end, which must be said (close_notify)."""

    def __init__(self, server, number):
        self.server, self.key = server, f"n{number}"
        self.added, self.ends, self.cut = 0, 0, 0
        self.ended, self.fault = False, None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            with self.server.connect() as client:
                client.set(self.key, "0")
            while not self.ended:
                self.connect()
        except (Failure, OSError) as fault:
            self.fault = f"{self.key}, {self.added} added, {self.ends} ends: {str(fault) or type(fault).__name__}"

    def connect(self):
        """Whoever connects just then may be closed before a handshake is over, or before a first answer."""
        try:
            client = self.server.connect()
        except Failure:
            self.cut += 1
            check(self.cut <= TURNS, "more connects have failed than there were take-overs")
            return
        with client:
            client.send(f"get {self.key}\r\n")
            if client.fill():
                client.expect(f"VALUE {self.key} 0 {len(str(self.added))}\r\n{self.added}\r\nEND\r\n")
                self.add(client)

    def add(self, client):
        while not self.ended:
            try:
                client.send(f"incr {self.key} 1\r\n")
                answered = len(client.unread) > 0 or client.fill()  # a reset, and an end that nobody said, are faults
            except Failure as fault:
                if "sending" not in str(fault):
                    raise
                answered = client.fill()  # the end was there before the request
            if not answered:
                self.ends += 1
                return
            self.added += 1
            client.expect(f"{self.added}\r\n")


@test(families=("tls",), long=True)
def clients_over_tls_hear_the_end_behind_their_last_answer(lab):
    """Under load: what is not answered was not done, and the end is said."""
    server = lab.start("-m", "64", "-t", "2")
    clients = [TlsCounter(server, number) for number in range(16)]
    for client in clients:
        client.thread.start()
    try:
        for turn in range(TURNS):
            before = [client.added for client in clients]
            wait_until(lambda: all(client.fault or client.added > added + 5 for client, added in zip(clients, before)), "increments", 30)
            server = lab.take_over(server, "-m", "64", "-t", str(1 + turn % 2))
            wait_until(lambda: all(client.fault or client.ends > turn for client in clients), "all have heard the end", 30)
    finally:
        for client in clients:
            client.ended = True
        for client in clients:
            client.thread.join()
    check_equal([], [client.fault for client in clients if client.fault], "faults")
