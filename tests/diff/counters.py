# SPDX-License-Identifier: MIT
"""What two servers count of the same commands must be the same, too.

Left out: what depends on the moment (get_expired, get_flushed, curr_items: each side takes dead items out when it comes to
them), and total_items, since whether the reference changes a number in place depends on who is reading it just then.
"""

import re

from exchange import exchange

NAMES = ("cmd_get", "get_hits", "get_misses", "cmd_set", "cmd_flush", "cmd_touch", "touch_hits", "touch_misses", "cmd_meta",
         "delete_hits", "delete_misses", "incr_hits", "incr_misses", "decr_hits", "decr_misses", "cas_hits", "cas_misses",
         "cas_badval", "store_too_large", "store_no_memory", "evictions")
LINE = re.compile(rb"STAT (\w+) (\d+)\r\n")


class Counters:
    """How much each side has counted since the last look."""

    def __init__(self, sides):
        self.sides = sides
        self.seen = {side.name: read(side) for side in sides}

    def grown(self):
        """By name of side and of counter; afterwards it is counted from here."""
        grown = {}
        for side in self.sides:
            now, before = read(side), self.seen[side.name]
            grown[side.name] = {name: now[name] - before[name] for name in NAMES}
            self.seen[side.name] = now
        return grown


def read(side):
    talk = side.talks[0]
    talk.begin([b"stats\r\n"], b"\r\nEND\r\n")
    exchange([talk])
    found = dict(LINE.findall(bytes(talk.received)))
    return {name: int(found[name.encode()]) for name in NAMES}
