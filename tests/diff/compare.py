# SPDX-License-Identifier: MIT
"""Are two replies the same? Byte for byte, but for what cannot be: see `same`."""

import re


# letters of return flags whose number is in seconds and may differ by one tick of either clock
SECONDS = re.compile(rb" ([tl])(\d+)")
UNIQUE_FLAG = re.compile(rb"(?<= )c(\d+)")
VALUE_LINE = re.compile(rb"VALUE ([^ ]+) (\d+) (\d+)(?: (\d+))?")
ME_LINE = re.compile(rb"ME ([^ ]+) exp=(-?\d+) la=(\d+) cas=(\d+) fetch=(yes|no) cls=\d+ size=\d+")
SECONDS_TOLERATED = 2


class Uniques:
    """The uniques of two servers, paired: the same item version has one on each side, and never another."""

    def __init__(self):
        self.ours_of, self.theirs_of = {0: 0}, {0: 0}

    def pair(self, theirs, ours):
        """True when this pair fits all pairs seen before."""
        known = self.ours_of.setdefault(theirs, ours) == ours
        return known and self.theirs_of.setdefault(ours, theirs) == theirs


def parse(reply):
    """The reply as a list of lines and data blocks; a data block is as long as the line before it says."""
    pieces, position = [], 0
    while position < len(reply):
        end = reply.find(b"\r\n", position)
        if end < 0:
            pieces.append(reply[position:])
            break
        text = reply[position:end]
        pieces.append(text)
        position = end + 2
        size = data_size(text)
        if size is not None:
            pieces.append(reply[position:position + size + 2])
            position += size + 2
    return pieces


def data_size(text):
    words = text.split(b" ")
    if words[0] == b"VALUE" and len(words) >= 4 and words[3].isdigit():
        return int(words[3])
    if words[0] == b"VA" and len(words) >= 2 and words[1].isdigit():
        return int(words[1])
    return None


def same(command, theirs, ours, uniques):
    """True when the replies say the same. Differences that are none:

    version      its number
    uniques      other numbers, but the same pairs throughout
    numbers      the reference pads a shorter number only when nobody is reading the old one
    seconds      two clocks tick at different moments
    me           class and size belong to the allocator; exp counts the other way round in the reference
    """
    if theirs == ours and not command.uniques:
        return True
    left, right = parse(theirs), parse(ours)
    return len(left) == len(right) and all(same_piece(command, *pair, uniques) for pair in zip(left, right))


def same_piece(command, theirs, ours, uniques):
    if theirs.startswith(b"VERSION ") and ours.startswith(b"VERSION "):
        return True
    theirs, ours = unpadded(command, theirs), unpadded(command, ours)
    if theirs.startswith(b"ME "):
        return same_me(theirs, ours, uniques)
    if theirs.startswith(b"VALUE "):
        return same_value_line(theirs, ours, uniques)
    if theirs[:3] in (b"VA ", b"HD ", b"NS ", b"EX ", b"NF ", b"EN "):
        return same_flags(theirs, ours, uniques)
    return theirs == ours


def unpadded(command, piece):
    """Numbers without the spaces behind them, and the sizes that go with them left out."""
    if not any(is_number_key(key) for key in command.keys):
        return piece
    if piece[:3] == b"VA ":
        return re.sub(rb"^VA \d+", b"VA *", re.sub(rb" s\d+", b" s*", piece))
    if piece[:6] == b"VALUE " and is_number_key(piece.split(b" ")[1].decode("latin-1")):
        return re.sub(rb"^(VALUE \S+ \d+) \d+", rb"\1 *", piece)
    if piece[:3] == b"HD ":
        return re.sub(rb" s\d+", b" s*", piece)
    return re.sub(rb"^(\d+) *\r\n$", rb"\1", piece)


def is_number_key(key):
    return re.fullmatch(r"(?:c\d-)?n\d", key) is not None


def same_value_line(theirs, ours, uniques):
    left, right = theirs.split(b" "), ours.split(b" ")
    if len(left) == 5 and len(right) == 5 and not uniques.pair(int(left[4]), int(right[4])):
        return False
    return left[:4] == right[:4] and len(left) == len(right)


def same_flags(theirs, ours, uniques):
    left, right = UNIQUE_FLAG.findall(theirs), UNIQUE_FLAG.findall(ours)
    if len(left) != len(right) or not all(uniques.pair(int(a), int(b)) for a, b in zip(left, right)):
        return False
    left, right = SECONDS.findall(theirs), SECONDS.findall(ours)
    if len(left) != len(right) or not all(close(a, b) for a, b in zip(left, right)):
        return False
    return without_numbers(theirs) == without_numbers(ours)


def close(theirs, ours):
    """The reference counts below 0 without a sign when what it shows has just expired."""
    expired = int(theirs[1]) >= 1 << 31 and ours[1] == b"0"
    return theirs[0] == ours[0] and (expired or abs(int(theirs[1]) - int(ours[1])) <= SECONDS_TOLERATED)


def without_numbers(text):
    return UNIQUE_FLAG.sub(b"c*", SECONDS.sub(rb" \1*", text))


def same_me(theirs, ours, uniques):
    left, right = ME_LINE.fullmatch(theirs), ME_LINE.fullmatch(ours)
    if not left or not right:
        return False
    same_words = (left[1], left[5]) == (right[1], right[5])
    same_seconds = all(abs(abs(int(left[n])) - abs(int(right[n]))) <= SECONDS_TOLERATED for n in (2, 3))
    return same_words and same_seconds and uniques.pair(int(left[4]), int(right[4]))


def seen_uniques(command, reply):
    """Pairs of key and unique that the reply shows."""
    if not command.uniques:
        return
    for piece in parse(reply):
        match = VALUE_LINE.fullmatch(piece)
        if match and match[4]:
            yield match[1].decode("latin-1"), int(match[4])
        elif piece[:3] in (b"VA ", b"HD ") and (found := UNIQUE_FLAG.search(piece)):
            yield command.keys[0], int(found[1])


