# SPDX-License-Identifier: MIT
"""stats conns: who is connected, to what, and what each connection is at.

src/protocol/memcached/README.md, "Statistics".
"""

import re

from harness.outcome import check, check_equal
from harness.registry import ALL, BOTH, test
from harness.server import wait_until

BUSY = b"BUSY currently processing crawler request"

ADDRESS = r"(tcp:\d+\.\d+\.\d+\.\d+:\d+|tcp6:\[[0-9a-f:.]+\]:\d+|unix:\S*)"


def listed(client):
    """Descriptor -> name -> value."""
    conns = {}
    for name, value in client.stats("conns").items():
        fd, _, what = name.partition(":")
        conns.setdefault(int(fd), {})[what] = value
    return conns


@test(families=BOTH)
def connections_are_listed_with_addresses_states_and_seconds(lab):
    """Every connection and every listener, of all workers."""
    server = lab.start("-t", "2")
    others = [lab.connect(server) for _ in range(20)]
    for other in others:
        other.version()
    conns = listed(lab.connect(server))
    listeners = [conn for conn in conns.values() if conn["state"] == "conn_listening"]
    clients = [conn for conn in conns.values() if conn["state"] != "conn_listening"]
    check(listeners, "there is a listener")
    check_equal(21, len(clients), "connections")
    for conn in listeners:
        check_equal({"addr", "state", "secs_since_last_cmd"}, set(conn), "what is told of a listener")
    for conn in clients:
        check_equal({"addr", "listen_addr", "state", "secs_since_last_cmd"}, set(conn), "what is told of a connection")
        check(re.fullmatch(ADDRESS, conn["listen_addr"]), f"listen_addr {conn['listen_addr']}")
    check(any(re.fullmatch(ADDRESS, conn["addr"]) for conn in clients + listeners), "addresses")
    check_equal(1, sum(conn["state"] == "conn_parse_cmd" for conn in clients), "connections that ask")


@test()
def addresses_are_those_of_the_sockets(lab):
    """A client finds itself in the list."""
    client = lab.connect(lab.start())
    address, port = client.socket.getsockname()[:2]
    peer_address, peer_port = client.socket.getpeername()[:2]
    addresses = {(conn["addr"], conn.get("listen_addr")) for conn in listed(client).values()}
    check((f"tcp:{address}:{port}", f"tcp:{peer_address}:{peer_port}") in addresses, f"{address}:{port} in {addresses}")


@test(families=ALL)
def a_list_is_waited_for_after_the_end_of_the_input(lab):
    """printf 'stats conns\\r\\n' | nc."""
    client = lab.connect(lab.start("-t", "2"))
    client.send("version\r\nstats conns\r\n")
    client.end()
    check(client.read_line().startswith(b"VERSION "), "the answer before it")
    check(len(client.read_lines_until("END")) > 0, "lines")
    client.expect_end()


@test(families=BOTH)
def many_ask_at_the_same_time(lab):
    """One list is made at a time; three others wait for theirs, more are told BUSY, some leave meanwhile. What follows in the
    pipeline waits, too."""
    server = lab.start("-t", "2")
    clients = [lab.connect(server) for _ in range(12)]
    for client in clients:
        client.send("stats conns\r\nmn\r\n")
    for client in clients[:4]:
        client.close()
    for client in clients[4:]:
        first = client.read_line()
        if first == BUSY:
            client.expect("MN\r\n")
            continue
        lines = [first] + client.read_lines_until("END")
        check(sum(line.endswith(b":state conn_parse_cmd") for line in lines) == 1, "the asker is in its own list")
        client.expect("MN\r\n")

    def is_listed():
        client.send("stats conns\r\n")
        first = client.read_line()
        return first != BUSY and len(client.read_lines_until("END")) > 0

    wait_until(is_listed, "a list when the others are over")


@test(families=ALL)
def what_each_connection_is_at_is_told_truthfully(lab):
    """Idle, half a line, half a value, a value too large for a buffer, one that was refused, output that is not taken, a watcher."""
    server = lab.start()
    asker, idle = lab.connect(server), lab.connect(server)
    idle.version()
    watcher, line, value, large, refused, reader = (lab.connect(server) for _ in range(6))
    watcher.ask("watch", "OK")
    line.send("get half-a-k")
    value.send("set a 0 0 10\r\nabc")
    large.send(b"set b 0 0 900000\r\n" + b"x" * 400_000)
    refused.send(b"set d 0 0 2000000\r\n" + b"x" * 400_000)
    refused.expect(b"SERVER_ERROR object too large for cache\r\n")
    asker.set("c", "x" * 500_000)
    reader.send("get c\r\n" * 60)  # and takes nothing

    def states():
        return sorted(conn["state"] for conn in listed(asker).values() if conn["state"] != "conn_listening")

    expected = sorted(["conn_parse_cmd", "conn_read", "conn_watch", "conn_nread", "conn_nread", "conn_nread", "conn_swallow"])
    wait_until(lambda: [state for state in states() if state not in ("conn_write", "conn_mwrite")] == expected,
               f"the states {expected} and one that writes")
    check_equal(8, len(states()), "connections")
