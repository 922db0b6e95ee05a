"""Lays rows out as a table for a terminal: pure text, numbers to the right, foreign text made harmless.

No library is loaded for it: a table of a thousand rows is on the screen before a drawing library is imported.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from nagare.lib.plain_text import plain
from nagare.lib.units import NO_VALUE

_GAP = "  "
# A column narrower than this says nothing; it would rather make the line too long.
_LEAST_WIDTH = 6
# One cell of foreign text must not push the others off the screen.
_CELL_LIMIT = 120
_TIME_TYPES = ("TIMESTAMP", "DATETIME")


def format_table(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    types: Sequence[str] = (),
    width: int | None = None,
    is_bold: bool = False,
) -> Iterator[str]:
    """Yield the header and one line a row; ``width`` is the room there is, None for any.

    Rows of more columns than fit are written one column a line, as records.
    """
    is_time = [kind.upper().startswith(_TIME_TYPES) for kind in types] or [False] * len(names)
    cells = [[_cell(value, is_time=is_time[index]) for index, value in enumerate(row)] for row in rows]
    header = [plain(name, 60) for name in names]
    is_number = [_is_number(rows, index) for index in range(len(names))]
    widths = _fit([_widest([header, *cells], index) for index in range(len(names))], width)
    if width is not None and cells and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        yield from _records(header, cells, width)
        return
    top = _line(header, widths, is_number)
    top = _cut(top, width) if width is not None else top
    yield f"\x1b[1m{top}\x1b[0m" if is_bold else top
    for line in cells:
        yield _line(line, widths, is_number)


def format_local_time(text: str) -> str:
    """Return an RFC 3339 time as local time with its offset, to the second unless it has parts of one."""
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        return text
    parts = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(sep=" ", timespec=parts)


def display_width(text: str) -> int:
    """Return the terminal cells that ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _records(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    left = max(map(display_width, header))
    for number, row in enumerate(rows, start=1):
        yield f"─ row {number} ".ljust(min(width, 40), "─")
        for name, cell in zip(header, row, strict=True):
            yield f"{name}{' ' * (left - display_width(name))}{_GAP}{cell}".rstrip()


def _cell(value: Any, *, is_time: bool) -> str:
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return plain(", ".join(f"{key}={part}" for key, part in value.items()), _CELL_LIMIT)
    if is_time and isinstance(value, str):
        return plain(format_local_time(value))
    return plain(str(value), _CELL_LIMIT)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return NO_VALUE if math.isnan(value) else str(value)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    # Five digits tell one host from another; all digits are in the JSON.
    return f"{value:.5g}" if abs(value) < 1e5 else f"{value:.1f}"


def _is_number(rows: Sequence[Sequence[Any]], index: int) -> bool:
    found = [row[index] for row in rows if row[index] is not None]
    return bool(found) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in found)


def _widest(lines: Sequence[Sequence[str]], index: int) -> int:
    return max(display_width(line[index]) for line in lines)


def _fit(widths: list[int], room: int | None) -> list[int]:
    # The widest column gives way, cell by cell: narrow ones are mostly numbers, which lose their meaning when cut.
    if room is None or not widths:
        return widths
    spare = room - len(_GAP) * (len(widths) - 1)
    while sum(widths) > spare and max(widths) > _LEAST_WIDTH:
        widest = widths.index(max(widths))
        others = sorted(widths)[-2] if len(widths) > 1 else _LEAST_WIDTH
        step = max(1, min(widths[widest] - others, sum(widths) - spare))
        widths[widest] = max(_LEAST_WIDTH, widths[widest] - step)
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    padded = []
    for cell, width, right in zip(cells, widths, is_number, strict=True):
        cut = _cut(cell, width)
        space = " " * (width - display_width(cut))
        padded.append(space + cut if right else cut + space)
    return _GAP.join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    if display_width(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += _character_width(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"
