# SPDX-License-Identifier: MIT
"""The configurations of tools/cluster: keys over three nodes, one lost and back, and what that costs, counted."""

import importlib.util
import json
import os
import re

import place
from harness.outcome import Skip, check, check_equal
from harness.ports import free_ports
from harness.registry import test
from harness.server import wait_until
from programs.proxies import Helper, accepts

KEYS = [f"key:{number}" for number in range(900)]


class Cluster:
    """Three nodes at ports of their own, and how keys are read and written through whatever deals them out."""

    def __init__(self, lab, read, write):
        self.lab, self.read, self.write = lab, read, write

    def fill(self, value, keys=KEYS):
        for key in keys:
            check(self.write(key, value), f"{key} is not stored")

    def missing(self):
        return {key for key in KEYS if self.read(key) is None}

    def with_value(self, value):
        return {key for key in KEYS if self.read(key) == value}


def nodes_start(lab, ports):
    return [lab.start("-l", f"127.0.0.1:{port}") for port in ports]


def keys_of(lab, node):
    return int(lab.connect(node).stats()["curr_items"])


def lose_and_return(lab, cluster, nodes, ports, ejected, returned):
    """Fills, loses a node, waits until `ejected`, gives it back, waits until `returned`; checks what is missing when."""
    cluster.fill("first")
    shares = [keys_of(lab, node) for node in nodes]
    check_equal(len(KEYS), sum(shares), f"keys on the nodes: {shares}")
    check(min(shares) > len(KEYS) // 6, f"the keys are dealt out unevenly: {shares}")
    nodes[0].kill()
    wait_until(ejected, "the node is left out")
    lost = cluster.missing()
    check_equal(shares[0], len(lost), "keys that are missing while the node is away")
    cluster.fill("second", sorted(lost))
    check_equal(set(), cluster.missing(), "missing once they were stored again")
    nodes[0] = lab.start("-l", f"127.0.0.1:{ports[0]}")
    wait_until(returned, "the node is asked again")
    check_equal(lost, cluster.missing(), "missing once the node is back, empty")
    cluster.fill("third", sorted(lost))
    nodes[0].kill()
    wait_until(ejected, "the node is left out again")
    check_equal(lost, cluster.with_value("second"), "old values that a second loss brings back")
    nodes[0] = lab.start("-l", f"127.0.0.1:{ports[0]}")
    print(f"{shares[0]} of {len(KEYS)} keys were missing, missing again, and old")


@test(limit_s=120)
def nutcracker_loses_the_keys_of_a_lost_node_and_no_others(lab):
    """tools/cluster/twemproxy.yml with ports of its own and a shorter time until a node is asked again."""
    program = lab.need("nutcracker", "nutcracker")
    listen, stats, *ports = free_ports(5)
    text = place.read(place.top("tools", "cluster", "twemproxy.yml"))
    for old, new in zip((11210, 11221, 11222, 11223), (listen, *ports)):
        text = text.replace(str(old), str(new))
    text = re.sub(r"server_retry_timeout: \d+", "server_retry_timeout: 1500", text)
    path = os.path.join(lab.new_folder(), "twemproxy.yml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    nodes = nodes_start(lab, ports)
    arguments = [program, "-c", path, "-a", "127.0.0.1", "-s", str(stats), "-p", path + ".pid"]
    with Helper(lab, arguments, lambda: accepts(listen), "nutcracker"):
        caches = Asked(listen)
        cluster = Cluster(lab, caches.read, caches.write)
        probe = KEYS[0]

        def all_answered():
            """No request fails: the lost node is left out. (It is tried again, and left out again, every 1.5 s.)"""
            return all(caches.ask(f"get {key}") is not None for key in KEYS[:60])

        def first_answers():
            """The node that is back has been asked: it counts gets."""
            caches.read(probe)
            return sum(caches.read(key) is None for key in KEYS) > 0

        lose_and_return(lab, cluster, nodes, ports, all_answered, first_answers)


class Asked:
    """A memcached client of one address that makes a new connection where an answer is an error or does not come."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def ask(self, line, block=b""):
        """The lines of an answer up to its last; None for an error."""
        from harness.connection import Connection  # pylint: disable=import-outside-toplevel
        self.connection = self.connection or Connection(("127.0.0.1", self.port))
        try:
            self.connection.send(line.encode() + b"\r\n" + block)
            lines = [self.connection.read_line()]
            while lines[0].startswith(b"VALUE") and not lines[-1].startswith(b"END"):
                lines.append(self.connection.read_line())
        except Exception:  # pylint: disable=broad-except
            self.connection.close()
            self.connection = None
            return None
        return None if b"ERROR" in lines[0] else lines

    def read(self, key):
        """The value, or None for a miss. An error is none: a node that is tried again costs some, and is left out again."""
        for _ in range(8):
            lines = self.ask(f"get {key}")
            if lines:
                return lines[1].strip().decode() if len(lines) > 2 else None
        return None

    def write(self, key, value):
        for _ in range(8):
            lines = self.ask(f"set {key} 0 0 {len(value)}", value.encode() + b"\r\n")
            if lines and lines[0].startswith(b"STORED"):
                return True
        return False


@test(limit_s=120)
def ketama_in_the_client_loses_the_keys_of_a_lost_node_and_no_others(lab):
    """tools/cluster/ketama.py: pylibmc leaves the node out and asks it again."""
    spec = importlib.util.spec_from_file_location("ketama", place.top("tools", "cluster", "ketama.py"))
    ketama = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(ketama)
    except ImportError:
        raise Skip("pylibmc is not installed (Debian package python3-pylibmc)") from None
    ports = free_ports(3)
    nodes = nodes_start(lab, ports)
    caches = ketama.client([f"127.0.0.1:{port}" for port in ports], dead_timeout=1)

    def read(key):
        """An error is no miss: the lost node is tried again every second, and left out again."""
        for _ in range(8):
            try:
                return caches.get(key)
            except ketama.pylibmc.Error:
                pass
        return None

    def write(key, value):
        return any(ketama.put(caches, key, value) for _ in range(8))

    def quiet():
        """No error for any key: the lost node is left out."""
        return all(answers(ketama, caches, key) for key in KEYS[:60])

    def back():
        return any(read(key) is None for key in KEYS)

    check(ketama.get(caches, KEYS[0]) is None, "a miss is no value")
    lose_and_return(lab, Cluster(lab, read, write), nodes, ports, quiet, back)


def answers(ketama, caches, key):
    try:
        caches.get(key)
        return True
    except ketama.pylibmc.Error:
        return False


@test()
def every_configuration_names_the_same_three_nodes(lab):
    """Those of the README; JSON is JSON, and Lua has its syntax where luac is there."""
    folder = place.top("tools", "cluster")
    json.loads(place.read(os.path.join(folder, "mcrouter.json")))
    for name in ("twemproxy.yml", "mcrouter.json", "proxy.lua", "ketama.py"):
        text = place.read(os.path.join(folder, name))
        check(name in place.read(os.path.join(folder, "README.md")), f"README.md says nothing of {name}")
        for port in ("11221", "11222", "11223"):
            check(port in text, f"{name} has no node {port}")
    luac = next((path for path in ("/usr/bin/luac", "/usr/bin/luac5.4") if os.path.exists(path)), None)
    if luac:
        done = lab.run(luac, "-p", os.path.join(folder, "proxy.lua"))
        check_equal("", done.stderr.decode(), "proxy.lua")
