# SPDX-License-Identifier: MIT
"""Completion: every flag is offered by bash, zsh and fish, and values where there are some to choose from."""

import os
import pty
import re
import select
import time

import flags
import place
from harness.outcome import Failure, check, check_equal
from harness.registry import test

BASH = """
source {path}
COMP_WORDS=({words})
COMP_CWORD=$(({count} - 1))
_{function}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def bash(lab, program, *words):
    """What bash offers for the last of the words, split as bash splits them."""
    quoted = " ".join("'" + word + "'" for word in (program, *words))
    script = BASH.format(path=place.built("completion", f"{program}.bash"), words=quoted, count=len(words) + 1,
                         function=program.replace("-", "_"))
    done = lab.run("bash", "--norc", "-c", script)
    check_equal("", done.stderr.decode(), f"bash said of {words}")
    return done.stdout.decode().split("\n")[:-1]


def fish(lab, program, line):
    """What fish offers for the end of a line, without the descriptions."""
    path = place.built("completion", f"{program}.fish")
    done = lab.run(lab.need("fish", "fish"), "--no-config", "-c", f"source {path}; complete -C '{line}'",
                   environment={"HOME": lab.new_folder()})
    check_equal("", done.stderr.decode(), f"fish said of {line}")
    return [candidate.split("\t")[0] for candidate in done.stdout.decode().splitlines()]


def spelled(known):
    return {f"--{name}" for name, _, _, is_name in known if not is_name}


@test()
def bash_offers_every_flag(lab):
    """Long forms behind --, letters behind -; one that needs a value with its equal sign."""
    for program in place.DOCUMENTED:
        known = flags.table(lab, program)
        offered = bash(lab, program, "-")
        check_equal(sorted(spelled(known)), sorted({word.rstrip("=") for word in offered if word.startswith("--")}), program)
        letters = {f"-{letter}" for _, letter, _, is_name in known if letter and not is_name}
        check(letters <= set(offered), f"{program}: {letters - set(offered)} are not offered")


@test()
def bash_completes_flags_values_and_names(lab):
    """A beginning, words behind an equal sign or a letter, names of -o behind a comma, files, nothing for a number."""
    check_equal(["--port="], bash(lab, "riposte", "--por"), "--por")
    check_equal(["auto", "ascii"], bash(lab, "riposte", "-B", "a"), "-B a")
    check_equal(["uring"], bash(lab, "riposte", "-v", "--engine", "=", "u"), "--engine=u")
    check_equal(["json"], bash(lab, "riposte", "--check", "=", ""), "--check=")
    check("--threads=" in bash(lab, "riposte", "--check", "--t"), "nothing behind --check, which needs no value")
    check_equal(["idle_timeout="], bash(lab, "riposte", "-o", "idle"), "-o idle")
    check_equal(["modern,no_maxconns_fast"], bash(lab, "riposte", "-o", "modern,no_maxc"), "-o modern,no_maxc")
    check_equal([place.top("README.md")], bash(lab, "riposte", "-Y", place.top("READ")), "-Y")
    check("root" in bash(lab, "riposte", "-u", "ro"), "-u ro")
    check_equal([""], bash(lab, "riposte", "-m", ""), "-m")
    check_equal(["multishot"], bash(lab, "riposte-load", "--receive", "=", "m"), "riposte-load --receive=m")
    check_equal(["--connections="], bash(lab, "riposte-load", "--conn"), "riposte-load --conn")


@test()
def fish_offers_every_flag_and_completes_values(lab):
    """As bash; fish itself knows where the value stands."""
    for program in place.DOCUMENTED:
        known = flags.table(lab, program)
        offered = {word.rstrip("=") for word in fish(lab, program, f"{program} --")}
        missing = spelled(known) - offered
        check(not missing, f"{program}: {missing} are not offered")
    check_equal(["auto", "ascii"], sorted(fish(lab, "riposte", "riposte -B a"), reverse=True), "-B a")
    check_equal(["--engine=uring"], fish(lab, "riposte", "riposte --engine=u"), "--engine=u")
    check_equal(["modern,no_maxconns_fast"], fish(lab, "riposte", "riposte -o modern,no_maxc"), "-o modern,no_maxc")
    check_equal([], fish(lab, "riposte", "riposte -m "), "-m")


def zsh(lab, program, line, expected):
    """Types a line and a tab into zsh in a terminal of its own, until the line reads as expected."""
    shell = lab.need("zsh", "zsh")
    folder = lab.new_folder()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(HOME=folder, TERM="dumb", PS1="> ", LC_ALL="C")
        os.execv(shell, [shell, "-f", "-i"])
    text = ""
    try:
        setup = f"fpath=({place.built('completion')} $fpath); autoload -Uz compinit; compinit -u -D; print rea''dy\n"
        os.write(terminal, setup.encode())
        text = read_until(terminal, "ready")
        os.write(terminal, (line + "\t").encode())
        text = read_until(terminal, expected)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return text


def read_until(terminal, expected, limit_s=20):
    text, end = "", time.monotonic() + limit_s
    while expected not in text:
        left = end - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            raise Failure(f"{expected!r} did not come, but {text!r}")
        text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(terminal, 4096).decode(errors="replace"))
    return text


@test()
def zsh_completes_flags_values_and_names(lab):
    """In a terminal, with compinit, as a user has it."""
    zsh(lab, "riposte", "riposte --memory-l", "--memory-limit=")
    zsh(lab, "riposte", "riposte --engine=u", "--engine=uring")
    zsh(lab, "riposte", "riposte -B bin", "-B binary")
    zsh(lab, "riposte", "riposte -o modern,idle", "modern,idle_timeout=")
    zsh(lab, "riposte", "riposte --check=", "--check=json")
    zsh(lab, "riposte-load", "riposte-load --wait=sl", "--wait=sleep")


@test()
def every_flag_is_in_the_files_for_zsh(lab):
    """They have the syntax of zsh."""
    for program in place.DOCUMENTED:
        text = place.read(place.built("completion", f"_{program}"))
        for name, _, _, is_name in flags.table(lab, program):
            check(re.search(rf"(?:^|[ {{,']|no_)(?:--)?{re.escape(name)}\b" if is_name else rf"--{re.escape(name)}[=}}\[-]",
                            text, re.M), f"{name} is not in _{program}")
        done = lab.run(lab.need("zsh", "zsh"), "-n", place.built("completion", f"_{program}"))
        check_equal("", done.stderr.decode(), f"_{program}")
