# SPDX-License-Identifier: MIT
"""What flags forbid, allow or change on the wire: -F -X -W -A -C -D -Y.

src/protocol/memcached/README.md, "Administrative commands", "Authentication", "Statistics".
"""

import os
import signal
import time

from harness.outcome import Failure, check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until

PASSWORDS = "someone:secret\nother:very:long\n"


@test(families=BOTH, reference=True)
def flush_all_is_refused_with_f_and_still_counted(lab):
    """-F."""
    server = lab.start("-F")
    client = lab.connect(server)
    client.set("a", "x")
    client.ask("flush_all", "CLIENT_ERROR flush_all not allowed")
    client.ask("flush_all 0", "CLIENT_ERROR flush_all not allowed")
    check_equal(b"x", client.get("a"), "the value afterwards")
    check(int(client.stats()["cmd_flush"]) >= 1, "cmd_flush counts refused ones")


@test(families=BOTH)
def listings_of_keys_are_refused_with_x(lab):
    """-X: metadump, mgdump, cachedump, detail."""
    client = lab.connect(lab.start("-X"))
    client.set("a", "x")
    client.ask("lru_crawler metadump all", "ERROR metadump not allowed")
    client.ask("lru_crawler mgdump all", "ERROR key dump not allowed")
    client.ask("stats cachedump 1 0", "CLIENT_ERROR stats cachedump not allowed")
    client.ask("stats detail on", "CLIENT_ERROR stats detail not allowed")
    client.ask("stats detail dump", "CLIENT_ERROR stats detail not allowed")


@test(families=BOTH, reference=True)
def watch_is_refused_with_w(lab):
    """-W."""
    client = lab.connect(lab.start("-W"))
    client.ask("watch", "CLIENT_ERROR watch commands not allowed")
    client.ask("watch fetchers", "CLIENT_ERROR watch commands not allowed")
    client.set("a", "x")


@test(families=BOTH, reference=True)
def shutdown_is_obeyed_with_a(lab):
    """-A: no reply, exit status 0; another mode is refused."""
    server = lab.start("-A")
    client = lab.connect(server)
    client.ask("shutdown foo", "CLIENT_ERROR invalid shutdown mode")
    client.send("shutdown\r\n")
    check_equal(b"", client.read_to_end(), "the reply to shutdown")
    server.expect_exit(0)


@test(families=BOTH, reference=True)
def a_graceful_shutdown_ends_with_status_0(lab):
    """-A, shutdown graceful."""
    server = lab.start("-A")
    client = lab.connect(server)
    client.send("shutdown graceful\r\n")
    client.read_to_end()
    server.expect_exit(0)


@test(families=BOTH, reference=True)
def cas_numbers_are_0_with_c(lab):
    """-C."""
    client = lab.connect(lab.start("-C"))
    client.set("a", "x")
    client.ask("gets a", "VALUE a 0 1 0\r\nx\r\nEND")
    client.ask("mg a c", "HD c0")
    check_equal("no", client.stats("settings")["cas_enabled"], "cas_enabled")


@test(families=BOTH)
def statistics_by_prefix_are_on_with_d(lab):
    """-D /: hits, gets, sets and deletes of each prefix."""
    client = lab.connect(lab.start("-D", "/"))
    check_equal("yes", client.stats("settings")["detail_enabled"], "detail_enabled")
    check_equal("/", client.stats("settings")["stat_key_prefix"], "stat_key_prefix")
    client.set("user/1", "x")
    client.set("user/2", "x")
    client.get("user/1")
    client.get("user/3")
    client.ask("delete user/2", "DELETED")
    client.set("page/1", "x")
    client.send("stats detail dump\r\n")
    lines = client.read_lines_until("END")
    check_equal([b"PREFIX page get 0 hit 0 set 1 del 0", b"PREFIX user get 2 hit 1 set 2 del 1"], sorted(lines),
                "the prefixes")
    client.ask("stats detail off", "OK")
    client.set("user/4", "x")
    client.ask("stats detail on", "OK")
    client.ask("stats detail foo", "CLIENT_ERROR usage: stats detail on|off|dump")
    client.ask("stats detail", "CLIENT_ERROR usage: stats detail on|off|dump")


def start_with_passwords(lab, text=PASSWORDS):
    path = os.path.join(lab.new_folder(), "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return lab.start("-Y", path), path


@test(families=BOTH, reference=True)
def nothing_but_a_set_with_the_password_is_taken_before_authentication(lab):
    """-Y: every command is refused, a wrong password too; then the right one, then everything."""
    server, _ = start_with_passwords(lab)
    client = lab.connect(server)
    for command in ("get a", "version", "stats", "flush_all", "delete a"):
        lab.connect(server).ask(command, "CLIENT_ERROR unauthenticated")
    client.ask("set any 0 0 14\r\nsomeone secreT", "CLIENT_ERROR authentication failure")
    client.ask("set any 0 0 13\r\nsomeonesecret", "CLIENT_ERROR bad authentication token format")
    client.ask("get a", "CLIENT_ERROR unauthenticated")
    client.ask("set any 0 0 14\r\nsomeone secret", "STORED")
    client.ask("get any", "END")
    client.set("a", "x")
    check_equal(b"x", client.get("a"), "a value after authentication")
    figures = client.stats()
    check(int(figures["auth_cmds"]) >= 2 and int(figures["auth_errors"]) >= 1, "auth_cmds and auth_errors count")


@test(families=BOTH, reference=True)
def a_password_may_hold_colons_and_every_connection_authenticates(lab):
    """user:pass splits at the first colon; a second connection starts anew."""
    server, _ = start_with_passwords(lab)
    lab.connect(server).ask("set x 0 0 15\r\nother very:long", "STORED")
    lab.connect(server).ask("get a", "CLIENT_ERROR unauthenticated")


@test(families=BOTH)
def a_token_that_is_too_long_or_badly_ended_is_refused(lab):
    """Above 1024 bytes, and without \\r\\n."""
    server, _ = start_with_passwords(lab)
    client = lab.connect(server)
    client.ask("set any 0 0 14\r\nsomeone secretxx", "CLIENT_ERROR bad command line termination")
    long_client = lab.connect(server)
    long_client.send("set any 0 0 1025\r\n")
    long_client.expect("CLIENT_ERROR auth token too long\r\n")


@test(families=BOTH)
def a_first_line_that_cannot_be_a_set_closes(lab):
    """Under six bytes, or more than 2048 bytes without an end, before authentication."""
    server, _ = start_with_passwords(lab)
    for data in (b"get\r\n", b"a\r\n", b"x" * 2049):
        with server.connect() as client:
            try:
                client.send(data)
            except Failure:
                pass
            check_equal(b"", client.read_to_end(), f"what comes back for {data[:10]!r}")


@test(families=BOTH)
def a_password_may_hold_spaces_and_quit_works_before_it(lab):
    """Everything behind the first space is the password."""
    server, _ = start_with_passwords(lab, "foo:bar baz\n")
    lab.connect(server).ask("set x 0 0 11\r\nfoo bar baz", "STORED")
    quitter = lab.connect(server)
    quitter.send("quit\r\n")
    quitter.expect_end("quit before authentication")


@test(families=BOTH)
def who_fails_five_times_is_closed_and_waits_longer_each_time(lab):
    """10, 20, 40, 80, 160 ms; the sixth request is not answered."""
    server, _ = start_with_passwords(lab)
    client = lab.connect(server)
    began = time.monotonic()
    client.send(b"version\r\n" * 6)
    client.expect(b"CLIENT_ERROR unauthenticated\r\n" * 5)
    client.expect_end("after five failures")
    check(time.monotonic() - began >= 0.3, f"five failures took {time.monotonic() - began:.3f} s")
    check_equal("1", authenticated(lab, server).stats("riposte")["closed_unauthenticated"], "closed_unauthenticated")


def authenticated(lab, server):
    client = lab.connect(server)
    client.ask("set any 0 0 14\r\nsomeone secret", "STORED")
    return client


@test(families=BOTH, waits=True)
def who_says_nothing_is_closed_after_the_login_timeout(lab):
    """--login-timeout=1: a silent one and one in the middle of a line end; who has authenticated stays."""
    path = os.path.join(lab.new_folder(), "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write(PASSWORDS)
    server = lab.start("-Y", path, "--login-timeout=1")
    known, silent, slow = authenticated(lab, server), lab.connect(server), lab.connect(server)
    slow.send("set any 0")
    silent.expect_end("a silent one")
    slow.expect_end("one that does not go on")
    known.ask("mn", "MN")
    check(int(known.stats("riposte")["closed_unauthenticated"]) >= 2, "closed_unauthenticated")


@test(families=BOTH, waits=True)
def a_password_that_came_while_the_server_was_stopped_is_looked_at(lab):
    """--login-timeout=1, stopped for 2.5 s: the rest of the password was there in time; who has sent nothing ends."""
    path = os.path.join(lab.new_folder(), "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write(PASSWORDS)
    server = lab.start("-Y", path, "--login-timeout=1")
    clients, silent = [lab.connect(server) for _ in range(100)], lab.connect(server)
    for client in clients:
        client.send("set any 0 0 14\r\nsome")
    server.signal(signal.SIGSTOP)
    for client in clients:
        client.send("one secret\r\n")
    time.sleep(2.5)
    server.signal(signal.SIGCONT)
    for client in clients:
        client.expect("STORED\r\n", "a password")
    silent.expect_end("a silent one")


@test(families=BOTH)
def strangers_hold_next_to_nothing(lab):
    """200 connections that send megabytes of bad lines and read nothing: memory stays; who has the password is served."""
    server, _ = start_with_passwords(lab)
    known = authenticated(lab, server)
    before_kib = server.resident_kib()
    strangers = [lab.connect(server) for _ in range(200)]
    for _ in range(5):
        for stranger in strangers:
            stranger.socket.setblocking(False)
            try:
                stranger.socket.send(b"aaaaa\n" * 100_000)
            except OSError:
                pass
        known.ask("mn", "MN")
    growth_kib = server.resident_kib() - before_kib
    check(lab.program.is_sanitized or growth_kib < 24 << 10, f"the server grew by {growth_kib} KiB")


@test(families=BOTH)
def sighup_reads_the_passwords_again_and_keeps_the_old_ones_when_the_file_is_bad(lab):
    """A new password is in force soon; a broken file changes nothing."""
    server, path = start_with_passwords(lab)

    def authenticates(token):
        with server.connect() as client:
            client.send(f"set any 0 0 {len(token)}\r\n{token}\r\n")
            return client.read_line() == b"STORED"

    check(authenticates("someone secret"), "the first password")
    with open(path, "w", encoding="ascii") as file:
        file.write("someone:changed\n")
    server.signal(signal.SIGHUP)
    wait_until(lambda: authenticates("someone changed"), "the new password is in force")
    check(not authenticates("someone secret"), "the old password is still in force")
    with open(path, "w", encoding="ascii") as file:
        file.write("no colon here\n")
    server.signal(signal.SIGHUP)
    wait_until(lambda: "what it said before stays" in server.stderr_text(), "the broken file was read")
    check(authenticates("someone changed"), "the password before the broken file")
