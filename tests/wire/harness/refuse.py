# SPDX-License-Identifier: MIT
"""Runs a command to which the kernel refuses one system call, as a container's seccomp profile does.

    python3 refuse.py io_uring_enter EACCES build/riposte -t 1
"""

import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x00050000, 0x7FFF0000
BPF_LD_W_ABS, BPF_JEQ_K, BPF_RET_K = 0x20, 0x15, 0x06
# The same numbers on every architecture (include/uapi/asm-generic/unistd.h), but for seccomp's on x86-64.
CALLS = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427}
SANDBOX_CALLS = {"landlock_create_ruleset": 444, "seccomp": 317 if os.uname().machine == "x86_64" else 277}


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def refuse(call, number):
    """From now on this process and what it becomes get `number` from the system call."""
    libc = ctypes.CDLL(None, use_errno=True)
    rows = ((BPF_LD_W_ABS, 0, 0, 0), (BPF_JEQ_K, 0, 1, call), (BPF_RET_K, 0, 0, SECCOMP_RET_ERRNO | number),
            (BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
    program = Program(len(rows), ctypes.addressof(code))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or \
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program)):
        sys.exit(f"no seccomp filter: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    refuse({**CALLS, **SANDBOX_CALLS}[sys.argv[1]], getattr(errno, sys.argv[2]))
    os.execv(sys.argv[3], sys.argv[3:])
