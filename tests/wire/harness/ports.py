# SPDX-License-Identifier: MIT
"""Ports for programs that cannot be asked which one the kernel gave them.

A port that the kernel gives, and that is let go again for the program, may be given to the next who asks before the program has it:
many tests run at a time. So they come from below what the kernel gives away, and by chance, so that two tests hardly choose the same.
"""

import random
import socket

PORT_FIRST = 10_000
EPHEMERAL_FIRST = 32_768  # where the kernel does not say it
TRIES_MAX = 1000

# Not the tests' seed: runs beside each other may have the same.
CHANCE = random.SystemRandom()


def ephemeral_first():
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            return int(file.read().split()[0])
    except (OSError, ValueError):
        return EPHEMERAL_FIRST


def is_free(port):
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def free_port():
    """One that nobody has, and that the kernel gives to nobody by itself."""
    behind = ephemeral_first()
    if behind <= PORT_FIRST + TRIES_MAX:
        behind = 65_536  # a machine that gives all of them away: as good as can be
    for _ in range(TRIES_MAX):
        port = CHANCE.randrange(PORT_FIRST, behind)
        if is_free(port):
            return port
    raise OSError("no port of 127.0.0.1 is free")


def free_ports(count):
    """Some that differ."""
    ports = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)
