# SPDX-License-Identifier: MIT
"""HTTP: files beneath --http-root."""

import gzip
import os
import re
import threading

from harness.http import ask, ask_status, http_connect, http_start, read_answer, request
from harness.outcome import check, check_equal
from harness.registry import ALL, BOTH, test
from harness.server import wait_until


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


@test(families=ALL)
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


@test(families=BOTH)
def a_file_larger_than_the_memory_for_files_is_streamed(lab):
    """40 MB with 1 MB for files: whole, a range, and to 300 who do not read or go away; memory stays bounded."""
    root = root_of(lab)
    data = lab.random.randbytes(1 << 20) * 40
    write(os.path.join(root, "large.bin"), data)
    server = http_start(lab, f"--http-root={root}", "--http-files-memory=1m")
    with http_connect(server) as web:
        ask_status(web, 200, "GET", "/index.html")
        before = server.resident_kib()
        check(ask_status(web, 200, "GET", "/large.bin").body == data, "all of it")
        part = ask_status(web, 206, "GET", "/large.bin", "Range: bytes=20000000-29999999\r\n")
        check(part.body == data[20_000_000:30_000_000], "a part of it")
        web.send(request("GET", "/large.bin") + request("GET", "/index.html"))
        check(read_answer(web).body == data, "the first of a pipeline")
        check_equal(b"<p>index", read_answer(web).body, "the second of it")
        slow = [http_connect(server) for _ in range(300)]
        for client in slow:
            client.send(request("GET", "/large.bin"))
        check_equal(b"<p>index", ask_status(web, 200, "GET", "/index.html").body, "others are served meanwhile")
        if server.family == "tcp":  # a Unix socket's queue is short: its clients are paused before
            wait_until(lambda: stream_bytes(web) > 60 << 20, "the bound of all streams is reached", 30)
        check(stream_bytes(web) < (64 << 20) + 301 * (64 << 10), "the bound of all streams holds")
        grown = server.resident_kib() - before
        check(server.program.is_sanitized or grown < 120 * 1024, f"{grown} KiB for 300 who do not read")
        for client in slow[5:]:
            client.reset()
        for client in slow[:5]:
            check_equal(len(data), len(read_answer(client).body), "a slow one")
            client.close()
    wait_until(lambda: server.descriptors_count() < 40, "no descriptor is left behind")


def stream_bytes(web):
    body = ask_status(web, 200, "GET", "/metrics").body.decode()
    return int(re.search(r"^riposte_http_stream_bytes (\d+)$", body, re.M).group(1))


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
        for i in range(12):
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
