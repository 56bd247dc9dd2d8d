# SPDX-License-Identifier: MIT
"""The servers that are compared: how each one is started with its best settings, and what protocol it is asked in.

Found on PATH, or named by the user: PEER_<name>=<program>. A name that is a kind (memcached, redis, nginx, valkey,
dragonfly, pogocache) or begins with one and an underscore is started like that kind: PEER_memcached=/opt/memcached
replaces Debian's, PEER_memcached_new=/opt/memcached stands beside it as a row of its own.
"""

import os
import pwd
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, replace

from harness import encryption
from process import ask

CONNECTIONS_MAX = 16384
BACKLOG = 4096
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEARCH_PATH = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Start:
    """What a server is started for."""
    port: int
    workers: int
    memory_mib: int
    item_mib: int  # largest item; 1 is everybody's default
    folder: str    # its own, empty, removed afterwards
    values: tuple  # sizes in bytes that a web server must have as /<bytes>


@dataclass(frozen=True)
class Kind:
    """How servers of a sort are started and asked."""
    protocol: str   # of riposte-load
    arguments: object
    version: tuple  # arguments that print it
    package: str = ""


@dataclass(frozen=True)
class Peer:
    """A row of the tables."""
    name: str
    kind: str
    program: tuple  # words
    version: str
    extra: tuple = ()
    workers_factor: int = 1
    asked_only: bool = False  # takes part only where a workload names it
    tls: bool = False

    @property
    def protocol(self):
        return KINDS[self.kind].protocol

    @property
    def ours(self):
        return self.kind == "riposte"

    @property
    def floor(self):
        """Whether it is no server but what servers are held against."""
        return self.kind in ("floor", "floor-http")

    def command(self, start):
        arguments = KINDS[self.kind + "-tls" if self.tls else self.kind].arguments(start)
        return [*self.program, *arguments, *self.extra]

    def version_short(self):
        """7.0.15 of "Redis server v=7.0.15 sha=..."."""
        found = re.search(r"\d+(?:\.\d+)+", self.version)
        return found.group(0) if found else self.version


def version_numbers(version_short):
    return tuple(int(part) for part in version_short.split(".") if part.isdigit())


def riposte_arguments(start):
    return ["-l", "127.0.0.1", "-p", start.port, "-t", start.workers, "-m", f"{start.memory_mib}m", "-I",
            f"{start.item_mib}m", "-c", CONNECTIONS_MAX, "-b", BACKLOG]


def value_files(start, size_min=0):
    """Writes the values of at least that size as files that a web server can serve as /<bytes>; the folder they are in."""
    folder = os.path.join(start.folder, "files")
    os.makedirs(folder, exist_ok=True)
    for size in start.values:
        if size >= size_min:
            with open(os.path.join(folder, str(size)), "wb") as file:
                file.write(b"x" * size)
    return folder


def riposte_http_arguments(start):
    return ["-p", 0, f"--http=127.0.0.1:{start.port}", f"--http-root={value_files(start)}", "-t", start.workers, "-m",
            f"{start.memory_mib}m", "-c", 64, "--http-conn-limit", CONNECTIONS_MAX, "-b", BACKLOG, "--http-timeout", 3600]


def memcached_arguments(start):
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return [*user, "-l", "127.0.0.1", "-p", start.port, "-U", 0, "-t", start.workers, "-m", start.memory_mib, "-I",
            f"{start.item_mib}m", "-c", CONNECTIONS_MAX, "-b", BACKLOG]


def redis_arguments(start):
    # protected-mode refuses clients that are not 127.0.0.1 itself; many short connections come from all of 127/8.
    return ["--bind", "127.0.0.1", "--port", start.port, "--protected-mode", "no", "--save", "", "--appendonly", "no",
            "--io-threads", start.workers, "--maxclients", CONNECTIONS_MAX, "--tcp-backlog", BACKLOG, "--dir",
            start.folder]


def dragonfly_arguments(start):
    return ["--bind", "127.0.0.1", "--port", start.port, f"--proactor_threads={start.workers}", "--dbfilename=",
            f"--maxmemory={start.memory_mib}mb", "--dir", start.folder]


def pogocache_arguments(start):
    return ["-h", "127.0.0.1", "-p", start.port, "-t", start.workers, "--maxconns", CONNECTIONS_MAX]


NGINX_CONFIGURATION = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    default_type application/octet-stream;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    tcp_nodelay on;
    tcp_nopush on;
    sendfile on;
    open_file_cache max=100 inactive=1h;
    open_file_cache_valid 1h;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog={backlog}{ssl};
{certificate}        root {files};
{locations}
    }}
}}
"""

def riposte_tls_arguments(start):
    return [*riposte_arguments(start), *encryption.memcached_arguments(start)]


def memcached_tls_arguments(start):
    return [*memcached_arguments(start), *encryption.memcached_arguments(start)]


NGINX_RETURN_SIZE_MAX = 2048  # bytes that a `return` may hold; larger values are files, sent by sendfile


def nginx_tls_arguments(start):
    return nginx_arguments(start, " ssl", encryption.nginx_lines(start))


def nginx_arguments(start, ssl="", certificate=""):
    """Writes the configuration; small values come from memory, which is nginx at its quickest."""
    locations = [f'        location = /{size} {{ return 200 "{"x" * size}"; }}'
                 for size in start.values if size <= NGINX_RETURN_SIZE_MAX]
    files = value_files(start, NGINX_RETURN_SIZE_MAX + 1)
    path = os.path.join(start.folder, "nginx.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(NGINX_CONFIGURATION.format(
            workers=start.workers, folder=start.folder, files=files, port=start.port, backlog=BACKLOG, ssl=ssl,
            certificate=certificate,
            locations="\n".join(locations), connections=CONNECTIONS_MAX, descriptors=CONNECTIONS_MAX + 100))
    return ["-e", "stderr", "-p", start.folder, "-c", path]


H2O_CONFIGURATION = """
user: {user}
num-threads: {workers}
max-connections: {connections}
pid-file: {folder}/pid
error-log: {folder}/error.log
http1-request-timeout: 3600
listen:
  host: 127.0.0.1
  port: {port}
hosts:
  default:
    paths:
      /:
        file.dir: {files}
"""


def h2o_arguments(start):
    """Files, which h2o keeps open; it has no reply from memory without a script."""
    path = os.path.join(start.folder, "h2o.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(H2O_CONFIGURATION.format(user=pwd.getpwuid(os.geteuid()).pw_name, workers=start.workers, folder=start.folder, port=start.port,
                                            files=value_files(start), connections=CONNECTIONS_MAX))
    return ["-c", path]


def spun_path(folder):
    """Where a floor says how long it has spun."""
    return os.path.join(folder, "spun")


def floor_arguments(start):
    return ["--port", start.port, "--value-size", start.values[0], "--spun", spun_path(start.folder)]


KINDS = {
    "riposte": Kind("memcached", riposte_arguments, ("--version",)),
    "memcached": Kind("memcached", memcached_arguments, ("--version",), "memcached"),
    "redis": Kind("redis", redis_arguments, ("--version",), "redis-server"),
    "riposte-http": Kind("http", riposte_http_arguments, ("--version",)),
    "nginx": Kind("http", nginx_arguments, ("-v",), "nginx-light"),
    "h2o": Kind("http", h2o_arguments, ("--version",), "h2o"),
    "valkey": Kind("redis", redis_arguments, ("--version",)),
    "dragonfly": Kind("redis", dragonfly_arguments, ("--version",)),
    "pogocache": Kind("memcached", pogocache_arguments, ("--version",)),
    "riposte-tls": Kind("memcached", riposte_tls_arguments, ("--version",)),
    "memcached-tls": Kind("memcached", memcached_tls_arguments, ("--version",)),
    "nginx-tls": Kind("http", nginx_tls_arguments, ("-v",)),
    "alone": Kind("none", None, ("--version",)),
    "floor": Kind("memcached", floor_arguments, ()),
    "floor-http": Kind("http", floor_arguments, ()),
}
OWN_KINDS = ("riposte", "riposte-http", "riposte-tls", "memcached-tls", "nginx-tls", "alone", "floor", "floor-http")

PACKAGED = {"memcached": "memcached", "redis": "redis-server", "nginx": "nginx", "h2o": "h2o"}


def version_of(program, kind):
    lines = ask([*program, *KINDS[kind].version]).splitlines()
    return lines[0].strip() if lines else "unknown"


def own_peers(program):
    """riposte as it is compared: on io_uring, on epoll, and with two workers where a workload asks for that."""
    words = (program,)
    version = version_of(words, "riposte")
    return [
        Peer("riposte", "riposte", words, version, ("--engine=uring",)),
        Peer("riposte-epoll", "riposte", words, version, ("--engine=epoll",)),
        Peer("riposte-http", "riposte-http", words, version, ("--engine=uring",)),
        Peer("riposte-2-workers", "riposte", words, version, ("--engine=uring",), 2, True),
    ]


def tls_peers(plain):
    """The same programs, asked over TLS, where openssl(1) makes a certificate."""
    chosen = [peer for peer in plain if peer.name in ("riposte", "memcached", "nginx")] if encryption.is_here() else []
    return [replace(peer, name=f"{peer.name}-tls", asked_only=True, tls=True) for peer in chosen]


def alone_peers(server):
    """OpenSSL with nothing around it, and src/tls without an engine (bench/tls), where the build beside the server has TLS."""
    program = (os.path.join(os.path.dirname(server), "tls-floor"),)
    if not os.access(program[0], os.X_OK):
        return []
    return [Peer(name, "alone", program, version_of(program, "alone"), ("--server", which), asked_only=True)
            for name, which in (("openssl", "openssl"), ("riposte-filter", "riposte"))]


def floor_peers(program):
    """The bare kernel path (bench/floor), in the shape of memcached's replies and in that of HTTP."""
    return [Peer("floor", "floor", (program,), "", ("--shape", "get")),
            Peer("floor-http", "floor-http", (program,), "", ("--shape", "http"))]


def named_peers():
    """Name -> words of the program, from PEER_<name>."""
    named = {}
    for variable, value in sorted(os.environ.items()):
        if not variable.startswith("PEER_") or not value.strip():
            continue
        name = variable[len("PEER_"):].lower()
        if kind_of(name) is None:
            kinds = ", ".join(kind for kind in KINDS if kind not in OWN_KINDS)
            sys.exit(f"{variable}: the name must begin with one of {kinds}")
        words = tuple(shlex.split(value))
        if not shutil.which(words[0]):
            sys.exit(f"{variable}: {words[0]} is no program")
        named[name] = words
    return named


def kind_of(name):
    """memcached_new -> memcached; None for what no kind fits."""
    kind = name.partition("_")[0]
    return kind if kind in KINDS and kind not in OWN_KINDS else None


def discover(program):
    """All peers that are here, and a sentence for each packaged one that is not."""
    peers, absent = own_peers(program), []
    named = named_peers()
    for name, binary in PACKAGED.items():
        path = shutil.which(binary, path=SEARCH_PATH)
        if name not in named and path:
            named[name] = (path,)
        elif name not in named:
            absent.append(f"{name} is not here: tools/setup --bench installs it, PEER_{name}=<program> names one")
    order = sorted(named, key=lambda name: (list(KINDS).index(kind_of(name)), name))
    peers += [Peer(name, kind_of(name), named[name], version_of(named[name], kind_of(name))) for name in order]
    return peers + tls_peers(peers) + alone_peers(program), absent
