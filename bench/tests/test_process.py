# SPDX-License-Identifier: MIT
"""Nothing is left running, and nothing is waited for longer than it may take."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness  # noqa: F401 (it knows where process.py stands)
from process import Process, ProcessError

STUBBORN = ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]


class ProcessTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="riposte-bench-test-")
        self.addCleanup(self.folder.cleanup)
        self.output = os.path.join(self.folder.name, "output")

    def test_a_child_that_ignores_sigterm_is_gone_afterwards_with_what_it_started(self):
        with Process(STUBBORN, self.output) as process:
            group = process.pid
            while process.output_end() != "ready":
                self.assertTrue(process.alive())
                time.sleep(0.01)
        self.assertEqual(process.status(), -signal.SIGKILL)
        with self.assertRaises(ProcessLookupError):
            for _ in range(100):  # its sleep is reaped by init, soon
                os.killpg(group, 0)
                time.sleep(0.05)

    def test_waiting_for_a_child_ends_at_its_limit(self):
        with Process(STUBBORN, self.output) as process, self.assertRaisesRegex(ProcessError, "did not end"):
            process.wait(0.2)

    def test_ticks_come_while_a_child_runs(self):
        ticks = []
        with Process(["sleep", "0.3"], self.output) as process:
            self.assertEqual(process.wait(10, 0.05, lambda: ticks.append(1)), 0)
        self.assertGreater(len(ticks), 0)

    def test_a_program_that_is_not_there_is_an_error_that_names_it(self):
        with self.assertRaisesRegex(ProcessError, "/no/such/program"), Process(["/no/such/program"], self.output):
            pass

    def test_children_die_with_the_harness(self):
        script = ("import sys; sys.path.insert(0, sys.argv[1])\n"
                  "import harness\nfrom process import Process\nimport time\n"
                  "with Process(['sleep', '60'], sys.argv[2]) as process:\n    print(process.pid, flush=True); time.sleep(60)\n")
        with subprocess.Popen([sys.executable, "-B", "-c", script, sys.path[0], self.output],
                              stdout=subprocess.PIPE) as parent:
            pid = int(parent.stdout.readline())
            parent.kill()
        with self.assertRaises(ProcessLookupError):
            for _ in range(100):
                os.kill(pid, 0)
                time.sleep(0.05)
