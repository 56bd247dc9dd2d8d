# SPDX-License-Identifier: MIT
"""Random commands, well formed: every classic and meta command with every argument that makes sense.

A command is bytes with places that each server fills with its own numbers (the unique of a key). Keys come from a small
set, so that commands meet what others left. Expiry times are never, past or far ahead: nothing depends on when a
command arrives. Only numbers are counted: the reference looks for digits also behind the end of a value. Numbers have
keys of their own, without win and stale marks, without h, and without T in ma: whether the reference changes a number
in place, with its marks, or makes a new item depends on who is reading it just then.
"""

import base64
import re
from dataclasses import dataclass

TEXT_KEYS = [f"a{index}" for index in range(24)] + ["k" * 250, "\x01\x7f\xff\xfe", "\x80\r\t\\\"%"]
NUMBER_KEYS = [f"n{index}" for index in range(8)]
BINARY_KEYS = [base64.b64encode(key).decode() for key in (b"\0\1\2 \r\n", b"\xff" * 186, b"plain-", b" ")]

FLAGS = ("0", "0", "1", "7", "65535", "4294967295", "007")
# Only where items are stored: there both read what strtol(3) reads.
STORED_FLAGS = FLAGS + ("+7", "0" * 40 + "9", "+0")
STORED_TIMES_ODD = ("+100000", "0" * 30 + "100000", "-" + "0" * 30 + "1", "+0", "-0")
TIMES = ("0", "0", "0", "0", "100000", "2592000", "1000000000", "2000000000", "-1", "2592001", "2147483647",
         "-2147483648")
SIZES = (0, 1, 2, 3, 5, 9, 10, 30, 100, 100, 250, 1000, 2047, 5000)
LARGE_SIZES = (16_000, 60_000, 300_000)
# No capital O: the mark behind each command must not be found inside a value.
VALUE_BYTES = bytes(byte for byte in range(256) if byte != ord("O"))
# The reference looks for a minus sign far behind a number of 2^63 or more: what it answers then is chance.
NUMBERS = ("0", "1", "9", "10", "99", "100", "12345", "999999999999999", "007")
# The same with what may stand around a number: as many digits as they are, they count.
NUMBERS_ODD = ("   5", "\t\v5", "+5", " +05", "5   ", "5 x", "5\tx", "5\0x", "0" * 21 + "5", "0" * 40 + "99", " 12345 ",
               "+", " +", "++5", "+ 5", " -5", "- 5", "5+", "99999999999999999999", "018446744073709551616")
DELTAS = ("0", "1", "1", "5", "99", "100000")
DELTAS_LARGE = ("9223372036854775808", "18446744073709551615", "0018446744073709551615")  # for decr: the result is 0

FRESH, OLD = "fresh", "old"  # which unique of a key a place wants


@dataclass(frozen=True)
class Unique:
    """A place for the unique that a server showed for the key: the last one, or the one before."""

    key: str
    which: str


@dataclass
class Command:
    """What is sent, and how its replies are compared."""

    parts: list  # bytes and Unique
    name: str  # for reports and for the table of differences
    keys: tuple = ()
    uniques: bool = False  # its reply shows uniques
    ours: bytes = None  # the reply that is right where the reference is not compared


def line(name, text, *keys, data=None, **options):
    """A command of one line and, where there is one, its data block."""
    parts = [as_bytes(text) + b"\r\n"]
    if data is not None:
        parts.append(data + b"\r\n")
    return Command(parts, name, keys, **options)


def as_bytes(text):
    return text.encode("latin-1")


class Commands:
    """The generator. `space` is put before each text key, so that connections can have keys of their own."""

    def __init__(self, random, space=""):
        self.random = random
        self.text_keys = [space + key if len(space + key) <= 250 else (space + key)[:250] for key in TEXT_KEYS]
        self.coded_keys = set(self.text_keys[:5])  # in meta commands also in base64
        self.number_keys = [space + key for key in NUMBER_KEYS]
        self.binary_keys = BINARY_KEYS if not space else []
        self.choices = [(self.store, 24), (self.get, 20), (self.count, 10), (self.remove, 8), (self.prolong, 6),
                        (self.compare, 5), (self.meta_get, 16), (self.meta_set, 14), (self.meta_delete, 7),
                        (self.meta_count, 8), (self.rare, 2)]
        self.makers, self.weights = zip(*self.choices)

    def next(self):
        """One command."""
        command = self.random.choices(self.makers, self.weights)[0]()
        if self.chance(0.04):
            command.parts[0] = command.parts[0].replace(b" ", b" " * self.pick((2, 3, 20)), self.pick((1, 2, 3)))
        if self.chance(0.04) and len(command.parts) == 1 and len(command.parts[0]) > 5:
            command.parts[0] = re.sub(rb" ?\r\n$", self.pick((b"\n", b" \r\n", b"  \n")), command.parts[0])
        return command

    # --- pieces --------------------------------------------------------------------------------------------------

    def pick(self, items):
        return items[int(self.random.random() * len(items))]

    def chance(self, share):
        return self.random.random() < share

    def any_key(self):
        return self.pick(self.number_keys) if self.chance(0.25) else self.pick(self.text_keys)

    def value(self, key):
        if key in self.number_keys:
            choice = self.random.random()
            return self.pick(("x1", "1x", "-1", "") if choice < 0.1 else NUMBERS_ODD if choice < 0.35 else NUMBERS).encode()
        if self.chance(0.1):
            return self.pick(("5", "42", "x1", "1x", "-1", "", "v\r\nget a0\r\n" * 9, "v\r\n")).encode()
        size = self.pick(LARGE_SIZES) if self.chance(0.003) else self.pick(SIZES)
        byte = VALUE_BYTES[int(self.random.random() * len(VALUE_BYTES))]
        return bytes([byte]) * size

    def may_grow(self, key):
        """Not a number, whose padding is not the same on both sides; nor a key that may have been stored in base64,
        which the reference forgets when the value grows."""
        return key not in self.number_keys and key not in self.coded_keys

    def noreply(self):
        return " noreply" if self.chance(0.15) else ""

    # --- classic -------------------------------------------------------------------------------------------------

    def store(self):
        key = self.any_key()
        verb = self.pick(("set", "set", "set", "add", "replace", "append", "prepend"))
        if verb in ("append", "prepend") and not self.may_grow(key):
            verb = "set"
        value = self.value(key)
        time = self.pick(STORED_TIMES_ODD) if self.chance(0.05) else self.pick(TIMES)
        text = f"{verb} {key} {self.pick(STORED_FLAGS)} {time} {len(value)}{self.noreply()}"
        return line(verb, text, key, data=value)

    def get(self):
        verb = self.pick(("get", "get", "bget", "gets", "gat", "gats"))
        count = 1 if self.chance(0.6) else self.pick((2, 3, 5, 20, 60))
        keys = [self.any_key() for _ in range(count)]
        if verb not in ("get", "gets"):
            keys = keys[:7]  # a line that is longer than 2048 bytes closes, unless it comes in one piece
        time = f"{self.pick(TIMES)} " if verb.startswith("gat") else ""
        return line(verb, f"{verb} {time}{' '.join(keys)}", *keys, uniques=verb.endswith("s"))

    def count(self):
        key, verb = self.pick(self.number_keys), self.pick(("incr", "decr"))
        delta = self.pick(DELTAS_LARGE) if verb == "decr" and self.chance(0.05) else self.pick(DELTAS)
        return line(verb, f"{verb} {key} {delta}{self.noreply()}", key)

    def remove(self):
        key = self.any_key()
        return line("delete", f"delete {key}{self.pick(('', '', ' 0'))}{self.noreply()}", key)

    def prolong(self):
        key = self.any_key()
        return line("touch", f"touch {key} {self.pick(TIMES)}{self.noreply()}", key)

    def compare(self):
        key, value = self.any_key(), b""
        value = self.value(key)
        unique = Unique(key, self.pick((FRESH, FRESH, FRESH, OLD))) if self.chance(0.9) else b"0"
        head = f"cas {key} {self.pick(FLAGS)} {self.pick(TIMES)} {len(value)} "
        tail = as_bytes(f"{self.noreply()}\r\n") + value + b"\r\n"
        return Command([as_bytes(head), unique, tail], "cas", (key,))

    def rare(self):
        return self.pick((
            lambda: line("flush_all", f"flush_all{self.pick(('', ' 0', ' -1', ' x', ' noreply', ' 0 noreply'))}"),
            lambda: line("verbosity", f"verbosity {self.pick(('0', '1', '9'))}{self.noreply()}"),
            lambda: line("mn", "mn"),
            lambda: line("me", f"me {self.pick(self.text_keys)}"),
            self.unknown,
        ) + (self.too_large,) * self.chance(0.03))()

    def unknown(self):
        texts = ("foo", "foo bar", "gett a", "GET a", "mx a", "set\ta 0 0 1", "xyz 1 2 3 4 5 6 7")
        return line("unknown", self.pick(texts))

    def too_large(self):
        key = self.pick(self.text_keys)
        return line("too large", f"set {key} 0 0 1048577{self.noreply()}", key, data=b"v" * 1048577)

    # --- meta ----------------------------------------------------------------------------------------------------

    def meta_key(self):
        """A key as text with the flag b where it needs it."""
        if self.binary_keys and self.chance(0.1):
            return self.pick(self.binary_keys), ["b"]
        key = self.any_key()
        if key in self.coded_keys and self.chance(0.5):
            return base64.b64encode(as_bytes(key)).decode(), ["b"]
        return key, []

    def meta(self, name, key, flags, length=None, data=None, uniques=False):
        """Flags in random order; a Unique among them becomes a flag C."""
        self.random.shuffle(flags)
        parts, text = [], f"{name} {key}" if length is None else f"{name} {key} {length}"
        for flag in flags:
            if isinstance(flag, Unique):
                parts += [as_bytes(text + " C"), flag]
                text = ""
            else:
                text += " " + flag + ("x" if len(flag) == 1 and self.chance(0.02) else "")
        parts.append(as_bytes(text + "\r\n"))
        if data is not None:
            parts.append(data + b"\r\n")
        plain = base64.b64decode(key).decode("latin-1") if "b" in flags else key
        return Command(parts, name, (plain,), uniques=uniques)

    def some(self, flags, share=0.3):
        return [flag for flag in flags if self.chance(share)]

    def opaque(self):
        return "O" + self.pick(("", "1", "abc", "x" * 31, "\x01\xff"))

    def meta_get(self):
        key, flags = self.meta_key()
        flags = flags + self.some(["v"], 0.6) + self.some(["k", "f", "c", "s", "t"]) + self.some(["u", "q"], 0.15)
        flags += self.some([self.opaque()], 0.2)
        flags += self.some(["T" + self.pick(TIMES)], 0.1) + self.some(["Phint", "Lhint"], 0.03)
        if key not in self.number_keys:
            flags += self.some(["h"], 0.15)
            flags += self.some(["R" + self.pick(("0", "30", "1000000", "2592001", "1000000000", "2147483647"))], 0.08)
        if key not in self.number_keys and "b" not in flags:  # the reference shows the raw key of what it creates
            flags += self.some(["N" + self.pick(("0", "100000"))], 0.08)
        return self.meta("mg", key, flags, uniques="c" in flags)

    def meta_set(self):
        key, flags = self.meta_key()
        value = self.value(key)
        modes = ["M" + self.pick("ERSAP" if "b" not in flags and self.may_grow(key) else "ERS")]
        flags = flags + self.some(modes, 0.4) + self.some(["k", "c"]) + self.some(["q"], 0.15)
        flags += self.some([self.opaque()], 0.2) + self.some(["F" + self.pick(FLAGS), "T" + self.pick(TIMES)])
        if "b" not in flags and self.chance(0.15):
            flags += [Unique(key, self.pick((FRESH, OLD)))] + self.some(["I"], 0.4 * (key not in self.number_keys))
        return self.meta("ms", key, flags, len(value), value, uniques="c" in flags)

    def meta_delete(self):
        key, flags = self.meta_key()
        flags = flags + self.some(["k"]) + self.some(["q"], 0.15) + self.some([self.opaque()], 0.2)
        flags += self.some(["I"], 0.5 * (key not in self.number_keys)) + self.some(["T" + self.pick(TIMES)], 0.2)
        if "b" not in flags and self.chance(0.15):
            flags.append(Unique(key, self.pick((FRESH, OLD))))
        return self.meta("md", key, flags)

    def meta_count(self):
        key = self.pick(self.number_keys)
        flags = self.some(["v"], 0.6) + self.some(["k", "t", "c"]) + self.some([self.opaque()], 0.2)
        flags += self.some(["D" + self.pick(DELTAS), "M" + self.pick("ID+-")], 0.4)
        flags += self.some(["N" + self.pick(("0", "100000")), "J" + self.pick(("0", "5", "100"))], 0.2)
        if not any(flag[0] == "N" for flag in flags):
            flags += self.some(["q"], 0.15)
        if self.chance(0.1):
            flags.append(Unique(key, FRESH))
        return self.meta("ma", key, flags, uniques="c" in flags)
