# SPDX-License-Identifier: MIT
"""--take-over: each file of the two processes, pid files and those of Unix sockets, is there as long as somebody serves behind it."""

import os
import socket

from harness.outcome import check, check_equal
from harness.registry import test

OSERR = 71


def answers(path):
    """Whether a server says its version behind that path."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
        client.sendall(b"version\r\n")
        return client.recv(64).startswith(b"VERSION ")


@test()
def who_fails_leaves_no_file_and_takes_none_away(lab):
    """An address of the new one is in use, behind others that it has opened or taken by then."""
    folder = lab.new_folder()
    kept, made, pidfile = (os.path.join(folder, name) for name in ("kept", "made", "pid"))
    old = lab.start("-s", kept)
    with socket.create_server(("127.0.0.1", 0)) as other:
        flags = ["-l", f"unix:{kept},unix:{made},127.0.0.1:{other.getsockname()[1]}", "-P", pidfile]
        ended = lab.run_server(*flags, f"--take-over={old.pid}")
    check_equal(OSERR, ended.returncode, f"exit status: {ended.stderr!r}")
    check_equal(["kept"], os.listdir(folder), "files that are left")
    check(answers(kept), "the old one serves there")
