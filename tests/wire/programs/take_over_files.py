# SPDX-License-Identifier: MIT
"""--take-over: each file of the two processes, pid files and those of Unix sockets, is there as long as somebody serves behind it."""

import os
import signal
import socket

from harness.outcome import check, check_equal
from harness.registry import test
from harness.server import wait_until

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


def janitors():
    """Of all servers: process ids, and how soon each is killed where memory runs out."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as name, open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as score:
                if name.read() == "riposte-janitor\n":
                    found[pid] = int(score.read())
        except OSError:
            continue  # it has ended
    return found


def janitor_of(pid):
    """The only child of that server."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    check_equal(1, len(children), f"children of {pid}")
    return children[0]


@test()
def files_in_a_folder_of_root_go_with_the_last_of_several(lab):
    """-u nobody, -P and -s there, over take-overs with other paths: those of who serves are there, and none after its stop or its death."""
    folder = lab.new_folder_of_root()
    for ending in "stop", "kill":
        paths = [os.path.join(folder, name) for name in ("first", "second", "pid")]
        server = lab.start("-u", "nobody", "-s", paths[0])
        janitor = janitor_of(server.pid)
        usual = janitors()[janitor]
        for unix in paths[0], paths[1], paths[1]:
            server = lab.take_over(server, "-u", "nobody", "-s", unix, "-P", paths[2])
            check(answers(unix), f"it serves at {unix}")
            check({os.path.basename(unix), "pid"} <= set(os.listdir(folder)), f"its files are there: {os.listdir(folder)}")
            wait_until(lambda: not os.path.exists(f"/proc/{janitor}") or is_dead(janitor), "the janitor before has left")
            janitor = janitor_of(server.pid)
            check_equal(usual, janitors()[janitor], "oom_score_adj of the janitor")
        if ending == "stop":
            server.stop()
        else:
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            server.stopped = True
        wait_until(lambda: not {"second", "pid"} & set(os.listdir(folder)), f"files gone after a {ending}")
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))


def is_dead(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] in "ZX"


@test()
def who_fails_beside_a_janitor_takes_no_file_away(lab):
    """-u nobody in the new one alone, and in both: what the old one has stays."""
    for user in [], ["-u", "nobody"]:
        folder = lab.new_folder_of_root()
        kept, made = os.path.join(folder, "kept"), os.path.join(folder, "made")
        old = lab.start("-s", kept, *user)
        # There are no passwords to read, which it finds once its janitor is there.
        flags = ["-u", "nobody", "-p", "0", "-l", f"unix:{kept},unix:{made}", "-Y", os.path.join(folder, "none")]
        ended = lab.run_server(*flags, f"--take-over={old.pid}")
        check(ended.returncode != 0, f"exit status: {ended.stderr!r}")
        wait_until(lambda: os.listdir(folder) == ["kept"], f"files that are left: {os.listdir(folder)}")
        check(answers(kept), "the old one serves there")
