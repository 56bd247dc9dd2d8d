# SPDX-License-Identifier: MIT
"""--take-over by a server to which the store's memory means nothing (another layout, other limits): the items are carried over one by one."""

from harness.outcome import check, check_equal
from harness.registry import test
from programs.take_over_failures import NEW_SAYS_OF_ITEMS, OLD_SAYS_OF_ITEMS, fail_at, need_faults
from programs.take_over_load import Load

OTHER_LAYOUT = {"RIPOSTE_TAKE_OVER_FAULT": "STORE:layout"}
LARGE = b"0123456789" * 100000
COUNT = 3000


def fill(client):
    """One of each kind; the CAS numbers that it was told."""
    client.ask("set flags 4711 0 1\r\nv", "STORED")
    client.ask("set ends 0 1000 1\r\nv", "STORED")
    client.ask("ms chosen 1 E77\r\nv", "HD")
    client.ask("ms stale 1\r\nv", "HD")
    client.ask("md stale I T500", "HD")
    client.ask("ms a2V5IGIgaW4= 1 b\r\nv", "HD")  # "key b in" in base64
    client.ask("set number 0 0 2\r\n41", "STORED")
    client.set("large", LARGE)
    for i in range(COUNT):
        client.send(f"set k{i} {i} 0 {len(str(i))} noreply\r\n{i}\r\n".encode())
    client.ask("mn", "MN")
    return cas_of(client, "flags"), cas_of(client, "ends")


def cas_of(client, key):
    client.send(f"mg {key} c\r\n".encode())
    return int(client.read_line()[len("HD c"):])


def expect_all(client, told):
    check_equal(told, (cas_of(client, "flags"), cas_of(client, "ends")), "CAS numbers that a client was told")
    client.ask("get flags", "VALUE flags 4711 1\r\nv\r\nEND")
    client.send(b"mg ends t\r\n")
    ttl = int(client.read_line()[len("HD t"):])
    check(900 < ttl <= 1000, f"ends in {ttl} s")
    client.ask("mg chosen c", "HD c77")
    client.ask("mg stale", "HD X W")
    client.ask("mg a2V5IGIgaW4= b k v", "VA 1 ka2V5IGIgaW4= b\r\nv")
    client.ask("incr number 1", "42")
    check_equal(LARGE, client.get("large"), "a large value")
    for i in range(COUNT):
        client.send(f"get k{i}\r\n".encode())
    client.expect(b"".join(f"VALUE k{i} {i} {len(str(i))}\r\n{i}\r\nEND\r\n".encode() for i in range(COUNT)))
    client.ask("set after 0 0 1\r\nv", "STORED")
    check(cas_of(client, "after") > max(told), "numbers go on above the highest")


@test(debug=True)
def every_item_is_there_with_all_that_belongs_to_it(lab):
    """Flags, times to live, CAS numbers, marks, keys in base64, large values: and again with the next take-over."""
    need_faults(lab)
    server = lab.start("-m", "64")
    stays = lab.connect(server)
    told = fill(stays)
    count = int(stays.stats()["curr_items"])
    server = lab.take_over(server, "-m", "64", environment=OTHER_LAYOUT)
    check(f"{count} items are carried over one by one" in server.stderr_text(), server.stderr_tail())
    expect_all(stays, told)
    numbers = stays.stats()
    check_equal((str(count + 1), "0"), (numbers["curr_items"], numbers["evictions"]), "items and evictions")
    server = lab.take_over(server, "-m", "64", environment=OTHER_LAYOUT)
    stays.ask("incr number 1", "43")
    stays.ask("get flags", "VALUE flags 4711 1\r\nv\r\nEND")
    lab.take_over(server, "-m", "64")
    stays.ask("incr number 1", "44")


@test()
def limits_too_far_from_the_old_ones_lay_the_items_out_anew(lab):
    """-I goes up, -m goes up by more than the arena could grow: what would have been refused is carried over one by one."""
    server = lab.start("-m", "64", "-I", "2m")
    stays = lab.connect(server)
    told = fill(stays)
    server = lab.take_over(server, "-m", "64", "-I", "4m")
    check("one by one" in server.stderr_text() and "smaller -I" in server.stderr_text(), server.stderr_tail())
    expect_all(stays, told)
    server = lab.take_over(server, "-m", "1024", "-I", "4m")
    check("one by one" in server.stderr_text() and "another -m" in server.stderr_text(), server.stderr_tail())
    stays.ask("get flags", "VALUE flags 4711 1\r\nv\r\nEND")
    check_equal(LARGE, stays.get("large"), "a large value")


@test()
def what_has_no_room_is_left_out_and_counted(lab):
    """-I larger, -m smaller: nothing is evicted for what comes later, and a line says how many stay behind."""
    server = lab.start("-m", "64", "-I", "1m")
    stays = lab.connect(server)
    value = b"x" * 10000
    for i in range(4000):
        stays.send(f"set k{i} 0 0 10000 noreply\r\n".encode() + value + b"\r\n")
    stays.ask("mn", "MN")
    server = lab.take_over(server, "-m", "24", "-I", "2m")
    words = "items are left out: there was no more room for them"
    check(words in server.stderr_text(), server.stderr_tail())
    numbers = stays.stats()
    left = int(server.stderr_text().split(words)[0].rsplit(" ", 2)[-2])
    check_equal(4000, int(numbers["curr_items"]) + left, "those that came and those that did not")
    check(int(numbers["curr_items"]) > 1500 and numbers["evictions"] == "0", f"{numbers['curr_items']} came")
    check_equal(value, stays.get("k3999"), "the youngest")


class OtherLayouts(Load):
    """Each one that takes over finds another layout."""

    def take_over(self, turn):
        self.engine = "epoll" if self.engine == "uring" else "uring"
        self.server = self.lab.take_over(self.server, "-m", "1024", "-t", str(1 + turn % 3), f"--http=127.0.0.1:{self.port}", *self.flags,
                                         engine=self.engine, environment=OTHER_LAYOUT)
        check("one by one" in self.server.stderr_text() and "left out" not in self.server.stderr_text(), self.server.stderr_tail())


@test(limit_s=120, long=True, debug=True)
def nobody_notices_another_layout(lab):
    """About a hundred clients of both families, as in take_over_load: no increment, no item and no answer is lost."""
    need_faults(lab)
    load = OtherLayouts(lab, 100)
    load.run(3)
    load.check()


@test(debug=True, limit_s=120, waits=True)
def whoever_fails_while_items_are_carried_over_the_other_one_serves(lab):
    """-I goes up, so that they are asked for one by one: killed, killed behind, something else, three seconds of silence, at each of their messages."""
    need_faults(lab)
    for how in "die", "sent", "bad", "stall":
        for message in OLD_SAYS_OF_ITEMS + NEW_SAYS_OF_ITEMS:
            fail_at(lab, message, how, "-I", "2m", is_old=message in OLD_SAYS_OF_ITEMS)
