# SPDX-License-Identifier: MIT
"""Clients that send one request over and over and throw the answers away. A program of its own, so that the client that
is looked at has its process to itself.

    hog.py <port, or path of a socket> <connections>        the request comes on standard input; ends when it is killed
"""

import select
import socket
import sys
import time

BATCH_SIZE = 16 << 10


def connect(address):
    """A connection that never waits."""
    client = socket.socket(socket.AF_INET if address.isdigit() else socket.AF_UNIX)
    client.settimeout(10)
    client.connect(("127.0.0.1", int(address)) if address.isdigit() else address)
    client.setblocking(False)
    return client


def turn(clients, batch):
    """Takes what has come and sends what goes."""
    readable, writable, _ = select.select(clients, clients, [], 0.2)
    for client in readable:
        try:
            client.recv(1 << 20)
        except OSError:
            pass
    for client in writable:
        try:
            client.send(batch)
        except OSError:
            pass


def main(address, count):
    """Until killed."""
    request = sys.stdin.buffer.read()
    batch = request * max(1, BATCH_SIZE // len(request))
    clients = [connect(address) for _ in range(int(count))]
    print("ready", flush=True)
    while True:
        turn(clients, batch)
        time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
