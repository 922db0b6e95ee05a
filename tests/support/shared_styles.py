"""Stylesheets of apps that are alike, read once a process.

Each app reads the styles of all its widgets, a hundred texts, and reads them again for its theme: a twentieth of the time of
a test of a screen. What was read depends on the texts and on the theme's variables alone, and nothing changes it later.
"""

# ruff: noqa: TID253  these tests drive textual itself

from __future__ import annotations

from collections import defaultdict
from typing import Any

from textual.css.stylesheet import Stylesheet

# What was read, by the variables that stood in it.
_read: defaultdict[frozenset[tuple[str, str]], dict[Any, Any]] = defaultdict(dict)


def share_styles() -> None:
    """Have every stylesheet of this process take what another one with the same variables has read."""
    begin, change = Stylesheet.__init__, Stylesheet.set_variables

    def begun(sheet: Stylesheet, *, variables: dict[str, str] | None = None) -> None:
        begin(sheet, variables=variables)
        _share(sheet, variables or {})

    def changed(sheet: Stylesheet, variables: dict[str, str]) -> None:
        # The library empties what the sheet holds: that is not to be everybody's.
        vars(sheet)["_parse_cache"] = {}
        change(sheet, variables)
        _share(sheet, variables)

    vars_of_all = {"__init__": begun, "set_variables": changed}
    for name, function in vars_of_all.items():
        setattr(Stylesheet, name, function)


def _share(sheet: Stylesheet, variables: dict[str, str]) -> None:
    vars(sheet)["_parse_cache"] = _read[frozenset(variables.items())]
