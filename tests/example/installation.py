# SPDX-License-Identifier: MIT
"""The installed files, and how a program is compiled against them and against nothing else of this tree."""

import os
import shlex

from harness.outcome import Failure

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir)
PREFIX = "/opt/riposte"
BUILD_LIMIT_S = 600.0
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-pedantic-errors")


class Installation:
    """`make install` below `folder`, and the example built from it."""

    def __init__(self, folder):
        self.destination = os.path.join(folder, "root")
        self.prefix = self.destination + PREFIX
        self.echo = os.path.join(folder, "echo")

    def make(self, lab, target):
        """A target of the Makefile with this place as its DESTDIR."""
        run(lab, os.environ.get("MAKE", "make"), "-s", "-C", ROOT, target, f"DESTDIR={self.destination}",
            f"PREFIX={PREFIX}")

    def build_echo(self, lab):
        folder = os.path.join(ROOT, "tests", "example")
        sources = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".c"))
        self.compile(lab, "cc", sources, self.echo, "-std=c17", "-D_GNU_SOURCE")

    def path(self, *names):
        return os.path.join(self.prefix, *names)

    def headers(self):
        return sorted(os.listdir(self.path("include", "riposte")))

    def pkg_config(self, lab, *words, prefix=None):
        """What pkg-config says about riposte, word by word."""
        folder = os.path.join(prefix or self.prefix, "lib", "pkgconfig")
        return shlex.split(run(lab, "pkg-config", *words, "riposte", environment={"PKG_CONFIG_PATH": folder}))

    def compile(self, lab, compiler, sources, program, *flags):
        """Compiles and links as riposte.pc says; Failure with the compiler's words."""
        run(lab, compiler, *flags, *WARNINGS, *sources, "-o", program, *self.pkg_config(lab, "--cflags", "--libs"))


def run(lab, *command, environment=None):
    """What a command prints; Failure with all of it when it fails."""
    done = lab.run(*command, limit_s=BUILD_LIMIT_S, environment=environment)
    if done.returncode != 0:
        said = " | ".join((done.stdout + done.stderr).decode(errors="replace").split("\n")).strip(" |")
        raise Failure(f"{os.path.basename(command[0])} ended with status {done.returncode}: {said[-600:]}")
    return done.stdout.decode()
