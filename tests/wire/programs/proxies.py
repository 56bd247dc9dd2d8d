# SPDX-License-Identifier: MIT
"""twemproxy and nginx in front of the server, as Debian packages them."""

import os
import re
import signal
import socket

from harness.outcome import Failure, check, check_equal
from harness.ports import free_ports
from harness.registry import BOTH, test
from harness.server import wait_until
from process import Process

LARGE = b"0123456789abcdef" * 40_000  # 640 KB


class Helper:
    """A program of another package that runs beside the server and is stopped with the test."""

    def __init__(self, lab, arguments, ready, what):
        self.process = Process(arguments, os.path.join(lab.new_folder(), "output"), death_signal=signal.SIGTERM)
        self.process.start()
        try:
            wait_until(lambda: self.is_alive(what) and ready(), f"{what} is ready")
        except BaseException:
            self.process.stop()
            raise

    def is_alive(self, what):
        if not self.process.alive():
            raise Failure(f"{what} ended at start: {self.process.output_end()}")
        return True

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.stop()


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
