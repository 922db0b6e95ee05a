"""Lists of which a caller may see a part: read in pieces until a page is full, and no further than a bound for one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

# How many rows are read at a time, and how often for one answer: who sees little must not have the whole table read.
PIECE_LIMIT = 500
PIECES_LIMIT = 20

# What a list is ordered by: a moment, in Unix milliseconds, and an id.
Place = tuple[int, str]
T = TypeVar("T")


async def read_page(
    before: Place | None,
    limit: int,
    read: Callable[[Place | None], Awaitable[Sequence[T]]],
    seen: Callable[[Sequence[T]], Awaitable[Sequence[T]]],
    place_of: Callable[[T], Place],
) -> tuple[list[T], str]:
    """Return up to ``limit`` of what is seen, and the place after which to go on, empty at the end.

    ``read`` returns ``PIECE_LIMIT`` rows after a place, fewer at the end. A page may hold less than ``limit``, and nothing at all,
    though more comes after it.
    """
    found = list[T]()
    for _ in range(PIECES_LIMIT):
        rows = await read(before)
        found += await seen(rows)
        # One more than is shown tells whether there are more.
        if len(found) > limit:
            return found[:limit], _text(place_of(found[limit - 1]))
        if len(rows) < PIECE_LIMIT:
            return found, ""
        before = place_of(rows[-1])
    return found, "" if before is None else _text(before)


def _text(place: Place) -> str:
    return f"{place[0]}.{place[1]}"
