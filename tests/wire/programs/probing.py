# SPDX-License-Identifier: MIT
"""riposte --probe: who serves, who does not, and how long that takes to say."""

import signal
import time

from harness.outcome import check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until

USAGE = 64


def probe(lab, address):
    """Exit status and first line."""
    done = lab.run_server(f"--probe={address}")
    return done.returncode, (done.stdout + done.stderr).decode().split("\n", 1)[0]


def address_of(server):
    address = server.address()
    return f"unix:{address}" if isinstance(address, str) else f"{address[0]}:{address[1]}"


@test(families=BOTH)
def one_that_serves_is_well(lab):
    """Also where it asks for a password first; over HTTP where the address says so, also with a token."""
    server = lab.start()
    check_equal((0, f"{address_of(server)}: serves"), probe(lab, address_of(server)), "a plain one")
    folder = lab.new_folder()
    with open(f"{folder}/users", "w", encoding="ascii") as file:
        file.write("user:password\n")
    with open(f"{folder}/token", "w", encoding="ascii") as file:
        file.write("token\n")
    server = lab.start("-Y", f"{folder}/users", f"--http=unix:{folder}/http", f"--http-token-file={folder}/token")
    check_equal(0, probe(lab, address_of(server))[0], "with -Y")
    check_equal((0, f"http+unix:{folder}/http: serves"), probe(lab, f"proto[http]:unix:{folder}/http"), "over HTTP")


@test(families=BOTH, waits=True)
def one_that_hangs_or_is_full_or_is_none_is_not(lab):
    """Stopped by a signal: no answer within two seconds. One more than -c, and another protocol: another answer. Ended: refused."""
    server = lab.start()
    address = address_of(server)
    server.signal(signal.SIGSTOP)
    begun = time.monotonic()
    status, line = probe(lab, address)
    server.signal(signal.SIGCONT)
    check_equal((1, f"{address}: Connection timed out"), (status, line), "a server that hangs")
    check(1.9 < time.monotonic() - begun < 6, "two seconds")
    full = lab.start("-c", "1")
    client = lab.connect(full)
    wait_until(lambda: probe(lab, address_of(full))[1].endswith("has another answer"), "a full one")
    client.version()
    check_equal(1, probe(lab, f"proto[http]:{address}")[0], "another protocol")
    server.stop()
    check_equal(1, probe(lab, address)[0], "none")


@test(families=BOTH)
def what_cannot_be_asked_is_a_wrong_flag(lab):
    """TLS is not spoken; an address is needed."""
    for address in ("tls:127.0.0.1:1", "", "proto[none]:127.0.0.1", "127.0.0.1:65536"):
        check_equal(USAGE, probe(lab, address)[0], f"--probe={address}")
