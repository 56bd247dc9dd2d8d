# SPDX-License-Identifier: MIT
"""The tests of bench/harness and of the scripts; bench/test runs them."""
