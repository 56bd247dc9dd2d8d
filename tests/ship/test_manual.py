# SPDX-License-Identifier: MIT
"""The manual: every flag is in it, mandoc has nothing to warn of, and man shows it within a terminal."""

import os
import re

import flags
import place
from harness.outcome import check, check_equal
from harness.registry import test


def shown(lab, page):
    """A page as it is read, in 80 columns, without overstrikes."""
    mandoc = lab.need("mandoc", "mandoc")
    done = lab.run(mandoc, "-T", "ascii", "-O", "width=78", place.built("manual", page))
    check_equal(0, done.returncode, f"exit status of mandoc for {page}")
    return re.sub(".\b", "", done.stdout.decode())


@test()
def every_page_is_clean_to_mandoc(lab):
    """mandoc -T lint -W warning: no line."""
    mandoc = lab.need("mandoc", "mandoc")
    pages = sorted(os.listdir(place.built("manual")))
    check({"riposte.1", "riposte-load.1", "riposte-protocol.7"} <= set(pages), f"pages: {pages}")
    for page in pages:
        done = lab.run(mandoc, "-T", "lint", "-W", "warning", place.built("manual", page))
        check_equal("", done.stdout.decode(), page)


@test()
def every_flag_is_in_the_page_of_its_program(lab):
    """By its long form and its letter, or as a name of -o."""
    for program in place.DOCUMENTED:
        text = shown(lab, f"{program}.1")
        known = flags.table(lab, program)
        check(len(known) >= 5, f"{program}: {known}")
        for name, letter, _, is_name in known:
            label = name if is_name else f"-{letter}, --{name}" if letter else f"--{name}"
            check(re.search(rf"^ +(?:\[no_\])?{re.escape(label)}(?:[\[=]|  |$)", text, re.M), f"{label} is not in {program}.1")


@test()
def the_protocol_page_has_every_command_and_error(lab):
    """What the README's tables list is all in the page, and nothing of Markdown is left."""
    text = re.sub(r"\s+", " ", shown(lab, "riposte-protocol.7"))
    for word in ("gats", "cas <key> <flags> <exptime> <bytes> <unique> [noreply]", "flush_all [<delay>] [noreply]",
                 "lru_crawler metadump <all|hash|classes>", "SERVER_ERROR object too large for cache", "mg <key> <flag>*",
                 r"exactly <bytes> bytes, then \r\n"):
        check(word in text, f"{word!r} is not in the page")
    check("`" not in text and "**" not in text and "](" not in text, "Markdown is left in the page")


@test()
def man_finds_the_installed_pages(lab):
    """make install puts them where man looks."""
    man = lab.need("man", "man-db")
    folder = lab.new_folder()
    done = lab.run("make", "-C", place.TOP, "install", f"PREFIX={folder}", limit_s=50, environment={"MAKEFLAGS": ""})
    check_equal(0, done.returncode, f"make install: {done.stderr.decode()}")
    for page in ("riposte", "riposte-load", "riposte-protocol"):
        found = lab.run(man, "-M", os.path.join(folder, "share", "man"), "-w", page)
        check_equal(0, found.returncode, f"man {page}: {found.stderr.decode()}")
