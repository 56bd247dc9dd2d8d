# SPDX-License-Identifier: MIT
"""HTTP: the clients and proxies that people use, as Debian packages them."""

import hashlib
import http.client
import os
import re
import socket

from harness.http import HOST, ask_status, http_connect, http_start, request
from harness.outcome import Skip, check, check_equal
from harness.ports import free_ports
from harness.registry import test
from programs.http_refusals import DOUBTFUL_LENGTHS
from programs.proxies import Helper, accepts

SYSTEM_PYTHON = "/usr/bin/python3"


def url(server, target):
    return f"http://127.0.0.1:{server.http_port}{target}"


def curl(lab, *arguments, **options):
    """curl's output; it must end with success."""
    ended = lab.run(lab.need("curl", "curl"), "--silent", "--show-error", "--max-time", "15", *arguments, **options)
    check_equal(0, ended.returncode, f"curl {arguments}: {ended.stderr.decode()}")
    return ended.stdout


def file_of(lab, size):
    path = os.path.join(lab.new_folder(), "file")
    with open(path, "wb") as file:
        file.write(lab.random.randbytes(size))
    return path


def digest(data):
    return hashlib.sha256(data).hexdigest()


@test()
def curl_puts_and_gets_in_every_way(lab):
    """With Expect, in chunks, resumed, a range, on a Unix socket, many in parallel, and by HEAD."""
    server = http_start(lab)
    path = file_of(lab, 900_000)
    with open(path, "rb") as file:
        expected = file.read()
    check_equal(b"201", curl(lab, "-o", "/dev/null", "-w", "%{http_code}", "-T", path, url(server, "/cache/a")), "PUT")
    check_equal(digest(expected), digest(curl(lab, url(server, "/cache/a"))), "GET")
    curl(lab, "-f", "-T", "-", "-H", "Transfer-Encoding: chunked", url(server, "/cache/b"), stdin=expected)
    check_equal(digest(expected), digest(curl(lab, url(server, "/cache/b"))), "what came in chunks")
    check_equal(digest(expected[1000:2000]), digest(curl(lab, "-r", "1000-1999", url(server, "/cache/a"))), "a range")
    part = os.path.join(lab.new_folder(), "part")
    with open(part, "wb") as file:
        file.write(expected[:500_000])
    curl(lab, "-C", "-", "-o", part, url(server, "/cache/a"))
    with open(part, "rb") as file:
        check_equal(digest(expected), digest(file.read()), "a download that was resumed")
    unix = curl(lab, "--unix-socket", server.http_socket_path, "http://localhost/cache/a")
    check_equal(digest(expected), digest(unix), "over a Unix socket")
    check(b"content-length: 900000" in curl(lab, "-I", url(server, "/cache/a")).lower(), "HEAD tells the size")
    many = curl(lab, "--parallel", "--parallel-max", "20", url(server, "/healthz?[1-200]"))
    check_equal(b"ok\n" * 200, many, "200 in parallel")


def need_ab_of(lab, server, *arguments):
    ended = lab.run(lab.need("ab", "apache2-utils"), "-q", "-n", "2000", "-c", "16", *arguments, url(server, "/cache/a"))
    check_equal(0, ended.returncode, ended.stderr.decode())
    return ended.stdout.decode()


@test()
def ab_is_served_with_and_without_keep_alive(lab):
    """HTTP/1.0: with -k every connection stays, without every one ends in order."""
    server = http_start(lab)
    with http_connect(server) as web:
        ask_status(web, 201, "PUT", "/cache/a", body=b"hello")
    for arguments, kept in (((), None), (("-k",), "2000")):
        text = need_ab_of(lab, server, *arguments)
        check(re.search(r"Failed requests: +0\n", text), text)
        check(re.search(r"Complete requests: +2000\n", text), text)
        check("Non-2xx" not in text, text)
        check(kept is None or re.search(rf"Keep-Alive requests: +{kept}\n", text), text)


@test()
def wrk_and_h2load_are_served(lab):
    """wrk on 16 connections; h2load with 16 requests pipelined on each."""
    server = http_start(lab)
    with http_connect(server) as web:
        ask_status(web, 201, "PUT", "/cache/a", body=b"hello")
    ended = lab.run(lab.need("wrk", "wrk"), "-t", "1", "-c", "16", "-d", "1", url(server, "/cache/a"))
    text = ended.stdout.decode()
    check(ended.returncode == 0 and "Socket errors" not in text and "Non-2xx" not in text, text)
    ended = lab.run(lab.need("h2load", "nghttp2-client"), "--h1", "-n", "5000", "-c", "16", "-m", "16",
                    url(server, "/cache/a"))
    text = ended.stdout.decode()
    check("5000 succeeded, 0 failed, 0 errored" in text and "status codes: 5000 2xx" in text, text)


@test()
def http_client_of_python_is_served(lab):
    """Keep-alive, HEAD, bodies with a length and in chunks."""
    server = http_start(lab)
    client = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=10)
    try:
        for method, target, body, status in (
                ("PUT", "/cache/a", b"hello", 201), ("GET", "/cache/a", None, 200), ("HEAD", "/cache/a", None, 200),
                ("PUT", "/cache/b", iter([b"in ", b"chunks"]), 201), ("GET", "/cache/b", None, 200),
                ("DELETE", "/cache/a", None, 204), ("GET", "/cache/a", None, 404)):
            client.request(method, target, body=body, encode_chunked=not isinstance(body, (bytes, type(None))),
                           headers={} if isinstance(body, (bytes, type(None))) else {"Transfer-Encoding": "chunked"})
            answer = client.getresponse()
            data = answer.read()
            check_equal(status, answer.status, f"{method} {target}")
            if (method, target) == ("GET", "/cache/b"):
                check_equal(b"in chunks", data, "the value")
    finally:
        client.close()


REQUESTS = """
import requests, sys
base = sys.argv[1]
session = requests.Session()
assert session.put(base + "/cache/a", json={"b": 1}).status_code == 201
answer = session.get(base + "/cache/a")
assert answer.json() == {"b": 1} and answer.headers["Content-Type"] == "application/json", answer.headers
assert session.get(base + "/cache/a", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
assert session.post(base + "/cache/n", params={"op": "incr", "initial": 7}).text == "7"
"""


@test()
def requests_of_python_is_served(lab):
    """A session with JSON, a condition and a counter."""
    if lab.run(SYSTEM_PYTHON, "-c", "import requests").returncode != 0:
        raise Skip("requests is not installed (Debian package python3-requests)")
    server = http_start(lab)
    ended = lab.run(SYSTEM_PYTHON, "-c", REQUESTS, url(server, ""))
    check_equal(0, ended.returncode, ended.stderr.decode())


NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_max_body_size 4m;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    upstream riposte {{ server 127.0.0.1:{server_port}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://riposte; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host localhost; proxy_request_buffering off;
        }}
    }}
}}
"""

HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend web
    bind 127.0.0.1:{port}
    default_backend riposte
backend riposte
    option httpchk GET /readyz
    http-check send hdr Host localhost
    http-request set-header Host localhost
    http-reuse always
    server one 127.0.0.1:{server_port} check inter {interval}
"""


def nginx_before(lab, server):
    """The port of an nginx that passes on to the server, and what ends it."""
    program = lab.need("nginx", "nginx-light")
    folder, (port,) = lab.new_folder(), free_ports(1)
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(NGINX.format(folder=folder, port=port, server_port=server.http_port))
    return port, Helper(lab, [program, "-e", f"{folder}/error.log", "-c", path], lambda: accepts(port), "nginx")


def haproxy_before(lab, server, interval="100ms"):
    """The same of HAProxy, which also asks the server how it is; ready once it has."""
    program = lab.need("haproxy", "haproxy")
    folder, (port,) = lab.new_folder(), free_ports(1)
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w", encoding="ascii") as file:
        file.write(HAPROXY.format(port=port, server_port=server.http_port, interval=interval))
    return port, Helper(lab, [program, "-db", "-f", path], lambda: status_of(port, "/healthz") == 200, "haproxy")


def status_of(port, target):
    try:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        client.request("GET", target)
        return client.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0


def served_through(lab, server, port):
    """Values of several sizes go in and come out through the proxy."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for size in (0, 10, 5000, 700_000):
        value = lab.random.randbytes(size)
        client.request("PUT", f"/cache/v{size}", body=value)
        answer = client.getresponse()
        answer.read()
        check_equal(201, answer.status, f"PUT of {size} bytes")
        client.request("GET", f"/cache/v{size}")
        check_equal(digest(value), digest(client.getresponse().read()), f"GET of {size} bytes")
    client.close()


@test()
def nginx_passes_on_with_keep_alive(lab):
    """proxy_pass to an upstream with keepalive: many requests, few connections."""
    server = http_start(lab)
    port, helper = nginx_before(lab, server)
    with helper:
        served_through(lab, server, port)
        for _ in range(100):
            check_equal(200, status_of(port, "/healthz"), "status through nginx")
        accepted = int(server.own_stats()["connections_accepted"])
        check(accepted < 20, f"{accepted} connections for more than 100 requests")


@test()
def haproxy_asks_how_it_is_and_passes_on(lab):
    """Health checks by GET /readyz, then requests."""
    server = http_start(lab)
    port, helper = haproxy_before(lab, server)
    with helper:
        served_through(lab, server, port)


def answers_through(port, data):
    """How many answers come back for these bytes, of which the first request asks for the end."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(data)
        received = b""
        while True:
            piece = client.recv(65536)
            if not piece:
                return received.count(b"HTTP/1.1 ") - received.count(b"HTTP/1.1 100 ")
            received += piece


def requests_seen(server):
    """Requests with a sound head that the server has counted, this one not."""
    with http_connect(server) as web:
        body = ask_status(web, 200, "GET", "/metrics").body.decode()
    return int(re.search(r"^riposte_http_requests_total (\d+)$", body, re.M).group(1))


SMUGGLED = request("PUT", "/cache/smuggled", body=b"x")


def check_nothing_is_smuggled(server, port):
    """Never a second request out of the first: the server sees no more requests than the proxy gives answers."""
    for fields in DOUBTFUL_LENGTHS + ["Transfer-Encoding: gzip, chunked\r\n", "Content-Length: 5\r\n"]:
        for body in (b"0\r\n\r\n" + SMUGGLED, b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n", SMUGGLED):
            before = requests_seen(server)
            answers = answers_through(port, f"POST /cache/a?op=no HTTP/1.1\r\n{HOST}Connection: close\r\n{fields}\r\n"
                                      .encode("latin-1") + body)
            seen = requests_seen(server) - before - 1
            check(seen <= answers, f"{seen} requests out of {answers} with {fields!r} and {body[:20]!r}")


@test(limit_s=120)
def nothing_is_smuggled_past_nginx(lab):
    """The table of ambiguities through nginx's kept connections."""
    server = http_start(lab)
    port, helper = nginx_before(lab, server)
    with helper:
        check_nothing_is_smuggled(server, port)


@test(limit_s=120)
def nothing_is_smuggled_past_haproxy(lab):
    """The same through HAProxy; its health checks come too rarely to be counted."""
    server = http_start(lab)
    port, helper = haproxy_before(lab, server, "1h")
    with helper:
        check_nothing_is_smuggled(server, port)
