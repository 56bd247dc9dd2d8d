# SPDX-License-Identifier: MIT
"""The list of tests. A test is a function with a docstring, marked with @test, that takes a Lab.

Its name reads as a sentence. It runs once per engine and per family of sockets it names.
"""

from dataclasses import dataclass
from typing import Callable

LIMIT_S = 60
BOTH = ("tcp", "unix")
ALL = ("tcp", "unix", "tls")
TCP = ("tcp",)


@dataclass(frozen=True)
class Case:
    """One test in all its variants."""

    area: str  # the file it stands in
    name: str
    run: Callable
    families: tuple
    limit_s: int
    reference: bool  # also makes sense against memcached itself
    long: bool  # is started first, so that it does not end last
    engines: tuple  # which engines it concerns; () for all
    apart: bool  # takes minutes: run with --apart only
    debug: bool  # needs a build with debug commands
    waits: bool  # spends its time waiting, for a time-out say: runs beside those that need a CPU


CASES = []


def test(families=TCP, limit_s=LIMIT_S, reference=False, long=False, engines=(), apart=False, waits=False,
         debug=False):
    """Registers the function as a test."""

    def register(function):
        area = function.__module__.rpartition(".")[2]
        assert function.__doc__, f"{function.__name__} has no sentence"
        CASES.append(Case(area, function.__name__, function, families, limit_s, reference, long, engines, apart, debug,
                          waits))
        return function

    return register
