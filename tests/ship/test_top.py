# SPDX-License-Identifier: MIT
"""riposte-top, in a terminal of 80 x 24 (tmux) and for scripts: of riposte, of memcached, of a server that is gone."""

import contextlib
import os
import re
import shutil
import threading

import place
from harness.certificates import Authority
from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import test
from harness.server import Program, wait_until


def program():
    path = place.program("riposte-top")
    if not os.path.exists(path):
        raise Skip("riposte-top is not built: there is no ncurses (Debian package libncurses-dev)")
    return path


class Terminal:
    """A tmux of its own, 80 columns by 24 rows."""

    def __init__(self, lab, *command):
        self.lab, self.tmux = lab, lab.need("tmux", "tmux")
        self.socket = os.path.join(lab.new_folder(), "tmux")
        self.run("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", *command)

    def run(self, *arguments):
        return self.lab.run(self.tmux, "-S", self.socket, *arguments,
                            environment={"TERM": "screen", "LC_ALL": "C.UTF-8"}).stdout.decode()

    def screen(self):
        return self.run("capture-pane", "-p")

    def expect(self, pattern):
        """Waits until the screen has it; the screen."""
        try:
            wait_until(lambda: re.search(pattern, self.screen(), re.M), f"/{pattern}/ on the screen")
        except Failure:
            raise Failure(f"/{pattern}/ is not on the screen:\n{self.screen()}") from None
        return self.screen()

    def type(self, key):
        self.run("send-keys", key)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.run("kill-server")


def busy(lab, server, count=400):
    """Gets with three hits of four, sets, and a key that is asked for more than others."""
    client = lab.connect(server)
    for number in range(count):
        if number % 4 == 0:
            client.set("hot", "x" * 100)
        client.get("hot" if number % 4 else "missing")


@contextlib.contextmanager
def kept_busy(lab, server):
    """The same over and over until the block is left."""
    over = threading.Event()

    def work():
        while not over.is_set():
            busy(lab, server)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


@test()
def it_fills_a_terminal_and_obeys_its_keys(lab):
    """The view of a busy server; paused it stands still; sorted by name cas is first; q gives the screen back."""
    server = lab.start("-t", "1")
    with Terminal(lab, program(), "-d", "200ms", f"127.0.0.1:{server.port}") as terminal:
        terminal.expect(r"^127\.0\.0\.1:\d+  riposte \d+\.\d+\.\d+ \S+  up 0d 00:")
        with kept_busy(lab, server):  # a single burst may fall between two looks at the screen
            shown = terminal.expect(r"^get +[\d,]+ +75\.00 %")
        lines = shown.splitlines()
        check(len(lines) == 24 and max(map(len, lines)) <= 80, f"not 80 x 24:\n{shown}")
        check("q quit   p pause   s sorted by rate" in lines[-1], f"the last line is {lines[-1]!r}")
        check(re.search(r"^workers 1: the busiest", shown, re.M), shown)
        check(re.search(r"^set +[\d,]+ +[\d.,]+ +[\d.,]+ +[\d.,]+$", shown, re.M), f"no percentiles:\n{shown}")
        terminal.type("s")
        shown = terminal.expect("s sorted by name")
        check(re.search(r"command.*\n(?:cas|decr|delete) ", shown), shown)
        terminal.type("p")
        shown = terminal.expect("PAUSED")
        before = re.search(r"\d\d:\d\d:\d\d  PAUSED", shown)[0]
        terminal.type("s")
        shown = terminal.expect("s sorted by misses")
        check(before in shown, f"the time went on:\n{shown}")
        terminal.type("p")
        terminal.expect("p pause")
        terminal.type("q")
        wait_until(lambda: "no server" in terminal.run("list-sessions") or not terminal.run("list-sessions"), "the end")


@test()
def it_shows_several_servers_and_goes_on_when_one_is_lost_and_back(lab):
    """Two rows; the dead one does not answer; its place is taken again."""
    first, second = lab.start(), lab.start()
    with Terminal(lab, program(), "-d", "200ms", f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}") as terminal:
        terminal.expect(r"^2 of 2 servers answer")
        port = second.port
        second.kill()
        terminal.expect(r"^1 of 2 servers answer")
        terminal.expect(rf"^127\.0\.0\.1:{port} +does not answer")
        lab.start("-l", f"127.0.0.1:{port}")
        terminal.expect(r"^2 of 2 servers answer")


@test()
def once_prints_a_screen_for_scripts(lab):
    """No escape sequence, the exit status says whether every server answered."""
    server = lab.start()
    busy(lab, server)
    done = lab.run(program(), "--once", "-d", "100ms", f"127.0.0.1:{server.port}", environment={"TERM": "nonsense"})
    text = done.stdout.decode("ascii")
    check_equal(0, done.returncode, done.stderr.decode())
    check("\033" not in text and re.search(r"^command +requests/s", text, re.M), text)
    check(re.search(r"^memory +\[", text, re.M), text)
    command = f"{program()} --once -d 100ms 127.0.0.1:{server.port}; exec sleep 100"
    with Terminal(lab, "sh", "-c", command) as terminal:
        shown = terminal.expect("^workers ")
        check(shown.startswith("127.0.0.1:"), f"it has scrolled:\n{shown}")
    done = lab.run(program(), "--once", "-d", "100ms", f"127.0.0.1:{server.port}", "127.0.0.1:1")
    check_equal(1, done.returncode, "exit status with a server that does not answer")
    check("127.0.0.1:1 " in done.stdout.decode() and "does not answer" in done.stdout.decode(), done.stdout.decode())


@test()
def it_shows_memcached_with_what_that_has(lab):
    """No workers by themselves, no keys; commands, hits, memory and connections are there."""
    if not shutil.which("memcached"):
        raise Skip("memcached is not installed")
    reference = Program(shutil.which("memcached"))
    lab.program, own = reference, lab.program
    try:
        server = lab.start()
        busy(lab, server)
        done = lab.run(program(), "--once", "-d", "100ms", f"127.0.0.1:{server.port}")
    finally:
        lab.program = own
    text = done.stdout.decode()
    check_equal(0, done.returncode, text)
    check(re.search(r"^127\.0\.0\.1:\d+  memcached 1\.\d+\.\d+  up ", text, re.M), text)
    check(re.search(r"^get +", text, re.M) and "busiest keys" not in text, text)


@test()
def what_is_no_server_is_told_in_a_sentence(lab):
    """Usage, names, a pipe instead of a terminal."""
    for arguments, status, word in ((["localhost:"], 64, "expected host"), (["unix:"], 64, "Unix socket"),
                                    (["--delay=0"], 64, "--delay"), (["127.0.0.1"], 64, "--once")):
        done = lab.run(program(), *arguments)
        check_equal(status, done.returncode, f"exit status of {arguments}: {done.stderr.decode()}")
        check(word in done.stderr.decode(), done.stderr.decode())


@test()
def it_looks_over_tls(lab):
    """--tls with the authority's certificate and the name; without them it takes nobody's word."""
    if not lab.program.has_tls():
        raise Skip("a build without TLS")
    authority = Authority(lab.new_folder())
    server = lab.start(*authority.flags())
    where, once = f"127.0.0.1:{server.port}", ("--once", "-d", "200ms")
    shown = lab.run(program(), *once, "--tls", "--tls-ca", authority.path, "--tls-name", "server.test", where)
    check_equal(0, shown.returncode, f"exit status ({shown.stderr.decode()})")
    check(b"riposte" in shown.stdout and b"does not answer" not in shown.stdout, f"an answer: {shown.stdout.decode()}")
    for flags in ((), ("--tls",)):
        check_equal(1, lab.run(program(), *once, *flags, where).returncode, f"exit status with {flags}")
