# SPDX-License-Identifier: MIT
"""Many connections: on all workers at once, idle in thousands, coming and going, killed."""

import os
import resource
import sys
import threading

from harness.connection import value_reply
from harness.outcome import Skip, check, check_equal
from harness.registry import ALL, BOTH, test
from harness.server import wait_until
from harness.together import run_together, slices
from process import Process

CLIENTS_COUNT = 200
THREADS_COUNT = 8
ROUNDS_COUNT = 3
IDLE_COUNT = 10_000
DESCRIPTORS_SPARE = 500

KILLED_CLIENT = """
import socket, sys, time
family = socket.AF_UNIX if sys.argv[1] == "unix" else socket.AF_INET
address = sys.argv[2] if sys.argv[1] == "unix" else ("127.0.0.1", int(sys.argv[2]))
open_sockets = []
for index in range(20):
    client = socket.socket(family)
    client.connect(address)
    client.sendall([b"", b"get", b"set a 0 0 1000\\r\\nhalf", b"get a\\r\\n" * 100][index % 4])
    open_sockets.append(client)
print("ready", flush=True)
time.sleep(600)
"""


@test(families=ALL, reference=True, long=True)
def clients_on_all_workers_read_each_others_writes(lab):
    """200 connections from 8 threads, 4 workers; in each round everyone writes, then everyone reads everything."""
    server = lab.start("-t", "4")
    clients = [lab.connect(server) for _ in range(CLIENTS_COUNT)]
    barrier = threading.Barrier(THREADS_COUNT, timeout=30)

    def key(index):
        return f"client-{index}"

    def value(index, turn):
        return f"{index}.{turn}.".encode() * (1 + index % 40)

    def serve(indexes):
        for turn in range(ROUNDS_COUNT):
            for index in indexes:
                clients[index].set(key(index), value(index, turn), flags=index)
            barrier.wait()
            for index in indexes:
                read_all(clients[index], index, turn)
            barrier.wait()

    def read_all(client, reader, turn):
        order = [(reader + step) % CLIENTS_COUNT for step in range(CLIENTS_COUNT)]
        client.send("get " + " ".join(key(index) for index in order) + "\r\n")
        expected = b"".join(value_reply(key(index), value(index, turn), index) for index in order)
        client.expect(expected + b"END\r\n", f"client {reader} reads what all wrote in turn {turn}")

    run_together([lambda indexes=indexes: serve(indexes) for indexes in slices(range(CLIENTS_COUNT), THREADS_COUNT)])


@test()
def tcp_connections_spread_over_all_workers(lab):
    """Every worker has its own listener and gets a share of the connections."""
    server = lab.start("-t", "4")
    for _ in range(CLIENTS_COUNT):
        lab.connect(server).version()
    figures = server.own_stats()
    shares = [int(figures[f"worker_{index}_connections"]) for index in range(4)]
    check(min(shares) > 0, f"a worker has no connection: {shares}")
    check_equal(CLIENTS_COUNT + 1, sum(shares), "connections over all workers, this one included")


@test(families=BOTH, reference=True)
def counting_clients_lose_no_increment(lab):
    """16 threads count one number up on 4 workers; the sum is exact."""
    server = lab.start("-t", "4")
    first = lab.connect(server)
    first.set("n", "0")
    count = 200

    def count_up(client):
        for _ in range(count):
            client.send("incr n 1\r\n")
            client.read_line()

    clients = [lab.connect(server) for _ in range(16)]
    run_together([lambda client=client: count_up(client) for client in clients])
    check_equal(str(16 * count).encode(), first.get("n"), "the number after all increments")


@test(families=ALL, reference=True)
def compare_and_swap_lets_exactly_one_of_many_win(lab):
    """8 threads update one value by gets and cas until each has won 25 times; nothing is lost."""
    server = lab.start("-t", "4")
    first = lab.connect(server)
    first.set("sum", "0")
    wins = 25

    def win(client):
        won = 0
        while won < wins:
            client.send("gets sum\r\n")
            unique = client.read_line().split(b" ")[4]
            number = int(client.read_line())
            client.expect("END\r\n")
            data = str(number + 1).encode()
            client.send(b"cas sum 0 0 %d %s\r\n%s\r\n" % (len(data), unique, data))
            won += client.read_line() == b"STORED"

    clients = [lab.connect(server) for _ in range(8)]
    run_together([lambda client=client: win(client) for client in clients])
    check_equal(str(8 * wins).encode(), first.get("sum"), "the sum after all updates")


@test(families=BOTH, long=True, limit_s=90)
def ten_thousand_idle_connections_leave_the_server_serving(lab):
    """10,000 connections that say nothing, some with half a request; a busy one is served, then any of them."""
    need_descriptors(IDLE_COUNT + DESCRIPTORS_SPARE)
    server = lab.start("-t", "2")
    idle = []
    try:
        for index in range(IDLE_COUNT):
            idle.append(server.connect())
            if index % 100 == 0:
                idle[index].send("get so")
        busy = lab.connect(server)
        busy.set("some", "x")
        for _ in range(1000):
            busy.ask("get some", "VALUE some 0 1\r\nx\r\nEND")
        # A connection is the client's when the kernel says so, and counted when its worker has taken it.
        wait_until(lambda: busy.stats()["curr_connections"] == str(IDLE_COUNT + 1), "all are counted", 30)
        for index in range(0, IDLE_COUNT, 50):
            request = "me" if index % 100 == 0 else "get some"  # the rest of "get some", or all of it
            idle[index].ask(request, "VALUE some 0 1\r\nx\r\nEND", f"idle client {index}")
        close_all(idle)
        wait_until(lambda: busy.stats()["curr_connections"] == "1", "curr_connections is 1 again", 30)
    finally:
        close_all(idle)


def close_all(connections):
    """Resets instead of ends, so that the ports are free again at once."""
    while connections:
        connections.pop().reset()


def need_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Skip(f"needs {count} descriptors, the hard limit is {hard}")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


@test(families=BOTH, reference=True)
def a_health_probe_that_connects_and_closes_leaves_nothing_behind(lab):
    """300 connections without a byte; the count of connections goes back, the server serves."""
    server = lab.start()
    client = lab.connect(server)
    for _ in range(300):
        server.connect().close()
    wait_until(lambda: connections_count(client) == 1, "one connection is left")
    client.set("a", "x")


@test(families=BOTH, reference=True)
def a_killed_client_leaks_nothing(lab):
    """A client process with 20 connections, idle, cut short and with unread replies, is killed."""
    server = lab.start()
    client = lab.connect(server)
    client.set("a", "x" * 1000)
    before = server.descriptors_count()
    address = server.socket_path if lab.family == "unix" else str(server.port)
    command = [sys.executable, "-c", KILLED_CLIENT, lab.family, address]
    with Process(command, os.path.join(lab.new_folder(), "output")) as process:
        wait_until(lambda: process.output() == "ready\n", "the client process is ready")
        wait_until(lambda: connections_count(client) == 21, "21 connections are open")
        process.kill()
    wait_until(lambda: connections_count(client) == 1, "one connection is left")
    wait_until(lambda: server.descriptors_count() <= before, "no descriptor is left")


def connections_count(client):
    return int(client.stats()["curr_connections"])


@test(families=BOTH, reference=True)
def connections_that_come_and_go_are_all_served(lab):
    """1,000 times connect, one request, close; on four threads."""
    server = lab.start("-t", "2")
    lab.connect(server).set("a", "x")

    def churn():
        for _ in range(250):
            with server.connect() as client:
                client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")
                client.reset()

    run_together([churn] * 4)
