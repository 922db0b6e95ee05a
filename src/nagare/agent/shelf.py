"""What the spool knows of one segment, and the note on disk of what left it already."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from nagare.errors import NagareError
from nagare.lib.intervals import IntervalSet
from nagare.wire.codec import decode, encode

# By first index of a segment the intervals of what left it.
_Note = dict[str, list[tuple[int, int]]]


@dataclass(slots=True, eq=False)
class Shelf:
    """One segment: the index of its first record, when that was made (zero: not known), how often it was thinned."""

    first: int
    # The index after its last one; of the open one zero. Where later segments are gone it may be too high after a crash.
    end: int = 0
    low_ms: int = 0
    level: int = 0
    # Indexes that wait no more: acknowledged, thinned out, or damaged.
    gone: IntervalSet = field(default_factory=IntervalSet)
    gone_count: int = 0

    def mark(self, first: int, last: int) -> None:
        """Note that those indexes wait no more."""
        self.gone.add(first, last)
        self.gone_count = sum(end - start + 1 for start, end in self.gone)


def save_note(shelves: Sequence[Shelf]) -> bytes:
    """Return the note of what left."""
    note: _Note = {}
    for shelf, later in zip_longest(shelves, shelves[1:]):
        gone = list(shelf.gone)
        if later is not None and shelf.end < later.first:
            # Segments that are gone: who reads this knows only where the later one begins.
            gone.append((shelf.end, later.first - 1))
        if gone:
            note[str(shelf.first)] = gone
    return encode(note)


def load_note(path: Path, shelves: Sequence[Shelf], next_index: int) -> None:
    """Mark what left by the note at ``path``; without one everything is delivered again, which harms nobody."""
    note: _Note | int = {}
    with contextlib.suppress(OSError, NagareError):
        note = decode(path.read_bytes(), int | _Note)  # type: ignore[arg-type]
    for shelf in shelves:
        end = shelf.end or next_index
        # A whole number is the note of an earlier version: what lay below it had left.
        intervals = [(1, note - 1)] if isinstance(note, int) else note.get(str(shelf.first), [])
        for low, high in intervals:
            # A note that outlived its log must not hide what came after.
            if max(low, shelf.first) <= min(high, end - 1):
                shelf.mark(max(low, shelf.first), min(high, end - 1))
