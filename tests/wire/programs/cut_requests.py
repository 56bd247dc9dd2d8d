# SPDX-License-Identifier: MIT
"""Requests in pieces, and requests that are large: every cut, every byte, every size around a buffer's."""

import re

from harness.connection import set_request, value_reply
from harness.outcome import Failure, check, check_equal, shown
from harness.registry import ALL, BOTH, test
from harness.together import run_together

VALUE_SIZE_MAX = (1 << 20) - 1024
MULTIGET_LINE_SIZE_MAX = 1 << 20

PIPELINE = (
    b"set KEYa 7 0 10\r\nabcdefghij\r\n"
    b"get KEYa\r\n"
    b"gets missing KEYa\r\n"
    b"add KEYa 0 0 3 noreply\r\nxyz\r\n"
    b"append KEYa 0 0 4\r\n\r\n\r\n\r\n"
    b"incr KEYa 1\r\n"
    b"bad command\r\n"
    b"touch KEYa 0\n"
    b"set KEYb 0 0 3\r\nabc\r\n"
    b"delete KEYa\r\n"
    b"get KEYa KEYb\r\n"
    b"delete KEYb\r\n"
    b"version\r\n"
)
REPLIES = (
    rb"STORED\r\n"
    rb"VALUE KEYa 7 10\r\nabcdefghij\r\nEND\r\n"
    rb"VALUE KEYa 7 10 \d+\r\nabcdefghij\r\nEND\r\n"
    rb"STORED\r\n"
    rb"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
    rb"ERROR\r\n"
    rb"TOUCHED\r\n"
    rb"STORED\r\n"
    rb"DELETED\r\n"
    rb"VALUE KEYb 0 3\r\nabc\r\nEND\r\n"
    rb"DELETED\r\n"
    rb"VERSION \d+\.\d+\.\d+\r\n"
)

META_PIPELINE = (
    b"ms KEYa 10 F7 T0\r\nabcdefghij\r\n"
    b"mg KEYa v f k s Oopaque\r\n"
    b"mg missing v\n"
    b"mg missing v q\r\n"
    b"ms KEYa 4 MA q\r\n\r\n\r\n\r\n"
    b"ma KEYa\r\n"
    b"mx bad\r\n"
    b"ma KEYb N0 J12 v\r\n"
    b"get KEYa KEYb\r\n"
    b"md KEYa q\r\n"
    b"md KEYb k\r\n"
    b"mn\r\n"
    b"version\r\n"
)
META_REPLIES = (
    rb"HD\r\n"
    rb"VA 10 f7 kKEYa s10 Oopaque\r\nabcdefghij\r\n"
    rb"EN\r\n"
    rb"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
    rb"ERROR\r\n"
    rb"VA 2\r\n12\r\n"
    rb"VALUE KEYa 7 14\r\nabcdefghij\r\n\r\n\r\nVALUE KEYb 0 2\r\n12\r\nEND\r\n"
    rb"HD kKEYb\r\n"
    rb"MN\r\n"
    rb"VERSION \d+\.\d+\.\d+\r\n"
)


def expect_replies(client, replies, key, where):
    """Reads up to the version line and compares the whole."""
    got = b""
    while b"VERSION" not in got:
        got += client.read_line() + b"\r\n"
    if not re.fullmatch(replies.replace(b"KEY", key), got):
        raise Failure(f"{where}: unexpected replies {shown(got)}")


def cut_everywhere(lab, requests, replies):
    """The requests in two pieces, once for each place where they can be cut."""
    server = lab.start()
    witness = lab.connect(server)
    client = lab.connect(server)
    requests = requests.replace(b"KEY", b"k")
    for position in range(len(requests) + 1):
        client.send(requests[:position])
        witness.version()
        client.send(requests[position:])
        expect_replies(client, replies, b"k", f"cut at {position}")


def cut_at_random(lab, requests, replies):
    """Three connections take turns in sending pieces of random length, 60 times each."""
    server = lab.start()
    witness = lab.connect(server)
    clients = [(lab.connect(server), b"client%d" % index) for index in range(3)]
    for turn in range(60):
        left = {client: requests.replace(b"KEY", key) for client, key in clients}
        while any(left.values()):
            client = lab.random.choice([client for client, bytes_left in left.items() if bytes_left])
            size = lab.random.randrange(1, 1 + lab.random.choice((2, 20, 200)))
            client.send(left[client][:size])
            left[client] = left[client][size:]
            witness.version()
        for client, key in clients:
            expect_replies(client, replies, key, f"turn {turn}, {key.decode()}, seed {lab.seed}")


@test(families=ALL, reference=True)
def a_pipeline_cut_at_any_byte_is_answered_as_if_it_were_whole(lab):
    """Classic commands of every kind."""
    cut_everywhere(lab, PIPELINE, REPLIES)


@test(families=ALL, reference=True)
def a_meta_pipeline_cut_at_any_byte_is_answered_as_if_it_were_whole(lab):
    """Meta commands of every kind, classic ones among them."""
    cut_everywhere(lab, META_PIPELINE, META_REPLIES)


@test(families=ALL, reference=True)
def pipelines_in_random_pieces_are_answered_as_if_they_were_whole(lab):
    """Classic commands from three connections in turns."""
    cut_at_random(lab, PIPELINE, REPLIES)


@test(families=ALL, reference=True)
def meta_pipelines_in_random_pieces_are_answered_as_if_they_were_whole(lab):
    """Meta commands from three connections in turns."""
    cut_at_random(lab, META_PIPELINE, META_REPLIES)


@test(families=BOTH, reference=True, long=True)
def a_value_of_1_mib_sent_one_byte_at_a_time_is_stored(lab):
    """A million sends of one byte each (on a Unix socket an eighth of that); another client is served meanwhile."""
    server = lab.start()
    client, other = lab.connect(server), lab.connect(server)
    value = lab.random.randbytes(VALUE_SIZE_MAX if lab.family == "tcp" else VALUE_SIZE_MAX // 8)
    data = memoryview(set_request("large", value))
    send = client.socket.send
    for index in range(len(data)):
        send(data[index:index + 1])
        if index % 50_000 == 0:
            other.ask("get large", "END")
    client.expect("STORED\r\n")
    check_equal(value, other.get("large"), "the value")


@test(families=ALL, reference=True)
def values_of_every_size_around_a_buffer_come_back_as_they_were(lab):
    """Sizes one below, at and one above powers of two, pipelined in one go and read in one get."""
    server = lab.start()
    client = lab.connect(server)
    sizes = sorted({max(0, (1 << power) + step) for power in range(0, 20) for step in (-2, -1, 0, 1, 20, 40)})
    sizes = [size for size in sizes if size <= VALUE_SIZE_MAX]
    values = {f"size-{size}": lab.random.randbytes(size) for size in sizes}
    for key, value in values.items():
        client.send(set_request(key, value))
    client.expect("STORED\r\n" * len(sizes))
    for key, value in values.items():
        client.send(f"get {key}\r\n")
        client.expect(value_reply(key, value) + b"END\r\n", key)
    client.send("get " + " ".join(values) + "\r\n")
    client.expect(b"".join(value_reply(key, value) for key, value in values.items()) + b"END\r\n", "all in one get")


@test(families=ALL, reference=True)
def a_large_value_between_small_requests_keeps_their_order(lab):
    """A pipeline of small set, 700 KiB set, gets of both, six times over, sent in one go."""
    server = lab.start()
    client = lab.connect(server)
    large = lab.random.randbytes(700 << 10)
    turn = set_request("small", "x") + set_request("large", large) + b"get small\r\nget large\r\nget small\r\n"
    small_reply = value_reply("small", "x") + b"END\r\n"
    reply = b"STORED\r\n" * 2 + small_reply + value_reply("large", large) + b"END\r\n" + small_reply
    run_together([lambda: client.send(turn * 6), lambda: client.expect(reply * 6)])


@test(families=ALL)
def a_multiget_line_of_just_under_1_mib_is_served(lab):
    """Thousands of keys in one line, hits among the misses."""
    server = lab.start()
    client = lab.connect(server)
    client.set("hit", "x")
    line = b"get " + b"hit " * 1000
    line += b"m" * 200 + b" "
    while len(line) < MULTIGET_LINE_SIZE_MAX - 210:
        line += b"m" * 200 + b" "
    client.send(line + b"\r\n")
    client.expect(value_reply("hit", "x") * 1000 + b"END\r\n")


@test(families=ALL, long=True)
def a_multiget_line_of_any_length_is_answered_and_holds_no_memory(lab):
    """8 MB in one line: every hit comes back, the server does not grow by it, another client is served meanwhile."""
    server = lab.start()
    client, other = lab.connect(server), lab.connect(server)
    other.set("hit", "x")
    before_kib = server.resident_kib()
    client.send(b"get hit")
    for _ in range(400):
        client.send(b" " + b" ".join(b"%0200d" % number for number in range(100)))
        other.ask("mn", "MN")
    growth_kib = server.resident_kib() - before_kib
    check(lab.program.is_sanitized or growth_kib < 4096, f"the server grew by {growth_kib} KiB")
    client.send(b" hit\r\n")
    client.expect(value_reply("hit", "x") * 2 + b"END\r\n")
    check_equal("0", server.own_stats()["closed_line_too_long"], "closed_line_too_long")
