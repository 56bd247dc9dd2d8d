# SPDX-License-Identifier: MIT
"""Medians, spreads and ratios."""

import unittest

from harness import summary, table
from tests.results import result, row_of_rounds


class SummaryTest(unittest.TestCase):
    def test_the_median_and_the_spread_of_rounds(self):
        rounds = [{"requests_per_s": value, "warning": ""} for value in (90.0, 100.0, 120.0)]
        summed = {"peer": "a", "rounds": rounds, "median": {}, "spread": {}}
        summary.summarise(summed)
        self.assertEqual(summed["median"], {"requests_per_s": 100.0})
        self.assertAlmostEqual(summed["spread"]["requests_per_s"], 0.3)

    def test_a_rate_that_few_rounds_came_to_is_left_out_of_a_sweep(self):
        def step(rate, p99):
            return {"offered_per_s": rate, "p99_ns": p99, "kept_up": True}
        rounds = [{"knee_per_s": 2, "steps": [step(1, 5), step(2, 9)]}, {"knee_per_s": 1, "steps": [step(1, 7)]},
                  {"knee_per_s": 1, "steps": [step(1, 6)]}]
        summed = {"peer": "a", "rounds": rounds, "median": {}, "spread": {}}
        summary.summarise(summed)
        self.assertEqual(summed["median"]["knee_per_s"], 1)
        self.assertEqual(summed["median"]["steps"], [{"offered_per_s": 1, "p99_ns": 6, "kept_up": True}])


class PairingTest(unittest.TestCase):
    RATE = "requests_per_s"

    def test_a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians(self):
        # The machine is twice as fast in round 2 and half as fast in round 3.
        ours = row_of_rounds("riposte", self.RATE, 150.0, 300.0, 60.0)
        theirs = row_of_rounds("memcached", self.RATE, 100.0, 200.0, 50.0)
        self.assertEqual(summary.paired_ratio(ours, theirs, self.RATE), 1.5)
        ours = row_of_rounds("riposte", self.RATE, 100.0, 400.0, 120.0)
        theirs = row_of_rounds("memcached", self.RATE, 200.0, 320.0, 80.0)
        self.assertEqual(ours["median"][self.RATE] / theirs["median"][self.RATE], 0.6)
        self.assertEqual(summary.paired_ratio(ours, theirs, self.RATE), 1.25)

    def test_a_round_counts_only_where_both_were_measured(self):
        ours = row_of_rounds("riposte", self.RATE, 100.0, None, 300.0, 400.0)
        theirs = row_of_rounds("memcached", self.RATE, None, 1.0, 100.0, 200.0)
        self.assertEqual(summary.paired(ours, theirs, self.RATE), [(300.0, 100.0), (400.0, 200.0)])
        self.assertEqual(summary.paired_ratio(ours, theirs, self.RATE), 2.5)
        self.assertIsNone(summary.paired_ratio(row_of_rounds("a", self.RATE, None, 1.0), theirs, "p99_ns"))
        self.assertIsNone(summary.paired_ratio(None, theirs, self.RATE))

    def test_rounds_without_numbers_are_paired_by_position_unless_one_is_missing(self):
        ours = row_of_rounds("riposte", self.RATE, 100.0, 300.0)
        theirs = row_of_rounds("memcached", self.RATE, 100.0, 100.0)
        for measured in (ours, theirs):
            for figures in measured["rounds"]:
                del figures["round"]
        self.assertEqual(summary.paired_ratio(ours, theirs, self.RATE), 2.0)
        theirs["failures"].append("no luck")
        self.assertIsNone(summary.paired_ratio(ours, theirs, self.RATE))

    def test_the_number_of_a_round_is_no_figure(self):
        self.assertEqual(row_of_rounds("riposte", self.RATE, 100.0)["median"], {self.RATE: 100.0})

    def test_a_difference_is_taken_within_a_round_too(self):
        ours = row_of_rounds("riposte", "cpu_percent", 5.0, 9.0, 30.0)
        theirs = row_of_rounds("memcached", "cpu_percent", 3.0, 8.0, 1.0)
        self.assertEqual(summary.paired_difference(ours, theirs, "cpu_percent"), 2.0)

    def test_the_tables_show_paired_ratios(self):
        names = ("p50_ns", "p99_ns", "cpu_percent", "cpu_ns_per_request", "switches_per_request", "rss_bytes")
        ours = row_of_rounds("riposte", self.RATE, 100.0, 400.0, 120.0)
        theirs = row_of_rounds("memcached", self.RATE, 200.0, 320.0, 80.0)
        for measured in (ours, theirs):
            measured["median"].update(dict.fromkeys(names, 1.0))
        found = result("get-32-c64", ours, theirs)
        self.assertEqual(table.matrix([found])[1], ["get-32-c64", "120", "200 (1.25)"])
        self.assertEqual([cells[3] for cells in table.closed_rows(found)], ["riposte/this", "1.00", "1.25"])
