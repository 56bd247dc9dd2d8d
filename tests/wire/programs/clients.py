# SPDX-License-Identifier: MIT
"""Clients, proxies and servers that are not ours, as Debian packages them: they must not notice a difference."""

import importlib
import os
import re
import signal
import socket
import subprocess
import sys

from harness.outcome import Failure, Skip, check, check_equal
from harness.registry import BOTH, test
from harness.server import tie_to_parent, wait_until

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


# --- libmemcached ----------------------------------------------------------------------------------------------------


@test(reference=True)
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


# --- Python clients ---------------------------------------------------------------------------------------------------


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


# --- proxies and web servers -------------------------------------------------------------------------------------------


class Helper:
    """A program of another package that runs beside the server and is stopped with the test."""

    def __init__(self, lab, arguments, ready, what):
        self.output = open(os.path.join(lab.new_folder(), "output"), "w+b")
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                        preexec_fn=tie_to_parent)
        try:
            wait_until(lambda: self.is_alive(what) and ready(), f"{what} is ready")
        except BaseException:
            self.close()
            raise

    def is_alive(self, what):
        if self.process.poll() is not None:
            self.output.seek(0)
            raise Failure(f"{what} ended at start: {self.output.read()[-300:]!r}")
        return True

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()


def free_ports(count):
    """Ports that are free now; held together while they are chosen, so that they differ."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


TWEMPROXY = """
pool:
  listen: 127.0.0.1:{port}
  hash: murmur
  distribution: ketama
  auto_eject_hosts: true
  server_retry_timeout: 300
  server_failure_limit: 1
  timeout: 2000
  servers:
   - 127.0.0.1:{nodes[0]}:1 first
   - 127.0.0.1:{nodes[1]}:1 second
   - 127.0.0.1:{nodes[2]}:1 third
"""


@test(reference=True)
def twemproxy_shards_over_three_nodes_and_survives_the_loss_of_one(lab):
    """nutcracker with ketama: keys spread, one node is killed, the others serve, the node comes back."""
    program = lab.need("nutcracker", "nutcracker")
    nodes = [lab.start() for _ in range(3)]
    port, stats_port = free_ports(2)
    path = os.path.join(lab.new_folder(), "nutcracker.yml")
    with open(path, "w", encoding="ascii") as file:
        file.write(TWEMPROXY.format(port=port, nodes=[node.port for node in nodes]))
    arguments = [program, "-c", path, "-a", "127.0.0.1", "-s", str(stats_port), "-v", "2", "-p", path + ".pid"]
    with Helper(lab, arguments, lambda: accepts(port), "nutcracker"):
        check_equal(300, stored_through(port, 300), "keys stored and read back through the proxy")
        shares = [int(lab.connect(node).stats()["curr_items"]) for node in nodes]
        check(min(shares) > 30 and sum(shares) == 300, f"the keys are spread over three nodes: {shares}")
        lost_port = nodes[0].port
        nodes[0].kill()
        wait_until(lambda: stored_through(port, 300) == 300, "all keys can be stored on two nodes", 20)
        back = lab.start("-p", str(lost_port))
        wait_until(lambda: stored_through(port, 300) >= 250 and items_count(back) > 30, "the node has keys again", 20)


def items_count(server):
    with server.connect() as client:
        return int(client.stats()["curr_items"])


def stored_through(port, count):
    """How many of `count` keys can be set and read back through the proxy."""
    good = 0
    with socket.create_connection(("127.0.0.1", port), 10) as client, client.makefile("rwb") as stream:
        for index in range(count):
            stream.write(b"set key-%d 0 0 5\r\nvalue\r\nget key-%d\r\n" % (index, index))
            stream.flush()
            stored = stream.readline() == b"STORED\r\n"
            found = stream.readline().startswith(b"VALUE")
            if found:
                stream.readline()
                stream.readline()
            good += stored and found
    return good


NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            set $memcached_key "$uri";
            memcached_pass {where};
            default_type text/plain;
            error_page 404 =404 @missing;
        }}
        location @missing {{ return 404 "missing"; }}
    }}
}}
"""


@test(families=BOTH, reference=True)
def nginx_serves_values_by_memcached_pass(lab):
    """A small value, a large one and a missing one."""
    program = lab.need("nginx", "nginx-light")
    server = lab.start()
    client = lab.connect(server)
    client.set("/small", "hello")
    client.set("/large", LARGE)
    folder, (port,) = lab.new_folder(), free_ports(1)
    where = f"unix:{server.socket_path}" if lab.family == "unix" else f"127.0.0.1:{server.port}"
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(NGINX.format(folder=folder, port=port, where=where))
    with Helper(lab, [program, "-p", folder, "-c", path], lambda: accepts(port), "nginx"):
        for _ in range(20):
            check_equal((200, b"hello"), http_get(port, "/small"), "a small value")
            check_equal((200, LARGE), http_get(port, "/large"), "a large value")
            check_equal((404, b"missing"), http_get(port, "/missing"), "a missing value")


def http_get(port, path):
    """Status and body of one request, as plain as can be."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        data = b"".join(iter(lambda: client.recv(1 << 16), b""))
    head, _, body = data.partition(b"\r\n\r\n")
    return int(re.match(rb"HTTP/1.\d (\d+)", head).group(1)), body
