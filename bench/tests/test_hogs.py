# SPDX-License-Identifier: MIT
"""Clients that ask for what is expensive, and what is said of their victim."""

import contextlib
import importlib.machinery
import importlib.util
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import unittest

from harness import hog
from harness.placement import Placement
from process import Process
from tests.results import row_of_rounds
from tls_records import KINDS

KEYS = 10_000


def load_script(name):
    """A script of bench/, which has no .py in its name."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module  # dataclasses look there
    loader.exec_module(module)
    return module


HOGS = load_script("hogs")


class SlowServer:
    """Takes what one connection sends, piece by piece, until it has enough; may answer each with a word."""

    def __init__(self, size, answer=b""):
        self.size, self.answer, self.got = size, answer, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with self.listener.accept()[0] as connection, contextlib.suppress(ConnectionError):
            while len(self.got) < self.size:
                self.got += connection.recv(10_000)
                connection.sendall(self.answer)


class HogTest(unittest.TestCase):
    def test_requests_follow_each_other_without_a_cut_however_small_the_pieces(self):
        for kind, index in (("append", 3), ("stats", 0), ("detail-dump", 0), ("multiget", 7)):
            first, block = hog.REQUESTS[kind](index, KEYS)
            expected = first + 2 * block
            server = SlowServer(len(expected))
            self.addCleanup(server.listener.close)
            one = hog.Hog(server.port, first, block)
            self.addCleanup(one.connection.close)
            one.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            one.connection.setblocking(True)
            one.connection.settimeout(10)
            with contextlib.suppress(ConnectionError):  # when the server has enough
                while server.thread.is_alive():
                    one.send()
            server.thread.join(10)
            self.assertEqual(server.got[:len(expected)], expected, kind)

    def test_a_value_that_is_appended_to_stays_below_the_usual_limit(self):
        _, block = hog.append(0, KEYS)
        self.assertLess(hog.VALUE_SIZE + block.count(b"append hog0 "), (1 << 20) - 1000)
        self.assertTrue(block.endswith(b"\r\n"))

    def test_a_multiget_asks_for_keys_that_the_generator_has_stored(self):
        names = hog.multiget(99, KEYS)[1].split(b"\r\n")[0].split()[1:]
        self.assertEqual(len(names), hog.MULTIGET_KEYS)
        self.assertTrue(all(len(name) == 16 and int(name[4:]) < KEYS for name in names))

    def test_it_is_ready_when_it_has_been_answered_and_says_how_far_it_came(self):
        server = SlowServer(1 << 30, b"END\r\n")
        self.addCleanup(server.listener.close)
        with tempfile.TemporaryDirectory(prefix="riposte-bench-test-") as folder:
            command = [sys.executable, "-B", hog.__file__, server.port, 1, "stats"]
            with Process(command, os.path.join(folder, "output")) as hogs:
                HOGS.wait_until_ready(hogs)
                self.assertEqual(os.sched_getscheduler(hogs.pid), os.SCHED_IDLE)
                hogs.stop(signal.SIGTERM)
                said = json.loads(hogs.output().split("\n")[-2])
        self.assertGreater(said["received_per_s"], 0)
        self.assertEqual(said["lost"], 0)


class TableTest(unittest.TestCase):
    @staticmethod
    def result(hogs, *rows):
        return {"name": "some", "title": "some", "workers": 1, "hogs": hogs, "rows": list(rows)}

    @staticmethod
    def row(peer, p99_ns):
        row = row_of_rounds(peer, "p99_ns", p99_ns)
        row["median"].update({"p50_ns": 20_100.0, "p999_ns": 3.4e9, "cpu_percent": 99.7, "server_wait_percent": 12.3,
                              "own_wait_percent": 0.2})
        return row

    def test_a_victim_that_waits_too_long_beside_100_hogs_is_a_fault_of_ripostes_only(self):
        below, above = 4_990_000.0, 5_000_000.0
        self.assertEqual(HOGS.judge([self.result(100, self.row("riposte", below), self.row("memcached", above))]), 0)
        self.assertEqual(HOGS.judge([self.result(100, self.row("riposte", below), self.row("riposte-epoll", above))]), 1)
        self.assertEqual(HOGS.judge([self.result(100, row_of_rounds("riposte", "p99_ns", None))]), 1)
        self.assertEqual(HOGS.judge([self.result(20, self.row("riposte", above))]), 69)

    def test_stalls_are_said_and_who_was_not_asked_has_no_figures(self):
        lines = HOGS.describe(1, [self.result(100, self.row("riposte", 1_200_000.0), row_of_rounds("b", "p99_ns", None)),
                                  self.result(100, self.row("riposte", 1_200_000.0))])
        text = "\n".join(lines)
        self.assertEqual(lines[2].split("  ")[-1].strip(), "stalled")
        for words in ("20.1 us", "1.20 ms", "3.40 s", "100 %", "12 %", "0 %", "no luck"):
            self.assertIn(words, text)
        self.assertEqual(lines[3].split()[-6:], ["-"] * 6)

    def test_workers_have_a_cpu_each_while_there_are_any(self):
        place = Placement((0,), (1,), (0, 1))
        self.assertEqual([HOGS.server_cpus(place, workers) for workers in (1, 2, 3)], [(0,), (0, 1), (0, 1, 0)])

    def test_every_row_has_requests_and_a_quick_table_some_of_them(self):
        self.assertEqual({row.kind for row in HOGS.ROWS if row.hogs} - set(hog.REQUESTS)
                         - {"tls-" + kind for kind in KINDS}, set())
        self.assertLess(len(HOGS.choose_rows([], True)), len(HOGS.choose_rows([], False)))
        self.assertEqual([row.name for row in HOGS.choose_rows(["stats"], True)], ["stats"])
