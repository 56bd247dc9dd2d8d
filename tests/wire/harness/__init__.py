# SPDX-License-Identifier: MIT
"""What the wire tests stand on: servers, connections, transcripts and the runner. Standard library only."""

import os
import sys

# What it shares with the benchmarks: process.py.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 3, "tests", "support"))
