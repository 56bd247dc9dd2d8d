# SPDX-License-Identifier: MIT
"""Clients that give a server with TLS much work for few bytes. A program of its own, as hog.py.

    tls_hog.py <port> <connections> <kind>        kinds: those of tls_records.py; ends when it is killed
"""

import os
import selectors
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 3, "tests", "support"))

from tls_records import hog_of  # noqa: E402 (the path comes first)

BUFFER = bytearray(1 << 20)


def turn(selector):
    """Takes what has come and sends what goes. A hog that was turned away is not missed."""
    for key, events in selector.select(0.2):
        hog = key.data
        try:
            alive = not events & selectors.EVENT_READ or hog.receive(BUFFER)
            if alive and events & selectors.EVENT_WRITE:
                hog.send()
        except BlockingIOError:
            pass
        except OSError:
            alive = False
        if not alive or hog.connection is not key.fileobj:
            selector.unregister(key.fileobj)
        if alive and hog.connection is not key.fileobj:
            selector.register(hog.connection, selectors.EVENT_READ | selectors.EVENT_WRITE, hog)


def main(port, count, kind):
    """Until killed."""
    selector = selectors.DefaultSelector()
    for _ in range(int(count)):
        hog = hog_of(int(port), kind)
        selector.register(hog.connection, selectors.EVENT_READ | selectors.EVENT_WRITE, hog)
    print("ready", flush=True)
    while True:
        turn(selector)
        time.sleep(0.005)


if __name__ == "__main__":
    main(*sys.argv[1:])
