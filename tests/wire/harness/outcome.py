# SPDX-License-Identifier: MIT
"""How a test ends other than by returning, and how bytes are shown to a reader.

A test passes by returning, fails by raising Failure (or any other exception) and is left out by raising Skip with
the reason. Messages are one line: they say what was expected and what came.
"""

SHOWN_BYTES_MAX = 160


class Failure(Exception):
    """What was expected did not happen."""


class Skip(Exception):
    """The test cannot be run here; the text says why."""


class TimeLimit(Exception):
    """A test took longer than it may."""


def shown(data):
    """`data` as a bytes literal; the middle of a long one is left out, its length is given."""
    if len(data) <= SHOWN_BYTES_MAX:
        return repr(bytes(data))
    half = SHOWN_BYTES_MAX // 2
    head, tail = bytes(data[:half]), bytes(data[-half:])
    return f"{head!r}...{tail!r} ({len(data)} bytes)"


def unequal(expected, got, where=""):
    """The Failure for two runs of bytes that should be equal; long ones are shown around the first difference."""
    position = first_difference(expected, got)
    note = f" (first difference at byte {position})" if len(expected) > 20 else ""
    if position > SHOWN_BYTES_MAX // 2:
        begin = position - 40
        expected, got = expected[begin:begin + SHOWN_BYTES_MAX], got[begin:begin + SHOWN_BYTES_MAX]
        note += f", shown from byte {begin}"
    prefix = f"{where}: " if where else ""
    return Failure(f"{prefix}expected {shown(expected)}, got {shown(got)}{note}")


def first_difference(left, right):
    """The index of the first byte in which the two differ; the length of the shorter one when it begins the longer."""
    shorter = min(len(left), len(right))
    if left[:shorter] == right[:shorter]:
        return shorter
    low, high = 0, shorter
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low


def check_equal(expected, got, what):
    """Fails unless the two values are equal."""
    if expected == got:
        return
    if isinstance(expected, bytes) and isinstance(got, bytes):
        raise unequal(expected, got, what)
    raise Failure(f"{what}: expected {shortened(expected)}, got {shortened(got)}")


def shortened(value):
    """repr of a value; of a long one the beginning."""
    text = repr(value)
    return text if len(text) <= 2 * SHOWN_BYTES_MAX else f"{text[:2 * SHOWN_BYTES_MAX]}... ({len(text)} characters)"


def check(condition, message):
    """Fails with `message` unless the condition holds."""
    if not condition:
        raise Failure(message)
