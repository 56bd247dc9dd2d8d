# SPDX-License-Identifier: MIT
"""The side-by-side harness behind bench/run, bench/cpu, bench/syscalls, bench/idle-memory and bench/start."""

import os
import sys

# What it shares with the wire tests: process.py, tls_records.py.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 2, "tests", "support"))
