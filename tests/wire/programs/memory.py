# SPDX-License-Identifier: MIT
"""The memory limit: never exceeded, met by evicting, or by an error with -M; and given back."""

import random

from harness.connection import set_request
from harness.crowd import Crowd, Member
from harness.outcome import check, check_equal
from harness.registry import test
from harness.server import wait_until

MIB = 1 << 20
LIMIT_MIB = 64
RESIDENT_SLACK_KIB = 24 << 10  # code, stacks, rings, buffers, and what the allocator keeps
PEAK_SLACK_KIB = 16 << 10
UPLOADS_SLACK_MIB = 10  # the program, and what the allocator keeps for a millisecond
WORKER_RESIDENT_KIB = 400  # of one that has nobody to serve yet: rings, stack, the allocator's first pages


def store_much(lab, server, client, total_size):
    """Stores values of mixed sizes until total_size bytes have been sent; looks at the figures on the way."""
    stored, index, limit = 0, 0, int(server.own_stats()["memory_size_max"])
    check_equal(LIMIT_MIB * MIB, int(client.stats()["limit_maxbytes"]), "limit_maxbytes, as -m says")
    fixed_size = int(server.own_stats()["engine_fixed_memory_size"])
    check_equal(LIMIT_MIB * MIB, limit + fixed_size, "the store's part and the engine's")
    while stored < total_size:
        batch = []
        for _ in range(100):
            size = lab.random.choice((10, 100, 1000, 5000, 20_000, 100_000))
            batch.append(set_request(f"key-{index}", bytes([index % 251]) * size, tail=" noreply"))
            stored += size
            index += 1
        client.send(b"".join(batch))
        figures = server.own_stats()
        check(int(figures["memory_size"]) <= limit, f"memory_size {figures['memory_size']} is above {limit}")
        check_equal(str(limit), figures["memory_size_max"], "memory_size_max")
    return index


def check_resident(lab, server, limit_mib):
    """The whole process stays near the limit of its items."""
    allowed = (limit_mib << 10) + RESIDENT_SLACK_KIB
    resident = server.resident_kib()
    check(lab.program.is_sanitized or resident <= allowed, f"resident memory is {resident} KiB, allowed {allowed}")


@test(long=True)
def the_memory_limit_is_never_exceeded_while_far_more_is_stored(lab):
    """-m 64 and 400 MB of values of 10 bytes to 100 KB: the charge and the resident memory stay below."""
    server = lab.start("-m", str(LIMIT_MIB))
    client = lab.connect(server)
    count = store_much(lab, server, client, 400 * 1000 * 1000)
    client.set("last", "x")
    check_equal(b"x", client.get("last"), "the value stored last")
    check_resident(lab, server, LIMIT_MIB)
    figures = client.stats()
    check(int(figures["evictions"]) > 0, "nothing was evicted")
    check(int(figures["curr_items"]) < count, "everything is still there")
    check(int(figures["bytes"]) <= LIMIT_MIB * MIB, f"bytes is {figures['bytes']}")


@test()
def a_worker_that_has_served_nobody_takes_little(lab):
    """What eight more workers add to the resident memory of a start: no buffer is touched before it is used."""
    few, many = (lab.start("-m", "1024", "-t", str(count)).resident_kib() for count in (1, 9))
    good = lab.program.is_sanitized or (many - few) / 8 <= WORKER_RESIDENT_KIB
    check(good, f"a worker takes {(many - few) / 8} KiB: {few} of one, {many} of nine")


@test()
def many_small_items_are_charged_with_their_index(lab):
    """-m 16 and 600,000 items of a few bytes from two connections: the index grows inside the limit."""
    server = lab.start("-m", "16")
    client = lab.connect(server)
    for base in range(0, 600_000, 5000):
        client.send(b"".join(set_request(f"k{base + step}", "x", tail=" noreply") for step in range(5000)))
        figures = server.own_stats()
        check(int(figures["memory_size"]) <= 16 * MIB, f"memory_size is {figures['memory_size']}")
    check_resident(lab, server, 16)
    check(int(client.stats()["curr_items"]) > 50_000, "hardly anything is kept")


@test()
def what_is_read_often_outlives_what_is_not(lab):
    """50 keys that are read all the time among much that is stored once: nearly all of them are still there."""
    server = lab.start("-m", "16")
    client = lab.connect(server)
    hot = [f"hot-{index}" for index in range(50)]
    for key in hot:
        client.set(key, "h" * 100)
    for base in range(0, 100_000, 500):
        client.send(b"".join(set_request(f"cold-{base + step}", "c" * 400, tail=" noreply") for step in range(500)))
        client.send("get " + " ".join(hot) + "\r\n")
        client.read_values()
    check(int(client.stats()["evictions"]) > 10_000, "hardly anything was evicted")
    client.send("get " + " ".join(hot) + "\r\n")
    left = len(client.read_values())
    check(left >= 45, f"only {left} of 50 keys that were read often are left")


@test()
def a_full_store_answers_an_error_with_m(lab):
    """-M: SERVER_ERROR out of memory storing object, nothing evicted; after a delete there is room again."""
    server = lab.start("-m", "16", "-M")
    client = lab.connect(server)
    value, stored = b"v" * 100_000, 0
    while True:
        client.send(set_request(f"key-{stored}", value))
        line = client.read_line()
        if line != b"STORED":
            break
        stored += 1
        check(stored < 170, "17 MB are stored in 16 MiB")
    check_equal(b"SERVER_ERROR out of memory storing object", line, "the reply when the store is full")
    check(stored > 100, f"the store is full after {stored} values of 100 KB")
    check_equal(value, client.get("key-0"), "the first value")
    check_equal("0", client.stats()["evictions"], "evictions")
    client.ask("delete key-0", "DELETED")
    client.ask("delete key-1", "DELETED")
    client.set("again", value)


@test()
def a_set_that_finds_no_memory_leaves_no_old_value(lab):
    """-M: when storing fails for want of memory the old value of the key is gone, as it is for a too large one."""
    server = lab.start("-m", "16", "-M")
    client = lab.connect(server)
    client.set("old", "x")
    index = 0
    while True:
        client.send(set_request(f"key-{index}", b"v" * 50_000))
        index += 1
        if client.read_line() != b"STORED":
            break
    client.send(set_request("old", b"v" * 500_000))
    check_equal(b"SERVER_ERROR out of memory storing object", client.read_line(), "the reply")
    check_equal(None, client.get("old"), "the old value")


@test()
def a_flush_gives_the_memory_back(lab):
    """30 MB stored, flush_all, 30 MB stored again: nothing needs to be evicted."""
    server = lab.start("-m", "64")
    client = lab.connect(server)
    for _ in range(4):
        for index in range(300):
            client.send(set_request(f"key-{index}", b"v" * 100_000, tail=" noreply"))
        client.ask("flush_all", "OK")
    check_equal("0", client.stats()["evictions"], "evictions")


@test()
def expired_items_are_taken_before_live_ones(lab):
    """Half of the store has expired when room is needed: the live half stays, but for a stray item."""
    server = lab.start("-m", "64")
    client = lab.connect(server)
    for index in range(250):
        client.send(set_request(f"live-{index}", b"v" * 100_000, tail=" noreply"))
        client.send(set_request(f"dead-{index}", b"v" * 100_000, exptime=-1, tail=" noreply"))
    for index in range(250):
        client.send(set_request(f"more-{index}", b"v" * 100_000, tail=" noreply"))
    client.send("get " + " ".join(f"live-{index}" for index in range(250)) + "\r\n")
    left = len(client.read_values())
    check(left >= 240, f"{left} of 250 live values are left")


def check_limit(client, limit_mib):
    """Both lists say it."""
    check_equal(str(limit_mib * MIB), client.stats()["limit_maxbytes"], "limit_maxbytes")
    check_equal(str(limit_mib * MIB), client.stats("settings")["maxbytes"], "maxbytes of stats settings")


@test()
def every_list_says_the_memory_limit_as_the_flag_does(lab):
    """-m with the engine's buffers and the files of HTTP in it, and cache_memlimit after it."""
    server = lab.start("-m", "96", "--http=127.0.0.1:0", f"--http-root={lab.new_folder()}")
    client = lab.connect(server)
    check_limit(client, 96)
    client.ask("cache_memlimit 96", "OK")
    check_limit(client, 96)
    client.ask("cache_memlimit 80", "OK")
    check_limit(client, 80)


@test()
def a_lowered_limit_is_what_was_asked_for_and_holds_two_of_the_largest_items(lab):
    """cache_memlimit counts the engine's share as -m does; one large set neither fails nor empties the store."""
    server = lab.start("-m", "200", "-I", "20m")
    client = lab.connect(server)
    client.ask("cache_memlimit 40", "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 41m")
    client.ask("cache_memlimit 41", "OK")
    check_limit(client, 41)
    for number in range(1000):
        client.set(f"small-{number}", "x" * 1000)
    client.set("large", "y" * (20 * MIB - 1000))
    check_equal(20 * MIB - 1000, len(client.get("large")), "size of the large value")
    kept = sum(client.get(f"small-{number}") is not None for number in range(1000))
    check_equal(1000, kept, "small items that are kept beside the large one")


def peak_kib(server):
    """The most that was ever resident."""
    with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def store_values(client, name, count, sizes, kept=lambda number: True):
    """Stores `count` values without asking for replies; those that are not kept are deleted at the end."""
    filler, batch, size = b"x" * max(sizes), [], 0
    for number in range(count):
        value = filler[: sizes[number % len(sizes)]]
        batch.append(set_request(f"{name}-{number}", value, tail=" noreply"))
        size += len(value)
        if size > 400_000:
            client.send(b"".join(batch))
            batch, size = [], 0
    batch += [b"delete %s-%d noreply\r\n" % (name.encode(), number) for number in range(count) if not kept(number)]
    client.send(b"".join(batch))
    client.ask("mn", "MN")


def check_peak(lab, server, limit_mib):
    """Never above the limit by more than the program itself takes, and no set has failed."""
    check_equal("0", server.own_stats()["no_memory"], "sets that failed")
    if not lab.program.is_sanitized:
        peak, allowed = peak_kib(server), (limit_mib << 10) + PEAK_SLACK_KIB
        check(peak <= allowed, f"resident memory was up to {peak} KiB, allowed {allowed}")


@test(long=True)
def sizes_that_change_stay_within_the_limit(lab):
    """-m 64, two workers: values of 100 B, 1000 B, 40 to 3000 B, 20 KB, 500 KB, then 100 B again; 100 MB of each."""
    server = lab.start("-m", "64", "-t", "2")
    clients = [lab.connect(server) for _ in range(4)]
    for turn, sizes in enumerate(((100,), (1000,), tuple(range(40, 3000, 37)), (20_000,), (500_000,), (100,))):
        count = 100_000_000 // (sum(sizes) // len(sizes) + 60) // len(clients)
        for index, client in enumerate(clients):
            store_values(client, f"{turn}-{index}", count, sizes)
    check_peak(lab, server, 64)
    check(int(clients[0].stats()["evictions"]) > 10_000, "hardly anything was evicted")


@test(long=True)
def one_item_kept_in_every_64_kib_holds_nothing_but_itself(lab):
    """-m 64, 24 sizes one after the other, of each one item of every 64 KiB is left: what is between them is used again."""
    server = lab.start("-m", "64", "-t", "2")
    client = lab.connect(server)
    for step in range(24):
        size = int(64 * 1.35**step)
        each = max(1, 65536 // (size + 60))
        store_values(client, f"size-{step}", 64 * MIB // (size + 60), (size,), lambda number, each=each: number % each == 0)
    check_peak(lab, server, 64)


@test()
def memory_is_back_within_5_s_of_a_flush_and_of_deletes(lab):
    """-m 64 full: below a quarter of it afterwards, without a request, and the program's own."""
    server = lab.start("-m", "64")
    client = lab.connect(server)
    for number, way in enumerate(("flush_all", "delete")):
        store_values(client, f"way-{number}", 50_000, (1000,), lambda _, way=way: way == "flush_all")
        if way == "flush_all":
            client.ask("flush_all", "OK")
        if not lab.program.is_sanitized:
            wait_until(lambda: server.resident_kib() <= (16 << 10) + PEAK_SLACK_KIB, f"memory that comes back after {way}", 5.0)
    check_equal("0", client.stats()["curr_items"], "items")


class Uploader(Member):
    """Stores values of random sizes, in pieces of random sizes; that one is refused is an answer."""

    VALUE = b"v" * MIB
    SIZES = (100, 3000, 20_000, 100_000, 500_000, 900_000)

    def __init__(self, number, address, seed):
        super().__init__(number, address)
        self.random = random.Random(f"{seed}-{number}")

    def round(self):
        size = self.random.choice(self.SIZES) + self.random.randrange(100_000)
        request = set_request(f"{self.random.randrange(100_000)}", self.VALUE[:size])
        while request:
            piece = self.random.choice((1000, 30_000, 200_000))
            yield from self.send(request[:piece])
            request = request[piece:]
            yield 0.0
        yield from self.read_line()


@test(limit_s=60)
def values_that_come_on_many_connections_stay_within_the_sum_of_the_bounds(lab):
    """-m 64, two workers, 300 connections: the limit, a quarter of it for what is on its way, and the program's own."""
    server = lab.start("-m", "64", "-t", "2", "--min-rate=0")
    with Crowd([Uploader(number, server.address(), lab.random.random()) for number in range(300)]) as crowd:
        wait_until(lambda: sum(crowd.rounds()) >= 6000, "6000 values came", 40.0)
    closed = int(server.own_stats()["closed_conn_memory"])
    check_equal(closed, len(crowd.faults()), f"clients who failed, and those that were closed at the bound; {crowd.faults()}")
    check(closed < 100, f"{closed} of 300 were closed")
    if not lab.program.is_sanitized:
        peak, allowed = peak_kib(server), (LIMIT_MIB + LIMIT_MIB // 4 + UPLOADS_SLACK_MIB) << 10
        check(peak <= allowed, f"resident memory was up to {peak} KiB, allowed {allowed}")
