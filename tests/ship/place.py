# SPDX-License-Identifier: MIT
"""Where things are; filled in by tests/ship/run before the first test."""

import os

TOP = BUILD = PROGRAMS = ""

# What has a manual page and is completed.
DOCUMENTED = ["riposte", "riposte-load"]


def top(*parts):
    """A file of the tree."""
    return os.path.join(TOP, *parts)


def built(*parts):
    """A file that the build has made."""
    return os.path.join(BUILD, *parts)


def program(name):
    return os.path.join(PROGRAMS, name)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()
