# SPDX-License-Identifier: MIT
"""--take-over, ten times in a row, each time with other flags, under load: nobody is closed, nothing is lost, and nothing is left behind."""

import os

from harness.outcome import Skip, check, check_equal
from harness.ports import free_port
from harness.registry import test
from harness.server import wait_until
from programs.take_over_load import MEMORY, Load

CONNECTIONS = 50
TURNS = 10


def comm_of(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


def children_of(pid):
    """Their names, also of those that have ended and that nobody has waited for."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            found += [comm_of(child) for child in file.read().split()]
    return found


def processes_of(folder):
    """Ids of all processes whose command line names that folder: servers, and their janitors."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if folder.encode() in file.read() and int(pid) != os.getpid():
                    found.append(int(pid))
        except OSError:
            continue  # it has ended
    return found


class Changing(Load):
    """What each turn adds to the addresses of the load: Unix sockets in a folder of root's, ports of HTTP and of TLS, a pid file; from the fourth
    on without the rights of root, which none of those behind it can have again.
    """

    def __init__(self, lab, *flags):
        self.folder, self.more = lab.new_folder_of_root(), flags
        self.names, self.is_nobody = set(), False
        super().__init__(lab, CONNECTIONS)
        self.flags += flags

    def changes(self, turn):
        """The flags of a turn; sets what is to be there then."""
        path = os.path.join(self.folder, "").__add__
        flags = ["-l", f"notls:127.0.0.1:{self.server.port}"]  # the first of all: where this program asks
        self.names = {name for name in "abc" if self.lab.random.random() < 0.5}
        for name in self.names:
            flags += [f"--http=unix:{path(name)}"] if name == "a" else ["-l", f"unix:{path(name)}"]
        if self.lab.random.random() < 0.5:
            flags += [f"--http=127.0.0.1:{free_port()}"]
        if self.lab.program.authority and self.lab.random.random() < 0.5:
            flags += [*self.lab.program.authority.flags()[1:], "-l", f"tls:127.0.0.1:{free_port()}"]
        if self.lab.random.random() < 0.5:
            flags += ["-P", path("pid")]
            self.names.add("pid")
        self.is_nobody = turn >= 3
        return [*flags, *(["-u", "nobody"] if self.is_nobody else [])]

    def take_over(self, turn):
        self.engine = "epoll" if self.engine == "uring" else "uring"
        flags = self.changes(turn)
        self.server = self.lab.take_over(self.server, "-m", str(MEMORY[(turn + 1) % len(MEMORY)]), "-t", str(1 + self.lab.random.randrange(4)),
                                         f"--http=127.0.0.1:{self.port}", *self.flags, *flags, engine=self.engine)
        where = f"seed {self.lab.seed}, turn {turn}, {' '.join(flags)}"
        janitors = ["riposte-janitor"] if self.is_nobody else []
        wait_until(lambda: set(os.listdir(self.folder)) == self.names, f"{where}: {self.names} are there, and not {os.listdir(self.folder)}")
        check_equal(janitors, children_of(self.server.pid), f"{where}: children")
        wait_until(lambda: len(processes_of(self.server.folder)) == 1 + len(janitors), f"{where}: no other process is left")

    def end(self):
        self.server.stop()
        wait_until(lambda: not os.listdir(self.folder) and not processes_of(self.server.folder), "nothing is left")


@test(limit_s=120, long=True)
def each_of_ten_in_a_row_may_have_other_flags(lab):
    """Workers, transport, -m, Unix sockets, HTTP, TLS, -P, -u: connections on what stays are served by each."""
    load = Changing(lab)
    load.run(TURNS)
    load.check()
    load.end()
