# SPDX-License-Identifier: MIT
"""Docker, Grafana, Kubernetes: what their files name is there, as far as it can be seen without them."""

import json
import os
import re
import tempfile
import urllib.request

import kubernetes
import place
from harness.outcome import Skip, check, check_equal
from harness.ports import free_ports
from harness.registry import test

# What a query has beside names of metrics.
WORDS = {"sum", "rate", "by", "instance", "worker", "command", "status", "label_values", "get", "hit", "le", "__rate_interval", "histogram_quantile"}


def yaml_of(path):
    """All documents of a file."""
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise Skip("python3-yaml is not installed") from None
    return list(yaml.safe_load_all(place.read(path)))


def metrics(lab):
    """The names that /metrics of a running server has."""
    port = free_ports(1)[0]
    server = lab.start(f"--http-admin=127.0.0.1:{port}")
    lab.connect(server).set("a", "x")  # a command has a histogram once it was met
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {re.match(r"\w+", line)[0] for line in text.splitlines() if line and not line.startswith("#")}


def queries(dashboard):
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        yield variable["name"], variable["query"]


@test()
def the_dashboard_asks_only_for_metrics_that_there_are(lab):
    """Every name of every query, and there are enough of them to be sure that they were found."""
    there = metrics(lab)
    dashboard = json.loads(place.read(place.top("tools", "grafana", "riposte.json")))
    asked = set()
    for title, query in queries(dashboard):
        names = set(re.findall(r"[a-z_][a-z0-9_]*", re.sub(r'"[^"]*"', '""', query))) - WORDS
        check(names, f"{title}: no metric in {query}")
        check(names <= there, f"{title}: /metrics has no {names - there}")
        asked |= names
    check(len(asked) >= 25, f"only {len(asked)} names were found: {asked}")
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    check_equal(len(places), len(set(places)), "panels at the same place")


@test()
def prometheus_takes_the_configuration(lab):
    """promtool check config; and it asks where the compose file has the server answer."""
    promtool = lab.need("promtool", "prometheus")
    done = lab.run(promtool, "check", "config", place.top("tools", "docker", "prometheus.yml"))
    check_equal(0, done.returncode, (done.stdout + done.stderr).decode())
    check("riposte:8081" in place.read(place.top("tools", "docker", "prometheus.yml")), "another target")


@test()
def the_compose_file_starts_the_server_with_flags_that_it_takes(lab):
    """--check with the same flags is no usage error; what is mounted is there."""
    (compose,) = yaml_of(place.top("tools", "docker", "compose.yaml"))
    services = compose["services"]
    command = services["riposte"]["command"]
    check(lab.run_server("--check", *command).returncode <= 2, f"flags {command}")
    for service in services.values():
        for mount in service.get("volumes", []):
            place.read(place.top("tools", "docker", mount.split(":")[0]))
    place.read(place.top("tools", "docker", services["riposte"]["build"]["context"], services["riposte"]["build"]["dockerfile"]))


@test()
def the_kubernetes_manifest_has_only_fields_that_there_are(lab):
    """Against names and types written down from the API's reference: no cluster is here to ask. And the check can fail."""
    documents = yaml_of(place.top("tools", "kubernetes", "riposte.yaml"))
    check_equal([], [fault for document in documents for fault in kubernetes.faults_of(document)], "faults")
    (stateful,) = [document for document in documents if document["kind"] == "StatefulSet"]
    container = stateful["spec"]["template"]["spec"]["containers"][0]
    for name, value in (("liveness", {}), ("ports", [{"port": 1}]), ("args", "-m"), ("resources", {"limits": {"memory": "1GB"}}),
                        ("readinessProbe", {"httpGet": {"path": "/", "port": "no_name"}})):
        before = dict(container)
        container[name] = value
        check(kubernetes.faults_of(stateful), f"{name}: {value} is taken")
        container.clear()
        container.update(before)
    del stateful["spec"]["serviceName"]
    check_equal(["StatefulSet.spec.serviceName is missing"], kubernetes.faults_of(stateful), "faults")


@test()
def the_kubernetes_manifest_probes_what_is_served(lab):
    """Flags that the server takes, ports that it opens, paths that answer 200, and a grace longer than drain and delay."""
    documents = {document["kind"]: document for document in yaml_of(place.top("tools", "kubernetes", "riposte.yaml"))}
    pod = documents["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    check(lab.run_server("--check", *container["args"]).returncode <= 2, f"flags {container['args']}")
    drain_s, delay_s = (int(next(flag for flag in container["args"] if flag.startswith(name)).split("=")[1])
                        for name in ("--drain-timeout=", "--stop-delay="))
    check(pod["terminationGracePeriodSeconds"] > drain_s + delay_s, "killed before it has drained")
    port = free_ports(1)[0]
    lab.start(f"--http-admin=127.0.0.1:{port}")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            check_equal(200, answer.status, path)
    ports = {port["name"] for port in container["ports"]}
    check(all(container[probe]["httpGet"]["port"] in ports for probe in ("livenessProbe", "readinessProbe")), f"{ports}")
    selector = documents["Service"]["spec"]["selector"]
    check_equal(selector, documents["StatefulSet"]["spec"]["template"]["metadata"]["labels"], "labels")


FILE_SIZE = 100_000


def make_cold(path):
    """A file that is on the disk only, where its file system can do without it in memory."""
    with open(path, "wb") as file:
        file.write(b"x" * FILE_SIZE)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def profile_calls():
    profile = json.loads(place.read(place.top("tools", "docker", "seccomp.json")))
    return {name for rule in profile["syscalls"] for name in rule["names"]}


def use(lab, server, port):
    """Items that are copied and that are pinned, a listing, a file out of the page cache."""
    client = lab.connect(server)
    client.set("a", "x" * 100_000)
    check_equal(b"x" * 100_000, client.get("a"), "value")
    client.stats("conns")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/file", timeout=10) as answer:
        check_equal(FILE_SIZE, len(answer.read()), "bytes of the file")


@test(limit_s=120)
def the_seccomp_profile_allows_every_call_of_a_server_s_life(lab):
    """Start with a memory file, use, a take-over by another one, its use, stop, on io_uring and on epoll, as strace counts them."""
    strace = lab.need("strace", "strace")
    allowed = profile_calls()
    check({"io_uring_setup", "io_uring_enter", "io_uring_register"} <= allowed, "io_uring is not allowed")
    check(not {"ptrace", "mount", "bpf", "unshare", "setns", "init_module", "keyctl"} & allowed, "too much is allowed")
    for engine in ("uring", "epoll"):
        path, root, (port,) = f"{lab.new_folder()}/calls", lab.new_folder(), free_ports(1)
        make_cold(f"{root}/file")
        traced = (strace, "-D", "-f", "-qq", "-A", "-o", path)
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            flags = ("-e", f"{folder}/items", "--http-admin=127.0.0.1:0", f"--http=127.0.0.1:{port}", f"--http-root={root}", f"--http-log={root}/log")
            server = lab.start(*flags, engine=engine, prefix=traced)
            use(lab, server, port)
            server = lab.take_over(server, *flags, engine=engine, prefix=traced)
            use(lab, server, port)
            server.stop()
        calls = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", place.read(path), re.M))
        check(len(calls) > 30 and {"fallocate", "recvmsg", "memfd_create"} <= calls, f"{engine}: only {calls}")
        check(calls <= allowed, f"{engine}: {calls - allowed} would be refused")


@test()
def the_seccomp_profile_allows_what_the_server_s_own_sandbox_does(lab):
    """What a machine of another kind or another C library calls, too."""
    source = place.read(place.top("src", "server", "sandbox", "seccomp.c"))
    own = set(re.findall(r"\bSYS_([a-z0-9_]+)", source))
    check(len(own) > 80, f"only {own}")
    check(own <= profile_calls(), f"{own - profile_calls()} would be refused")

