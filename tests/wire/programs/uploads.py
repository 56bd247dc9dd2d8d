# SPDX-License-Identifier: MIT
"""Values on their way: what they may take from others, and how slowly they may come."""

import select
import signal
import threading
import time

from harness.connection import set_request, value_reply
from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import ALL, BOTH, test
from harness.server import wait_until

MIB = 1 << 20
STEP_SIZE = 65536  # the figure may be so far behind
GROWTH_KIB_MAX = 24 << 10
QUIET_S_MAX = 1.0  # half of what the server allows
TRIES_MAX = 3


@test(families=BOTH)
def announced_values_take_nothing_from_others(lab):
    """160 connections announce 64 MB at -m 64 and send nothing: every item stays, sets go on, memory does not grow."""
    server = lab.start("-m", "64")
    client = lab.connect(server)
    client.send(b"".join(set_request(f"k{i}", b"x" * 1000, tail=" noreply") for i in range(20_000)))
    client.ask(b"mn", b"MN")
    before, before_kib = client.stats(), server.resident_kib()
    pieces = int(server.own_stats()["values_in_pieces"]) + 160
    for index, size in enumerate([1_000_000] * 60 + [100_000] * 40 + [1000] * 60):
        lab.connect(server).send(b"set h%d 0 0 %d\r\n" % (index, size))
    wait_until(lambda: int(server.own_stats()["values_in_pieces"]) == pieces, "all are announced")
    client.set("other", "x")
    check_equal(b"x", client.get("other"), "a value stored beside them")
    after = client.stats()
    check_equal(int(before["curr_items"]) + 1, int(after["curr_items"]), "items")
    check_equal(before["evictions"], after["evictions"], "evictions")
    growth_kib = server.resident_kib() - before_kib
    check(lab.program.is_sanitized or growth_kib < GROWTH_KIB_MAX, f"the server grew by {growth_kib} KiB")


class HeldUp(Exception):
    """This process had no CPU for so long that the server may have taken its clients for gone."""


class Holders:
    """Connections with unfinished values. The server closes who says nothing for 2 s while another waits for room, so they say a byte now
    and then. Where others leave this process no time for it, HeldUp."""

    def __init__(self, lab, server):
        self.lab, self.server = lab, server
        self.client = lab.connect(server)
        self.connections = []
        self.before_size = int(self.figures()["bytes_read"]) - self.client.wire_size()
        self.moved_s = time.monotonic()

    def figures(self):
        return self.client.stats("riposte")

    def check_pace(self):
        if time.monotonic() - self.moved_s > QUIET_S_MAX:
            raise HeldUp

    def move(self):
        """All but the newest, which sends by itself."""
        others = {other.socket: other for other in self.connections[:-1]}
        self.check_pace()
        began_s = time.monotonic()
        try:
            for writable in select.select([], list(others), [], 0)[1]:
                others[writable].send(b"v")
        except Failure:
            self.check_pace()  # the reason, if it was so
            raise
        self.check_pace()
        self.moved_s = began_s

    def all_is_read(self):
        wire_size = self.client.wire_size() + sum(holder.wire_size() for holder in self.connections)
        return int(self.figures()["bytes_read"]) >= self.before_size + wire_size

    def add(self, request):
        """One more, until the server has read what it sends."""
        holder = self.lab.connect(self.server)
        self.connections.append(holder)
        sender = threading.Thread(target=holder.send, args=(request,))  # it waits where the server does not read
        sender.start()

        def came():
            self.move()
            return not sender.is_alive() and self.all_is_read()

        try:
            wait_until(came, "the bytes came")
        finally:
            sender.join()


def hold_values(holders):
    """24 unfinished values; the figures then."""
    for index in range(24):
        # Behind them what is the value's, or swallowed: either way no answer of its own.
        holders.add(b"set h%d 0 0 1000000\r\n" % index + b"v" * 600_000 + b"mn\r\n")
    figures = holders.figures()
    holders.check_pace()
    return figures


@test(families=ALL, waits=True, limit_s=240)
def values_on_their_way_are_bounded_together_and_the_next_is_refused(lab):
    """--conn-memory=16m: 12 MiB of unfinished values are taken; one that is more waits, and what comes then is refused; gets
    and whole sets go on."""
    for _ in range(TRIES_MAX):
        server = lab.start("-m", "64", "--conn-memory=16m", "--min-rate=0")  # a byte now and then is enough
        client = lab.connect(server)
        client.set("other", "x")
        before_kib = server.resident_kib()
        holders = Holders(lab, server)
        try:
            figures = hold_values(holders)
            break
        except HeldUp:
            pass
    else:
        raise Skip(f"{TRIES_MAX} times this process had no CPU for {QUIET_S_MAX:g} s")
    refused = int(figures["values_refused"])
    check(1 <= refused <= 23, f"{refused} of 24 values were refused")
    check(int(figures["values_waited"]) > 0, "none has waited")
    check_equal(figures["values_refused"], client.stats()["store_no_memory"], "store_no_memory")
    check(int(figures["conn_memory"]) <= 16 * MIB, f"conn_memory is {figures['conn_memory']}")
    check_equal(str(16 * MIB), figures["conn_memory_max"], "conn_memory_max")
    check_equal("0", figures["closed_conn_memory"], "closed for it")
    for number in range(100):
        client.set(f"small{number}", b"y" * 1000)
        check_equal(b"x", client.get("other"), "a get beside them")
    growth_kib = server.resident_kib() - before_kib
    check(lab.program.is_sanitized or growth_kib < GROWTH_KIB_MAX, f"the server grew by {growth_kib} KiB")


@test(families=BOTH, waits=True)
def half_requests_that_stay_do_not_keep_values_out(lab):
    """--conn-memory=4m: 3 MiB of get lines that do not end leave no room for a value in pieces, and are not too many by
    themselves; when they have moved nothing for two seconds they give way to one that waits: it is stored, and nobody sees more."""
    server = lab.start("-m", "64", "--conn-memory=4m", "-t", "2")
    client, count = lab.connect(server), 0
    while int(server.own_stats()["conn_memory"]) < 3 * MIB + STEP_SIZE:
        for _ in range(2):  # few: not so much above that the bound for all, a sixteenth further on, is passed with what the value has sent
            lab.connect(server).send(b"get " + (b"x" * 200 + b" ") * 75)
            count += 1
        check(count < 1000, "they hold nothing")
    request = set_request("k", b"w" * 500_000)
    before = int(server.own_stats()["bytes_read"])
    client.send(request[:1000])
    wait_until(lambda: int(server.own_stats()["bytes_read"]) >= before + 1000, "its beginning has come")
    client.send(request[1000:])
    check_equal(b"STORED", client.read_line(), "the first and only try")
    figures = server.own_stats()
    check(0 < int(figures["closed_conn_memory"]) < count, f"{figures['closed_conn_memory']} of {count} were closed")
    check(int(figures["values_waited"]) > 0, "nothing has waited: nothing was tested")
    check_equal("0", figures["values_refused"], "values_refused")


@test(families=BOTH, waits=True)
def uploads_do_not_give_way_for_the_time_in_which_the_server_was_stopped(lab):
    """--conn-memory=16m, most of it held by values on their way; stopped for longer than one may move nothing while all of them go on
    and others begin values for which there is no room: none of them is closed."""
    server = lab.start("-m", "64", "--conn-memory=16m", "-t", "2", "--min-rate=0")
    figures, uploads = lab.connect(server), []
    read_size = 0
    while int(figures.stats("riposte")["conn_memory"]) < 11 * MIB:
        uploads.append(lab.connect(server))
        uploads[-1].send(b"set up%d 0 0 60002\r\n" % len(uploads) + b"v" * 16_000)
        read_size += 16_000
        # One that a busy worker has not read yet is not among the figures, and would be one too many.
        wait_until(lambda: int(figures.stats("riposte")["bytes_read"]) >= read_size, "its bytes have come")
        check(len(uploads) < 1000, "they hold nothing")
    others = [lab.connect(server) for _ in range(24)]
    before_size = int(figures.stats("riposte")["bytes_read"]) + 24 * 60_000
    server.pause()
    for number, other in enumerate(others):  # what comes first is served first
        other.send(b"set other%d 0 0 900000\r\n" % number + b"w" * 60_000)
    for upload in uploads:
        upload.send("v")
    time.sleep(2.5)
    server.signal(signal.SIGCONT)
    sent_size = before_size + len(uploads)
    wait_until(lambda: int(figures.stats("riposte")["bytes_read"]) >= sent_size, "what they have sent meanwhile has come")
    after = figures.stats("riposte")
    check(int(after["values_waited"]) + int(after["values_refused"]) > 0, "there was room: nothing was tested")
    check_equal("0", after["closed_conn_memory"], "closed for want of memory")


@test(families=BOTH)
def what_ended_uploads_held_is_there_for_others(lab):
    """--conn-memory=2m: twenty times an unfinished value of 1 MB whose client leaves, then a whole one in pieces."""
    server = lab.start("-m", "64", "--conn-memory=2m")
    for index in range(20):
        with server.connect() as holder:
            holder.send(b"set h 0 0 1000000\r\n" + b"v" * 900_000)
            wait_until(lambda: int(server.own_stats()["bytes_read"]) > (index + 1) * 900_000, "its bytes have come")
    wait_until(lambda: int(server.own_stats()["conn_memory"]) < STEP_SIZE, "nothing is held any more")
    client = lab.connect(server)
    client.set("whole", b"w" * 1_000_000)
    client.ask(b"get whole", value_reply("whole", b"w" * 1_000_000) + b"END")


@test(families=BOTH, waits=True)
def a_value_must_come_at_a_rate(lab):
    """--min-rate=1000: 4000 bytes/s are stored after 15 s, 250 bytes/s are closed when the first window is over.

    Far from the limit, because a busy machine may hold up this client for seconds; a byte decides in test_pace.c.
    """
    server = lab.start("--min-rate=1000")
    good, slow = lab.connect(server), lab.connect(server)
    good.send(b"set good 0 0 60000\r\n")
    slow.send(b"set slow 0 0 60000\r\n")
    began, closed_s = time.monotonic(), None
    for step in range(150):
        good.send(b"g" * 400)
        if closed_s is None and select.select([slow.socket], [], [], 0)[0]:
            closed_s = time.monotonic() - began
        elif closed_s is None:
            slow.send(b"s" * 25)
        time.sleep(max(0, began + (step + 1) * 0.1 - time.monotonic()))
    good.send(b"\r\n")
    good.expect(b"STORED\r\n", "the one that kept its pace")
    check(closed_s is not None and closed_s > 9, f"closed after {closed_s} s")
    check_equal("1", server.own_stats()["closed_slow_writer"], "closed_slow_writer")


@test(families=ALL)
def a_value_larger_than_one_turn_copies_is_stored_whole(lab):
    """-I 16m: 10 MB in pieces beside small requests; every byte comes back."""
    server = lab.start("-m", "64", "-I", "16m")
    client, other = lab.connect(server), lab.connect(server)
    value = lab.random.randbytes(10_000_000)
    request = set_request("large", value)
    for at in range(0, len(request), 1_000_000):
        client.send(request[at:at + 1_000_000])
        other.set("small", str(at))
    client.expect(b"STORED\r\n", "the large one")
    client.ask(b"get large small", value_reply("large", value) + value_reply("small", b"10000000") + b"END")
