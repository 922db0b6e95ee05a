"""Rows of one host's table as a batch has them: columns of equal length, with the moments of the rows in ``ts``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Columns = Mapping[str, Sequence[object]]


def split_moments(columns: Columns) -> list[tuple[int, Columns]]:
    """Return (Unix milliseconds, columns) for each moment in ``columns``, oldest first."""
    held = columns.get("ts", ())
    if held and isinstance(held[0], int) and held.count(held[0]) == len(held):
        return [(held[0], columns)]
    stamps = [stamp for stamp in held if isinstance(stamp, int)]
    moments = sorted(set(stamps))
    if len(moments) <= 1:
        return [(moments[0], columns)] if moments else []
    return [(moment, _rows_at(columns, stamps, moment)) for moment in moments]


def _rows_at(columns: Columns, stamps: Sequence[int], moment: int) -> dict[str, list[object]]:
    wanted = [index for index, stamp in enumerate(stamps) if stamp == moment]
    return {name: [cells[index] for index in wanted] for name, cells in columns.items()}
