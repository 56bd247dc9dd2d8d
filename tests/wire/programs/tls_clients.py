# SPDX-License-Identifier: MIT
"""Clients of others over TLS: pymemcache, Python's http.client, curl, nginx in front; and the load generator."""

import http.client
import json
import os
import sys

from harness.http import http_start
from harness.outcome import Skip, check, check_equal
from harness.ports import free_ports
from harness.registry import test
from harness.tls import client_context
from programs.clients import pymemcache_counts, pymemcache_stores
from programs.proxies import Helper, accepts

TLS = ("tls",)
LARGE = b"0123456789abcdef" * 40_000


@test(families=TLS)
def pymemcache_finds_what_it_expects_over_tls(lab):
    """Its tls_context: storage, many keys, counters, a large value."""
    try:
        from pymemcache.client.base import Client
    except ImportError:
        raise Skip("pymemcache is not installed (Debian package python3-pymemcache)") from None
    server = lab.start()
    client = Client(("127.0.0.1", server.port), timeout=10, connect_timeout=10, tls_context=client_context(lab.program.authority))
    pymemcache_stores(client)
    pymemcache_counts(client)
    client.quit()


@test(families=TLS)
def http_client_of_python_puts_and_gets(lab):
    """HTTPSConnection: several requests on one connection, of 1 byte and of 640 KB."""
    server = http_start(lab)
    client = http.client.HTTPSConnection("127.0.0.1", server.http_port, timeout=10, context=client_context(lab.program.authority))
    for body in (b"x", LARGE):
        client.request("PUT", "/cache/a", body)
        answer = client.getresponse()
        check(answer.status in (200, 201, 204), f"PUT: {answer.status}")
        answer.read()
        client.request("GET", "/cache/a")
        check_equal(body, client.getresponse().read(), "GET")
    client.close()


@test(families=TLS)
def curl_puts_and_gets(lab):
    """https with the authority's certificate, TLS 1.2 and 1.3; without it curl refuses."""
    curl = lab.need("curl", "curl")
    server = http_start(lab)
    url = f"https://127.0.0.1:{server.http_port}/cache/a"
    where = ["-sS", "--max-time", "10"]
    path = os.path.join(lab.new_folder(), "body")
    with open(path, "wb") as file:
        file.write(LARGE)
    for version in ("--tls-max 1.2", "--tlsv1.3"):
        flags = [*where, "--cacert", lab.program.authority.path, *version.split()]
        put = lab.run(curl, *flags, "-f", "-T", path, url)
        check_equal(0, put.returncode, f"curl {version} PUT ({put.stderr.decode()})")
        check_equal(LARGE, lab.run(curl, *flags, "-f", url).stdout, f"curl {version} GET")
    check_equal(60, lab.run(curl, *where, url).returncode, "curl without the authority: exit status")


NGINX = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_max_body_size 10m;
    client_body_buffer_size 1m;
    proxy_max_temp_file_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream cache {{ server 127.0.0.1:{upstream}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass https://cache;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host localhost;
            proxy_ssl_name server.test;
            proxy_ssl_server_name on;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate {authority};
            proxy_ssl_protocols {protocol};
        }}
    }}
}}
"""


@test(families=TLS)
def nginx_passes_on_over_tls(lab):
    """proxy_pass https, the certificate checked, connections kept and resumed, in both versions."""
    nginx = lab.need("nginx", "nginx-light")
    server = http_start(lab)
    for protocol in ("TLSv1.2", "TLSv1.3"):
        port, folder = free_ports(1)[0], lab.new_folder()
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(NGINX.format(folder=folder, port=port, upstream=server.http_port, authority=lab.program.authority.path,
                                    protocol=protocol))
        with Helper(lab, [nginx, "-e", "stderr", "-p", folder, "-c", path], lambda port=port: accepts(port), "nginx"):
            for number in range(10):
                client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                body = LARGE if number % 3 == 0 else b"%d" % number
                client.request("PUT", "/cache/a", body)
                answer = client.getresponse()
                check(answer.status in (200, 201, 204), f"PUT through nginx: {answer.status} {answer.read()[:200]!r}")
                client.close()
                client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                client.request("GET", "/cache/a")
                check_equal(body, client.getresponse().read(), "GET through nginx")
                client.close()


def load(lab, server, *flags, limit_s=50):
    """What riposte-load reports; every reply must be right."""
    program = os.path.join(os.path.dirname(lab.program.path), "riposte-load")
    if not os.access(program, os.X_OK):
        raise Skip(f"{program} is not there")
    done = lab.run(program, "--tls", "--tls-ca", lab.program.authority.path, "--tls-name", "server.test", "-w", "0", "--wait", "sleep",
                   "--timeout", "20s", "--json", "-", *flags, f"127.0.0.1:{server.port}", limit_s=limit_s)
    check_equal(0, done.returncode, f"exit status of riposte-load {flags} ({done.stderr.decode()})")
    return json.loads(done.stdout)["steps"][0]


@test(families=TLS)
def the_load_generator_checks_every_reply(lab):
    """riposte-load --tls: pipelines, large values both ways, both ways of receiving, both versions, idle ones beside."""
    server = lab.start("-I", "2m")
    for flags in (("-n", "3000", "-c", "8", "-d", "16", "-R", "50:50"), ("-n", "60", "-c", "3", "-v", "1m", "-k", "6", "-R", "50:50"),
                  ("-n", "2000", "-c", "8", "--receive", "single"), ("-n", "2000", "-c", "8", "--tls-version", "1.2"),
                  ("-n", "500", "-c", "4", "--idle", "20")):
        step = load(lab, server, *flags)
        check_equal(int(flags[1]), step["hits"] + step["stored"], f"right replies of {flags}")


@test(families=TLS)
def handshakes_are_full_or_resumed_as_the_generator_asks(lab):
    """--churn 1 without --tls-resume makes full ones alone; with it, resumed ones but for the first of each slot."""
    server = lab.start()
    for version in ("1.2", "1.3"):
        flags = ("-n", "200", "-c", "4", "--churn", "1", "--tls-version", version)
        full = load(lab, server, *flags)
        check_equal(0, full["handshakes_resumed"], f"TLS {version}: handshakes resumed")
        resumed = load(lab, server, *flags, "--tls-resume")
        check(resumed["handshakes_resumed"] >= resumed["connects"] - 4 > 190, f"TLS {version}: {resumed['handshakes_resumed']} resumed")


@test(families=TLS)
def the_load_generator_shows_its_certificate(lab):
    """To a server that demands one."""
    authority = lab.program.authority
    chain, key = authority.once("client", "client.test")
    server = lab.start("-o", f"ssl_verify_mode=2,ssl_ca_cert={authority.path}")
    check_equal(200, load(lab, server, "-n", "200", "-c", "4", "--tls-cert", chain, "--tls-key", key)["hits"], "hits")
