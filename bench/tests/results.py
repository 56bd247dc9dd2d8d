# SPDX-License-Identifier: MIT
"""Results as the harness keeps them, made by hand."""

from harness import summary


def row(peer, **figures):
    return {"peer": peer, "rounds": [figures], "failures": [], "median": figures, "spread": dict.fromkeys(figures, 0.0),
            "system_calls": {}, "commands": {}}


def row_of_rounds(peer, name, *values, first=1):
    """A row with one figure in rounds first, first + 1, ...; None where the round failed."""
    figures = [{"round": number, name: value, "warning": ""} for number, value in enumerate(values, first)
               if value is not None]
    measured = {"peer": peer, "rounds": figures, "failures": ["no luck"] * values.count(None), "median": {}, "spread": {},
                "system_calls": {}, "commands": {}}
    summary.summarise(measured)
    return measured


def result(name, *rows):
    return {"name": name, "title": name, "kind": "closed", "unit": "request", "for_all": True, "skipped": "",
            "rows": list(rows)}
