# SPDX-License-Identifier: MIT
"""One server under load: started on a free loopback port and on its CPUs, ready when it accepts, always stopped."""

import os
import shutil
import signal
import socket
import tempfile
import time

from harness.peers import ROOT, Start
from harness.placement import cpu_text
from process import Process, ProcessError

READY_LIMIT_S = 15.0
READY_POLL_S = 0.005
PORT_ATTEMPTS = 3
CONNECT_LIMIT_S = 5.0


def shown(command):
    """A command line for readers elsewhere: paths from the project's own folder on."""
    return " ".join(word.removeprefix(ROOT + os.sep) if word else "''" for word in command)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """with Server(peer, cpus, ...) as server: the peer runs on the CPUs, one worker each."""

    def __init__(self, peer, cpus, memory_mib=1024, item_mib=1, values=()):
        self.peer, self.cpus, self.values = peer, cpus, values
        self.memory_mib, self.item_mib = memory_mib, item_mib
        self.port = self.process = self.folder = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="riposte-bench-")
        try:
            os.chmod(self.folder, 0o755)  # nginx's workers are not root
            self.start_on_some_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_on_some_port(self):
        """A port that was free a moment ago may be taken now: then another one."""
        for attempt in range(PORT_ATTEMPTS):
            self.port = free_port()
            start = Start(self.port, len(self.cpus), self.memory_mib, self.item_mib, self.folder, self.values)
            command = ["taskset", "-c", cpu_text(self.cpus), *self.peer.command(start)]
            # SIGTERM when the harness dies: nginx takes its workers with it.
            self.process = Process(command, os.path.join(self.folder, "output"), death_signal=signal.SIGTERM)
            self.process.start()
            try:
                return self.wait_until_ready()
            except ProcessError:
                self.process.stop()
                if attempt + 1 == PORT_ATTEMPTS or "in use" not in self.process.output_end():
                    raise

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < deadline:
            if not self.process.alive():
                raise ProcessError(f"{self.peer.name} ended at its start: {self.process.output_end() or 'without a word'}")
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(READY_POLL_S)
        raise ProcessError(f"{self.peer.name} accepted no connection within {READY_LIMIT_S:.0f} s: {self.process.output_end()}")

    @property
    def pid(self):
        return self.process.pid

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), CONNECT_LIMIT_S)

    def statistics(self, *group):
        """What memcached's `stats` says, name -> text; for servers that speak it."""
        with self.connect() as connection:
            connection.sendall(" ".join(("stats",) + group).encode() + b"\r\n")
            answer = b""
            while not answer.endswith((b"END\r\n", b"ERROR\r\n")):
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
        return {words[1]: words[2] for words in (line.split(None, 2) for line in answer.decode().splitlines())
                if len(words) == 3 and words[0] == "STAT"}

    def target(self, path=""):
        """How riposte-load is told."""
        return f"{self.peer.protocol}://127.0.0.1:{self.port}{path}"

    def command_text(self):
        return shown(self.process.command)
