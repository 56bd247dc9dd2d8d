# SPDX-License-Identifier: MIT
"""Numbers as people write and read them."""

import argparse
import re

TIME_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0}
SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def seconds(text):
    """300ms, 2s, 1.5s, 3m -> seconds; for argparse."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", text)
    if not found or float(found.group(1)) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: 300ms, 2s, 3m")
    return float(found.group(1)) * TIME_UNITS_S[found.group(2)]


def milliseconds(time_s):
    """For the command line of riposte-load."""
    return f"{max(1, round(time_s * 1000))}ms"


def size(text):
    """32, 16k, 1m -> bytes"""
    return int(text.rstrip("kmg")) * SIZE_UNITS[text.lstrip("0123456789")]


def count(number):
    """1234567 -> 1.23 M; three digits that matter."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{digits(number / unit)}{name}"
    return digits(number)


def digits(number):
    if number >= 100:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def microseconds(time_ns):
    return digits(time_ns / 1000)


def duration(time_ns):
    """20.1 us, 1.20 ms, 3.40 s"""
    for unit, name in ((1e9, "s"), (1e6, "ms")):
        if time_ns >= unit:
            return f"{digits(time_ns / unit)} {name}"
    return f"{digits(time_ns / 1000)} us"


def percent(share):
    return f"{100 * share:.1f} %"
