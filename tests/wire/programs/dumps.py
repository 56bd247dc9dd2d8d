# SPDX-License-Identifier: MIT
"""Listing keys: lru_crawler metadump and mgdump over many items, without holding anything up.

src/protocol/memcached/README.md, "Administrative commands".
"""

import re

from harness.connection import set_request
from harness.outcome import check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until
from harness.together import run_together

ITEMS_COUNT = 100_000
META_LINE = re.compile(rb"key=(\S+) exp=(-1|\d+) la=\d+ cas=\d+ fetch=(yes|no) cls=\d+ size=\d+ flags=\d+ ")


def start_with_items(lab, count, *flags):
    """A server with keys item-0 to item-<count - 1>."""
    server = lab.start("-m", "256", *flags)
    client = lab.connect(server)
    for begin in range(0, count, 2000):
        numbers = range(begin, min(begin + 2000, count))
        client.send(b"".join(set_request(f"item-{number}", "x", tail=" noreply") for number in numbers))
    wait_until(lambda: client.stats()["curr_items"] == str(count), "all items are stored", 30)
    return server


def read_dump(client, last):
    """The lines of a dump, which end in a bare line feed, up to the last line."""
    client.expect("OK\r\n")
    lines = []
    while True:
        line = client.read_line(b"\n")
        if line == last + b"\r":
            return lines
        lines.append(line)


def keys_of(lines):
    found = [META_LINE.fullmatch(line) for line in lines]
    bad = [line for line, match in zip(lines, found) if not match]
    check(not bad, f"not lines of a dump: {bad[:3]}")
    return [match[1].decode() for match in found]


@test(families=BOTH)
def metadump_lists_every_item_once(lab):
    """100,000 items, on two workers."""
    server = start_with_items(lab, ITEMS_COUNT, "-t", "2")
    client = lab.connect(server)
    client.send("lru_crawler metadump all\r\n")
    keys = keys_of(read_dump(client, b"END"))
    check_equal(ITEMS_COUNT, len(keys), "lines")
    check_equal({f"item-{number}" for number in range(ITEMS_COUNT)}, set(keys), "the keys")
    client.version()


@test(families=BOTH)
def mgdump_lists_every_item_as_a_command(lab):
    """The lines can be sent as they are: every one is a hit."""
    server = start_with_items(lab, 5000)
    client = lab.connect(server)
    client.send("lru_crawler mgdump hash\r\n")
    client.expect("OK\r\n")
    lines = client.read_lines_until("EN")
    check_equal(5000, len(lines), "lines")
    client.send(b"".join(line + b"\r\n" for line in lines[:500]))
    client.expect("HD\r\n" * 500)


@test(families=BOTH)
def others_are_served_while_a_dump_is_read_slowly(lab):
    """A client that asks for a dump and does not read; another one's requests are answered, also a second dump's."""
    server = start_with_items(lab, ITEMS_COUNT)
    slow, other, second = lab.connect(server), lab.connect(server), lab.connect(server)
    slow.send("lru_crawler metadump all\r\n")
    for number in range(300):
        check_equal(b"x", other.get(f"item-{number}"), "a value during the dump")
    second.send("lru_crawler metadump all\r\n")
    first_line = second.read_line(b"\r\n")
    busy = b"BUSY currently processing crawler request"
    check(first_line in (b"OK", busy), f"a second dump is answered {first_line}")
    check_equal(ITEMS_COUNT, len(keys_of(read_dump(slow, b"END"))), "lines of the slow dump")


@test(families=BOTH)
def items_that_come_and_go_during_a_dump_harm_nothing(lab):
    """Two clients store and delete while a third dumps: what was there all the time is in every dump."""
    server = start_with_items(lab, 20_000, "-t", "2")
    dumper, writers = lab.connect(server), [lab.connect(server) for _ in range(2)]
    stable = {f"item-{number}" for number in range(20_000)}
    done = []

    def dump():
        try:
            for _ in range(5):
                dumper.send("lru_crawler metadump all\r\n")
                keys = keys_of(read_dump(dumper, b"END"))
                check(stable <= set(keys), f"{len(stable - set(keys))} items are missing")
        finally:
            done.append(True)

    def write(client, name):
        turn = 0
        while not done:
            turn += 1
            client.send(b"".join(set_request(f"{name}-{turn}-{step}", "y") for step in range(200)))
            client.expect("STORED\r\n" * 200)
            client.send(b"".join(b"delete %s-%d-%d\r\n" % (name.encode(), turn, step) for step in range(200)))
            client.expect("DELETED\r\n" * 200)

    run_together([dump, lambda: write(writers[0], "a"), lambda: write(writers[1], "b")])


@test(families=BOTH)
def a_client_that_leaves_in_the_middle_of_a_dump_leaves_nothing(lab):
    """20 dumps that nobody reads to the end."""
    server = start_with_items(lab, ITEMS_COUNT)
    for _ in range(20):
        client = server.connect()
        client.send("lru_crawler metadump all\r\n")
        client.read_line()
        client.reset()
    other = lab.connect(server)
    wait_until(lambda: other.stats()["curr_connections"] == "2", "the connections are gone")
    other.send("lru_crawler metadump all\r\n")
    check_equal(ITEMS_COUNT, len(read_dump(other, b"END")), "lines of the next dump")
