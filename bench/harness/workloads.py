# SPDX-License-Identifier: MIT
"""What is asked of the servers: one row of a table each."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness import encryption, units

CLOSED = "closed"  # as fast as replies come
RATE = "rate"      # so many requests per second
SWEEP = "sweep"    # a rate after the other, up to the knee
IDLE = "idle"      # nothing at all
ALONE = "alone"    # a part of a server without sockets, asked by itself (bench/tls)


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    kind: str = CLOSED
    connections: int = 64
    depth: int = 1          # requests in flight on one connection
    value: str = "32"       # bytes
    keys: str = "10k"
    ratio: str = "100:0"    # gets to sets
    popularity: str = "uniform"
    idle: str = "0"         # connections more that say nothing
    churn: int = 0          # requests before a connection is made anew
    resume: bool = False    # a connection over TLS takes up the session of the one before it
    rate: str = "0"
    dialect: str = ""       # of memcached's protocol: meta, noop; its text commands when empty
    check: str = "full"     # of each reply, by the generator
    http: bool = False      # web servers can be asked the same: a fixed reply of that size
    web: bool = False       # only web servers are asked
    cached: bool = False    # riposte has the value in its cache, at /cache/<key>, rather than as a file
    memory_mib: int = 1024
    item_mib: int = 1
    work: str = ""          # ALONE: which
    peers: tuple = ()       # names; all when empty
    quick: bool = False     # part of a quick run
    strace: bool = True     # system calls are counted

    def generator_arguments(self, protocol):
        """riposte-load's flags; a web server has one page instead of keys."""
        arguments = ["-c", self.connections, "-d", self.depth]
        if protocol != "http":
            arguments += ["-k", self.keys, "-v", self.value, "-R", self.ratio, "--popularity", self.popularity]
        elif self.cached:
            arguments += ["-k", self.keys, "-v", self.value]
        if self.dialect and protocol == "memcached":
            arguments += ["--protocol", self.dialect]
        if self.check != "full":
            arguments += ["--check", self.check]
        if self.churn:
            arguments += ["--churn", self.churn]
        if self.idle != "0":
            arguments += ["--idle", self.idle]
        if self.rate != "0":
            arguments += ["-r", self.rate]
        return [str(argument) for argument in arguments]

    def encryption_arguments(self):
        """For peers that are asked over TLS."""
        return [*encryption.GENERATOR_ARGUMENTS, *(["--tls-resume"] if self.resume else [])]

    def keys_count(self):
        """Decimal, as riposte-load reads counts."""
        return int(self.keys.rstrip("km")) * {"k": 1000, "m": 1_000_000}.get(self.keys[-1], 1)

    def value_size(self):
        return units.size(self.value)

    def values(self):
        """What servers are started with: those of one start can be asked all workloads that want the same."""
        return self.value, self.web

    def unit(self):
        return "connection" if self.churn else "request"

    def takes(self, peer):
        if self.peers:
            return peer.name in self.peers
        if self.web:
            return not peer.asked_only and peer.protocol == "http"
        return not peer.asked_only and (self.http or peer.protocol != "http")


def get_small(connections, quick):
    return Workload(f"get-32-c{connections}", f"get 32 B, {connections} connection{'s' if connections > 1 else ''}",
                    connections=connections, http=True, quick=quick)


def tls_alone(work, title):
    return Workload(f"tls-alone-{work}", f"TLS without sockets: {title}", kind=ALONE, work=work, peers=("openssl", "riposte-filter"),
                    strace=False)


TLS_PEERS = ("riposte", "riposte-tls", "memcached-tls", "nginx-tls")

WORKLOADS = (
    get_small(1, True),
    get_small(4, False),
    get_small(16, False),
    get_small(64, True),
    # Right behind the gets it is compared with. Nothing is stored, so that there is nothing to count calls beside.
    Workload("mn-c64", "bare mn round trip, 64 connections", dialect="noop", peers=("riposte", "memcached"), strace=False),
    get_small(512, True),
    Workload("set-32-c64", "set 32 B, 64 connections", ratio="0:100", quick=True),
    Workload("mixed-1m-zipf", "90:10 mixed, 1 M keys Zipf 0.99, 100 B, 64 connections", keys="1m", value="100",
             ratio="90:10", popularity="zipf:0.99"),
    Workload("get-32-d16", "get 32 B, 64 connections, 16 pipelined", depth=16, http=True, quick=True),
    Workload("get-32-d64", "get 32 B, 64 connections, 64 pipelined", depth=64, http=True),
    Workload("set-32-d16", "set 32 B, 64 connections, 16 pipelined", depth=16, ratio="0:100"),
    Workload("get-1k", "get 1 KiB, 64 connections", value="1k", http=True),
    Workload("get-16k", "get 16 KiB, 16 connections", connections=16, value="16k", keys="1k", http=True, quick=True),
    Workload("get-256k", "get 256 KiB, 16 connections", connections=16, value="256k", keys="100", http=True),
    Workload("get-1m", "get 1 MiB, 16 connections", connections=16, value="1m", keys="32", http=True, item_mib=2),
    Workload("set-1k", "set 1 KiB, 64 connections", value="1k", ratio="0:100"),
    Workload("set-64k", "set 64 KiB, 16 connections", connections=16, value="64k", keys="1k", ratio="0:100"),
    Workload("get-1k-keys-d16", "get over 1,000 keys, 64 connections, 16 pipelined", depth=16, keys="1k"),
    Workload("get-10m-keys-d16", "get over 10 M keys uniform, 64 connections, 16 pipelined", depth=16, keys="10m",
             memory_mib=3072, strace=False),
    Workload("churn-c64", "connect, get 32 B, close; 64 at a time", churn=1, http=True, quick=True),
    # TLS beside the plain row of riposte, in the same rounds.
    Workload("tls-get-32-c64", "TLS: get 32 B, 64 connections", http=True, peers=TLS_PEERS),
    Workload("tls-get-32-d16", "TLS: get 32 B, 64 connections, 16 pipelined", depth=16, http=True, peers=TLS_PEERS),
    Workload("tls-get-1m", "TLS: get 1 MiB, 16 connections", connections=16, value="1m", keys="32", http=True, item_mib=2,
             peers=TLS_PEERS),
    Workload("tls-full-c64", "TLS: connect, full handshake, get 32 B, close; 64 at a time", churn=1, http=True, peers=TLS_PEERS),
    Workload("tls-resumed-c64", "TLS: connect, resumed handshake, get 32 B, close; 64 at a time", churn=1, resume=True, http=True,
             peers=TLS_PEERS),
    # What OpenSSL takes of that with nothing around it, and with src/tls around it.
    tls_alone("get", "a record with a get of 32 B comes, one with its answer goes"),
    tls_alone("full", "a full handshake, certificate of P-256, X25519"),
    tls_alone("resumed", "a resumed handshake, X25519"),
    # Web servers among themselves: 13 bytes is "Hello, World!".
    Workload("web-13-c64", "web: 13 bytes, 64 connections", value="13", keys="1", http=True, web=True, cached=True),
    Workload("web-13-d16", "web: 13 bytes, 64 connections, 16 pipelined", depth=16, value="13", keys="1", http=True, web=True,
             cached=True),
    Workload("web-cache-1k", "web: cached value of 1 KiB, 64 connections", value="1k", keys="1", http=True, web=True, cached=True),
    Workload("web-file-64k", "web: file of 64 KiB, 64 connections", value="64k", http=True, web=True),
    Workload("web-file-10m", "web: file of 10 MiB, 16 connections", connections=16, value="10m", http=True, web=True),
    Workload("idle-10k-c64", "get 32 B, 64 busy beside 10,000 idle connections", idle="10k", http=True),
    # Pipelined: where the second worker has the generator's CPU, one request at a time measures the switches between the two.
    Workload("mixed-2-workers", "90:10 mixed, 100 k keys Zipf 0.99, 100 B, 16 pipelined: two workers against one", depth=16, keys="100k",
             value="100", ratio="90:10", popularity="zipf:0.99", peers=("riposte", "riposte-2-workers"), strace=False),
    Workload("rate-1k", "get 32 B at 1,000 requests/s, 16 connections", kind=RATE, connections=16, rate="1k",
             strace=False),
    Workload("no-load", "no requests at all", kind=IDLE, http=True, strace=False),
    Workload("sweep", "get 32 B, 64 connections, open loop: latency by offered rate", kind=SWEEP, http=True,
             strace=False),
)


def find(name):
    return next(workload for workload in WORKLOADS if workload.name == name)


def choose(names, quick):
    """Those whose name matches one of the patterns (get-32-*); those of a quick run; or all."""
    if names:
        return [workload for workload in WORKLOADS if any(fnmatchcase(workload.name, name) for name in names)]
    return [workload for workload in WORKLOADS if workload.quick or not quick]
