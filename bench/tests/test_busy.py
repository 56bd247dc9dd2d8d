# SPDX-License-Identifier: MIT
"""bench/busy: a short run of it, and flags that are none."""

import os
import subprocess
import sys
import unittest

from harness.script import program_path


class BusyTest(unittest.TestCase):
    """bench/busy beside one program that never rests."""

    def ask(self, *words):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "busy")
        return subprocess.run([sys.executable, program, "--rounds", "1", "--duration", "50ms", *words], capture_output=True, text=True,
                              timeout=50, check=False)

    def setUp(self):
        if not all(os.access(program_path(name), os.X_OK) for name in ("riposte", "riposte-load")):
            self.skipTest("run make first")

    def test_each_variant_has_its_row_in_the_order_they_were_given(self):
        asked = self.ask("--no-pin", "", "--pin=on --spin-us=0")
        self.assertEqual(asked.returncode, 0, asked.stderr)
        rows = [line.split("  ")[1].strip() for line in asked.stdout.splitlines()[1:4]]
        self.assertEqual(rows, ["--no-pin", "no flags", "--pin=on --spin-us=0"])

    def test_flags_that_are_none_are_told(self):
        asked = self.ask("--nonesuch")
        self.assertEqual(asked.returncode, 69)
        self.assertIn("nonesuch", asked.stderr)
