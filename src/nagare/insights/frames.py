"""The series in a file: which column is the time, which hold values, and which tell series apart.

Wide files have a series a column; long ones say in other columns whose row it is. What nobody names is found out, and
the finding is told, so that a wrong guess can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nagare.errors import InputError, LimitExceededError
from nagare.lib.plain_text import plain
from nagare.metrics.sheets import Kind, Sheet

Array = np.ndarray[Any, Any]
# One file's series; each costs some kilobytes and at least a millisecond.
SERIES_LIMIT = 100_000
# Names of columns that hold the time, the likeliest first.
_TIME_NAMES = (
    "ts", "timestamp", "time", "datetime", "@timestamp", "_time", "date", "moment", "ts_ms", "timestamp_ms", "unix", "epoch",
)  # fmt: skip
# A text that differs nearly every row names no series.
_ROWS_PER_SERIES = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """The columns that somebody named; what is empty is found out."""

    time: str = ""
    values: Sequence[str] = ()
    by: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows as series: a moment for each row, a number of its group, and the values of each column.

    ``labels`` are the values of ``by``, group by group.
    """

    time: str
    by: tuple[str, ...]
    ts_ms: Array
    groups: Array
    labels: Sequence[tuple[str, ...]]
    values: Mapping[str, Array]

    def series(self) -> Iterator[tuple[tuple[str, ...], str, Array]]:
        """Yield label, column and the places of the rows of each series, in the order of the file."""
        order = np.argsort(self.groups, kind="stable")
        edges = np.searchsorted(self.groups[order], np.arange(len(self.labels) + 1))
        for group, label in enumerate(self.labels):
            rows = order[edges[group] : edges[group + 1]]
            for column in self.values:
                yield label, column, rows


def read_frame(sheet: Sheet, wish: Wish) -> Frame:
    """Return the series of ``sheet``. Raises InputError for columns that cannot be what they are named for."""
    time = sheet.find(wish.time) if wish.time else _find_time(sheet)
    ts_ms = _times(sheet, time)
    by = tuple(sheet.find(name) for name in wish.by) or _find_by(sheet, time, ts_ms)
    values = [sheet.find(name) for name in wish.values] or [
        name for name in sheet.names if sheet.kinds[name] is Kind.NUMBER and name != time and name not in by
    ]
    for name in values:
        if sheet.kinds[name] is not Kind.NUMBER:
            raise InputError(f"cannot use column {plain(name)!r} of {sheet.path} as values: it holds no numbers")
    if not values:
        raise InputError(
            f"cannot use {sheet.path}: it has no column of numbers beside the time {plain(time)!r}",
            hint="name them: --value COLUMN, --time COLUMN",
        )
    groups, labels = _grouped(sheet, by)
    if len(labels) * len(values) > SERIES_LIMIT:
        raise LimitExceededError(f"cannot use {sheet.path}: it has more than {SERIES_LIMIT} series")
    return Frame(time, by, ts_ms, groups, labels, sheet.numbers_of(values))


def _find_time(sheet: Sheet) -> str:
    lowered = {name.lower(): name for name in reversed(sheet.names)}
    for wanted in _TIME_NAMES:
        name = lowered.get(wanted)
        if name is not None and sheet.kinds[name] is not Kind.TEXT:
            return name
    for name in sheet.names:
        if sheet.kinds[name] is Kind.TIME:
            return name
    raise InputError(
        f"cannot find the time in {sheet.path}: no column holds moments",
        hint=f"name it: --time COLUMN; it has {plain(', '.join(sheet.names[:12]))}",
    )


def _times(sheet: Sheet, name: str) -> Array:
    ts_ms, is_there = sheet.times(name)
    if not is_there.all():
        row = int(np.argmin(is_there))
        raise InputError(
            f"cannot read the time of row {row + 1} of {sheet.path}: column {plain(name)!r} holds no moment there",
            hint="write moments as 2026-11-20T14:05:00Z, or as seconds or milliseconds since 1970",
        )
    return ts_ms


def _find_by(sheet: Sheet, time: str, ts_ms: Array) -> tuple[str, ...]:
    """Return the columns that tell series apart, none where each moment stands once."""
    texts = [name for name in sheet.names if name != time and sheet.kinds[name] is Kind.TEXT]
    if not texts or len(np.unique(ts_ms)) * 2 > len(ts_ms):
        return ()
    return tuple(name for name in texts if 0 < len(set(sheet.texts(name))) * _ROWS_PER_SERIES <= sheet.count)


def _grouped(sheet: Sheet, by: Sequence[str]) -> tuple[Array, list[tuple[str, ...]]]:
    if not by:
        return np.zeros(sheet.count, dtype=np.int64), [()]
    numbers: dict[tuple[str, ...], int] = {}
    rows = zip(*(sheet.texts(name) for name in by), strict=True)
    found = (tuple("" if cell is None else cell for cell in row) for row in rows)
    groups = np.fromiter((numbers.setdefault(label, len(numbers)) for label in found), np.int64, sheet.count)
    return groups, list(numbers)
