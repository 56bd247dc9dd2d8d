# SPDX-License-Identifier: MIT
"""Limits of a process (getrlimit(2)) that are far from the usual ones: it serves, or ends with one sentence that names the cure."""

import os

from harness.http import ask_status, http_connect, http_start
from harness.outcome import Skip, check, check_equal
from harness.registry import TCP, test
from programs.machines import check_serves, limited

SYSTEM = 71


def check_sentence(done, *words, status=SYSTEM):
    """One line on standard error, with all the words."""
    text = done.stderr.decode()
    check_equal(status, done.returncode, f"exit status ({text.strip()!r})")
    check_equal(1, len(text.splitlines()), f"lines of {text!r}")
    for word in words:
        check(word in text, f"{word!r} is not in {text!r}")


def memory_kib(server, name):
    with open(f"/proc/{server.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{name}:"))


@test(families=TCP + ("tls",))
def a_stack_of_128_kib_suffices_and_of_64_is_refused_with_the_cure(lab):
    """RLIMIT_STACK, by which the C library sizes the stacks of threads, too: values, statistics, TLS, files, the access log."""
    root = lab.new_folder()
    with open(os.path.join(root, "page"), "wb") as file:
        file.write(b"p" * 200_000)
    prefix = limited(lab, f"--stack={128 << 10}:{128 << 10}", user=0)  # who reads the key, and without rights
    server = http_start(lab, "-t", "2", f"--http-root={root}", f"--http-log={os.path.join(lab.new_folder(), 'log')}", prefix=prefix)
    check_serves(lab, server)
    lab.connect(server).stats("riposte")
    for path in ("/page", "/metrics"):
        ask_status(http_connect(server), 200, "GET", path)
    small = limited(lab, f"--stack={64 << 10}:{64 << 10}")
    check_sentence(lab.run(*small, lab.program.path, "-p", "-1"), "64 KiB", "ulimit -s", "LimitSTACK=")


@test(families=TCP)
def a_small_stack_that_may_grow_is_raised(lab):
    """The soft limit alone is 64 KiB: no word is needed."""
    server = lab.start(prefix=limited(lab, f"--stack={64 << 10}:{8 << 20}"))
    check_serves(lab, server)


@test(families=TCP)
def a_large_stack_is_not_reserved_for_each_thread(lab):
    """16 workers with RLIMIT_STACK of 1 GiB have no more addresses than with 8 MiB."""
    sizes = []
    for mib in (8, 1024):
        server = lab.start("-t", "16", prefix=(lab.need("prlimit", "util-linux"), f"--stack={mib << 20}"))
        check_serves(lab, server)
        sizes.append(memory_kib(server, "VmSize"))
        server.stop()
    check(sizes[1] - sizes[0] < 64 << 10, f"KiB of addresses with 8 MiB, with 1 GiB: {sizes}")


@test(families=TCP)
def little_memory_is_refused_with_the_cure(lab):
    """RLIMIT_AS from where the libraries are just loaded to where the store has no place."""
    if lab.program.is_sanitized:
        raise Skip("a sanitizer needs more addresses than any limit leaves")
    for mib in (24, 32, 56, 80, 150):
        done = lab.run(lab.need("prlimit", "util-linux"), f"--as={mib << 20}", lab.program.path, "-p", "-1", "-t", "2",
                       f"--engine={lab.engine}")
        check("ulimit -v" in done.stderr.decode(), f"{mib} MiB: {done.stderr!r}")
        check_equal(SYSTEM, done.returncode, f"exit status with {mib} MiB")


@test(families=TCP)
def a_thread_that_is_refused_ends_the_start_with_the_cure(lab):
    """RLIMIT_NPROC: for the first worker, for the log, for files."""
    folder = lab.new_folder()
    os.chmod(lab.folder, 0o711)
    flags = ("-p", "-1", "-t", "2", f"--engine={lab.engine}", f"--log-file={folder}/log", "--http=127.0.0.1:0", f"--http-root={folder}")
    for number, limit in enumerate((1, 2, 3, 4)):
        prefix = limited(lab, f"--nproc={limit}:{limit}", user=65400 + number + (10 if lab.engine == "uring" else 0))
        if os.path.exists(f"{folder}/log"):
            os.remove(f"{folder}/log")
        # Where there is a leak sanitizer, it looks for leaks in a thread of its own, at the end.
        check_sentence(lab.run(*prefix, "env", "LSAN_OPTIONS=detect_leaks=0", lab.program.path, *flags), "ulimit -u", "TasksMax", "--pids-limit")


@test(families=TCP)
def no_devices_are_needed_where_descriptors_are_open(lab):
    """/dev is empty: it serves; with standard input closed, too, the sentence says both."""
    if os.geteuid() != 0:
        raise Skip("not root: cannot have a mount namespace")
    bare = (lab.need("unshare", "util-linux"), "-m", "sh", "-c", 'mount -t tmpfs none /dev && exec "$@"', "sh")
    check_serves(lab, lab.start(prefix=bare))
    closed = bare[:-2] + ('mount -t tmpfs none /dev && exec "$@" <&-', "sh")
    check_sentence(lab.run(*closed, lab.program.path, "-p", "-1"), "descriptor 0 is closed", "mount /dev")
