# SPDX-License-Identifier: MIT
"""Limits of connections and descriptors, and the idle time-out: what is refused or closed, and how it recovers."""

import resource
import signal
import time

from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import ALL, BOTH, TCP, test
from harness.server import wait_until

TOO_MANY = b"ERROR Too many open connections\r\n"
WATCHED_S = 1.0
BUSY_TICKS = 100  # what one spinning thread uses in WATCHED_S


@test(families=BOTH)
def one_connection_over_the_limit_is_told_so_and_closed(lab):
    """-c 4: the fifth reads the error and the end; when one leaves, a place is free again."""
    server = lab.start("-c", "4")
    clients = [lab.connect(server) for _ in range(4)]
    for client in clients:
        client.version()
    with server.connect() as refused:
        refused.expect(TOO_MANY)
        refused.expect_end()
    check_equal("1", clients[0].stats()["rejected_connections"], "rejected_connections")
    clients.pop().close()
    wait_until(lambda: is_served(server), "a place is free again")
    for client in clients:
        client.version()


def is_served(server):
    """True when a new connection gets an answer, false when it is refused or not looked at."""
    with server.connect(limit_s=3) as client:
        try:
            client.send("version\r\n")
            return client.read_line().startswith(b"VERSION")
        except Failure:
            return False


@test(families=BOTH)
def the_limit_counts_over_all_workers(lab):
    """-c 8 with 4 workers: eight are served, not eight each and not two each."""
    server = lab.start("-c", "8", "-t", "4")
    clients = [lab.connect(server) for _ in range(8)]
    for client in clients:
        client.version()
    for _ in range(8):
        with server.connect() as refused:
            refused.expect(TOO_MANY)
            refused.expect_end()


@test(families=BOTH)
def a_refused_client_that_has_sent_something_still_reads_why(lab):
    """The refusal is not lost to a reset although the server never read the request."""
    server = lab.start("-c", "1")
    lab.connect(server).version()
    for _ in range(20):
        with server.connect() as refused:
            try:
                refused.send(b"get a\r\n" * 1000)
            except Failure:
                pass  # the other side may be closed already; what it said can still be read
            refused.expect(TOO_MANY)


@test(families=BOTH)
def without_maxconns_fast_connections_over_the_limit_wait(lab):
    """-c 2 -o no_maxconns_fast: the third is served as soon as another leaves."""
    server = lab.start("-c", "2", "-o", "no_maxconns_fast")
    first, second = server.connect(), lab.connect(server)
    first.version()
    second.version()
    third = lab.connect(server)
    third.send("version\r\n")
    wait_until(lambda: int(second.stats()["listen_disabled_num"]) > 0, "accepting has paused")
    first.close()
    third.expect("VERSION ")


@test(families=BOTH)
def the_limit_is_shown_and_may_be_above_the_soft_descriptor_limit(lab):
    """-c 6000 under a soft limit of 1024: the server raises it; 1,500 connections are served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 6100:
        raise Skip(f"needs a hard limit of 6100 descriptors, it is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        server = lab.start("-c", "6000")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    clients = [lab.connect(server) for _ in range(1500)]
    for client in clients[::100]:
        client.version()
    check_equal("6000", clients[0].stats()["max_connections"], "max_connections")


@test(families=BOTH, waits=True)
def accepting_backs_off_without_descriptors_and_comes_back(lab):
    """Inherited descriptors leave room for few clients: no spinning, no death; when some leave others are served."""
    server = lab.start("-c", "100", descriptor_limit=200, inherited_count=165)
    first = lab.connect(server)
    clients = [server.connect() for _ in range(60)]
    wait_until(lambda: int(first.stats("riposte")["accept_errors"]) > 0, "accepting has failed")
    expect_calm(server, first)
    check(int(first.stats("riposte")["accept_backoffs"]) > 0, "the pause was counted")
    for client in clients:
        client.reset()
    wait_until(lambda: is_served(server), "a new connection is served", 20)
    first.version()


def expect_calm(server, client):
    """For a second the server uses a small part of a CPU and does not try to accept all the time."""
    ticks, errors = server.cpu_ticks(), int(client.stats("riposte")["accept_errors"])
    time.sleep(WATCHED_S)  # a time to look at, not a time to wait for something
    ticks, errors = server.cpu_ticks() - ticks, int(client.stats("riposte")["accept_errors"]) - errors
    check(ticks < BUSY_TICKS // 4, f"{ticks} clock ticks of CPU in {WATCHED_S:g} s without descriptors")
    check(errors < 200, f"{errors} failed accepts in {WATCHED_S:g} s")


@test(limit_s=40, waits=True)
def idle_connections_are_closed_after_the_time_out(lab):
    """idle_timeout=2: one that says nothing, one after a request, one in a line, one in a value; not one that talks."""
    server = lab.start("-o", "idle_timeout=2")
    talking = lab.connect(server)
    idle = [lab.connect(server) for _ in range(4)]
    idle[1].version()
    idle[2].send("get some")
    idle[3].send("set a 0 0 100\r\nhalf")
    begin = time.monotonic()
    gaps = talk_until_closed(talking, idle, begin + 20)
    check(time.monotonic() - begin > 1.0, "they were not closed long before the time-out")
    if max(gaps) > 1.5:
        raise Skip(f"the machine was too slow to keep a connection talking (a gap of {max(gaps):.1f} s)")
    talking.version()
    check_equal("4", talking.stats()["idle_kicks"], "idle_kicks")


def talk_until_closed(talking, idle, end):
    """Keeps one connection talking until the others have been closed; the gaps between its requests in seconds."""
    gaps, last, left = [], time.monotonic(), list(idle)
    while left:
        check(time.monotonic() < end, f"{len(left)} idle connections are still open")
        talking.version()
        gaps.append(time.monotonic() - last)
        last = time.monotonic()
        left[0].socket.settimeout(0.1)
        try:
            check_equal(b"", left[0].socket.recv(100), "what an idle connection reads")
            left.pop(0)
        except TimeoutError:
            pass
    return gaps


@test(limit_s=40, waits=True)
def a_trickle_of_bytes_is_no_completed_request(lab):
    """idle_timeout=2: a request line that grows by a byte every 0.2 s and never ends does not hold its connection."""
    server = lab.start("-o", "idle_timeout=2")
    client = lab.connect(server)
    client.socket.settimeout(0.2)
    end = time.monotonic() + 20
    client.send("get ")
    while True:
        check(time.monotonic() < end, "the connection is still open after 20 s")
        try:
            client.socket.send(b"x")
            check_equal(b"", client.socket.recv(100), "what the connection reads")
            return
        except TimeoutError:
            continue
        except OSError:
            return


@test(families=("unix",), limit_s=40, waits=True)
def the_idle_time_out_is_for_tcp_only(lab):
    """idle_timeout=1: a TCP connection made later is closed, the older one on the Unix socket still answers."""
    server = lab.start("-o", "idle_timeout=1")
    local = lab.connect(server)
    local.version()
    wait_until(server.has_port, "the port is known")
    remote = server.connect(family="tcp")
    check_equal(b"", remote.read_to_end(), "what the TCP connection reads")
    local.version()


@test(families=ALL, waits=True)
def a_value_that_keeps_moving_is_not_idle(lab):
    """idle_timeout=2: a value that takes four seconds to arrive, a piece every 0.2 s, is stored."""
    server = lab.start("-o", "idle_timeout=2")
    client = lab.connect(server)
    client.send("set a 0 0 20000\r\n")
    for _ in range(20):
        client.send(b"x" * 1000)
        time.sleep(0.2)  # the slowness is the subject
    client.send("\r\n")
    client.expect("STORED\r\n")


@test(families=BOTH)
def settings_show_the_time_out(lab):
    """stats settings says idle_timeout; stats has idle_kicks only with it."""
    server = lab.start("-o", "idle_timeout=100")
    client = lab.connect(server)
    check_equal("100", client.stats("settings")["idle_timeout"], "idle_timeout")
    check_equal("0", client.stats()["idle_kicks"], "idle_kicks")
    check("idle_kicks" not in lab.connect(lab.start()).stats(), "idle_kicks without a time-out")


@test(families=TCP, waits=True)
def a_server_that_was_stopped_serves_what_has_arrived_before_it_judges(lab):
    """idle_timeout=1, stopped for 2.5 s as by a debugger or a suspended machine: the request sent meanwhile is answered."""
    server = lab.start("-o", "idle_timeout=1")
    for _ in range(3):
        client, idle = lab.connect(server), lab.connect(server)
        client.version()
        idle.version()
        server.signal(signal.SIGSTOP)
        client.send("mn\r\n")
        time.sleep(2.5)
        server.signal(signal.SIGCONT)
        client.expect("MN\r\n", "what was sent while the server was stopped")
        check_equal(b"", idle.read_to_end(), "what one that had sent nothing reads")


@test(families=TCP, waits=True)
def so_are_many_whose_requests_take_more_than_a_few_turns(lab):
    """The same with 300 clients in the middle of a value of 60 KB, and 300 between two requests."""
    server = lab.start("-t", "1", "-m", "256", "-o", "idle_timeout=1")
    storing, idle = ([lab.connect(server) for _ in range(300)] for _ in range(2))
    for number, client in enumerate(storing):
        client.send(f"set key{number} 0 0 60000\r\n")
    for client in idle:
        client.version()
    server.signal(signal.SIGSTOP)
    for client in storing:
        client.send(b"x" * 60000 + b"\r\n")
    for client in idle:
        client.send("mn\r\n")
    time.sleep(4)  # twice the time-out, and a look of a second
    server.signal(signal.SIGCONT)
    for client in storing:
        client.expect("STORED\r\n", "a value that was sent while the server was stopped")
    for client in idle:
        client.expect("MN\r\n", "a request that was sent while the server was stopped")
