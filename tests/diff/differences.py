# SPDX-License-Identifier: MIT
"""Where memcached 1.6.18 and riposte answer differently on purpose: broken and odd commands, with the reason for each.

Each row makes a command and says what riposte must answer, letter for letter; the answer of the reference is not
compared, but it must differ: a row that no longer describes a difference fails. No row leaves a state behind that
the other side has not: what one side executes and the other does not has no effect.

What else differs is normalised where replies are compared (compare.py): the numbers of the version, uniques, padding of
numbers, seconds, and the allocator's figures in `me`.
"""

from commands import Command, line

FORMAT = b"CLIENT_ERROR bad command line format\r\n"
DATA = b"zzzzz"  # as a command it is an error and nothing else
LONG_KEY = "k" * 251

# reason, then texts of lines, then what riposte answers
LINES = (
    ("too few tokens: the error line of 1.6.45", FORMAT,
     ("", "a", "get", "gets", "gat", "gat 0", "gats 10", "set", "set a0", "set a0 0 0", "add a0 0", "cas a0 0 0",
      "touch", "touch a0", "delete", "incr", "incr a0", "decr a0", "mg", "ms", "md", "ma", "verbosity")),
    ("a command line does not begin with a space", b"ERROR\r\n", (" get missing", "   mn", " version")),
    ("an unknown command with noreply is silent", b"", ("foo noreply", "foo bar noreply")),
    ("delete takes at most two extra tokens, and says it as every command does", FORMAT,
     ("delete a0 b c d", "delete a0 1 2 3 4")),
    ("extra tokens are ignored", b"NOT_FOUND\r\n",
     ("touch missing 0 foo bar baz", "incr missing 1 foo bar", "decr missing 1 2 3")),
    ("shutdown names its error as 1.6.45 does", b"SERVER_ERROR: shutdown not enabled\r\n",
     ("shutdown", "shutdown graceful")),
    ("too many flags: the words of 1.6.45", b"CLIENT_ERROR options flags are too long\r\n",
     ("md missing" + " k" * 30, "ma missing" + " k" * 30)),
    ("md names its errors precisely", b"CLIENT_ERROR duplicate flag\r\n", ("md missing q q", "md missing k O1 k")),
    ("md names its errors precisely", b"CLIENT_ERROR invalid flag\r\n", ("md missing Y", "md missing w")),
    ("a flag is a letter or a digit", FORMAT, ("mg missing !", "md missing *", "ma missing ?", "mg missing v \x01")),
    ("numbers do not begin with +", b"CLIENT_ERROR invalid numeric delta argument\r\n", ("incr missing +1",)),
    ("numbers do not begin with +", b"CLIENT_ERROR invalid exptime argument\r\n", ("touch missing +1", "gat +1 missing")),
    ("numbers do not begin with +", b"CLIENT_ERROR invalid or duplicate flag\r\n", ("ma missing D+1", "ma missing D+5 v")),
    ("numbers do not begin with +", b"CLIENT_ERROR bad token in command line format\r\n", ("mg missing T+1", "mg missing R+5")),
    ("a delta has at most 22 digits", b"CLIENT_ERROR invalid numeric delta argument\r\n", ("incr missing " + "0" * 23,)),
    ("32 bits are not taken for fewer", b"CLIENT_ERROR invalid exptime argument\r\n",
     ("touch missing 2147483648", "gat 2147483648 missing", "touch missing 4294967301")),
    ("a key that is too long is a flag error in ma", b"CLIENT_ERROR invalid or duplicate flag\r\n", (f"ma {LONG_KEY}",)),
)

# the same for lines that are followed by DATA: riposte swallows it, the reference does not
STORAGE_LINES = (
    ("what is wrong behind a valid length swallows the data", FORMAT,
     (f"set {LONG_KEY} 0 0 5", f"add {LONG_KEY} 0 0 5", f"append {LONG_KEY} 0 0 5", f"cas {LONG_KEY} 0 0 5 1",
      "set missing x 0 5", "set missing -1 0 5", "set missing 0 x 5", "replace missing 1x 0 5", "cas missing 0 0 5 x",
      "cas missing 0 0 5", f"ms {LONG_KEY} 5")),
    ("noreply hides errors too", b"", (f"set {LONG_KEY} 0 0 5 noreply", "set missing x 0 5 noreply")),
    ("extra tokens are ignored", b"NOT_STORED\r\n", ("replace missing 0 0 5 foo bar", "append missing 0 0 5 1 2")),
    ("extra tokens are ignored", b"NOT_FOUND\r\n", ("cas missing 0 0 5 1 2 3",)),
    ("the first letter of a mode counts", b"NS\r\n", ("ms missing 5 MReplace", "ms missing 5 MAppend")),
)

# Broken, and the same on both sides. No get with a key that is too long: there the reference also drops those replies
# to earlier commands that wait, however many these are just then. The keys are of no other command: a refused mg may
# count as a use in the reference.
SAME_LINES = (
    f"touch {LONG_KEY} 0", f"delete {LONG_KEY}", f"incr {LONG_KEY} 1",
    "incr e0 x", "incr e1 -1", "decr e1 1x", "incr e1 18446744073709551616", "touch e0 x", "touch e0 1x", "gat x e0",
    "set e0 0 0 -1", "set e0 0 0 x", "set e0 0 0 1x", "cas e0 0 0 x 1", "flush_all x", "verbosity 1x2", f"mg {LONG_KEY}",
    "mg e0 v v", "mg e0 Y", "mg e0 k O1 O2", "mg e0 Tx", "mg e0 N", "mg e0 R1x", "ma e1 N1 N2", "ma e1 Dx", "ma e1 Y",
    "ma e1 Jx", "ma e1 MX", "mg Zm9 b", "mg Z b v", "mg a*b= b", "ms e0", "ms e0 x", "ms e0 -1",
    "mg e0 q v v", "mg missing Jx", "mg missing Dx", "me", "version", "stats noreply", "stats nonsense",
)
SAME_STORAGE_LINES = (
    "replace missing 0 2147483648 5", "replace missing 0 -9223372036854775808 5", "append missing +1 +9223372036854775807 5",
    "ms e0 5 F1 F2", "ms e0 5 Y", "ms e0 5 Tx", "ms e0 5 Cx", "ms e0 5 MX", "ms Zm9 5 b", "ms e0 5 O" + "x" * 32,
)


def known_difference(random):
    """A command that riposte answers as 1.6.45 does and the reference otherwise."""
    if random.random() < 0.6:
        reason, ours, texts = random.choice(LINES)
        return line(f"differs: {reason}", random.choice(texts), ours=ours)
    reason, ours, texts = random.choice(STORAGE_LINES)
    return line(f"differs: {reason}", random.choice(texts), data=DATA, ours=ours)


def broken(random):
    """A command that both refuse in the same words."""
    choice = random.random()
    if choice < 0.6:
        return line("broken", random.choice(SAME_LINES))
    if choice < 0.75:
        return line("broken", random.choice(SAME_STORAGE_LINES), data=DATA)
    return bad_data(random)


def bad_data(random):
    """A data block of another length than its line says. What follows is read as whatever it then is, but never as a
    line of fewer than four bytes, which the two sides refuse in other words."""
    verb = random.choice(("set", "add", "replace", "append", "prepend", "ms"))
    size, length = random.choice(((1, 2), (9, 4), (5, 6), (0, 1), (10, 3), (3, 8), (100, 90)))
    text = f"ms a1 {length}" if verb == "ms" else f"{verb} a1 0 0 {length}"
    return Command([text.encode() + b"\r\n" + b"z" * size + b"\r\n"], "bad data")


# what ends a connection: both sides close without another word
ENDINGS = (b"quit\r\n", b"GET / HTTP/1.1\r\n", b"foo HTTP/1.0\r\n", b"x" * 3000, b"set " + b"k" * 2100)
