# SPDX-License-Identifier: MIT
"""HTTP: files beneath --http-root."""

import gzip
import os
import re
import resource
import signal
import threading

from harness.http import ask, ask_status, http_connect, http_start, read_answer, request
from harness.outcome import Skip, check, check_equal
from harness.registry import ALL, BOTH, test
from harness.server import wait_until
from programs.hogs import check_beside, hogs


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def root_of(lab):
    """A folder with something of everything, beside something that must stay outside."""
    folder = lab.new_folder()
    root = os.path.join(folder, "root")
    os.makedirs(os.path.join(root, "sub"))
    os.makedirs(os.path.join(root, ".well-known"))
    write(os.path.join(folder, "outside.txt"), b"outside")
    write(os.path.join(root, "index.html"), b"<p>index")
    write(os.path.join(root, "sub", "index.html"), b"<p>sub")
    write(os.path.join(root, "style.css"), b"body {}")
    write(os.path.join(root, "style.css.gz"), gzip.compress(b"body {}"))
    write(os.path.join(root, ".env"), b"secret")
    write(os.path.join(root, ".well-known", "a.txt"), b"known")
    os.symlink("../outside.txt", os.path.join(root, "link.txt"))
    os.symlink("/etc", os.path.join(root, "etc"))
    os.symlink("style.css", os.path.join(root, "inner.css"))
    os.mkfifo(os.path.join(root, "pipe"))
    return root


@test(families=ALL)
def files_are_served_with_type_tag_and_date(lab):
    """Folders by their index.html, conditions, ranges, coded siblings."""
    root = root_of(lab)
    server = http_start(lab, f"--http-root={root}")
    with http_connect(server) as web:
        check_equal(b"<p>index", ask_status(web, 200, "GET", "/").body, "the index")
        answer = ask_status(web, 200, "GET", "/style.css")
        check_equal("text/css; charset=utf-8", answer.fields["content-type"], "the type")
        check_equal("Accept-Encoding", answer.fields["vary"], "Vary")
        tag, date = answer.fields["etag"], answer.fields["last-modified"]
        ask_status(web, 304, "GET", "/style.css", f"If-None-Match: {tag}\r\n")
        ask_status(web, 304, "GET", "/style.css", f"If-Modified-Since: {date}\r\n")
        check_equal(b"dy", ask_status(web, 206, "GET", "/style.css", "Range: bytes=2-3\r\n").body, "a range")
        answer = ask_status(web, 200, "GET", "/style.css", "Accept-Encoding: gzip, br\r\n")
        check_equal("gzip", answer.fields["content-encoding"], "the coding")
        check_equal(b"body {}", gzip.decompress(answer.body), "the sibling")
        check(answer.fields["etag"] != tag, "another tag for another representation")
        check_equal("/sub/", ask_status(web, 301, "GET", "/sub").fields["location"], "Location")
        check_equal(b"<p>sub", ask_status(web, 200, "GET", "/sub/").body, "the index of a folder")
        check_equal(b"known", ask_status(web, 200, "GET", "/.well-known/a.txt").body, "what is well known")
        check_equal("text/css; charset=utf-8", ask_status(web, 200, "GET", "/inner.css").fields["content-type"], "a link inside")
        ask_status(web, 405, "PUT", "/style.css", body=b"x")
        ask_status(web, 200, "GET", "/healthz")


OUTSIDE = ["/../outside.txt", "/%2e%2e/outside.txt", "/%2E%2E%2Foutside.txt", "/..%2foutside.txt", "/sub/../../outside.txt",
           "/sub/..%2f..%2foutside.txt", "/link.txt", "/etc/passwd", "/etc", "//etc/passwd", "/./../outside.txt",
           "/.env", "/%2eenv", "/sub/.", "/sub/./index.html", "/sub//index.html", "//index.html", "/sub%2findex.html",
           "/..\\outside.txt", "/..%5coutside.txt", "/%252e%252e/outside.txt", "/pipe", "/.well-known/../.env"]


@test(families=ALL)
def nothing_outside_the_root_is_reachable(lab):
    """Points, slashes and their codes, links that leave it, hidden names, pipes: 404; a NUL or a broken code: 400."""
    server = http_start(lab, f"--http-root={root_of(lab)}")
    with http_connect(server) as web:
        for target in OUTSIDE:
            answer = ask_status(web, 404, "GET", target)
            check(b"outside" not in answer.body and b"root:" not in answer.body, target)
        for target in ("/index.html%00", "/%00", "/%", "/%2", "/%zz"):
            ask_status(web, 400, "GET", target)
        ask_status(web, 404, "GET", "/" + "a/" * 400 + "a")


@test(families=ALL, waits=True)
def a_changed_file_is_served_anew_within_a_second(lab):
    """Written over, removed, and there again."""
    root = root_of(lab)
    server = http_start(lab, f"--http-root={root}", "-t", "2")
    path = os.path.join(root, "page.txt")
    with http_connect(server) as web:
        write(path, b"first")
        check_equal(b"first", ask_status(web, 200, "GET", "/page.txt").body, "the first")
        write(path, b"second, and longer")
        wait_until(lambda: ask(web, "GET", "/page.txt").body == b"second, and longer", "the second", 2)
        os.remove(path)
        wait_until(lambda: ask(web, "GET", "/page.txt").status == 404, "it is gone", 2)
        write(path, b"third")
        wait_until(lambda: ask(web, "GET", "/page.txt").body == b"third", "the third", 2)


LARGE_SIZE = 10 << 20


def large_start(lab, *flags):
    """A server with large.bin beneath its root; the file's path and bytes."""
    root = root_of(lab)
    data = lab.random.randbytes(LARGE_SIZE)
    path = os.path.join(root, "large.bin")
    write(path, data)
    return http_start(lab, f"--http-root={root}", *flags), path, data


@test(families=BOTH)
def a_large_file_is_sent_by_the_kernel_and_takes_no_memory(lab):
    """10 MiB: whole, a range, in a pipeline, and to 200 who do not read or go away."""
    server, _, data = large_start(lab)
    with http_connect(server) as web:
        check_equal(b"<p>index", ask_status(web, 200, "GET", "/index.html").body, "a small one")
        check(ask_status(web, 200, "GET", "/large.bin").body == data, "all of it")
        ask_status(web, 200, "HEAD", "/large.bin")
        part = ask_status(web, 206, "GET", "/large.bin", "Range: bytes=2000001-9999998\r\n")
        check(part.body == data[2_000_001:9_999_999], "a part of it")
        web.send(request("GET", "/large.bin") + request("GET", "/index.html"))
        check(read_answer(web).body == data, "the first of a pipeline")
        check_equal(b"<p>index", read_answer(web).body, "the second of it")
        before = server.resident_kib()
        slow = [http_connect(server) for _ in range(200)]
        for client in slow:
            client.send(request("GET", "/large.bin"))
        for client in slow:
            client.read_line()
        check_equal(b"<p>index", ask_status(web, 200, "GET", "/index.html").body, "others are served meanwhile")
        grown = server.resident_kib() - before
        check(server.program.is_sanitized or grown < 4 * 1024, f"{grown} KiB for 200 who do not read")
        check(server.descriptors_count() < 250, "one descriptor of the file for all")
        for client in slow[5:]:
            client.reset()
        for client in slow[:5]:
            client.read_lines_until(b"")
            check(client.read(LARGE_SIZE) == data, "a slow one")
            client.close()
        check(engine_count(web, "sends_file") > 200, "sendfile was used")
        check_equal(0, engine_count(web, "files_cut"), "files that ended before their time")
    wait_until(lambda: server.descriptors_count() < 40, "no descriptor is left behind")


def engine_count(web, name):
    """A counter of the engine, of all workers."""
    body = ask_status(web, 200, "GET", "/metrics").body.decode()
    return sum(map(int, re.findall(rf"^riposte_engine_{name}_total\S* (\d+)$", body, re.M)))


def put_out_of_memory(path):
    """Writes the file's pages and drops them; False where they stay all the same (tmpfs)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.preadv(descriptor, [bytearray(1)], os.path.getsize(path) // 2, os.RWF_NOWAIT)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


@test(families=BOTH)
def a_file_that_is_not_in_memory_is_fetched_before_it_is_sent(lab):
    """Put out of the page cache, beside one that is there: whole, and counted as waited for."""
    server, path, data = large_start(lab)
    with http_connect(server) as web, http_connect(server) as other:
        check_equal(b"<p>index", ask_status(web, 200, "GET", "/index.html").body, "a small one")
        if not put_out_of_memory(path):
            raise Skip("the file system of the tests keeps all files in memory")
        web.send(request("GET", "/large.bin") + request("GET", "/index.html"))
        check_equal(b"<p>index", ask_status(other, 200, "GET", "/index.html").body, "of another client meanwhile")
        check(read_answer(web).body == data, "all of it")
        check_equal(b"<p>index", read_answer(web).body, "what was asked for behind it")
        check(engine_count(other, "file_waits") > 0, "the disk was waited for")
        check_equal(0, engine_count(other, "files_cut"), "files cut")


@test(families=BOTH)
def a_file_that_shrinks_while_it_is_sent_ends_the_connection(lab):
    """The client gets fewer bytes than it was told of, then the end; it is counted.

    Those behind the new end that were on their way are the file's pages: what was cut off of a page is zero by then.
    """
    server, path, data = large_start(lab)
    with http_connect(server) as web, http_connect(server) as other:
        web.send(request("GET", "/large.bin"))
        web.read_lines_until(b"")
        wait_until(lambda: engine_count(other, "sends_short") > 0, "the socket is full")
        os.truncate(path, 1 << 20)
        got = web.read_to_end()
        check(1 << 20 <= len(got) < LARGE_SIZE, f"{len(got)} bytes")
        check(got[: 1 << 20] == data[: 1 << 20], "what is still there")
        check(all(byte in (0, data[at]) for at, byte in enumerate(got)), "nothing but the file's bytes")
        check_equal(1, engine_count(other, "files_cut"), "files cut")
        wait_until(lambda: ask(other, "HEAD", "/large.bin").fields["content-length"] == str(1 << 20), "it is seen", 2)
        check(ask_status(other, 200, "GET", "/large.bin").body == data[: 1 << 20], "what is left is served")


@test(families=BOTH)
def a_download_that_is_under_way_is_finished_when_the_server_stops(lab):
    """SIGTERM while the client has read nothing: it gets all, then the end."""
    server, _, data = large_start(lab)
    with http_connect(server) as web, http_connect(server) as other:
        web.send(request("GET", "/large.bin"))
        web.read_lines_until(b"")
        wait_until(lambda: engine_count(other, "sends_short") > 0, "the socket is full")
        server.signal(signal.SIGTERM)
        check(web.read_to_end() == data, "all of it")
    server.expect_exit(0, 10)


@test(families=BOTH)
def a_client_is_served_beside_twenty_downloads(lab):
    """Twenty that take a file of 10 MiB over and over."""
    server, _, _ = large_start(lab)
    victim = lab.connect(server)
    victim.set("small", "x")
    address = server.http_socket_path if server.family == "unix" else server.http_port
    check_beside(lab, server, victim, hogs(address, request("GET", "/large.bin"), 20))


@test(families=BOTH)
def many_ask_for_the_same_files_while_they_change(lab):
    """Two workers, four clients, a writer: each answer is one of the states, whole."""
    root = root_of(lab)
    server = http_start(lab, f"--http-root={root}", "-t", "2", "--http-files-memory=256k")
    states = [bytes([65 + i]) * (1000 + 30_000 * i) for i in range(4)]
    path = os.path.join(root, "state.bin")
    write(path, states[0])
    wrongs, done = [], threading.Event()

    def reader():
        with http_connect(server) as web:
            while not done.is_set():
                body = ask_status(web, 200, "GET", "/state.bin").body
                if body not in states:
                    wrongs.append(len(body))

    readers = [threading.Thread(target=reader) for _ in range(4)]
    for thread in readers:
        thread.start()
    try:
        for i in range(6):
            write(path + ".new", states[i % 4])
            os.replace(path + ".new", path)
            with http_connect(server) as web:
                wait_until(lambda: ask(web, "GET", "/state.bin").body == states[i % 4], "the new state", 3)
    finally:
        done.set()
        for thread in readers:
            thread.join()
    check_equal([], wrongs, "sizes of answers that are no state")


@test()
def a_root_that_cannot_be_served_ends_the_start(lab):
    """Not there, or no folder; or too little memory for the files."""
    for flags, part in ((["--http-root=/none"], b"--http-root /none"), (["--http-root=/etc/passwd"], b"--http-root"),
                        (["--http-root=/tmp", "--http-files-memory=60m"], b"--http-files-memory")):
        ended = lab.run_server("-t", "1", "-p", "-1", "--http=127.0.0.1:0", *flags)
        check(ended.returncode != 0 and part in ended.stderr, ended.stderr.decode())


@test(families=BOTH)
def files_that_are_kept_open_take_no_descriptor_of_a_connection(lab):
    """Under a soft limit of 150 the server raises it for 300 files beside -c 100: as many clients of memcached are served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1000:
        raise Skip(f"needs a hard limit of 1000 descriptors, it is {hard}")
    root = lab.new_folder()
    for number in range(300):
        write(os.path.join(root, f"{number}.bin"), b"x" * 20_000)  # too large to be kept in memory
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
    try:
        server = http_start(lab, "-c", "100", "--http-conn-limit=20", f"--http-root={root}")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with http_connect(server) as web:
        for number in range(300):
            check_equal(20_000, len(ask_status(web, 200, "GET", f"/{number}.bin").body), f"bytes of {number}.bin")
    check(server.descriptors_count() > 250, "files are kept open")
    clients = [lab.connect(server) for _ in range(100)]
    for client in clients:
        client.version()
    check_equal("0", clients[0].stats("riposte")["accept_errors"], "accepts that failed")
