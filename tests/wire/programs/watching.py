# SPDX-License-Identifier: MIT
"""watch: memcached's log lines, and a watcher that does not read.

src/protocol/memcached/README.md, "Log lines".
"""

import re

from harness.connection import set_request
from harness.outcome import check, check_equal
from harness.registry import ALL, BOTH, TCP, test
from harness.server import wait_until

HEAD = rb"ts=\d+\.\d{6} gid=\d+ "
NUMBER = rb"-?\d+"


def watch(lab, server, *names):
    watcher = lab.connect(server)
    watcher.ask(" ".join(("watch", *names)), "OK")
    return watcher


def expect_event(watcher, pattern):
    """The next line of the watcher matches, behind time and number."""
    line = watcher.read_line(b"\n")
    check(re.fullmatch(HEAD + pattern, line), f"expected a line that matches {pattern!r}, got {line!r}")


@test(families=BOTH)
def fetchers_see_every_look_up(lab):
    """Hits and misses with key, class, connection and size; keys are escaped."""
    server = lab.start("-t", "2")
    watcher, client = watch(lab, server, "fetchers"), lab.connect(server)
    client.set("a%b", "hello")
    client.get("a%b")
    expect_event(watcher, rb"type=item_get key=a%25b status=found clsid=\d+ cfd=\d+ size=5")
    client.get("missing")
    expect_event(watcher, rb"type=item_get key=missing status=not_found clsid=\d+ cfd=\d+ size=0")


@test(families=BOTH)
def watch_without_a_name_means_fetchers(lab):
    """And a store is not one."""
    server = lab.start()
    watcher, client = watch(lab, server), lab.connect(server)
    client.set("a", "x")
    client.get("a")
    expect_event(watcher, rb"type=item_get key=a status=found clsid=\d+ cfd=\d+ size=1")


@test(families=BOTH)
def mutations_see_every_store(lab):
    """Every storage command with what came of it."""
    server = lab.start()
    watcher, client = watch(lab, server, "mutations"), lab.connect(server)
    for request, reply, status, command in (
            ("set a 0 100 1\r\nx", "STORED", b"stored", b"set"),
            ("add a 0 0 1\r\nx", "NOT_STORED", b"not_stored", b"add"),
            ("replace b 0 0 1\r\nx", "NOT_STORED", b"not_stored", b"replace"),
            ("append a 0 0 1\r\nx", "STORED", b"stored", b"append"),
            ("cas a 0 0 1 0\r\nx", "EXISTS", b"exists", b"cas"),
            ("cas b 0 0 1 1\r\nx", "NOT_FOUND", b"not_found", b"cas")):
        client.ask(request, reply)
        expect_event(watcher, rb"type=item_store key=[ab] status=" + status + rb" cmd=" + command +
                     rb" ttl=" + NUMBER + rb" clsid=\d+ cfd=\d+ size=\d+")


@test(families=BOTH)
def deletions_see_deletes(lab):
    """delete and md."""
    server = lab.start()
    watcher, client = watch(lab, server, "deletions"), lab.connect(server)
    client.set("a", "x")
    client.ask("delete a", "DELETED")
    expect_event(watcher, rb"type=deleted key=a cmd=delete clsid=\d+ size=\d+")
    client.set("a", "x")
    client.ask("md a", "HD")
    expect_event(watcher, rb"type=deleted key=a cmd=md clsid=\d+ size=\d+")


@test(families=ALL)
def connevents_see_clients_come_and_go(lab):
    """conn_new and conn_close with the reason."""
    server = lab.start()
    watcher = watch(lab, server, "connevents")
    transport = rb"local" if lab.family == "unix" else rb"tcp"
    with server.connect() as client:
        client.version()
    expect_event(watcher, rb"type=conn_new rip=\S* rport=\d+ transport=" + transport + rb" cfd=\d+")
    expect_event(watcher, rb"type=conn_close rip=\S* rport=\d+ transport=" + transport + rb" reason=normal cfd=\d+")


def expect_close(watcher, reason):
    """The lines of one connection, which has just been closed."""
    expect_event(watcher, rb"type=conn_new rip=\S* rport=\d+ transport=(?:local|tcp) cfd=\d+")
    expect_event(watcher, rb"type=conn_close rip=\S* rport=\d+ transport=(?:local|tcp) reason=" + reason + rb" cfd=\d+")


@test(families=BOTH, waits=True)
def connevents_tell_why_and_when_it_happens(lab):
    """memcached's four words; the line comes although the client still holds its side open."""
    server = lab.start("--write-timeout=1")
    watcher = watch(lab, server, "connevents")
    for sent, reason in (("quit\r\n", b"normal"), ("x" * 3000, b"error"), ("GET / HTTP/1.1\r\n", b"error"),
                         (b"\x80\0\0\0", b"error")):
        with server.connect() as client:
            client.send(sent)
            expect_close(watcher, reason)
    with server.connect() as client:
        client.set("a", "x" * 500_000)
        client.send("get a\r\n" * 40)  # and reads none of it
        expect_close(watcher, b"error")


@test(families=TCP, waits=True)
def connevents_tell_of_the_idle_time_out(lab):
    """-o idle_timeout."""
    server = lab.start("-o", "idle_timeout=1")
    watcher = watch(lab, server, "connevents")
    client = lab.connect(server)
    expect_close(watcher, b"idle_timeout")
    client.expect_end()


@test(families=BOTH)
def evictions_are_seen(lab):
    """A full store."""
    server = lab.start("-m", "16")
    watcher, client = watch(lab, server, "evictions"), lab.connect(server)
    for index in range(400):
        client.send(set_request(f"key-{index}", "x" * 100_000, tail=" noreply"))
    client.version()
    expect_event(watcher, rb"type=eviction key=key-\d+ fetch=no ttl=-?\d+ la=\d+ clsid=\d+ size=\d+")


@test(families=ALL)
def a_watcher_that_does_not_read_loses_lines_and_slows_nobody(lab):
    """200,000 look-ups beside it; the server's memory stays bounded, lines are counted as skipped."""
    server = lab.start()
    watch(lab, server, "fetchers")
    client = lab.connect(server)
    before_kib = server.resident_kib()
    for _ in range(100):
        client.send(b"get missing-key-with-a-long-name\r\n" * 2000)
        client.expect(b"END\r\n" * 2000)
    growth_kib = server.resident_kib() - before_kib
    check(lab.program.is_sanitized or growth_kib < 32 << 10, "the server kept what the watcher did not read")
    figures = client.stats()
    lost = int(figures["log_watcher_skipped"]) + int(figures["log_worker_dropped"])
    check(lost > 0, "lines were lost, and counted")


@test(families=ALL)
def a_watcher_that_leaves_is_forgotten(lab):
    """log_watchers goes back to 0 and the server serves."""
    server = lab.start()
    watcher, client = watch(lab, server, "fetchers", "mutations"), lab.connect(server)
    check_equal("1", client.stats()["log_watchers"], "log_watchers")
    watcher.close()
    client.set("a", "x")
    wait_until(lambda: client.stats()["log_watchers"] == "0", "log_watchers is 0")


@test(families=BOTH)
def watch_does_not_follow_other_commands_in_a_pipeline(lab):
    """The replies to what came before would mix with the log."""
    client = lab.connect(lab.start())
    client.send("version\r\nwatch\r\n")
    client.read_line()
    client.expect("ERROR cannot pipeline other commands before watch\r\n")
