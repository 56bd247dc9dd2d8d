# SPDX-License-Identifier: MIT
"""What is read, said and written."""

import os
import tempfile
import unittest

from harness import peers, placement, report, table, units, workloads
from tests.results import result, row_of_rounds


class TextTest(unittest.TestCase):
    def test_times_and_sizes_are_read_as_people_write_them(self):
        self.assertEqual([units.seconds(text) for text in ("300ms", "2s", "1.5s", "3m")], [0.3, 2.0, 1.5, 180.0])
        self.assertEqual([units.size(text) for text in ("32", "16k", "1m")], [32, 16384, 1 << 20])
        self.assertEqual(placement.cpu_list("0,2-4"), (0, 2, 3, 4))

    def test_a_failed_round_is_said_and_does_not_break_the_table(self):
        broken = {"peer": "redis", "rounds": [], "failures": ["no luck", "no luck"], "median": {}, "spread": {},
                  "system_calls": {}, "commands": {}}
        text = "\n".join(table.workload_block(result("get-32-c64", broken)))
        self.assertIn("failed: no luck: redis in 2 of 2 rounds", text)

    def test_names_of_workloads_are_unique_and_patterns_choose(self):
        names = [workload.name for workload in workloads.WORKLOADS]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([workload.name for workload in workloads.choose(["get-32-c1"], False)], ["get-32-c1"])
        self.assertGreater(len(workloads.choose(["get-32-*"], False)), 5)

    def test_a_name_of_a_peer_begins_with_its_kind(self):
        self.assertEqual([peers.kind_of(name) for name in ("memcached", "memcached_new", "valkey", "mongo", "riposte")],
                         ["memcached", "memcached", "valkey", None, None])


class ReportTest(unittest.TestCase):
    def test_json_is_written_below_build_even_when_the_rest_is_saved(self):
        document = {"machine": {"host": "here", "cpu": {"model": "some", "online": 2, "virtual": False},
                                "memory_bytes": 1 << 30, "kernel": "Linux", "distribution": "some", "server_cpus": [0],
                                "load_cpus": [1], "load_average_before": [0.0]},
                    "commit": "abc", "settings": {"rounds": 1, "duration_s": 1.0, "warmup_s": 0.0}, "peers": {},
                    "warnings": [], "floor": [], "floors": {}, "workloads": [], "targets": []}
        with tempfile.TemporaryDirectory(prefix="riposte-bench-test-") as folder:
            unsaved, saved = os.path.join(folder, "unsaved"), os.path.join(folder, "saved")
            report.write(document, True, False, unsaved, saved)
            self.assertEqual((os.listdir(unsaved), os.listdir(saved)), (["here-abc.json"], ["here-abc.md"]))


class NotesTest(unittest.TestCase):
    def test_rounds_that_differ_by_much_are_pointed_out(self):
        steady = row_of_rounds("steady", "requests_per_s", 80.0, 100.0, 120.0)   # 40 % of the median
        shaky = row_of_rounds("shaky", "requests_per_s", 79.0, 100.0, 120.0)
        said = [line for line in table.notes(result("any", steady, shaky)) if "--rounds" in line]
        self.assertEqual(said, ["  ! rounds differ by more than 40%, take more of them (--rounds): shaky"])
        self.assertEqual(table.notes(result("any", steady)), [])
