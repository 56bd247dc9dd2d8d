# SPDX-License-Identifier: MIT
"""--take-over: each file of the two processes, pid files and those of Unix sockets, is there as long as somebody serves behind it."""

import os
import pwd
import shutil
import signal
import socket
import sys

from harness.outcome import Skip, check, check_equal
from harness.registry import test
from harness.server import wait_until
from process import Process

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


def expect_files(folder, *names):
    wait_until(lambda: sorted(os.listdir(folder)) == sorted(names), f"in {folder} are {names}, and not {os.listdir(folder)}")


def put_another(path):
    """A file of somebody else's is there instead."""
    other = path + "-other"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(other)
    os.rename(other, path)


@test()
def a_file_that_no_flag_names_any_more_goes_once_the_new_one_serves(lab):
    """In its sandbox and without one; not before that, and not what somebody else has put there meanwhile."""
    for sandbox in "on" if not lab.program.is_sanitized else "auto", "off":
        folder = lab.new_folder()
        paths = [os.path.join(folder, name) for name in ("a", "b", "c", "d")]
        server = lab.start("-s", paths[0], "-l", f"127.0.0.1,unix:{paths[1]},unix:{paths[2]}", f"--sandbox={sandbox}")
        flags = ["-p", str(server.port), "-Y", os.path.join(folder, "none")]
        ended = lab.run_server(*flags, f"--take-over={server.pid}", f"--sandbox={sandbox}", f"--engine={lab.engine}")
        check(ended.returncode != 0, f"exit status: {ended.stderr!r}")
        expect_files(folder, "a", "b", "c")
        put_another(paths[2])
        server = lab.take_over(server, "-s", paths[3], "-l", f"127.0.0.1,unix:{paths[1]}", f"--sandbox={sandbox}")
        expect_files(folder, "b", "c", "d")
        check(answers(paths[1]) and answers(paths[3]), "it serves there")
        server.stop()
        expect_files(folder, "c")


@test()
def a_file_in_a_folder_of_root_that_no_flag_names_any_more_goes(lab):
    """-u nobody in both, and in the new one alone, which names no Unix socket at all: its janitor does it."""
    nobody = ["-u", "nobody"]
    for before, behind in (nobody, nobody), ([], nobody):
        folder = lab.new_folder_of_root()
        paths = [os.path.join(folder, name) for name in ("a", "b")]
        old = lab.start("-s", paths[0], "-l", f"127.0.0.1,unix:{paths[1]}", *before)
        flags = [f"--engine={lab.engine}", "-p", str(old.port), *behind, f"--take-over={old.pid}"]
        ended = lab.run_server(*flags, "-Y", os.path.join(folder, "none"))
        check(ended.returncode != 0, f"exit status: {ended.stderr!r}")
        expect_files(folder, "a", "b")
        new = Process([lab.program.path, *flags], os.path.join(lab.new_folder(), "new"))
        new.start()
        try:
            old.expect_exit(0)
            expect_files(folder)
            check("taken over from" in new.output(), f"it said {new.output_end()}")
            new.send_signal(signal.SIGTERM)
            check_equal(0, new.wait(10), f"exit status of the new one, which said {new.output_end()}")
        finally:
            new.kill()


@test()
def who_has_no_rights_leaves_it_to_the_janitor_of_the_one_before(lab):
    """The old one began as root, the new one did not: what it may not remove goes with it."""
    if not shutil.which("setpriv"):
        raise Skip("setpriv is not installed (Debian package util-linux)")
    folder = lab.new_folder_of_root()
    path = os.path.join(folder, "a")
    old = lab.start("-u", "nobody", "-s", path)
    # Who runs it reads the program, wherever that is.
    copy = os.path.join(lab.new_folder(), "program")
    shutil.copy(lab.program.path, copy)
    entry = pwd.getpwnam("nobody")
    new = Process(["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", copy, f"--engine={lab.engine}",
                   "-p", str(old.port), f"--take-over={old.pid}"], os.path.join(lab.new_folder(), "new"))
    new.start()
    try:
        old.expect_exit(0)
        wait_until(lambda: "ready:" in new.output(), f"it serves; it says {new.output_end()}")
        new.send_signal(signal.SIGTERM)
        check_equal(0, new.wait(10), f"exit status of the new one, which said {new.output_end()}")
        expect_files(folder)
    finally:
        new.kill()


@test()
def a_file_that_was_replaced_before_a_take_over_stays(lab):
    """With and without a janitor: it is somebody else's, to the end, and its owner stays."""
    for user in [], ["-u", "nobody"]:
        folder = lab.new_folder_of_root()
        path = os.path.join(folder, "a")
        server = lab.start("-s", path, *user)
        put_another(path)
        for _ in range(2):
            server = lab.take_over(server, "-s", path, *user)
            check_equal(0, os.lstat(path).st_uid, "its owner")
        server.stop()
        expect_files(folder, "a")
        os.unlink(path)
        server = lab.start("-s", path, *user)
        os.unlink(path)
        server = lab.take_over(server, "-s", path, *user)
        server.stop()
        expect_files(folder)


# A server of nobody's that somebody else has got hold of: it offers a socket, says of two files that they are those of such, and dies.
FALSE_SERVER = """
import fcntl, mmap, os, socket, struct, sys
uid, victims = int(sys.argv[1]), sys.argv[2:]
os.setgroups([]); os.setgid(uid); os.setuid(uid)
def message(kind, fields=b""):
    return struct.pack("<4sHHI", b"RTPO", 1, kind, 12 + len(fields)) + fields
verdict = os.memfd_create("v", os.MFD_ALLOW_SEALING)
os.ftruncate(verdict, 4096)
fcntl.fcntl(verdict, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
mmap.mmap(verdict, 4096)[:8] = struct.pack("Q", 4)
listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listening.bind(f"\\0riposte-{os.getpid()}")
listening.listen(4)
print("listens", flush=True)
other, _ = listening.accept()
other.recv(4096)
settings = b"\\x01\\x00x" + struct.pack("<8Q3I2B", 1, 1 << 26, 1 << 20, 0, 0, 0, 0, 0, 1, 1000, len(victims), 0, 0)
socket.send_fds(other, [message(3, settings)], [verdict])
for victim in victims:
    offered = socket.socket(socket.AF_UNIX)
    offered.bind("")
    offered.listen()
    address = struct.pack("H", socket.AF_UNIX) + victim.encode().ljust(108, b"\\0")
    fields = struct.pack("<I", len(address)) + address + struct.pack("<IH", 1, 9) + b"memcached" + bytes(3)
    socket.send_fds(other, [message(4, fields)], [offered.fileno()])
    status = os.lstat(victim)
    other.send(message(0x8005, struct.pack("<QQ", status.st_dev, status.st_ino)))
other.send(message(5))
"""


@test()
def what_a_server_without_rights_says_of_files_is_not_believed(lab):
    """Root takes over from it, with -u, and removes no file of others that it names: not a socket, and nothing else."""
    folder = lab.new_folder_of_root()
    paths = [os.path.join(folder, name) for name in ("socket", "file")]
    put_another(paths[0])
    with open(paths[1], "wb"):
        pass
    uid = pwd.getpwnam("nobody").pw_uid
    false = Process([sys.executable, "-c", FALSE_SERVER, str(uid), *paths], os.path.join(lab.new_folder(), "false"))
    false.start()
    try:
        wait_until(lambda: "listens" in false.output(), f"the false one is there: {false.output_end()}")
        with lab.start(f"--take-over={false.pid}", "-u", "nobody", "-P", os.path.join(folder, "pid")).connect() as client:
            client.ask("version", "VERSION 1.6.45")
        said = lab.servers[-1].stderr_text()
        check(f"unix:{paths[0]} is not listened on any more" in said and "taken over from" in said, f"it has heard all of it, and said {said}")
        lab.servers[-1].stop()
        expect_files(folder, "socket", "file")
    finally:
        false.kill()


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
