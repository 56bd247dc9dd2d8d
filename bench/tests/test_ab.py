# SPDX-License-Identifier: MIT
"""bench/ab, as far as it goes without a server."""

import os
import subprocess
import sys
import unittest


class AbTest(unittest.TestCase):
    """bench/ab, as far as it goes without a server."""

    def ask(self, *words):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "ab")
        return subprocess.run([sys.executable, program, *words], capture_output=True, text=True, timeout=20, check=False)

    def test_a_program_that_is_none_is_named(self):
        asked = self.ask("--rounds", "1", "/nonesuch --send=zc")
        self.assertEqual((asked.returncode, asked.stderr), (69, "ab: /nonesuch is no program\n"))

    def test_a_workload_that_is_none_is_named(self):
        asked = self.ask("--workload=nonesuch", "--send=zc")
        self.assertEqual(asked.returncode, 69)
        self.assertIn("no closed-loop workload is called nonesuch", asked.stderr)
