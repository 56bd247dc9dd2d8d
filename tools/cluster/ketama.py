# SPDX-License-Identifier: MIT
"""Three caches as one, dealt out by the client: libmemcached's ketama through pylibmc (apt-get install python3-pylibmc).

A node that fails twice is left out (remove_failed) and its keys go to the others; it is asked again after 10 s. See README.md,
"What a lost node costs", for what that means for old values. php-memcached has the same under OPT_LIBKETAMA_COMPATIBLE,
OPT_REMOVE_FAILED_SERVERS and OPT_RETRY_TIMEOUT.
"""

import pylibmc

NODES = ["127.0.0.1:11221", "127.0.0.1:11222", "127.0.0.1:11223"]

BEHAVIORS = {
    "ketama": True,
    "tcp_nodelay": True,
    "connect_timeout": 400,  # milliseconds
    "send_timeout": 400_000,  # microseconds
    "receive_timeout": 400_000,  # microseconds
    "remove_failed": 2,
    "dead_timeout": 10,  # seconds
    "retry_timeout": 1,  # seconds
}


def client(nodes=None, **behaviors):
    """A client of all nodes; one per thread."""
    return pylibmc.Client(nodes or NODES, behaviors=dict(BEHAVIORS, **behaviors))


def get(caches, key):
    """The value, or None: a node that is lost is a miss, for that is what a cache may do."""
    try:
        return caches.get(key)
    except pylibmc.Error:
        return None


def put(caches, key, value, expiry_s=300):
    """Whether it was stored. The expiry bounds how old a value can be that comes back with a second failure."""
    try:
        return caches.set(key, value, time=expiry_s)
    except pylibmc.Error:
        return False
