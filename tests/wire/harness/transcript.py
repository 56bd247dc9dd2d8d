# SPDX-License-Identifier: MIT
"""Reads transcripts: who sends which bytes and what must come back. The format, a line each:

    # ...                comment; blank lines separate
    server -I 2m -M      flags of the server for the whole file, before the first case
    differs: reason      before the first case: nothing in the file is played against the reference
    == sentence          begins a case; every case starts with an empty store and new connections
    differs: reason      not played against the reference (memcached 1.6.18), which answers otherwise
    whole: reason        not played again cut into pieces
    apart: reason        not played again with all requests sent before the first reply is read
    apart-there: reason  the same, but only against the reference
    debug:               only against a build that knows debugtime
    release:             only against a build that does not
    > text               sent, with \\r\\n behind it
    < text               expected, with \\r\\n behind it
    ~ regex              one expected line that matches as a whole; a group (?P<name>...) is kept for \\(name)
    ! end                says that no more will be sent (half-close)
    ! close  ! reset     closes the connection, in order or by a reset
    ! closed             expects that the server closes, without another byte

A word before > < ~ ! names the connection: `b> get a`. In texts: \\r \\n \\t \\0 \\s (space) \\\\ \\xHH; \\{250 ab} is
ab 250 times; \\(name) is what a group matched; \\ at the end of a line leaves its \\r\\n out. At the end of a case the
connections that are still open answer one more `version`, so a reply too many is found.
"""

import re
from dataclasses import dataclass, field

SEND, EXPECT, MATCH, ACT = ">", "<", "~", "!"
ACTIONS = ("end", "close", "reset", "closed")
DIRECTIVES = ("differs", "whole", "apart", "apart-there", "debug", "release")

STEP = re.compile(r"([a-z]*)([><~!])(?: (.*))?$")
PLAIN_ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "s": b" ", "\\": b"\\"}


class FormatError(Exception):
    """A transcript that cannot be read; the text names file and line."""


@dataclass(frozen=True)
class Variable:
    """A place in a text that a group has to fill."""

    name: str


@dataclass
class Step:
    """One thing that happens on one connection. `pieces` are bytes and Variables; for ACT one word."""

    kind: str
    connection: str
    pieces: list
    line: int

    def data(self, variables):
        return b"".join(variables[piece.name] if isinstance(piece, Variable) else piece for piece in self.pieces)


@dataclass
class TranscriptCase:
    """A sentence and its steps."""

    title: str
    line: int
    steps: list = field(default_factory=list)
    directives: dict = field(default_factory=dict)

    def connections(self):
        return sorted({step.connection for step in self.steps})

    def has_variables(self):
        return any(isinstance(piece, Variable) for step in self.steps for piece in step.pieces)


@dataclass
class Transcript:
    """One file."""

    name: str
    server_flags: list
    cases: list
    differs: str = ""


def read_transcript(path, name):
    """Parses the file; FormatError where it breaks the rules above."""
    transcript = Transcript(name, [], [])
    with open(path, encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            try:
                read_line(transcript, line.rstrip("\n"), number)
            except (ValueError, KeyError, IndexError, re.error) as error:
                raise FormatError(f"{path}:{number}: {error}") from error
    check_titles(transcript, path)
    return transcript


def check_titles(transcript, path):
    titles = [case.title for case in transcript.cases]
    doubles = {title for title in titles if titles.count(title) > 1}
    if doubles:
        raise FormatError(f"{path}: two cases have the same sentence: {doubles}")
    for case in transcript.cases:
        if not case.steps:
            raise FormatError(f"{path}:{case.line}: a case without steps")


def read_line(transcript, line, number):
    if not line or line.startswith("#"):
        return
    if line.startswith("== "):
        transcript.cases.append(TranscriptCase(line[3:].strip(), number))
        return
    if line.startswith("server ") and not transcript.cases:
        transcript.server_flags = line.split()[1:]
        return
    word, colon, rest = line.partition(":")
    if word == "differs" and not transcript.cases:
        transcript.differs = rest.strip()
        return
    case = transcript.cases[-1]
    if colon and word in DIRECTIVES and not case.steps:
        case.directives[word] = rest.strip()
        return
    add_step(case, line, number)


def add_step(case, line, number):
    match = STEP.match(line)
    if not match:
        raise ValueError(f"not a step: {line!r}")
    connection, kind, text = match.group(1), match.group(2), match.group(3) or ""
    step = Step(kind, connection, step_pieces(kind, text), number)
    last = case.steps[-1] if case.steps else None
    if last and kind in (SEND, EXPECT) and (last.kind, last.connection) == (kind, connection):
        last.pieces += step.pieces
    else:
        case.steps.append(step)


def step_pieces(kind, text):
    if kind == ACT:
        if text not in ACTIONS:
            raise ValueError(f"not an action: {text!r}")
        return [text]
    if kind == MATCH:
        re.compile(text)
        return [text]
    without_end = text.endswith("\\") and not text.endswith("\\\\")
    return unescape(text[:-1]) if without_end else [*unescape(text), b"\r\n"]


def unescape(text):
    """The text as a list of bytes and Variables."""
    pieces, position = [], 0
    while (backslash := text.find("\\", position)) >= 0:
        pieces.append(text[position:backslash].encode("ascii"))
        piece, position = escape_value(text, backslash + 1)
        pieces.append(piece)
    pieces.append(text[position:].encode("ascii"))
    return [piece for piece in pieces if piece]


def escape_value(text, position):
    """What the escape at `position`, behind its backslash, stands for, and where the text goes on."""
    letter = text[position]
    if letter == "x":
        return bytes([int(text[position + 1:position + 3], 16)]), position + 3
    if letter == "{":
        end = closing_brace(text, position)
        count, _, repeated = text[position + 1:end].partition(" ")
        return b"".join(unescape(repeated)) * int(count), end + 1
    if letter == "(":
        end = text.index(")", position)
        return Variable(text[position + 1:end]), end + 1
    return PLAIN_ESCAPES[letter], position + 1


def closing_brace(text, position):
    """Where the repetition ends whose opening brace stands at `position`; repetitions may stand in each other."""
    depth, index = 0, position
    while True:
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
        index += 1
