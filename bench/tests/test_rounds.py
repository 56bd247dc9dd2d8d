# SPDX-License-Identifier: MIT
"""The order of a comparison, and when it ends."""

import unittest

from harness import peers, rounds, workloads
from harness.generator import Settings


class OrderTest(unittest.TestCase):
    def test_every_round_has_every_peer(self):
        for count in range(1, 8):
            for number in range(2 * count):
                self.assertEqual(sorted(rounds.order(count, number)), list(range(count)))

    def test_everybody_comes_to_every_place_and_behind_everybody_else_equally_often(self):
        for count in range(2, 8):
            squares = 1 + count % 2
            seen = [rounds.order(count, number) for number in range(squares * count)]
            for peer in range(count):
                self.assertEqual([sum(found[place] == peer for found in seen) for place in range(count)],
                                 [squares] * count)
            pairs = [pair for found in seen for pair in zip(found, found[1:])]
            self.assertEqual({pairs.count((first, second)) for first in range(count) for second in range(count)
                              if first != second}, {squares})

    def test_workloads_that_are_compared_share_their_rounds(self):
        chosen = [workloads.find(name) for name in ("get-1k-keys-d16", "get-1k", "get-10m-keys-d16", "no-load")]
        self.assertEqual([[workload.name for workload in group] for group in rounds.groups(chosen)],
                         [["get-1k-keys-d16", "get-10m-keys-d16"], ["get-1k"], ["no-load"]])


class ScriptedComparison(rounds.Comparison):
    """Measures nothing; remembers what it was to measure. Each measurement takes `each_s` on its own clock."""

    def __init__(self, count, deadline=None, each_s=0.0):
        found = [peers.Peer(name, "memcached", (), "1.0") for name in ("riposte", "b", "c")]
        super().__init__(found, Settings("", 1.0, 0.0, None, ""), count, strace=False, deadline=deadline)
        self.asked, self.each_s, self.now_s = [], each_s, 0.0

    def clock(self):
        return self.now_s

    def measure(self, peer, workload, row, number, rates):
        self.asked.append((number, peer.name, workload.name))
        self.now_s += self.each_s
        row["rounds"].append({"round": number, "requests_per_s": 10.0 * number, "warning": ""})


class ComparisonTest(unittest.TestCase):
    FEW, MANY = workloads.find("get-1k-keys-d16"), workloads.find("get-10m-keys-d16")

    def test_in_a_shared_round_a_peer_is_asked_both_one_after_the_other(self):
        comparison = ScriptedComparison(2)
        few, many = comparison.run_group([self.FEW, self.MANY])
        self.assertEqual(comparison.asked, [(number, name, workload.name)
                                            for number, names in ((1, "riposte b c"), (2, "b c riposte"))
                                            for name in names.split() for workload in (self.FEW, self.MANY)])
        self.assertEqual((few["rounds_shared_with"], many["rounds_shared_with"]), ([self.MANY.name], [self.FEW.name]))
        self.assertEqual([figures["round"] for figures in many["rows"][0]["rounds"]], [1, 2])

    def test_what_is_dear_to_store_has_fewer_rounds(self):
        comparison = ScriptedComparison(8)
        few, many = comparison.run_group([self.FEW, self.MANY])
        self.assertEqual([len(found["rows"][0]["rounds"]) for found in (few, many)], [8, 5])

    def test_no_round_begins_that_would_end_after_the_deadline(self):
        # A round takes 3 x 10 s; the first is guessed to be shorter.
        for deadline, expected in ((29.0, 1), (59.0, 1), (60.0, 2), (89.9, 2), (90.0, 3)):
            comparison = ScriptedComparison(5, deadline, 10.0)
            found = comparison.run(workloads.find("get-1k"))
            self.assertEqual(len(found["rows"][0]["rounds"]), expected, deadline)
            self.assertTrue(comparison.cut_short)

    def test_a_workload_leaves_the_others_their_share_of_the_time_but_has_its_first_round(self):
        comparison = ScriptedComparison(9, 240.0, 10.0)  # a round takes 30 s
        names = ("get-1k", "get-16k", "get-256k")
        found = []
        for index, name in enumerate(names):
            comparison.share_time(len(names) - index)
            found.append(len(comparison.run(workloads.find(name))["rows"][0]["rounds"]))
        self.assertEqual(found, [2, 3, 3])  # 80 s, 90 s of the 180 s left, 90 s
        comparison = ScriptedComparison(9, 60.0, 10.0)
        comparison.share_time(4)
        self.assertEqual(len(comparison.run(workloads.find("get-1k"))["rows"][0]["rounds"]), 1)

    def test_without_time_for_a_round_there_is_no_result(self):
        comparison = ScriptedComparison(5, 1.0)
        self.assertIsNone(comparison.run(workloads.find("get-1k")))
        self.assertEqual(comparison.asked, [])
        self.assertTrue(comparison.cut_short)
