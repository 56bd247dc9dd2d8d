# SPDX-License-Identifier: MIT
"""HTTP: /metrics, /stats.json, /healthz."""

import json
import re
import signal
import time

from harness.connection import Connection
from harness.http import ask, ask_status, http_connect, http_start, read_answer, request
from harness.outcome import Failure, check, check_equal
from harness.registry import BOTH, test
from harness.server import wait_until


def numbers(text):
    """Values by name with labels."""
    return {name: float(value) for name, value in
            (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}


@test(families=BOTH)
def metrics_count_what_clients_do(lab):
    """Commands of memcached clients, requests over HTTP, items, connections."""
    server = http_start(lab, "-t", "2")
    text = lab.connect(server)
    with http_connect(server) as web:
        text.set("a", "x")
        text.get("a")
        text.get("none")
        ask_status(web, 200, "GET", "/cache/a")
        ask_status(web, 404, "GET", "/cache/none")
        found = numbers(ask_status(web, 200, "GET", "/metrics").body.decode())
        for name, value in (('memcached_commands_total{command="get",status="hit"}', 1),
                            ('memcached_commands_total{command="get",status="miss"}', 1),
                            ('memcached_commands_total{command="set",status="hit"}', 1),
                            ("memcached_current_items", 1), ("memcached_up", 1),
                            ("riposte_http_cache_hits_total", 1), ("riposte_http_cache_misses_total", 1),
                            ("riposte_http_requests_total", 3)):
            check_equal(value, found.get(name), name)
        check(found["memcached_current_connections"] >= 2, "two connections are open")
        check('riposte_engine_requests_total{worker="1"}' in found, "figures per worker")


@test(families=BOTH)
def every_metric_has_help_and_type_and_stands_once(lab):
    """The text format of Prometheus: HELP and TYPE before the first row of a name, no row twice."""
    server = http_start(lab, "-t", "2")
    with http_connect(server) as web:
        answer = ask_status(web, 200, "GET", "/metrics")
    check(answer.fields["content-type"].startswith("text/plain; version=0.0.4"), "the type of the text")
    rows, known, current = set(), set(), None
    for line in answer.body.decode().splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            check(current not in known, f"{current} stands in one place")
            known.add(current)
        elif line.startswith("# TYPE "):
            check_equal(current, line.split(" ")[2], "TYPE behind its HELP")
        else:
            found = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^{}]*\})? [0-9.eE+-]+', line)
            check(found is not None, f"a row: {line}")
            check_equal(current, found.group(1), f"the name of {line}")
            check(line.rsplit(" ", 1)[0] not in rows, f"{line} stands once")
            rows.add(line.rsplit(" ", 1)[0])


@test()
def promtool_accepts_the_metrics(lab):
    """Debian's prometheus checks the names and the text."""
    promtool = lab.need("promtool", "prometheus")
    server = http_start(lab)
    with http_connect(server) as web:
        body = ask_status(web, 200, "GET", "/metrics").body
    ended = lab.run(promtool, "check", "metrics", stdin=body)
    check_equal(0, ended.returncode, f"promtool says {ended.stdout.decode()} {ended.stderr.decode()}")


@test(families=BOTH)
def the_busiest_keys_of_both_protocols_are_known(lab):
    """stats hotkeys and /stats.json: a key that a third of the requests are for is the first; -X lists none."""
    server = http_start(lab, "-t", "2")
    text = lab.connect(server)
    text.set("hot", "x" * 100)
    with http_connect(server) as web:
        for _ in range(40):
            keys = ["hot" if lab.random.random() < 0.4 else f"k{lab.random.randrange(1000)}" for _ in range(200)]
            text.send("".join(f"mg {key}\r\n" for key in keys[:100]) + "mn\r\n")
            text.read_lines_until(b"MN")
            web.send(b"".join(request("GET", f"/cache/{key}") for key in keys[100:]))
            for _ in range(100):
                read_answer(web)
        stats = text.stats("hotkeys")
        check_equal("hot", stats["hotkeys:1:key"], "the busiest key")
        check_equal("100", stats["hotkeys:1:size"], "its size")
        first, second = json.loads(ask_status(web, 200, "GET", "/stats.json").body)["hot_keys"][:2]
        check_equal(("hot", 100), (first["key"], first["size"]), "the busiest key")
        check(first["gets_per_s"] > 2 * second["gets_per_s"], f"{first} is far before {second}")
    silent = http_start(lab, "-X")
    lab.connect(silent).ask("stats hotkeys", "CLIENT_ERROR stats hotkeys not allowed")
    with http_connect(silent) as web:
        check("hot_keys" not in json.loads(ask_status(web, 200, "GET", "/stats.json").body), "no keys with -X")


@test()
def the_admin_address_has_the_figures_and_nothing_else(lab):
    """--http-admin: the page, /metrics and /stats.json move there; values and files stay; health is at both."""
    server = http_start(lab, "--http-admin=127.0.0.1:0", f"--http-root={lab.new_folder()}")
    with open(server.port_path, encoding="ascii") as file:
        port = next(int(line.split(": ")[1]) for line in file if line.startswith("ADMIN INET: "))
    with http_connect(server) as web, Connection(("127.0.0.1", port)) as admin:
        ask_status(web, 201, "PUT", "/cache/a", body=b"x")
        for target in ("/metrics", "/stats.json", "/riposte/", "/"):
            ask_status(web, 404, "GET", target)
            ask_status(admin, 200, "GET", target)
        ask_status(web, 200, "GET", "/healthz")
        ask_status(admin, 200, "GET", "/healthz")
        ask_status(admin, 404, "GET", "/cache/a")
        ask_status(admin, 405, "PUT", "/metrics", body=b"x")
        admin.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        check_equal(421, read_answer(admin).status, "another name on a loopback address")


@test(families=BOTH)
def stats_are_json(lab):
    """The same figures, as an object."""
    server = http_start(lab)
    with http_connect(server) as web:
        answer = ask_status(web, 200, "GET", "/stats.json")
        stats = json.loads(answer.body)
        check_equal("application/json", answer.fields["content-type"], "the type")
        check_equal(0, stats["memcached_current_items"], "items")
        check_equal(0, stats["memcached_commands_total"]["get,hit"], "hits")
        check("0" in stats["riposte_engine_requests_total"], "figures per worker")
        check_equal(b"", ask(web, "HEAD", "/stats.json").body, "HEAD has no body")


@test(families=BOTH)
def latencies_are_a_histogram_by_command(lab):
    """riposte_command_duration_seconds: cumulative buckets, their sum and count; the same in /stats.json."""
    server = http_start(lab, "-t", "2")
    text = lab.connect(server)
    with http_connect(server) as web:
        for _ in range(20):
            text.get("none")
        for i in range(5):
            ask_status(web, 201, "PUT", f"/cache/{i}", body=b"x")
        found = numbers(ask_status(web, 200, "GET", "/metrics").body.decode())
        name = "riposte_command_duration_seconds"
        for command, count in (("get", 20), ("http_put", 5)):
            buckets = [value for row, value in found.items() if row.startswith(f'{name}_bucket{{command="{command}"')]
            check_equal(sorted(buckets), buckets, "buckets are cumulative")
            check_equal(count, found[f'{name}_bucket{{command="{command}",le="+Inf"}}'], "all of them")
            check_equal(count, found[f'{name}_count{{command="{command}"}}'], "the count")
            check(0 < found[f'{name}_sum{{command="{command}"}}'] < count, "the sum in seconds")
        check(f'{name}_count{{command="set"}}' not in found, "what was not met has no histogram")
        latency = json.loads(ask_status(web, 200, "GET", "/stats.json").body)["latency"]
        check_equal(20, latency["get"]["count"], "the count of gets")
        check_equal(20, sum(count for _, count in latency["get"]["slots"]), "the slots")
        check(latency["get"]["p50_us"] <= latency["get"]["p99_us"] <= latency["get"]["p99.9_us"] <=
              latency["get"]["max_us"], "percentiles rise")


@test()
def without_latencies_there_is_no_histogram(lab):
    """--no-latency: neither in /metrics nor in /stats.json."""
    server = http_start(lab, "--no-latency")
    with http_connect(server) as web:
        check(b"duration" not in ask_status(web, 200, "GET", "/metrics").body, "/metrics")
        check("latency" not in json.loads(ask_status(web, 200, "GET", "/stats.json").body), "/stats.json")


@test(families=BOTH)
def a_server_that_will_stop_says_so_first(lab):
    """--stop-delay: after SIGTERM /readyz is 503, all else is served, new connections too; a second signal stops."""
    server = http_start(lab, "--stop-delay=600")
    with http_connect(server) as web:
        ask_status(web, 200, "GET", "/readyz")
        server.signal(signal.SIGTERM)
        wait_until(lambda: ask(web, "GET", "/readyz").status == 503, "not ready")
        ask_status(web, 200, "GET", "/healthz")
        with http_connect(server) as other:
            check_equal(b"draining\n", ask_status(other, 503, "GET", "/readyz").body, "the answer to a new connection")
            ask_status(other, 201, "PUT", "/cache/a", body=b"x")
        check_equal(b"x", lab.connect(server).get("a"), "the value, for memcached's clients")
        check_equal(None, server.process.status(), "the exit status")
    server.signal(signal.SIGTERM)
    server.expect_exit(0, 5)


@test(families=BOTH, waits=True)
def the_stop_begins_when_its_delay_is_over(lab):
    """--stop-delay=1: SIGHUP meanwhile changes nothing."""
    server = http_start(lab, "--stop-delay=1")
    begin = time.monotonic()
    server.signal(signal.SIGTERM)
    server.signal(signal.SIGHUP)
    server.expect_exit(0, 10)
    check(time.monotonic() - begin >= 0.9, "it went on serving")


@test(families=BOTH)
def a_client_that_keeps_asking_is_told_of_the_stop(lab):
    """Without a delay: 200, then at most one 503, then the end, and never an answer cut short."""
    server = http_start(lab)
    with http_connect(server) as web:
        statuses = [ask(web, "GET", "/readyz").status for _ in range(10)]
        server.signal(signal.SIGTERM)
        try:
            while True:
                web.send(request("GET", "/readyz"))
                statuses.append(read_answer(web).status)
        except (Failure, OSError):
            pass
    check_equal({200}, set(statuses[:10]), "before the signal")
    later = statuses[statuses.index(503):] if 503 in statuses else []
    check(set(later) <= {503}, f"ready again: {statuses[-5:]}")
    server.expect_exit(0, 15)
