# SPDX-License-Identifier: MIT
"""--take-over: the items' memory is there once, while both processes are there and afterwards, locked (-k) and not."""

from harness.outcome import Skip, check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until
from programs.machines import limited
from programs.memory_file import memory_file
from programs.take_over import Callers, other

COUNT, SIZE = 800, 100000
ITEMS_KIB = COUNT * SIZE // 1024  # and more: 78400 are used
SPARE_KIB = 8000


def fill(server):
    with server.connect() as client:
        client.ask("set key1 1 0 8\r\nvalue 1 ", "STORED")  # which Callers ask for
        for i in range(COUNT):
            client.set(f"item{i}", "x" * SIZE)


def expect_all(server):
    with server.connect() as client:
        for i in range(COUNT):
            check_equal(SIZE, len(client.get(f"item{i}")), f"item{i}")


def of_file(server, file, name):
    with open(f"/proc/{server.pid}/{file}", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def shared_kib(server):
    """Of the arena, which is a file of memory."""
    return of_file(server, "status", "RssShmem")


def private_kib(server):
    return of_file(server, "status", "RssAnon")


def locked_kib(server):
    """What cannot be paged out: pages that the process has used, of mappings that are locked."""
    return of_file(server, "smaps_rollup", "Locked")


@test(families=BOTH)
def memory_is_there_once(lab):
    """80 MB of values: what both processes together have of it, each page counted once, while they change and afterwards."""
    if lab.program.is_sanitized:
        raise Skip("a sanitizer keeps memory that was freed")
    server = lab.start("-m", "256")
    fill(server)
    before = shared_kib(server)
    check(before > ITEMS_KIB, f"{before} KiB are there")
    new = lab.take_over(server, "-m", "256")
    expect_all(new)
    after = shared_kib(new)
    check(after < before + SPARE_KIB, f"{after} KiB are there, before {before}")
    check(private_kib(new) < 30000, f"{private_kib(new)} KiB beside the arena")


def need_locks(lab, server):
    if "-k has no effect" in server.stderr_text():
        raise Skip("this process may not lock memory")
    if lab.program.is_sanitized:
        raise Skip("a sanitizer keeps memory that was freed")


@test(families=BOTH)
def locked_memory_is_there_once_and_stays_locked(lab):
    """-k: nobody asks for the items, and all of them are locked again soon; one arena, not what -m allows, and nobody is refused meanwhile."""
    server, engine = lab.start("-k", "-m", "256", "-t", "2"), lab.engine
    need_locks(lab, server)
    fill(server)
    before = locked_kib(server)
    check(before > ITEMS_KIB, f"{before} KiB are locked")
    with Callers(server):
        for _ in range(3):
            engine = other(engine)
            server = lab.take_over(server, "-k", "-m", "256", "-t", "2", engine=engine)
            wait_until(lambda: locked_kib(server) > ITEMS_KIB, "the items are locked")
    check(shared_kib(server) < before + SPARE_KIB, f"{shared_kib(server)} KiB are there, before {before}")
    check(private_kib(server) < 30000, f"{private_kib(server)} KiB beside the arena")
    expect_all(server)


@test()
def items_of_a_memory_file_are_locked_at_the_next_start(lab):
    """-k with -e: so are those that the last process has left in it."""
    with memory_file() as path:
        server = lab.start("-k", "-m", "256", "-e", path)
        need_locks(lab, server)
        fill(server)
        server.stop()
        server = lab.start("-k", "-m", "256", "-e", path)
        wait_until(lambda: locked_kib(server) > ITEMS_KIB, "the items are locked")
        expect_all(server)


@test()
def who_may_not_lock_memory_takes_over_all_the_same(lab):
    """-k under a small limit has no effect, and a line says so, of both."""
    prefix = limited(lab, f"--memlock={8 << 20}:{8 << 20}")
    server = lab.start("-k", "-m", "64", prefix=prefix)
    with server.connect() as client:
        client.set("a", "x")
    new = lab.take_over(server, "-k", "-m", "64", prefix=prefix)
    for each in server, new:
        check("-k has no effect" in each.stderr_text(), f"it said {each.stderr_tail()}")
    with new.connect() as client:
        client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
