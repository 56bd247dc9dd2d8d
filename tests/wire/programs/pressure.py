# SPDX-License-Identifier: MIT
"""The server with too little of everything: buffers, ring entries, output room. Slower is fine, wrong is not."""

from harness.connection import set_request, value_reply
from harness.outcome import check, check_equal
from harness.registry import BOTH, test
from harness.together import run_together, slices

SMALL_BUFFERS = ("--recv-buffer-count=2", "--recv-buffer-size=4k")
SMALL_RINGS = ("--ring-entries=8", "--completion-entries=8")


def store_and_read_at_once(lab, server, clients_count, value_size, turns):
    """Many clients send a large set at the same time, then all read it back; several turns."""
    clients = [lab.connect(server) for _ in range(clients_count)]
    value = lab.random.randbytes(value_size)

    def serve(indexes):
        for turn in range(turns):
            for index in indexes:
                clients[index].send(set_request(f"{index}.{turn}", value))
            for index in indexes:
                clients[index].expect("STORED\r\n", f"client {index}")
                clients[index].send(f"get {index}.{turn}\r\n" * 2)
            for index in indexes:
                clients[index].expect((value_reply(f"{index}.{turn}", value) + b"END\r\n") * 2, f"client {index}")

    run_together([lambda indexes=indexes: serve(indexes) for indexes in slices(range(clients_count), 8)])


@test(families=BOTH)
def two_small_receive_buffers_serve_64_clients_that_send_at_once(lab):
    """Every request is answered; on io_uring the empty buffer ring is met and counted."""
    server = lab.start(*SMALL_BUFFERS)
    store_and_read_at_once(lab, server, 64, 64 << 10, 3)
    if lab.engine == "uring":
        check(int(server.own_stats()["recv_buffers_empty"]) > 0, "the buffer ring was never empty: nothing was tested")


@test(families=BOTH)
def clients_with_half_a_request_cannot_hold_the_receive_buffers(lab):
    """100 clients stop in the middle of a line or of a value; others are served through two buffers."""
    server = lab.start(*SMALL_BUFFERS)
    stuck = [lab.connect(server) for _ in range(100)]
    for index, client in enumerate(stuck):
        client.send(b"get " + b"x" * 1500 if index % 2 else b"set a 0 0 9000\r\n" + b"x" * 5000)
    other = lab.connect(server)
    other.set("b", "y" * 30_000)
    for _ in range(100):
        check_equal(30_000, len(other.get("b")), "the value another client reads")
    stuck[0].send(b"x" * 4000 + b"\r\n")
    stuck[0].expect("STORED\r\n")
    stuck[1].send(b"\r\n")
    stuck[1].expect("CLIENT_ERROR bad command line format\r\n")


@test(families=BOTH, engines=("uring",))
def a_tiny_completion_queue_loses_nothing(lab):
    """8 submission and 8 completion entries: 150 clients at once, pipelines, and connections that come and go."""
    server = lab.start(*SMALL_RINGS)
    store_and_read_at_once(lab, server, 150, 3000, 4)
    clients = [lab.connect(server) for _ in range(40)]
    clients[0].set("a", "x")
    for client in clients:
        client.send(b"get a\r\n" * 500)
    for client in clients:
        client.expect(b"VALUE a 0 1\r\nx\r\nEND\r\n" * 500)
    for _ in range(200):
        with server.connect() as client:
            client.ask("get a", "VALUE a 0 1\r\nx\r\nEND")


@test(families=BOTH, engines=("uring",))
def the_smallest_rings_and_buffers_together_serve(lab):
    """A completion queue of 2, 8 submission entries, 2 buffers of 4 KiB, one request per turn."""
    server = lab.start("--ring-entries=8", "--completion-entries=2", *SMALL_BUFFERS, "-R", "1")
    store_and_read_at_once(lab, server, 40, 20_000, 3)


@test(families=BOTH)
def a_small_output_bound_only_slows_down(lab):
    """--conn-output-limit=4k with values of 64 KiB and deep pipelines: everything arrives."""
    server = lab.start("--conn-output-limit=4k")
    store_and_read_at_once(lab, server, 20, 64 << 10, 2)
    client = lab.connect(server)
    client.set("a", "x" * 50)
    reply = value_reply("a", "x" * 50) + b"END\r\n"
    run_together([lambda: client.send(b"get a\r\n" * 20_000), lambda: client.expect(reply * 20_000)])


@test(families=BOTH)
def one_request_per_turn_keeps_order_and_loses_nothing(lab):
    """-R 1 and a pipeline of 5,000 numbered requests."""
    server = lab.start("-R", "1")
    client = lab.connect(server)
    client.set("n", "0")
    run_together([lambda: client.send(b"incr n 1\r\n" * 5000),
                  lambda: client.expect(b"".join(b"%d\r\n" % number for number in range(1, 5001)))])


def send_way(lab, *flags):
    """One way of sending under replies of every size, alone and in pipelines."""
    server = lab.start(*flags)
    client = lab.connect(server)
    sizes = (0, 1, 100, 2000, 5000, 17_000, 66_000, 200_000, 900_000)
    values = {f"v{size}": lab.random.randbytes(size) for size in sizes}
    for key, value in values.items():
        client.set(key, value)
    for key, value in values.items():
        client.ask(f"get {key}", value_reply(key, value) + b"END")
    order = [lab.random.choice(list(values)) for _ in range(120)]
    replies = b"".join(value_reply(key, values[key]) + b"END\r\n" for key in order)
    requests = b"".join(b"get %s\r\n" % key.encode() for key in order)
    run_together([lambda: client.send(requests), lambda: client.expect(replies)])
    store_and_read_at_once(lab, server, 16, 30_000, 2)
    return server


@test(families=BOTH)
def plain_sends_carry_every_reply(lab):
    """--send=plain."""
    send_way(lab, "--send=plain")


@test(families=BOTH, engines=("uring",))
def send_bundles_carry_every_reply(lab):
    """--send=bundle; counted where the kernel has it."""
    server = send_way(lab, "--send=bundle")
    if "bundle" in server.own_stats()["features"]:
        check(int(server.own_stats()["sends_bundle"]) > 0, "no bundle was sent")


@test(families=BOTH, engines=("uring",))
def zero_copy_sends_carry_every_reply(lab):
    """--send=zc from 1 KiB on; values are overwritten while they are on their way."""
    server = send_way(lab, "--send=zc", "--zero-copy-min=1k")
    check(lab.family == "unix" or int(server.own_stats()["sends_zero_copy"]) > 0, "nothing was sent without copying")


@test(families=BOTH)
def a_fixed_spin_and_none_serve_alike(lab):
    """--spin-us=0 and --spin-us=200."""
    for spin in ("0", "200"):
        server = lab.start(f"--spin-us={spin}", "-t", "2")
        store_and_read_at_once(lab, server, 16, 1000, 5)
        server.stop()
