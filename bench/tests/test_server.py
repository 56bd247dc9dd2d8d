# SPDX-License-Identifier: MIT
"""Servers under load, and what they are seen to use."""

import os
import signal
import subprocess
import sys
import time
import unittest

from harness import peers, placement, server, strace, usage
from process import ProcessError


def usage_at(time_ns):
    return usage.Usage(time_ns, 0, 0, 0, 0, 0)


class ServerTest(unittest.TestCase):
    def test_a_server_that_ends_at_its_start_is_an_error_with_its_words(self):
        peer = peers.Peer("broken", "memcached", ("/bin/sh", "-c", "echo out of luck; exit 3"), "1.0")
        with self.assertRaisesRegex(ProcessError, "out of luck"), server.Server(peer, placement.choose().server_cpus):
            pass

    def test_a_server_is_ready_when_it_accepts_and_gone_afterwards(self):
        program = "import socket,sys,time\ns=socket.create_server(('127.0.0.1',int(sys.argv[4])))\ntime.sleep(60)"
        peer = peers.Peer("listener", "riposte", (sys.executable, "-c", program), "1.0")
        with server.Server(peer, placement.choose().server_cpus) as running:
            folder, pid = running.folder, running.pid
            running.connect().close()
        self.assertFalse(os.path.exists(folder))
        self.assertFalse(os.path.exists(f"/proc/{pid}"))


class UsageTest(unittest.TestCase):
    def test_cpu_time_of_a_busy_process_is_about_the_time_that_went_by(self):
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
            try:
                first = usage.read_usage(busy.pid)
                time.sleep(0.5)
                last = usage.read_usage(busy.pid)
            finally:
                busy.kill()
        self.assertGreater(last.cpu_ns, first.cpu_ns)
        self.assertLessEqual(last.cpu_ns - first.cpu_ns, 1.1 * (last.time_ns - first.time_ns) + 20_000_000)
        self.assertGreater(last.rss_bytes, 1 << 20)

    def test_children_of_a_server_count(self):
        script = "import os,time\npid=os.fork()\nwhile pid==0: pass\nprint(pid,flush=True)\ntime.sleep(60)"
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True) as parent:
            try:
                child = int(parent.stdout.readline())
                self.assertIn(child, usage.process_tree(parent.pid))
            finally:
                os.killpg(parent.pid, signal.SIGKILL)

    def test_what_counts_lies_inside_the_measured_time(self):
        samples = [usage_at(number) for number in (0, 10, 20, 30, 40)]
        first, last = usage.between(samples, 5, 35)
        self.assertEqual((first.time_ns, last.time_ns), (10, 30))

    def test_without_two_samples_inside_all_count(self):
        samples = [usage_at(number) for number in (0, 10, 40)]
        first, last = usage.between(samples, 5, 35)
        self.assertEqual((first.time_ns, last.time_ns), (0, 40))


class StraceTest(unittest.TestCase):
    TABLE = ("% time     seconds  usecs/call     calls    errors syscall\n"
             "------ ----------- ----------- --------- --------- ----------------\n"
             " 60.12    0.500000           5    100001        12 recvfrom\n"
             " 39.88    0.400000           4    100000           sendto\n"
             "------ ----------- ----------- --------- --------- ----------------\n"
             "100.00    0.900000           4    200001        12 total\n")

    def test_the_table_gives_calls_by_name_without_errors_and_total(self):
        self.assertEqual(strace.parse_table(self.TABLE), {"recvfrom": 100001, "sendto": 100000})
