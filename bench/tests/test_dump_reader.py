# SPDX-License-Identifier: MIT
"""The client that lists items beside a generator."""

import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
import time
import unittest

from harness import dump_reader
from process import Process


class LimitedTotals(dump_reader.Totals):
    """Ends by itself."""

    def __init__(self, bytes_max):
        self.bytes_max = bytes_max
        super().__init__()

    @property
    def ended(self):
        return self.bytes >= self.bytes_max

    @ended.setter
    def ended(self, value):
        pass


class DumpReaderTest(unittest.TestCase):
    LISTING = 300_000  # bytes

    def test_listings_are_read_to_their_end_one_after_the_other(self):
        asked = []

        def answer():
            for _ in range(4):
                with listener.accept()[0] as connection, contextlib.suppress(ConnectionError):
                    asked.append(connection.recv(100))
                    connection.sendall(bytes(self.LISTING))

        totals = LimitedTotals(3 * self.LISTING + 1)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            answering = threading.Thread(target=answer, daemon=True)
            answering.start()
            dump_reader.read_listings(totals, listener.getsockname()[1], "lru_crawler metadump all")
        self.assertEqual(asked, [b"lru_crawler metadump all\r\n"] * 4)
        self.assertEqual((totals.listings, totals.refused), (3, 0))

    def test_the_control_reads_whole_pieces_from_itself(self):
        totals = LimitedTotals(10 * dump_reader.PIECE_SIZE)
        dump_reader.read_itself(totals, 1e9)
        self.assertEqual(totals.bytes, 10 * dump_reader.PIECE_SIZE)

    def test_it_says_how_far_it_came_when_it_is_told_to_end(self):
        with tempfile.TemporaryDirectory(prefix="riposte-bench-test-") as folder:
            with Process([sys.executable, "-B", dump_reader.__file__, "idle"], os.path.join(folder, "output")) as reader:
                while os.sched_getscheduler(reader.pid) != os.SCHED_IDLE:
                    self.assertTrue(reader.alive())
                    time.sleep(0.01)
                reader.stop()
                self.assertEqual(json.loads(reader.output_end())["bytes_per_s"], 0)
