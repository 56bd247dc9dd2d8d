# SPDX-License-Identifier: MIT
"""Clients that do not read, stop in the middle, or vanish: nobody else notices and nothing is kept."""

import select
import socket
import time

from harness.connection import set_request, value_reply
from harness.outcome import check, check_equal
from harness.registry import ALL, BOTH, test
from harness.server import wait_until
from harness.together import run_together

MIB = 1 << 20
PIPELINE_SIZE = 64 * MIB
BLOCKED_S = 0.5  # a socket that takes nothing for so long is full
GROWTH_KIB_MAX = 48 << 10  # the output bound of 8 MiB, socket buffers are the kernel's, and room for slack


def send_as_much_as_possible(client, data, total):
    """Sends `data` again and again, `total` bytes at most, until the socket stays full; how many bytes it took."""
    view, sent = memoryview(data), 0
    client.socket.setblocking(False)
    while sent < total:
        try:
            sent += client.socket.send(view[sent % len(view):])
        except BlockingIOError:
            if not select.select([], [client.socket], [], BLOCKED_S)[1]:
                break
        except (BrokenPipeError, ConnectionResetError):
            break
    client.socket.settimeout(client.limit_s)
    return sent


def never_read(lab, server, value_size):
    """A client sends 64 MiB of gets and reads nothing; returns it. Memory stays bounded, another client is served."""
    other = lab.connect(server)
    other.set("k", "v" * value_size)
    for _ in range(100):
        other.get("k")
    before_kib = server.resident_kib()
    client = lab.connect(server)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    send_as_much_as_possible(client, b"get k\r\n" * 8192, PIPELINE_SIZE)
    for _ in range(100):
        check_equal(value_size, len(other.get("k")), "the value another client reads")
    growth_kib = server.resident_kib() - before_kib
    good = lab.program.is_sanitized or growth_kib < GROWTH_KIB_MAX
    check(good, f"the server grew by {growth_kib} KiB, at most {GROWTH_KIB_MAX} allowed")
    return client


@test(families=BOTH, waits=True)
def a_client_that_pipelines_64_mib_of_gets_and_never_reads_is_bounded_and_closed(lab):
    """With small values: memory bounded, others served, closed after --write-timeout and counted as slow_reader."""
    server = lab.start("--write-timeout=2")
    client = never_read(lab, server, 100)
    wait_until(lambda: server.own_stats()["closed_slow_reader"] == "1", "closed as a slow reader", 15)
    check(int(server.own_stats()["output_pauses"]) >= 1, "the connection was paused before")
    client.close()


@test(families=BOTH, waits=True)
def a_client_that_asks_for_large_values_and_never_reads_is_bounded_and_closed(lab):
    """The same with values of 300 KiB, which are sent from the store's own memory."""
    server = lab.start("--write-timeout=2")
    client = never_read(lab, server, 300 << 10)
    wait_until(lambda: server.own_stats()["closed_slow_reader"] == "1", "closed as a slow reader", 15)
    client.close()


@test(families=BOTH, waits=True)
def a_slow_reader_that_goes_on_reading_is_not_closed(lab):
    """Output far above the bound, read little by little for longer than --write-timeout: every byte arrives."""
    server = lab.start("--write-timeout=2", "--conn-output-limit=64k")
    client = lab.connect(server)
    value = lab.random.randbytes(8000)
    client.set("k", value)
    reply = value_reply("k", value) + b"END\r\n"
    count = 600
    run_together([lambda: client.send(b"get k\r\n" * count), lambda: read_slowly(client, reply, count)])
    check_equal("0", server.own_stats()["closed_slow_reader"], "connections closed as slow readers")
    check(int(server.own_stats()["output_pauses"]) >= 1, "the connection was paused and went on")


def read_slowly(client, reply, count):
    """Reads all replies over about three seconds."""
    begin = time.monotonic()
    for index in range(count):
        client.expect(reply, f"reply {index}")
        time.sleep(max(0.0, begin + 3.0 * index / count - time.monotonic()))


@test(families=ALL, reference=True)
def a_reset_in_the_middle_of_a_value_stores_nothing(lab):
    """50 clients announce 1 MB, send half and reset."""
    server = lab.start()
    other = lab.connect(server)
    for _ in range(50):
        client = server.connect()
        client.send(b"set a 0 0 1000000\r\n" + b"x" * 500_000)
        client.reset()
    wait_until(lambda: server.descriptors_count() and other.get("a") is None, "no value")
    other.set("a", "x")
    check_equal(b"x", other.get("a"), "the value afterwards")


@test(families=ALL)
def unfinished_values_of_vanished_clients_give_their_memory_back(lab):
    """Half-sent values are charged to --conn-memory while they arrive, and no longer when their clients are gone."""
    server = lab.start()
    before = int(server.own_stats()["conn_memory"])
    clients = [server.connect() for _ in range(20)]
    for client in clients:
        client.send(b"set a 0 0 1000000\r\n" + b"x" * 500_000)
    wait_until(lambda: int(server.own_stats()["conn_memory"]) >= before + 9_900_000, "unfinished values are charged")
    for client in clients:
        client.reset()
    wait_until(lambda: int(server.own_stats()["conn_memory"]) <= before + 100_000, "their memory is back")


@test(families=ALL, reference=True)
def a_half_close_after_a_pipeline_is_answered_whole_and_then_ended(lab):
    """2,000 requests, then the client says it is done: all replies, then the end."""
    server = lab.start()
    client = lab.connect(server)
    client.send(set_request("a", "x" * 100) + b"get a\r\n" * 2000)
    client.end()
    client.expect(b"STORED\r\n" + (value_reply("a", "x" * 100) + b"END\r\n") * 2000)
    client.expect_end()


@test(families=ALL, reference=True)
def a_half_close_after_a_request_for_much_is_answered_whole(lab):
    """20 values of 500 KiB: more than any buffer holds when the end arrives."""
    server = lab.start()
    client = lab.connect(server)
    value = lab.random.randbytes(500 << 10)
    client.set("a", value)
    client.send(b"get a\r\n" * 20)
    client.end()
    for index in range(20):
        client.expect(value_reply("a", value) + b"END\r\n", f"value {index}")
    client.expect_end()


@test(families=ALL, reference=True)
def printf_version_and_a_half_close_is_answered_and_closed(lab):
    """What `printf 'version\\r\\n' | nc` does."""
    server = lab.start()
    with server.connect() as client:
        client.send("version\r\n")
        client.end()
        check_equal(b"VERSION ", client.read_to_end()[:8], "the reply")


@test(families=ALL, reference=True)
def a_client_that_leaves_without_reading_harms_nobody(lab):
    """Replies to a closed socket end in SIGPIPE for a careless server; 100 times over."""
    server = lab.start()
    other = lab.connect(server)
    other.set("a", "x" * 100_000)
    for index in range(100):
        client = server.connect()
        client.send(b"get a\r\n" * 50)
        client.reset() if index % 2 else client.close()
    check_equal(100_000, len(other.get("a")), "the value another client reads")


@test(families=ALL, reference=True)
def a_value_being_sent_keeps_its_bytes_while_the_key_is_overwritten_and_deleted(lab):
    """One client asks for 40 values of 900 KiB and reads late; another overwrites and deletes the key meanwhile."""
    server = lab.start("-m", "512")
    reader, writer = lab.connect(server), lab.connect(server)
    size = 900 << 10
    writer.set("k", b"0" * size)
    reader.send(b"get k\r\n" * 40)
    for digit in b"123456789":
        writer.set("k", bytes([digit]) * size)
    writer.ask("delete k", "DELETED")
    versions = [read_one_version(reader, size) for _ in range(40)]
    check(versions == sorted(versions), f"versions come in the order they were written: {versions}")


def read_one_version(reader, size):
    """The digit of one reply, b":" when the key was gone (it sorts behind the digits). All bytes are of one version."""
    line = reader.read_line()
    if line == b"END":
        return b":"
    check_equal(b"VALUE k 0 %d" % size, line, "the line of a value")
    value = reader.read(size)
    reader.expect("\r\nEND\r\n")
    check_equal(size, value.count(value[:1]), "bytes of one version in a value")
    return value[:1]


@test(families=ALL, reference=True)
def a_deep_pipeline_of_one_client_does_not_hold_up_another(lab):
    """While one connection has 200,000 requests waiting another is served; the fairness counter moves."""
    server = lab.start()
    busy, other = lab.connect(server), lab.connect(server)
    other.set("a", "x")

    def read_all():
        busy.expect(b"VALUE a 0 1\r\nx\r\nEND\r\n" * 200_000)

    def ask():
        for _ in range(200):
            other.ask("get a", "VALUE a 0 1\r\nx\r\nEND")

    run_together([lambda: busy.send(b"get a\r\n" * 200_000), read_all, ask])
    check(int(other.stats()["conn_yields"]) > 0, "conn_yields is above 0")


