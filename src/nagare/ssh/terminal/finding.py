"""Searching the rows of a terminal; the same for every core."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from nagare.ssh.terminal.core import Found

_MOST = 1000


def cell_width(text: str) -> int:
    """Return how many cells ``text`` takes: two for wide letters, none for marks that stand on another."""
    return sum(_width(letter) for letter in text)


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def find_in(lines: Sequence[str], needle: str) -> Sequence[Found]:
    """Return where ``needle`` stands in ``lines``, without regard to case; at most a thousand places, the newest."""
    wanted = needle.casefold()
    found: list[Found] = []
    if not wanted:
        return found
    for row in range(len(lines) - 1, -1, -1):
        line = lines[row].casefold()
        places = _places(line, wanted)
        found.extend(Found(row, cell_width(line[:at]), cell_width(wanted)) for at in reversed(places))
        if len(found) >= _MOST:
            break
    return found[:_MOST][::-1]


def _places(line: str, wanted: str) -> list[int]:
    places = []
    at = line.find(wanted)
    while at >= 0:
        places.append(at)
        at = line.find(wanted, at + len(wanted))
    return places
