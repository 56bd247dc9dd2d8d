# SPDX-License-Identifier: MIT
"""The bare kernel path, turns beside it, and what is said of them."""

import os
import socket
import tempfile
import unittest

from harness import floor, peers, placement, script, targets, turns, workloads
from harness.generator import Settings
from harness.server import Server
from process import ProcessError
from tests.results import row_of_rounds

FLOOR = script.program_path("floor")
GET_ANSWER = b"VALUE key:000000000000 0 5\r\nxxxxx\r\nEND\r\n"


@unittest.skipUnless(os.access(FLOOR, os.X_OK), "build/floor is not there: run make")
class FloorProgramTest(unittest.TestCase):
    def start(self, shape):
        peer = peers.Peer("floor", "floor", (FLOOR,), "", ("--shape", shape))
        server = Server(peer, placement.choose().server_cpus, values=(5,))
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def ask(self, connection, request, answer):
        connection.settimeout(10)
        connection.sendall(request)
        got = b""
        while len(got) < len(answer):
            piece = connection.recv(1 << 20)
            self.assertTrue(piece, "the floor closed the connection")
            got += piece
        self.assertEqual(got, answer)

    def test_so_many_requests_get_so_many_answers(self):
        with self.start("get").connect() as connection:
            for count in (1, 2, 16, 5000):
                self.ask(connection, b"get key:000000000001\r\n" * count, GET_ANSWER * count)

    def test_a_request_that_comes_in_pieces_gets_one_answer_at_its_end(self):
        with self.start("get").connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ask(connection, b"get ", b"")
            self.ask(connection, b"a\r\nget b\r\nge", 2 * GET_ANSWER)
            self.ask(connection, b"t c\r\n", GET_ANSWER)

    def test_a_set_has_two_lines_and_a_request_of_http_three(self):
        with self.start("set").connect() as connection:
            self.ask(connection, b"set a 0 0 1\r\nx\r\n" * 3, b"STORED\r\n" * 3)
        with self.start("http").connect() as connection:
            self.ask(connection, b"GET /5 HTTP/1.1\r\nHost: here\r\n\r\n" * 2,
                     b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nxxxxx" * 2)

    def test_connections_that_go_are_closed_and_their_places_used_again(self):
        server = self.start("get")
        for _ in range(50):
            with server.connect() as connection:
                self.ask(connection, b"get a\r\n", GET_ANSWER)
        self.assertLess(len(os.listdir(f"/proc/{server.pid}/fd")), 40)

    def test_the_time_it_spins_is_no_work(self):
        server = self.start("get")
        with server.connect() as connection:
            for _ in range(200):
                self.ask(connection, b"get a\r\n", GET_ANSWER)
        with open(peers.spun_path(server.folder), "rb") as file:
            self.assertGreater(int.from_bytes(file.read(), "little"), 0)
        self.assertGreater(turns.read_work(server, server.pid).cpu_ns, 0)

    def test_a_command_line_that_makes_no_sense_is_refused(self):
        peer = peers.Peer("floor", "floor", (FLOOR,), "", ("--shape", "round"))
        with self.assertRaisesRegex(ProcessError, "usage: floor"):
            Server(peer, placement.choose().server_cpus, values=(5,)).__enter__()


class ScriptedTurns(turns.Turns):
    """Starts nothing and measures nothing. Each turn takes `each_s` on its own clock; who is "broken" fails."""

    def __init__(self, names, deadline=None, each_s=0.0):
        found = [peers.Peer(name, "memcached", (), "1.0") for name in names]
        super().__init__(found, Settings("", 1.0, 0.0, None, ""), workloads.find("get-32-c64"), deadline)
        self.asked, self.each_s, self.now_s = [], each_s, 0.0

    def clock(self):
        return self.now_s

    def measure(self, entry, number):
        self.asked.append((number, entry.peer.name))
        self.now_s += self.each_s
        if entry.peer.name == "broken":
            raise ProcessError("no luck")
        return {"requests_per_s": 10.0 * number, "cpu_ns_per_request": 1.0, "warning": ""}, {}

    def contest(self):
        return turns.Contest("some", "some", tuple(turns.Entry(peer, self.workload) for peer in self.peers))


class TurnsTest(unittest.TestCase):
    def test_everybody_has_a_turn_in_each_round_in_another_order(self):
        scripted = ScriptedTurns(("a", "b", "c"))
        result = scripted.run(scripted.contest(), 3)
        self.assertEqual("".join(name for _, name in scripted.asked), "abcbcacab")
        self.assertEqual([[figures["round"] for figures in row["rounds"]] for row in result["rows"]], [[1, 2, 3]] * 3)
        self.assertEqual(result["rows"][0]["median"]["requests_per_s"], 20.0)

    def test_one_that_fails_twice_has_no_more_turns_and_the_others_go_on(self):
        scripted = ScriptedTurns(("a", "broken"))
        result = scripted.run(scripted.contest(), 5)
        self.assertEqual([len(row["rounds"]) for row in result["rows"]], [5, 0])
        self.assertEqual(result["rows"][1]["failures"], ["no luck"] * 2)

    def test_one_that_does_not_start_is_a_failure_of_its_turns(self):
        broken = peers.Peer("broken", "memcached", ("/bin/sh", "-c", "echo out of luck; exit 3"), "1.0")
        with tempfile.TemporaryDirectory(prefix="riposte-bench-test-") as folder:
            settings = Settings("", 0.1, 0.1, placement.choose(), folder)
            with turns.Turns([broken], settings, workloads.find("get-32-c64")) as alive:
                entries = (turns.Entry(broken, alive.workload),)
                result = alive.run(turns.Contest("some", "some", entries), 1)
        self.assertIn("out of luck", result["rows"][0]["failures"][0])

    def test_no_round_begins_that_would_end_after_the_deadline(self):
        for deadline, expected in ((19.0, 1), (39.9, 1), (40.0, 2)):
            scripted = ScriptedTurns(("a", "b"), deadline, 10.0)
            result = scripted.run(scripted.contest(), 9)
            self.assertEqual((len(result["rows"][0]["rounds"]), scripted.cut_short), (expected, True), deadline)


class MultiplesTest(unittest.TestCase):
    FLOORS = {"riposte": "floor", "nginx": "floor-http"}

    @staticmethod
    def row(name):
        return next(row for row in floor.ROWS if row.name == name)

    @staticmethod
    def everyone():
        found = [peers.Peer(name, kind, ("x",), "1.0") for name, kind in (("riposte", "riposte"), ("nginx", "nginx"))]
        return peers.floor_peers("x") + found

    def result(self, name, figure, **rows):
        found = [row_of_rounds(peer.replace("_", "-"), figure, *values) for peer, values in rows.items()]
        return {"name": name, "title": name, "rows": found}

    def test_a_multiple_is_the_median_of_the_rounds_ratios_to_the_floor_of_ones_own_protocol(self):
        result = self.result("floor-get-c64", floor.CPU, floor=(1000.0, 2000.0, 4000.0), riposte=(1500.0, 2200.0, 4400.0),
                             floor_http=(2000.0, 2000.0, 2000.0), nginx=(3000.0, 5000.0, 5000.0))
        self.assertEqual(floor.multiples([result], self.FLOORS)[1], ["floor-get-c64", "2.00", "1.10", "2.50"])

    def test_with_one_connection_rates_are_compared(self):
        result = self.result("floor-get-c1", floor.RATE, floor=(50_000.0,), riposte=(49_000.0,))
        self.assertEqual(floor.multiples([result], self.FLOORS)[1], ["floor-get-c1", "50.0 k/s", "0.98", "-"])

    def test_the_floor_is_asked_for_one_key_and_only_for_gets(self):
        contest = floor.contest_of(self.row("floor-set-d16"), self.everyone())
        asked = {entry.peer.name: (entry.workload.keys, entry.workload.ratio, entry.workload.depth)
                 for entry in contest.entries}
        self.assertEqual(asked, {"floor": ("1", "100:0", 16), "riposte": ("10k", "0:100", 16)})

    def test_web_servers_bring_their_own_floor_where_they_can_be_asked(self):
        names = [entry.peer.name for entry in floor.contest_of(self.row("floor-get-d16"), self.everyone()).entries]
        self.assertEqual(names, ["floor", "floor-http", "riposte", "nginx"])

    def test_a_multiple_above_its_bound_is_not_reached(self):
        for cost, reached in ((1100.0, True), (1110.0, False)):
            result = self.result("floor-get-d16", floor.CPU, floor=(1000.0,), riposte=(cost,))
            verdict = next(found for found in targets.judge([], {}, [result]) if found["text"].startswith("floor-get-d16"))
            self.assertIs(verdict["reached"], reached)
        self.assertIsNone(targets.judge([], {}, [])[0]["reached"])

    def test_every_row_names_workloads_that_exist(self):
        for row in floor.ROWS:
            self.assertEqual([workloads.find(name).name for name in (row.workload, row.floor_workload)],
                             [row.workload, row.floor_workload])
        self.assertEqual([row.name for row in floor.choose(["floor-get-*"], False)],
                         ["floor-get-c64", "floor-get-c512", "floor-get-d16", "floor-get-c1"])
