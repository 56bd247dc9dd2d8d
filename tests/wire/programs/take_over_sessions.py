# SPDX-License-Identifier: MIT
"""--take-over with single clients in a state of their own, and with many that hold as much as they may."""

import os

from harness.registry import BOTH, test


@test(families=BOTH, waits=True)
def a_silent_stranger_has_its_time_to_log_in(lab):
    """One that connected when nobody was asked, and is now, is closed like any other that says nothing."""
    path = os.path.join(lab.new_folder(), "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write("ann:secret\n")
    os.chmod(path, 0o644)
    server = lab.start()
    silent, speaks = lab.connect(server, limit_s=20), lab.connect(server)
    silent.version()
    speaks.version()
    server = lab.take_over(server, "-Y", path, "--login-timeout=1")
    speaks.ask("set who 0 0 10\r\nann secret", "STORED")
    silent.expect_end("a stranger that says nothing")
    speaks.ask("get a", "END")
