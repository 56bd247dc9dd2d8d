# SPDX-License-Identifier: MIT
"""What the scripts that print one figure have in common."""

import os
import signal
import sys

from harness import peers, placement
from harness.generator import Settings
from process import ProcessError

EXIT_UNAVAILABLE = 69
WARMUP_S = 0.5


def program_path(name):
    """Where make puts it."""
    return os.path.join(peers.ROOT, "build", name)


def prepare(names, folder, duration_s=1.0, server=program_path("riposte")):
    """The peers of these names and the settings of their runs; the harness moves to the generator's CPU."""
    programs = [server, program_path("riposte-load")]
    for program in programs:
        if not os.access(program, os.X_OK):
            raise ProcessError(f"{program} is not there: run make first")
    everyone, absent = peers.discover(programs[0])
    for name in names:
        if name not in [peer.name for peer in everyone]:
            raise ProcessError(next((sentence for sentence in absent if sentence.split()[0] == name),
                                        f"no peer is called {name}: bench/run --list names them"))
    where = placement.choose()
    os.sched_setaffinity(0, where.load_cpus)
    settings = Settings(programs[1], duration_s, min(WARMUP_S, duration_s), where, folder)
    return [peer for peer in everyone if peer.name in names], settings


def end_by_exception():
    """Lets SIGTERM and SIGHUP leave through the finally blocks, as Ctrl-C does."""
    def raise_interrupt(number, _frame):
        raise KeyboardInterrupt(signal.Signals(number).name)
    signal.signal(signal.SIGTERM, raise_interrupt)
    signal.signal(signal.SIGHUP, raise_interrupt)


def run(main):
    """The exit status of a script: what could not be measured is one sentence."""
    end_by_exception()
    try:
        return main()
    except (ProcessError, OSError) as error:
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    except KeyboardInterrupt:
        return 130
