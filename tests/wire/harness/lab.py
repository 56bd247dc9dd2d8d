# SPDX-License-Identifier: MIT
"""What one test gets: a program, an engine, a family of sockets, a folder of its own, and servers that are stopped."""

import os
import random
import shutil
import subprocess
import tempfile

from harness.outcome import Failure, Skip
from harness.server import Server
from process import tie_to_parent


class Lab:
    """Made for each test and closed after it, whatever happened. `seed` makes random tests repeatable."""

    def __init__(self, program, engine, family, seed):
        self.program, self.engine, self.family, self.seed = program, engine, family, seed
        self.random = random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix="riposte-wire-")
        self.servers = []
        self.open_connections = []

    def start(self, *flags, family=None, engine=None, folder=None, program=None, **limits):
        """A new server; flags as on the command line. One worker unless -t says otherwise."""
        self.need_tls(family or self.family)
        server = Server(program or self.program, engine or self.engine, family or self.family, folder or self.new_folder(), flags,
                        **limits)
        self.servers.append(server)
        return server

    def take_over(self, server, *flags, **options):
        """A new server that has taken over from `server`, which has ended."""
        new = self.start(f"--take-over={server.pid}", *flags, family=server.family, folder=server.folder, **options)
        server.expect_exit(0)
        return new

    def connect(self, server, **options):
        """A connection that is closed at the end of the test."""
        connection = server.connect(**options)
        self.open_connections.append(connection)
        return connection

    def new_folder(self):
        """A folder below the lab's own, which nobody else can enter. A server that has given its rights away may write."""
        path = tempfile.mkdtemp(dir=self.folder)
        os.chmod(path, 0o777)
        return path

    def new_folder_of_root(self):
        """The same, as /run is: others enter and read, and a server that has given its rights away makes and removes nothing. Or Skip."""
        if os.geteuid() != 0:
            raise Skip("not root")
        os.chmod(self.folder, 0o711)
        path = self.new_folder()
        os.chmod(path, 0o755)
        return path

    def run(self, *arguments, limit_s=20.0, environment=None, stdin=b""):
        """Runs a program to its end; the completed process with stdout and stderr as bytes."""
        try:
            return subprocess.run(arguments, input=stdin, capture_output=True, timeout=limit_s, check=False,
                                  env=dict(os.environ, **(environment or {})), preexec_fn=tie_to_parent)
        except subprocess.TimeoutExpired:
            raise Failure(f"not ended within {limit_s:g} s: {' '.join(map(str, arguments))}") from None

    def run_server(self, *flags, **options):
        """Runs the server under test with just these flags, for starts that must fail or that print and leave."""
        return self.run(self.program.path, *flags, **options)

    def need(self, program, package):
        """The path of a program of another package, or Skip."""
        path = shutil.which(program)
        if not path:
            raise Skip(f"{program} is not installed (Debian package {package})")
        return path

    def need_tls(self, family="tls"):
        """Skip where that is the family and there is none here."""
        if family == "tls" and not self.program.has_tls():
            raise Skip("a build without TLS")
        if family == "tls" and not self.program.authority:
            raise Skip("openssl is not installed (Debian package openssl)")

    def need_family(self, family, reason):
        if self.family != family:
            raise Skip(reason)

    def close(self):
        """Stops everything; returns what the servers did wrong, a text each."""
        for connection in self.open_connections:
            connection.close()
        wrongs = []
        try:
            for server in self.servers:
                try:
                    server.stop()
                except Failure as failure:
                    wrongs.append(str(failure))
        finally:
            for server in self.servers:
                server.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        return wrongs
