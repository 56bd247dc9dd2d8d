# SPDX-License-Identifier: MIT
"""Tests that are programs, because a transcript cannot count to ten thousand. A file is one theme."""
