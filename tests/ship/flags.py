# SPDX-License-Identifier: MIT
"""The flags of a program, as its --help=markdown lists them."""

import re

import place

LABEL = re.compile(r"^\| `(?P<label>(?:[^`\\]|\\.)*)` \|(?P<rest>.*)$", re.M)


def table(lab, program):
    """Each flag: its long form without dashes, its letter or "", its argument or "", and whether it is a name of -o."""
    text = lab.run(place.program(program), "--help=markdown").stdout.decode()
    flags = []
    for row in LABEL.finditer(text):
        label = row["label"].replace("\\|", "|")
        if "refused:" in row["rest"]:
            continue
        found = re.fullmatch(r"(?:-(?P<letter>.), )?(?P<dashes>--)?(?P<no>\[no_\])?(?P<name>[\w-]+)(?P<argument>.*)", label)
        flags.append((found["name"], found["letter"] or "", found["argument"].strip("[]=") , not found["dashes"]))
    return flags
