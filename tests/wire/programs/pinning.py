# SPDX-License-Identifier: MIT
"""--pin: workers that have to wait for their CPU, because other programs use it, too, and what becomes of them."""

import contextlib
import os
import sys
import threading

from harness.outcome import Skip, check, check_equal
from harness.registry import test
from harness.server import wait_until
from process import Process

HOGS = 4  # beside them a worker has a fifth of its CPU, where it wants all of it
BUSY = "while True: pass"
BATCH = b"get nothing\r\n" * 500
ANSWER = b"END\r\n" * 500
WAITED_NS = 200_000_000
LIMIT_S = 30.0


def need_two_cpus():
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU: there is no other one to go to")


def need_run_delay():
    if not os.path.exists("/proc/thread-self/schedstat"):
        raise Skip("this kernel does not say what a thread waits")


def cpus_of_threads(server):
    """thread -> the CPUs on which it may run."""
    return {int(thread): os.sched_getaffinity(int(thread)) for thread in os.listdir(f"/proc/{server.pid}/task")}


def tied(server):
    """The threads that are kept on one CPU, and which that is."""
    return {thread: min(cpus) for thread, cpus in cpus_of_threads(server).items() if len(cpus) == 1}


@contextlib.contextmanager
def busy_cpu(lab, cpu):
    """Programs that use this CPU and never sleep."""
    with contextlib.ExitStack() as stack:
        for number in range(HOGS):
            command = [lab.need("taskset", "util-linux"), "-c", cpu, sys.executable, "-c", BUSY]
            stack.enter_context(Process(command, os.path.join(lab.folder, f"hog{number}")))
        yield


@contextlib.contextmanager
def busy_server(lab, server):
    """A client that gives the worker something to do all the time."""
    client, ended = lab.connect(server), threading.Event()

    def ask():
        while not ended.is_set():
            client.send(BATCH)
            client.expect(ANSWER)
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def number(server, name):
    return int(server.own_stats()[name])


@test()
def a_worker_that_has_to_wait_for_its_cpu_may_use_others(lab):
    """And the process that takes over begins tied, with the same counter."""
    need_two_cpus()
    need_run_delay()
    server = lab.start()
    with busy_cpu(lab, min(os.sched_getaffinity(0))), busy_server(lab, server):
        wait_until(lambda: number(server, "cpu_unpins") > 0, "the worker is let go", LIMIT_S)
        check_equal({}, tied(server), "threads that are kept on a CPU")
        check_equal(1, number(server, "cpu_unpinned"), "workers that are let go")
        check(number(server, "cpu_wait_ns") > 0, "waits are counted")
    check_equal(1, server.stderr_text().count("other programs use"), "lines that say so")
    counted = number(server, "cpu_unpins")
    after = lab.take_over(server)
    # on a machine as busy as that it may be let go at once
    check(len(tied(after)) == 1 or number(after, "cpu_unpins") > counted, "the one that has taken over begins tied")
    check(number(after, "cpu_unpins") >= counted, "what was counted goes on")


@test()
def a_worker_stays_where_it_is_told_to(lab):
    """--pin=on: however long it waits."""
    need_run_delay()
    server = lab.start("--pin=on")
    before = tied(server)
    check_equal(1, len(before), "workers that are tied")
    with busy_cpu(lab, min(before.values())), busy_server(lab, server):
        wait_until(lambda: number(server, "cpu_wait_ns") > WAITED_NS, "the worker has waited", LIMIT_S)
    check_equal(before, tied(server), "threads that are tied")
    check_equal(0, number(server, "cpu_unpins"), "how often it was let go")


@test()
def with_one_cpu_nobody_is_let_go(lab):
    """taskset to one CPU, as a container may be."""
    need_run_delay()
    cpu = min(os.sched_getaffinity(0))
    server = lab.start(prefix=(lab.need("taskset", "util-linux"), "-c", str(cpu)))
    with busy_cpu(lab, cpu), busy_server(lab, server):
        wait_until(lambda: number(server, "cpu_wait_ns") > WAITED_NS, "the worker has waited", LIMIT_S)
    check_equal(0, number(server, "cpu_unpins"), "how often it was let go")
    check_equal({cpu}, set(tied(server).values()), "CPUs of all threads")


@test()
def workers_that_are_not_to_be_tied_are_not(lab):
    """--no-pin and --pin=off; with on each worker has a CPU of its own."""
    for flag in "--no-pin", "--pin=off":
        server = lab.start("-t", "2", flag)
        check_equal({frozenset(os.sched_getaffinity(0))}, {frozenset(cpus) for cpus in cpus_of_threads(server).values()}, flag)
    need_two_cpus()
    check_equal(2, len(set(tied(lab.start("-t", "2", "--pin=on")).values())), "CPUs of two workers")
