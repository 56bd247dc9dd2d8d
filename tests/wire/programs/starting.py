# SPDX-License-Identifier: MIT
"""The command line and the start: what is taken, what is refused with which status, and what is said about it."""

import os
import re
import signal
import socket

from harness.outcome import Skip, check, check_equal
from harness.ports import free_port
from harness.registry import TCP, test
from harness.server import wait_until

USAGE, UNAVAILABLE, SYSTEM = 64, 69, 71

# Every -o name of memcached 1.6 with a value where it needs one: old start scripts carry them.
EXTENDED_NAMES = (
    "maxconns_fast no_maxconns_fast hashpower=16 no_hashexpand slab_reassign no_slab_reassign slab_automove "
    "slab_automove=1 no_slab_automove slab_automove_ratio=0.8 slab_automove_window=30 slab_automove_freeratio=0.01 "
    "tail_repair_time=0 hash_algorithm=murmur3 lru_crawler no_lru_crawler lru_crawler_sleep=100 "
    "lru_crawler_tocrawl=0 lru_maintainer no_lru_maintainer hot_lru_pct=20 warm_lru_pct=40 hot_max_factor=0.2 "
    "warm_max_factor=2.0 temporary_ttl=61 idle_timeout=0 watcher_logbuf_size=256 worker_logbuf_size=64 "
    "slab_sizes=64-128-256 slab_chunk_max=512 no_chunked_items track_sizes inline_ascii_resp no_inline_ascii_resp "
    "modern no_modern drop_privileges no_drop_privileges relaxed_privileges resp_obj_mem_limit=1 "
    "read_buf_mem_limit=1 sock_cookie_id=1"
).split()


def check_refused(lab, flags, status, *words):
    """The start with `flags` ends with `status`, and what it says has all the words, in one line."""
    done = lab.run_server(*flags)
    text = done.stderr.decode()
    check_equal(status, done.returncode, f"exit status of {' '.join(flags)} ({text.strip()!r})")
    for word in words:
        check(word in text, f"{' '.join(flags)}: {word!r} is not in {text!r}")
    lines = [line for line in text.splitlines() if "warning" not in line.lower()]
    check(1 <= len(lines) <= 2, f"{' '.join(flags)}: expected one sentence, got {text!r}")


@test()
def an_unknown_flag_is_a_usage_error_with_a_suggestion(lab):
    """A long one with a slip of the pen, a short one, an unknown -o name, a word too many."""
    check_refused(lab, ["--thread", "2"], USAGE, "--threads")
    check_refused(lab, ["--memory-limitt=5"], USAGE, "--memory-limit")
    check_refused(lab, ["--complete-nonsense-here"], USAGE, "--complete-nonsense-here")
    check_refused(lab, ["-Q"], USAGE, "-Q")
    check_refused(lab, ["-o", "idle_timeot=3"], USAGE, "idle_timeout")
    check_refused(lab, ["foo"], USAGE, "foo")


@test()
def values_out_of_range_are_usage_errors(lab):
    """Zero where it makes no sense, above and below the limits, no number, no value."""
    for flags in (["-t", "0"], ["-c", "0"], ["-R", "0"], ["-t", "x"], ["-p", "70000"], ["-p", "-2"], ["-I", "1"],
                  ["-I", "2g"], ["-m", "64", "-I", "40m"], ["-m", "x"], ["-a", "9"], ["--engine=foo"],
                  ["--send=foo"], ["--spin-us=-3"], ["--recv-buffer-count=3"], ["-B", "foo"], ["-t"], ["-t", ""],
                  ["--drain-timeout=0"], ["-o", "idle_timeout=x"]):
        done = lab.run_server("-p", "-1", *flags)
        check_equal(USAGE, done.returncode, f"exit status of {' '.join(flags)} ({done.stderr.decode().strip()!r})")


@test()
def what_is_not_here_refuses_to_start_and_says_what_to_use(lab):
    """SASL, values on flash, the proxy."""
    check_refused(lab, ["-p", "-1", "-S"], USAGE, "SASL")
    for name in ("ext_path=/tmp/x:1g", "proxy_config=/tmp/x"):
        check_equal(USAGE, lab.run_server("-p", "-1", "-o", name).returncode, f"exit status of -o {name}")


@test()
def help_and_version_go_to_standard_output_and_exit_0(lab):
    """-V is one line with name and version; -h names every flag."""
    for flag in ("-V", "--version"):
        done = lab.run_server(flag)
        check_equal(0, done.returncode, f"exit status of {flag}")
        check(re.fullmatch(rb"riposte \d+\.\d+\.\d+\n", done.stdout), f"{flag} prints {done.stdout!r}")
    for flag in ("-h", "--help"):
        done = lab.run_server(flag)
        check_equal(0, done.returncode, f"exit status of {flag}")
        for name in (b"--port", b"--memory-limit", b"--engine", b"--write-timeout", b"idle_timeout"):
            check(name in done.stdout, f"{flag} does not name {name.decode()}")
    done = lab.run_server("-i")
    check_equal(0, done.returncode, "exit status of -i")
    check(b"MIT" in done.stdout, "-i shows the licence")


@test()
def what_is_printed_and_not_taken_is_an_error_with_a_sentence(lab):
    """On a full disk, and where standard output is closed."""
    for flag in ("--help", "--help=markdown", "--version", "--license", "--check", "--check=json"):
        for output, words in ((">/dev/full", b"cannot be written: No space left"), (">&-", b"cannot be written: Bad file descriptor")):
            done = lab.run("sh", "-c", f'exec "$0" "$@" {output}', lab.program.path, flag, "-p", "-1")
            check_equal(SYSTEM, done.returncode, f"exit status of {flag} {output}: {done.stderr!r}")
            check(words in done.stderr and done.stderr.count(b"\n") == 1, f"{flag} {output}: {done.stderr!r}")


@test(waits=True)
def flags_without_meaning_here_cost_one_warning_line_each(lab):
    """The server starts and serves; each flag is named once on standard error."""
    for flags in (["-f", "1.5"], ["-n", "64"], ["-U", "5"], ["-B", "binary"], ["-N", "4"],
                  ["-o", "slab_automove=2"], ["-o", "no_lru_crawler"]):
        server = lab.start(*flags)
        lab.connect(server).set("a", "x")
        word = flags[1].partition("=")[0].removeprefix("no_") if flags[0] == "-o" else flags[0]
        lines = [line for line in server.stderr_text().splitlines() if "warning" in line and word in line]
        check_equal(1, len(lines), f"warnings about {' '.join(flags)}")
        server.stop()


@test()
def every_extended_name_of_memcached_is_taken(lab):
    """Each on its own and all in one list."""
    for name in EXTENDED_NAMES:
        done = lab.run_server("-o", name, "-V")
        check_equal(0, done.returncode, f"exit status of -o {name} -V ({done.stderr.decode().strip()!r})")
    server = lab.start("-o", ",".join(name for name in EXTENDED_NAMES if name != "no_maxconns_fast"))
    lab.connect(server).set("a", "x")


@test()
def long_forms_of_memcached_mean_what_the_short_ones_mean(lab):
    """--flag value and --flag=value."""
    server = lab.start("--memory-limit=100", "--conn-limit", "500", "--threads=2", "--max-item-size=2m",
                       "--max-reqs-per-event=5", "--listen-backlog=100", "--disable-evictions")
    settings = lab.connect(server).stats("settings")
    expected = {"maxbytes": str(100 << 20), "maxconns": "500", "num_threads": "2", "item_size_max": str(2 << 20),
                "reqs_per_event": "5", "tcp_backlog": "100", "evictions": "off"}
    for name, value in expected.items():
        check_equal(value, settings[name], f"stats settings {name}")


@test(waits=True)
def sizes_take_units(lab):
    """-m in MiB or with k, m, g; -I in bytes or with k, m."""
    for flag, maxbytes in (("128", 128 << 20), ("131072k", 128 << 20), ("128m", 128 << 20), ("1g", 1 << 30)):
        server = lab.start("-m", flag)
        check_equal(str(maxbytes), lab.connect(server).stats("settings")["maxbytes"], f"maxbytes with -m {flag}")
        server.stop()
    for flag, size in (("512k", 512 << 10), ("2m", 2 << 20), ("3000", 3000)):
        server = lab.start("-I", flag)
        check_equal(str(size), lab.connect(server).stats("settings")["item_size_max"], f"item_size_max with -I {flag}")
        server.stop()


@test()
def a_second_server_on_the_same_port_fails_and_names_it(lab):
    """Exit status 71; the first one goes on serving all connections."""
    server = lab.start()
    check_refused(lab, ["-p", str(server.port)], SYSTEM, "127.0.0.1", str(server.port))
    for _ in range(20):
        lab.connect(server).version()


@test()
def an_address_that_is_not_here_fails_and_is_named(lab):
    """192.0.2.1 belongs to nobody (RFC 5737)."""
    check_refused(lab, ["-p", "-1", "-l", "192.0.2.1"], SYSTEM, "192.0.2.1")


@test()
def listening_on_every_address_must_be_asked_for(lab):
    """The default is 127.0.0.1 alone."""
    server = lab.start()
    check_equal({"0100007F"}, listening_addresses(server.port), "local addresses of the port")
    open_server = lab.start("-l", "0.0.0.0")
    check_equal({"00000000"}, listening_addresses(open_server.port), "local addresses with -l 0.0.0.0")


def listening_addresses(port):
    """IPv4 addresses that listen on the port, as /proc/net/tcp writes them."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}


@test()
def several_addresses_are_served(lab):
    """A list with commas, a second -l, an IPv6 address, host:port."""
    if not has_ipv6():
        raise Skip("no IPv6 on the loopback interface")
    port, other_port = free_port(), free_port()
    lab.start("-p", str(port), "-l", "127.0.0.1,127.0.0.2", "-l", "[::1]", "-l", f"127.0.0.3:{other_port}")
    for address in (("127.0.0.1", port), ("127.0.0.2", port), ("::1", port), ("127.0.0.3", other_port)):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(5)
            client.connect(address)
            client.sendall(b"version\r\n")
            check_equal(b"VERSION ", client.recv(100)[:8], f"the reply at {address}")


@test()
def an_address_says_what_is_spoken_there(lab):
    """proto[...]: and tag[...]: before an address, a second Unix socket among them; what is unknown is refused."""
    port, path = free_port(), os.path.join(lab.new_folder(), "second.sock")
    lab.start("-p", str(port), "-l", f"proto[ascii]:tag[a]:127.0.0.1,notls:proto[memcached]:unix:{path}")
    for family, address in ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_UNIX, path)):
        with socket.socket(family) as client:
            client.settimeout(5)
            client.connect(address)
            client.sendall(b"version\r\n")
            check_equal(b"VERSION ", client.recv(100)[:8], f"the reply at {address}")
    check_refused(lab, ["-p", "-1", "-l", "proto[asci]:127.0.0.1"], USAGE, "proto[asci]", "did you mean ascii?")
    check_refused(lab, ["-p", "-1", "-l", "proto[gopher]:127.0.0.1"], USAGE, "gopher", "there are memcached")
    status, cure = (USAGE, "ssl_chain_cert") if lab.program.has_tls() else (UNAVAILABLE, "built without TLS")
    check_refused(lab, ["-p", "-1", "-l", "tls:127.0.0.1"], status, cure)
    check_refused(lab, ["-p", "-1", "-Z"], status, cure)
    check_refused(lab, ["-p", "-1", "-l", "proto[binary]:127.0.0.1"], USAGE, "binary")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@test(families=TCP)
def the_port_file_names_every_family(lab):
    """MEMCACHED_PORT_FILENAME with -p -1: lines TCP INET and TCP INET6; no temporary file stays."""
    families = ["-l", "127.0.0.1,[::1]"] if has_ipv6() else []
    server = lab.start(*families)
    with open(server.port_path, encoding="ascii") as file:
        text = file.read()
    pattern = r"TCP INET: \d+\nTCP INET6: \d+\n" if families else r"TCP INET: \d+\n"
    check(re.fullmatch(pattern, text), f"the port file says {text!r}")
    check(not os.path.exists(server.port_path + ".lck"), "the temporary file is still there")


@test()
def the_unix_socket_has_the_mode_that_was_asked_for(lab):
    """700 by default, octal -a otherwise."""
    for flags, mode in (([], 0o700), (["-a", "666"], 0o666), (["-a", "0770"], 0o770)):
        server = lab.start(*flags)
        check_equal(oct(mode), oct(os.stat(server.socket_path).st_mode & 0o777), f"mode with {flags}")
        server.stop()


@test()
def a_unix_socket_in_use_and_other_files_are_left_alone(lab):
    """A second server on the same socket fails; so does one on a file that is no socket."""
    server = lab.start()
    check_refused(lab, ["-p", "-1", "-s", server.socket_path], SYSTEM, server.socket_path)
    lab.connect(server, ).version()
    path = os.path.join(lab.new_folder(), "file")
    with open(path, "w", encoding="ascii") as file:
        file.write("keep")
    check_refused(lab, ["-p", "-1", "-s", path], SYSTEM, path)
    with open(path, encoding="ascii") as file:
        check_equal("keep", file.read(), "the file")


@test()
def the_pid_file_says_the_pid_and_goes_with_the_server(lab):
    """-P path."""
    path = os.path.join(lab.new_folder(), "pid")
    server = lab.start("-P", path)
    with open(path, encoding="ascii") as file:
        check_equal(str(server.pid), file.read().strip(), "the pid file")
    server.stop()
    check(not os.path.exists(path), "the pid file is still there")


@test()
def the_start_line_names_version_workers_engine_and_addresses(lab):
    """One line on standard error says what an operator wants to know first."""
    server = lab.start("-t", "2")
    text = server.stderr_text()
    for word in ("riposte", "2 workers", "127.0.0.1", str(server.port), server.socket_path):
        check(word in text, f"{word!r} is not in {text!r}")
    engine = "io_uring" if lab.engine == "uring" else "epoll"
    check(engine in text, f"{engine!r} is not in {text!r}")


@test()
def port_0_turns_tcp_off(lab):
    """-p 0 with a Unix socket serves there; without one there is nothing to listen on."""
    server = lab.start("-p", "0", family="unix")
    lab.connect(server).set("a", "x")
    check_equal(USAGE, lab.run_server("-p", "0").returncode, "exit status without any address")


@test(waits=True)
def a_daemon_leaves_the_terminal_and_is_found_by_its_pid_file(lab):
    """-d: the command returns 0 once the server is ready; SIGTERM ends it and removes the pid file."""
    folder = lab.new_folder()
    pid_path, socket_path = os.path.join(folder, "pid"), os.path.join(folder, "socket")
    done = lab.run_server("-d", "-P", pid_path, "-p", "0", "-s", socket_path, f"--engine={lab.engine}", "-t", "1")
    check_equal(0, done.returncode, f"exit status of -d ({done.stderr.decode().strip()!r})")
    with open(pid_path, encoding="ascii") as file:
        pid = int(file.read())
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(socket_path)
            client.sendall(b"version\r\n")
            check_equal(b"VERSION ", client.recv(100)[:8], "the reply of the daemon")
    finally:
        os.kill(pid, 15)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the daemon has ended", 15)
    check(not os.path.exists(pid_path), "the pid file is still there")


@test()
def root_may_become_another_user(lab):
    """-u nobody: the process runs as nobody; a user that is not there ends the start with 67."""
    if os.geteuid() != 0:
        raise Skip("not root")
    folder = lab.new_folder()
    os.chmod(lab.folder, 0o711)
    server = lab.start("-u", "nobody", "-s", os.path.join(folder, "own"), family="tcp")
    check(os.stat(f"/proc/{server.pid}").st_uid != 0, "the server still runs as root")
    lab.connect(server).set("a", "x")
    check_equal(67, lab.run_server("-p", "-1", "-u", "no-such-user-here").returncode, "exit status of -u")


def process_status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


@test()
def a_server_has_no_rights_left_after_minus_u(lab):
    """-u nobody: every set of capabilities is empty, and no program would get new ones; without -u the latter holds, too."""
    if os.geteuid() != 0:
        raise Skip("not root")
    os.chmod(lab.folder, 0o711)
    status = process_status(lab.start("-u", "nobody", family="tcp").pid)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        check_equal(0, int(status[name], 16), name)
    check_equal("1", status["NoNewPrivs"], "NoNewPrivs")
    check_equal("1", process_status(lab.start().pid)["NoNewPrivs"], "NoNewPrivs without -u")


@test(families=TCP)
def files_in_a_folder_of_root_are_removed_although_the_rights_are_given_away(lab):
    """-u nobody, -P and -s below a folder like /run: both files are gone after a stop, and after a kill."""
    folder = lab.new_folder_of_root()
    pid_path, socket_path = os.path.join(folder, "pid"), os.path.join(folder, "socket")
    for ending in ("stop", "kill"):
        server = lab.start("-u", "nobody", "-P", pid_path, "-s", socket_path)
        with open(pid_path, encoding="ascii") as file:
            check_equal(str(server.pid), file.read().strip(), "the pid file")
        lab.connect(server).version()
        if ending == "stop":
            server.stop()
            check(not os.path.exists(pid_path), "the pid file is still there")
        else:
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            server.stopped = True
        wait_until(lambda: not os.path.exists(pid_path) and not os.path.exists(socket_path), f"files gone after a {ending}")


@test()
def a_pid_file_is_not_taken_from_a_process_that_lives(lab):
    """Exit status 71 and one sentence; a file of a process that is gone is replaced; a link is not followed."""
    folder = lab.new_folder()
    path, target = os.path.join(folder, "pid"), os.path.join(folder, "target")
    first = lab.start("-P", path)
    check_refused(lab, ["-p", "-1", "-P", path], SYSTEM, path, "alive")
    with open(path, encoding="ascii") as file:
        check_equal(str(first.pid), file.read().strip(), "the pid file of the first")
    first.kill()
    check(os.path.exists(path), "a killed server leaves its pid file")
    lab.start("-P", path).stop()
    os.symlink(target, path)
    check_refused(lab, ["-p", "-1", "-P", path], SYSTEM, path)
    check(not os.path.exists(target), "the link was followed")


@test(families=TCP, engines=("epoll",))
def the_release_binary_is_hardened(lab):
    """Anywhere in memory (PIE), its tables read-only from the start (BIND_NOW, RELRO), guards on stacks, checked copies."""
    if os.path.basename(os.path.dirname(lab.program.path)) != "build":
        raise Skip("not a release binary in build/")
    text = lab.run(lab.need("readelf", "binutils"), "-dlsW", lab.program.path).stdout.decode()
    for word in ("PIE", "BIND_NOW", "GNU_RELRO", "__stack_chk_fail", "__memcpy_chk"):
        check(word in text, f"{word} is not in what readelf says")
