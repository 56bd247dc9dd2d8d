# SPDX-License-Identifier: MIT
"""-e: what a server leaves in its memory file, what the next one takes, and what it says where it takes nothing."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time

from harness.connection import set_request
from harness.http import ask_status, http_connect, http_start
from harness.outcome import Skip, check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until

USAGE, SYSTEM = 64, 71
COUNT = 100000
BATCH = 1000
LARGE = 200 * 1024
UNCLEAN = "starts empty: the server that had it did not stop in order"


@contextlib.contextmanager
def memory_folder():
    """A folder on tmpfs, which is gone afterwards."""
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="riposte-wire-", dir=where)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def memory_file():
    with memory_folder() as folder:
        yield os.path.join(folder, "items")


def stop(server, number=signal.SIGUSR1):
    server.signal(number)
    server.expect_exit(0)


def said(server, words):
    wait_until(lambda: words in server.stderr_text(), f"{words!r} said; it says {server.stderr_tail()}")


def value_of(index):
    return f"value {index} " * (index % 7)


def fill(client):
    """All kinds: with flags and without, short and long, expiring and not, in pieces of a pipeline."""
    for begin in range(0, COUNT, BATCH):
        client.send(b"".join(set_request(f"key{i}", value_of(i), flags=i % 3, exptime=(0, 5000)[i % 2])
                             for i in range(begin, begin + BATCH)))
        client.expect(b"STORED\r\n" * BATCH)


def expect_all(client):
    for begin in range(0, COUNT, BATCH):
        client.send(b"".join(f"mg key{i} v f t\r\n".encode() for i in range(begin, begin + BATCH)))
        for i in range(begin, begin + BATCH):
            words = client.read_line().split(b" ")
            value = value_of(i).encode()
            check_equal([b"VA", str(len(value)).encode(), f"f{i % 3}".encode()], words[:3], f"key{i}")
            left = int(words[3][1:])
            check(left == -1 if i % 2 == 0 else 4900 <= left <= 5000, f"key{i} has {left} s left")
            check_equal(value + b"\r\n", client.read(len(value) + 2), f"value of key{i}")


@test(families=BOTH, long=True)
def all_items_are_there_after_a_restart(lab):
    """100,000 of all kinds, twice; CAS numbers are still valid and go on rising, counters count, what was deleted is not there."""
    with memory_file() as path:
        server = lab.start("-e", path, "-m", "256", "-t", "2")
        client = lab.connect(server)
        fill(client)
        large = "x" * LARGE
        client.set("large", large, flags=9)
        client.set("number", "41")
        client.set("gone", "x")
        client.ask("delete gone", "DELETED")
        client.ask("ms chosen 1 E12345\r\nx", "HD")
        client.ask("ms base 1\r\nb", "HD")
        client.send("mg number c\r\n")
        cas = int(client.read_line()[4:])
        client.set("number", "42")
        client.send("mg number c\r\n")
        cas_now = int(client.read_line()[4:])
        before = client.stats()
        for number in signal.SIGUSR1, signal.SIGTERM:
            stop(server, number)
            said(server, f"-e {path}: {COUNT + 4} items are left for the next start")
            server = lab.start("-e", path, "-m", "256", "-t", "2")
            said(server, f"-e {path}: {COUNT + 4} items are taken")
            client = lab.connect(server)
            expect_all(client)
            client.ask("get large", f"VALUE large 9 {LARGE}\r\n{large}\r\nEND")
            client.ask("get gone", "END")
            client.ask("mg chosen c", "HD c12345")
            client.ask("mg number c", f"HD c{cas_now}")
            after = client.stats()
            for name in "curr_items", "bytes":
                check_equal(before[name], after[name], name)
            check_equal(path, client.stats("settings")["memory_file"], "memory_file of stats settings")
        client.ask(f"cas number 0 0 1 {cas}\r\n7", "EXISTS")
        client.ask(f"cas number 0 0 1 {cas_now}\r\n7", "STORED")
        client.ask("incr number 1", "8")
        client.send("mg number c\r\n")
        check(int(client.read_line()[4:]) > cas_now, "CAS numbers do not rise")


def expect_types(server, types):
    """Each value at /cache/ has the type it was PUT with."""
    with http_connect(server) as web:
        for key, kind in types.items():
            check_equal(kind, ask_status(web, 200, "GET", f"/cache/{key}").fields["content-type"], f"type of {key}")


def put_typed(server, key, kind):
    with http_connect(server) as web:
        ask_status(web, 201, "PUT", f"/cache/{key}", f"Content-Type: {kind}\r\n", b"value")


@test(families=BOTH)
def media_types_stay_with_the_values(lab):
    """Usual ones and others, over restarts, one of them without HTTP; what the next server meets first is no other's."""
    with memory_file() as path:
        server = http_start(lab, "-e", path)
        types = {"a": "application/x-strange", "h": "text/html"}
        for key, kind in types.items():
            put_typed(server, key, kind)
        stop(server)
        server = lab.start("-e", path)
        check_equal(b"value", lab.connect(server).get("a"), "the value")
        stop(server)
        for key in "b", "c":
            server = http_start(lab, "-e", path)
            expect_types(server, types)
            types[key] = f"application/x-{key}"
            put_typed(server, key, types[key])
            expect_types(server, types)
            stop(server)


@test(waits=True)
def time_goes_on_without_a_server(lab):
    """An item with 2 s to live is gone when the next server comes after 3, one with 100 has 97 left."""
    with memory_file() as path:
        server = lab.start("-e", path)
        client = lab.connect(server)
        client.set("soon", "x", exptime=2)
        client.set("later", "x", exptime=100)
        client.set("absolute", "x", exptime=int(time.time()) + 100)
        begin = time.monotonic()
        stop(server)
        wait_until(lambda: time.monotonic() > begin + 3, "three seconds")
        client = lab.connect(lab.start("-e", path))
        client.ask("get soon", "END")
        passed = int(time.monotonic() - begin)
        for key in "later", "absolute":
            client.send(f"mg {key} t\r\n")
            left = int(client.read_line()[4:])
            check(100 - passed - 2 <= left <= 98, f"{key} has {left} s left after {passed}")


@test(waits=True)
def what_was_flushed_stays_flushed(lab):
    """flush_all, a later one, and a prefix."""
    with memory_file() as path:
        server = lab.start("-e", path)
        client = lab.connect(server)
        client.set("a", "x")
        client.ask("flush_all", "OK")
        client.set("user:1", "x")
        client.set("host:1", "x")
        client.ask("flush_prefix user:", "OK")
        client.set("user:2", "x")
        stop(server)
        server = lab.start("-e", path)
        client = lab.connect(server)
        client.ask("get a user:1 user:2 host:1", "VALUE user:2 0 1\r\nx\r\nVALUE host:1 0 1\r\nx\r\nEND")
        client.ask("flush_all 2", "OK")
        stop(server)
        client = lab.connect(lab.start("-e", path))
        wait_until(lambda: client.get("host:1") is None, "the later flush")


@test(families=BOTH)
def after_a_crash_it_starts_empty(lab):
    """SIGKILL: also of a server that had taken what one before had left."""
    with memory_file() as path:
        server = lab.start("-e", path)
        lab.connect(server).set("a", "x")
        server.kill()
        server = lab.start("-e", path)
        said(server, UNCLEAN)
        client = lab.connect(server)
        client.ask("get a", "END")
        client.set("a", "y")
        stop(server)
        server = lab.start("-e", path)
        lab.connect(server).ask("get a", "VALUE a 0 1\r\ny\r\nEND")
        server.kill()
        server = lab.start("-e", path)
        said(server, UNCLEAN)
        lab.connect(server).ask("get a", "END")


def change(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


@test(waits=True)
def says_why_it_takes_nothing(lab):
    """Another layout, another boot, a damaged block, a limit or an item size that does not fit; then it serves, empty."""
    for flags, offset, words in (((), 16, "it was left by another version"), ((), 24, "it is damaged"),
                                 ((), 70, "it is damaged"), (("-m", "1024"), None, "another -m, too far"),
                                 (("-I", "4m"), None, "it was made with a smaller -I")):
        with memory_file() as path:
            server = lab.start("-e", path)
            lab.connect(server).set("a", "x")
            stop(server)
            if offset is not None:
                change(path, offset, b"\x55")
            server = lab.start("-e", path, *flags)
            said(server, "starts empty: ")
            said(server, words)
            client = lab.connect(server)
            client.ask("get a", "END")
            client.set("a", "x")
            server.stop()


@test(waits=True)
def another_limit_and_other_workers_are_no_reason_to_start_empty(lab):
    """Twice and half of -m, four workers: what fits stays."""
    with memory_file() as path:
        flags = ("-m", "64", "-t", "1")
        for following in ("-m", "128", "-t", "4"), ("-m", "64", "-t", "2"), ("-m", "32", "-t", "1"):
            server = lab.start("-e", path, *flags)
            client = lab.connect(server)
            client.set("a", "x" * 1000)
            stop(server)
            server = lab.start("-e", path, *following)
            lab.connect(server).ask("get a", "VALUE a 0 1000\r\n" + "x" * 1000 + "\r\nEND")
            stop(server)
            flags = following


@test()
def a_file_that_is_no_memory_file_is_left_alone(lab):
    """Text, a folder, a link, a device, a file that others may write, one in use: a sentence each, and nothing is written."""
    with memory_folder() as folder:
        text, link = os.path.join(folder, "text"), os.path.join(folder, "link")
        loose = os.path.join(folder, "loose")
        with open(text, "w", encoding="ascii") as file:
            file.write("precious\n")
        os.chmod(text, 0o600)
        os.symlink(text, link)
        with open(loose, "w", encoding="ascii"):
            pass
        os.chmod(loose, 0o666)
        used = os.path.join(folder, "used")
        lab.start("-e", used)
        check_equal(0o600, stat.S_IMODE(os.stat(used).st_mode), "mode of the file")
        for path, status, words in ((text, USAGE, "holds something else, which would be lost"), (folder, SYSTEM, "directory"),
                                    (link, SYSTEM, "it is a link"), ("/dev/null", USAGE, "is no regular file"),
                                    (loose, USAGE, "others may write it"), (used, SYSTEM, "is in use by another process"),
                                    (folder + "/none/items", SYSTEM, "No such file or directory")):
            ended = lab.run_server("-p", "0", "-s", os.path.join(folder, "socket"), "-e", path)
            check_equal(status, ended.returncode, f"exit status with -e {path}: {ended.stderr!r}")
            check(words in ended.stderr.decode(), f"{path}: it said {ended.stderr!r}")
        with open(text, encoding="ascii") as file:
            check_equal("precious\n", file.read(), "the file")


@test()
def a_check_takes_nothing(lab):
    """--check looks at the file and leaves what is in it to the start that follows."""
    with memory_file() as path:
        server = lab.start("-e", path)
        lab.connect(server).set("a", "x")
        used = lab.run_server("--check", "-p", "-1", "-e", path)
        check(b"is in use by another process" in b" ".join(used.stdout.split()), f"it said {used.stdout!r}")
        stop(server)
        checked = lab.run_server("--check", "-p", "-1", "-e", path)
        check(b"-e " not in checked.stdout, f"it said {checked.stdout!r}")
        lab.connect(lab.start("-e", path)).ask("get a", "VALUE a 0 1\r\nx\r\nEND")


@test()
def without_the_flag_nothing_is_written(lab):
    """Neither file nor folder."""
    with memory_folder() as folder:
        server = lab.start()
        lab.connect(server).set("a", "x")
        server.stop()
        check_equal([], os.listdir(folder), "files")


@contextlib.contextmanager
def small_tmpfs(lab, size):
    folder = lab.new_folder()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder],
                                           capture_output=True, check=False).returncode != 0:
        raise Skip("no right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


@test(families=BOTH)
def a_full_file_system_kills_nobody(lab):
    """-m is more than the file system has: items get what is there, sets go on with eviction, the stop says what it left."""
    with small_tmpfs(lab, "16m") as folder:
        path = os.path.join(folder, "items")
        server = lab.start("-e", path, "-m", "64")
        said(server, "its file system has room for 16.00 MiB of the 6")
        said(server, " MiB that -m leaves to items; they get no more than that")
        client = lab.connect(server)
        value = "x" * 900
        for begin in range(0, 40000, BATCH):
            client.send(b"".join(set_request(f"key{i}", value) for i in range(begin, begin + BATCH)))
            client.expect(b"STORED\r\n" * BATCH)
        for i in range(30):
            client.set(f"large{i}", "y" * 900000)
        said(server, "the file system of the memory file is full")
        check(client.get("large29") is not None, "the last one is not there")
        check(int(client.stats()["evictions"]) > 0, "nothing was evicted")
        stop(server)
        check(" items are left for the next start" in server.stderr_text() or
              "the items cannot be left for the next start: No space left" in server.stderr_text(),
              f"it said {server.stderr_tail()}")
        client = lab.connect(lab.start("-e", path, "-m", "64"))
        client.set("again", "x")


@test(families=BOTH, waits=True)
def another_file_that_fills_the_file_system_ends_no_storing(lab):
    """The limit falls to what is there while segments are still large: each set goes on to find room."""
    with small_tmpfs(lab, "40m") as folder:
        server = lab.start("-e", os.path.join(folder, "items"), "-m", "200", "-t", "2")
        client = lab.connect(server)
        value = "x" * 50000
        for i in range(200):
            client.set(f"key{i}", value)
        with open(os.path.join(folder, "other"), "wb", 0) as other:
            try:
                while True:
                    other.write(bytes(65536))
            except OSError:
                pass
        for i in range(1000):
            client.set(f"more{i}", value)
        said(server, "the file system of the memory file is full")
        check(client.get("more999") is not None, "the last one is not there")
        os.unlink(os.path.join(folder, "other"))
        subprocess.run(["mount", "-o", "remount,size=400m", folder], check=True)
        wait_until(lambda: client.set("again", value) or "there is room in the memory file again" in server.stderr_text(),
                   "the limit is what it was", limit_s=40)
        for i in range(1000):
            client.set(f"again{i}", value)
        check(client.get("again0") is not None, "there is room for all of them")
