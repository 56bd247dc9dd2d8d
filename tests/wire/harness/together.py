# SPDX-License-Identifier: MIT
"""Several clients at once: threads whose first failure is the test's failure."""

import threading

JOIN_LIMIT_S = 60.0


def run_together(functions):
    """Calls each function in a thread of its own, waits for all, and raises what the first failing one raised."""
    failures = []

    def call(function):
        try:
            function()
        except BaseException as error:  # raised again in the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=call, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_LIMIT_S)
        if thread.is_alive():
            failures.append(TimeoutError(f"a client was not done within {JOIN_LIMIT_S:g} s"))
    if failures:
        raise failures[0]


def slices(items, count):
    """The items in `count` parts of about equal length."""
    return [items[index::count] for index in range(count)]
