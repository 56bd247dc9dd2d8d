# SPDX-License-Identifier: MIT
"""The side-by-side harness behind bench/run, bench/cpu, bench/syscalls and bench/idle-memory."""
