# SPDX-License-Identifier: MIT
"""Clients that are not ours, as Debian packages them: they must not notice a difference."""

import importlib
import os
import re
import sys

from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import BOTH, test

LARGE = b"0123456789abcdef" * 40_000  # 640 KB


def client_module(name, package):
    """A Python client of Debian, or Skip."""
    try:
        sys.dont_write_bytecode = True
        return importlib.import_module(name)
    except ImportError:
        raise Skip(f"{name} is not installed (Debian package {package})") from None


def tool(lab, name):
    """A tool of libmemcached: memcat is memccat in Debian."""
    for path in (f"memc{name}", f"mem{name}"):
        try:
            return lab.need(path, "libmemcached-tools")
        except Skip as skip:
            missing = skip
    raise missing


def servers_flag(server):
    where = server.socket_path if server.family == "unix" else f"127.0.0.1:{server.port}"
    return f"--servers={where}"


# --- libmemcached -------------------------------------------------------------------------------------------


@test(reference=True, waits=True)
def memccapable_passes_all_its_ascii_tests(lab):
    """memccapable -a."""
    program = tool(lab, "capable")
    server = lab.start("-t", "2")
    done = lab.run(program, "-h", "127.0.0.1", "-p", str(server.port), "-a", "-t", "10")
    text = done.stdout.decode()
    check(done.returncode == 0 and "All tests passed" in text, failed_lines(text + done.stderr.decode()))
    check(text.count("[pass]") >= 25, f"only {text.count('[pass]')} tests were run")


def failed_lines(text):
    return " | ".join(line for line in text.splitlines() if "[pass]" not in line) or "memccapable failed"


@test(families=BOTH, reference=True)
def the_tools_of_libmemcached_store_read_touch_and_remove(lab):
    """memccp, memccat, memcexist, memctouch, memcrm, memcping, memcstat, memcflush."""
    server = lab.start("-t", "2")
    where = servers_flag(server)
    folder = lab.new_folder()
    for name, data in (("small", b"hello\n"), ("large", LARGE), ("empty", b"")):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
        run_tool(lab, "cp", where, os.path.join(folder, name))
        target = os.path.join(folder, "copy")
        run_tool(lab, "cat", where, f"--file={target}", name)
        with open(target, "rb") as file:
            check_equal(data, file.read(), f"what memccat wrote for {name}")
    run_tool(lab, "exist", where, "small")
    run_tool(lab, "touch", where, "--expire=100", "small")
    run_tool(lab, "ping", where)
    check(b"curr_items" in run_tool(lab, "stat", where).stdout, "memcstat shows curr_items")
    run_tool(lab, "rm", where, "small")
    check(lab.run(tool(lab, "exist"), where, "small").returncode != 0, "a removed key still exists")
    run_tool(lab, "flush", where)
    check(lab.run(tool(lab, "exist"), where, "large").returncode != 0, "a flushed key still exists")


def run_tool(lab, name, *arguments):
    done = lab.run(tool(lab, name), *arguments)
    check_equal(0, done.returncode, f"exit status of {name} {arguments} ({done.stderr.decode()[-200:]!r})")
    return done


@test(families=BOTH)
def memcdump_lists_every_key(lab):
    """1,000 keys."""
    server = lab.start()
    client = lab.connect(server)
    for index in range(1000):
        client.set(f"key-{index}", "x")
    done = run_tool(lab, "dump", servers_flag(server))
    listed = done.stdout.decode().split()
    check_equal(1000, len(listed), "keys listed")
    check_equal(1000, len(set(listed) & {f"key-{index}" for index in range(1000)}), "keys listed that were stored")


# --- Python clients -----------------------------------------------------------------------------------------


@test(families=BOTH, reference=True)
def pymemcache_finds_what_it_expects(lab):
    """Storage with and without noreply, cas, counters, many keys, gat, touch, errors, stats, flush."""
    base = client_module("pymemcache.client.base", "python3-pymemcache")
    errors = client_module("pymemcache.exceptions", "python3-pymemcache")
    server = lab.start("-t", "2")
    address = server.socket_path if lab.family == "unix" else ("127.0.0.1", server.port)
    client = base.Client(address, timeout=10, connect_timeout=10, no_delay=lab.family == "tcp")
    pymemcache_stores(client)
    pymemcache_counts(client)
    pymemcache_meets_errors(client, errors)
    check(re.fullmatch(rb"\d+\.\d+\.\d+", client.version()), "the version has three numbers")
    check(b"curr_items" in client.stats(), "stats has curr_items")
    client.flush_all(noreply=False)
    check_equal(None, client.get("text"), "a value after flush_all")
    client.quit()


def pymemcache_stores(client):
    for index in range(300):
        client.set(f"key-{index}", str(index))  # noreply: an unexpected reply would shift every later answer
    check_equal(b"299", client.get("key-299"), "the last of 300 sets without reply")
    keys = [f"key-{index}" for index in range(300)]
    check_equal({key: key[4:].encode() for key in keys}, client.get_many(keys), "300 keys in one get")
    client.set("large", LARGE)
    check_equal(LARGE, client.get("large"), "a large value")
    check_equal(False, client.add("large", "x", noreply=False), "add of what is there")
    check_equal(False, client.replace("missing", "x", noreply=False), "replace of what is not")
    client.set("a", "m")
    client.append("a", "r")
    client.prepend("a", "l")
    check_equal(b"lmr", client.get("a"), "after append and prepend")
    value, unique = client.gets("a")
    check_equal((b"lmr", True), (value, client.cas("a", "n", unique)), "cas with a fresh unique")
    check_equal(False, client.cas("a", "o", unique), "cas with an old unique")
    check_equal(None, client.cas("missing", "o", unique), "cas of a missing key")
    check_equal(True, client.touch("a", 100, noreply=False), "touch")
    check_equal(b"n", client.get("a"), "get after touch")
    check_equal(False, client.delete("missing", noreply=False), "delete of what is not there")
    client.delete("a")
    check_equal(None, client.get("a"), "a deleted value")
    check_equal([], client.set_many({f"m{index}": "x" for index in range(100)}, noreply=False), "keys that failed")


def pymemcache_counts(client):
    client.set("n", "10")
    check_equal(15, client.incr("n", 5), "incr")
    check_equal(0, client.decr("n", 100), "decr stops at 0")
    check_equal(None, client.incr("missing", 1), "incr of a missing key")


def pymemcache_meets_errors(client, errors):
    client.set("text", "x")
    for call, error in ((lambda: client.incr("text", 1), errors.MemcacheClientError),
                        (lambda: client.set("huge", b"x" * (2 << 20), noreply=False), errors.MemcacheServerError)):
        try:
            call()
        except error:
            continue
        raise Failure(f"expected {error.__name__}")
    check_equal(b"x", client.get("text"), "the connection goes on after errors")


@test(families=BOTH, reference=True)
def python_memcache_finds_what_it_expects(lab):
    """python3-memcache: pickled values, many keys, counters, cas."""
    memcache = client_module("memcache", "python3-memcache")
    server = lab.start("-t", "2")
    where = f"unix:{server.socket_path}" if lab.family == "unix" else f"127.0.0.1:{server.port}"
    client = memcache.Client([where], socket_timeout=10, cache_cas=True)
    check(client.set("dictionary", {"a": [1, 2, 3]}), "set")
    check_equal({"a": [1, 2, 3]}, client.get("dictionary"), "a pickled value")
    check_equal([], client.set_multi({f"k{index}": index for index in range(200)}), "keys that failed")
    check_equal({f"k{index}": index for index in range(200)}, client.get_multi([f"k{index}" for index in range(200)]),
                "200 values")
    client.set("n", "5")
    check_equal((6, 4), (client.incr("n"), client.decr("n", 2)), "incr and decr")
    check_equal("4", client.gets("n"), "gets")
    check(client.cas("n", "x"), "cas")
    check(client.delete("n") and client.get("n") is None, "delete")
    check(client.touch("k1", 100), "touch")
    check_equal(1, len(client.get_stats()), "servers that answer stats")
    client.flush_all()
    check_equal(None, client.get("k1"), "a value after flush_all")
    client.disconnect_all()


@test(families=BOTH, reference=True)
def pylibmc_finds_what_it_expects(lab):
    """python3-pylibmc, on libmemcached: pipelined behaviour, compression, many keys, counters, cas."""
    pylibmc = client_module("pylibmc", "python3-pylibmc")
    server = lab.start("-t", "2")
    where = server.socket_path if lab.family == "unix" else f"127.0.0.1:{server.port}"
    client = pylibmc.Client([where], binary=False, behaviors={"cas": True, "tcp_nodelay": True, "no_block": False})
    check(client.set("a", "text", time=100), "set")
    check_equal("text", client.get("a"), "get")
    check(client.set("large", LARGE, min_compress_len=1000), "a compressed set")
    check_equal(LARGE, client.get("large"), "a compressed value")
    check_equal([], client.set_multi({f"k{index}": index for index in range(300)}), "keys that failed")
    check_equal({f"k{index}": index for index in range(300)}, client.get_multi([f"k{index}" for index in range(300)]),
                "300 values")
    client.set("n", 10)
    check_equal((12, 9), (client.incr("n", 2), client.decr("n", 3)), "incr and decr")
    value, unique = client.gets("a")
    check_equal(("text", True), (value, client.cas("a", "next", unique)), "cas")
    check(not client.add("a", "x") and client.replace("a", "y"), "add and replace")
    check(client.touch("a", 50) and client.delete("a") and not client.delete("a"), "touch and delete")
    check_equal(1, len(client.get_stats()), "servers that answer stats")
    check(client.flush_all() and client.get("k1") is None, "flush_all")
