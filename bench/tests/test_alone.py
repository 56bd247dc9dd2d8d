# SPDX-License-Identifier: MIT
"""What TLS costs without sockets: the program, and how it is asked."""

import os
import subprocess
import tempfile
import unittest

from harness import alone, peers, rounds, summary, table, workloads
from harness.generator import Settings
from harness.placement import Placement
from process import ProcessError, ask

EX_USAGE, EX_SOFTWARE = 64, 70
SERVER = os.path.join(peers.ROOT, "build", "riposte")
PROGRAM = os.path.join(peers.ROOT, "build", "tls-floor")


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "build/tls-floor is not there: make without TLS=no")
class ProgramTest(unittest.TestCase):
    def test_every_work_of_either_server_has_a_figure_with_either_group(self):
        for server in ("openssl", "riposte"):
            for work in ("get", "full", "resumed"):
                for group in ("X25519", "P-256"):
                    text = ask([PROGRAM, "--server", server, "--work", work, "--group", group, "--count", "64"])
                    self.assertGreater(float(text), 0.0, (server, work, group))

    def test_a_get_costs_less_than_a_handshake(self):
        get, full = (float(ask([PROGRAM, "--server", "openssl", "--work", work, "--count", "640"])) for work in ("get", "full"))
        self.assertLess(10 * get, full)

    def test_a_command_line_that_makes_no_sense_is_refused(self):
        for words in (("--server", "nginx"), ("--work",), ("--count", "0"), ("--ms", "-1"), ("--work", "all"), ("--group", "P-257")):
            result = subprocess.run([PROGRAM, "--server", "openssl", *words], capture_output=True, check=False)
            self.assertIn(result.returncode, (EX_USAGE, EX_SOFTWARE), words)
            self.assertTrue(result.stderr)

    def test_it_is_measured_beside_a_second_one_and_by_itself_where_there_is_one_cpu(self):
        cpu = min(os.sched_getaffinity(0))
        other = max(os.sched_getaffinity(0))
        chosen = {peer.name: peer for peer in peers.alone_peers(SERVER)}
        workload = workloads.find("tls-alone-get")
        self.assertTrue(all(workload.takes(peer) for peer in chosen.values()))
        for load in {cpu, other}:
            with tempfile.TemporaryDirectory() as folder:
                settings = Settings("", 0.01, 0.0, Placement((cpu,), (load,), (cpu, load)), folder)
                for peer in chosen.values():
                    figures, commands = alone.measure(peer, workload, settings)
                    self.assertGreater(figures["cpu_ns_per_request"], 0.0)
                    self.assertIn("build/tls-floor", commands["server"])
                self.assertEqual(os.path.exists(os.path.join(folder, "beside")), load != cpu)


class FigureTest(unittest.TestCase):
    def test_what_is_no_number_is_a_failure(self):
        self.assertEqual(alone.figure("1234.5\n"), 1234.5)
        with self.assertRaises(ProcessError):
            alone.figure("")

    def test_its_table_has_the_first_row_as_one(self):
        comparison = rounds.Comparison([peers.Peer(name, "alone", (), "3.0", asked_only=True) for name in ("openssl", "riposte-filter")],
                                       None, 1)
        result = comparison.begin(workloads.find("tls-alone-get"))
        for row, value in zip(result["rows"], (1000.0, 1200.0)):
            row["rounds"].append({"round": 1, "cpu_ns_per_request": value})
            summary.summarise(row)
        text = "\n".join(table.workload_block(result))
        self.assertIn("openssl", text)
        self.assertIn("1.20", text)
