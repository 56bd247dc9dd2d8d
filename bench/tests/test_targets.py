# SPDX-License-Identifier: MIT
"""Verdicts that can fail."""

import unittest

from harness import summary, targets, workloads
from tests.results import result, row, row_of_rounds


class TargetsTest(unittest.TestCase):
    @staticmethod
    def verdict(results, start, versions=None):
        return next(found for found in targets.judge(results, versions or {}) if found["text"].startswith(start))

    def test_what_was_not_measured_is_neither_reached_nor_missed(self):
        self.assertTrue(all(found["reached"] is None for found in targets.judge([], {})))

    def test_a_ratio_at_its_bound_is_reached_and_one_below_is_not(self):
        for rate, reached in ((135.0, True), (134.0, False)):
            results = [result("get-32-c64", row("riposte", requests_per_s=rate), row("memcached", requests_per_s=100.0))]
            self.assertIs(self.verdict(results, "get-32-c64: requests/s against memcached")["reached"], reached)

    def test_a_cost_has_an_upper_bound(self):
        for cost, reached in ((75.0, True), (76.0, False)):
            results = [result("get-32-c64", row("riposte", cpu_ns_per_request=cost),
                              row("memcached", cpu_ns_per_request=100.0))]
            self.assertIs(self.verdict(results, "get-32-c64: CPU per request against memcached")["reached"], reached)

    def test_a_newer_memcached_has_its_own_bound(self):
        results = [result("get-32-d16", row("riposte", requests_per_s=300.0), row("memcached", requests_per_s=100.0))]
        start = "get-32-d16: requests/s against memcached"
        self.assertIs(self.verdict(results, start, {"memcached": (1, 6, 18)})["reached"], False)
        self.assertIs(self.verdict(results, start, {"memcached": (1, 6, 45)})["reached"], True)

    def test_the_best_peer_is_never_riposte_itself(self):
        results = [result("set-32-d16", row("riposte", requests_per_s=170.0), row("riposte-epoll", requests_per_s=165.0),
                          row("redis", requests_per_s=100.0), row("memcached", requests_per_s=90.0))]
        self.assertEqual(self.verdict(results, "set-32-d16")["value"], "1.70 x")

    def test_the_best_peer_is_the_one_beside_which_riposte_does_worst_in_the_same_rounds(self):
        results = [result("set-32-d16", row_of_rounds("riposte", "requests_per_s", 160.0, 320.0, 80.0),
                          row_of_rounds("redis", "requests_per_s", 100.0, 100.0, 40.0),
                          row_of_rounds("memcached", "requests_per_s", 80.0, 180.0, 64.0))]
        self.assertEqual(self.verdict(results, "set-32-d16")["value"], "1.78 x")

    def test_a_verdict_follows_the_paired_ratio(self):
        results = [result("get-32-c64", row_of_rounds("riposte", "requests_per_s", 140.0, 280.0, 60.0),
                          row_of_rounds("memcached", "requests_per_s", 100.0, 205.0, 44.0))]
        found = self.verdict(results, "get-32-c64: requests/s against memcached")
        self.assertEqual((found["value"], found["reached"]), ("1.37 x", True))

    def test_two_workloads_are_paired_when_they_shared_their_rounds_and_else_by_medians(self):
        few = result("get-1k-keys-d16", row_of_rounds("riposte", "requests_per_s", 100.0, 200.0, 400.0))
        many = result("get-10m-keys-d16", row_of_rounds("riposte", "requests_per_s", 50.0, 140.0, 160.0))
        self.assertEqual(self.verdict([few, many], "get-10m-keys-d16")["value"], "0.70 x")
        many["rows"][0]["rounds"][1]["requests_per_s"] = 90.0
        summary.summarise(many["rows"][0])
        self.assertEqual(self.verdict([few, many], "get-10m-keys-d16")["value"], "0.45 x")
        many["rounds_shared_with"] = ["get-1k-keys-d16"]
        many["rows"][0]["rounds"][1]["requests_per_s"] = 140.0
        many["rows"][0]["rounds"][2]["requests_per_s"] = 392.0
        summary.summarise(many["rows"][0])  # medians 140 and 200, rounds 0.50, 0.70, 0.98
        self.assertEqual(self.verdict([few, many], "get-10m-keys-d16")["value"], "0.70 x")
        few["rows"][0]["rounds"][0]["requests_per_s"] = 60.0  # 0.83, 0.70, 0.98
        self.assertEqual(self.verdict([few, many], "get-10m-keys-d16")["value"], "0.83 x")

    def test_one_row_behind_epoll_misses_the_target_of_every_row(self):
        results = [result("a", row("riposte", requests_per_s=2.0), row("riposte-epoll", requests_per_s=1.0)),
                   result("b", row("riposte", requests_per_s=0.9), row("riposte-epoll", requests_per_s=1.0))]
        self.assertIs(self.verdict(results, "every workload")["reached"], False)

    def test_every_target_names_a_workload_that_exists(self):
        for target in targets.TARGETS:
            self.assertEqual(workloads.find(target.workload).name, target.workload)

    def test_what_openssl_itself_takes_stands_beside_what_is_asked_of_resumed_handshakes(self):
        start = "tls-resumed-c64: CPU per request against tls-full-c64"
        ours = [result("tls-full-c64", row("riposte-tls", cpu_ns_per_request=200.0)),
                result("tls-resumed-c64", row("riposte-tls", cpu_ns_per_request=160.0))]
        self.assertEqual(self.verdict(ours, start)["bound"], "at most 0.4 x")
        alone = [result("tls-alone-full", row("openssl", cpu_ns_per_request=100.0)),
                 result("tls-alone-resumed", row("openssl", cpu_ns_per_request=86.0))]
        found = self.verdict(ours + alone, start)
        self.assertEqual((found["value"], found["bound"], found["reached"]), ("0.80 x", "at most 0.4 x (OpenSSL alone 0.86 x)", False))

    def test_the_filter_is_held_against_openssl_without_it(self):
        for cost, reached in ((115.0, True), (116.0, False)):
            results = [result("tls-alone-get", row("openssl", cpu_ns_per_request=100.0), row("riposte-filter", cpu_ns_per_request=cost))]
            self.assertIs(self.verdict(results, "tls-alone-get")["reached"], reached)
