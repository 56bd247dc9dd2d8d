# SPDX-License-Identifier: MIT
"""--take-over between this build and another one, the server that RIPOSTE_OLD names (`make take-over OLD=path/to/riposte`): all is carried over, or
the other one refuses with a sentence and the one that serves goes on.
"""

import os

from harness.outcome import Failure, check, check_equal
from harness.registry import test
from harness.server import Program, wait_until
from programs.take_over_load import MEMORY, TURNS, Load

WHOLE, REFUSED, WITHOUT_ITEMS = "carried over whole", "refused", "carried over without the items, whose layout is another one"
ITEMS = 1000


def another_build():
    return Program(os.environ["RIPOSTE_OLD"])


def attempt(lab, old, *flags, **options):
    """The new server, or None and what it said: then the old one goes on."""
    try:
        return lab.take_over(old, *flags, **options), ""
    except Failure as failure:
        check(old.process.alive(), f"both have ended: {failure}; the old one says {old.stderr_tail()}")
        return None, str(failure)


def probe(lab, giver, taker):
    """What becomes of items and of a connection, without load."""
    old = lab.start("-m", "64", program=giver)
    stays = lab.connect(old)
    for number in range(ITEMS):
        stays.set(f"key{number}", f"value {number}")
    stays.set("n", "0")
    new, said = attempt(lab, old, "-m", "64", program=taker)
    if new is None:
        sentence = said.strip().splitlines()[-1].rpartition("error: ")[2]
        check("take-over" in sentence, f"no sentence: {said}")
        stays.ask("incr n 1", "1")
        check_equal(b"value 7", stays.get("key7"), "an item")
        return f"{REFUSED}: {sentence}"
    if "layout of another version" in new.stderr_text():
        stays.ask("get n", "END")
        return WITHOUT_ITEMS
    stays.ask("incr n 1", "1")
    for number in range(ITEMS):
        check_equal(f"value {number}".encode(), stays.get(f"key{number}"), f"key{number}")
    return WHOLE


class Mixed(Load):
    """This build and the other one by turns. A build may have lost events on their way to a watcher: how many is said."""

    def member(self, kind, number):
        member = super().member(kind, number)
        member.may_miss = True
        return member

    def take_over(self, turn):
        self.engine = "epoll" if self.engine == "uring" else "uring"
        program = another_build() if turn % 2 == 0 else self.lab.program
        self.server = self.lab.take_over(self.server, "-m", str(MEMORY[(turn + 1) % len(MEMORY)]), "-t", str(1 + turn % 3),
                                         f"--http=127.0.0.1:{self.port}", *self.flags, engine=self.engine, program=program)
        wait_until(lambda: "taken over from process" in self.server.stderr_text(), "it has taken over")


def builds_of_two_versions_take_over_from_each_other(lab):
    """To and fro; where all is carried over, ten times under load as well, of which nobody may notice."""
    other = another_build()
    outcomes = {"from the other build to this one": probe(lab, other, lab.program),
                "from this build to the other one": probe(lab, lab.program, other)}
    for way, outcome in outcomes.items():
        print(f"[{lab.engine}] {way}: {outcome}")
    if all(outcome == WHOLE for outcome in outcomes.values()):
        load = Mixed(lab, 100)
        load.run(TURNS)
        load.report()
        load.check()


if "RIPOSTE_OLD" in os.environ:
    test(limit_s=300, apart=True)(builds_of_two_versions_take_over_from_each_other)
