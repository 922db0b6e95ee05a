"""Answers of numbers, times and short texts, taken out of DuckDB as arrays and made rows of a column at a time.

To take them value by value costs as much again as to read them. All rows come at once, so what they may take is bounded
before the statement runs; an answer that does not keep to it is taken in pieces, see ``sql.rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from nagare.metrics.engine import quote_name, quote_text
from nagare.metrics.sql.rows import Allowance, Columns
from nagare.metrics.sql.values import SAFE_INTEGER, TEXT_TIMES, TIME_LENGTH, json_safe

# Names of hosts and metrics, mostly; longer texts are no reason to hold more memory for every answer.
_TEXT_BYTES = 128
# Of all rows in DuckDB, before there is a Python object of them.
_ARRAYS_BYTES = 64 * 2**20
# Rows that are converted at a time: some milliseconds, in which the interpreter does nothing else.
_PIECE_ROWS = 2048
# What our own guard raises; a caller's SQL cannot.
_TEXT_TOO_LONG = "nagare: a text of the answer is long"
_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})
_TEXT = "VARCHAR"
# The greatest and the least that a time's number may be: DuckDB's two infinities.
_ENDLESS = {2**63 - 1: "infinity", -(2**63 - 1): "-infinity"}
# How many of each unit are a millisecond, and the units in which a time may be told, the coarsest first.
_PER_MS = {"ms": 1, "us": 1000, "ns": 1_000_000}
_UNITS = {"ms": ("ms",), "us": ("ms", "us"), "ns": ("ms", "us", "ns")}
_DAY_MS = 86_400_000
# So many times are told quicker by parts, each of which is looked up.
_MANY = 128
# Years of four digits, in milliseconds since 1970.
_FIRST_MS, _END_MS = -62_135_596_800_000, 253_402_300_800_000


def _letters(texts: Iterable[str]) -> NDArray[np.uint8]:
    """Return ``texts``, all of one length, a row of letters each."""
    listed = list(texts)
    return np.frombuffer("".join(listed).encode(), np.uint8).reshape(len(listed), -1)


# What follows the date: by the minute of the day, by the second, and by the millisecond.
_MINUTES = _letters(f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))
_SECONDS = _letters(f"{second:02}" for second in range(60))
_MILLISECONDS = _letters(f".{millisecond:03}Z" for millisecond in range(1000))


class UnfitError(Exception):
    """An answer cannot be taken as arrays after all."""


def fitting_rows(columns: Columns) -> int:
    """Return how many rows of ``columns`` may be taken as arrays; zero where a column has another type."""
    if not columns or not all(type_ in _CONVERTERS for _, type_ in columns):
        return 0
    return _ARRAYS_BYTES // sum(8 + (_TEXT_BYTES if type_ == _TEXT else 0) for _, type_ in columns)


def bounded(sql: str, columns: Columns, rows: int) -> str:
    """Return ``sql`` with at most ``rows`` rows, raising for a long text."""
    texts = [number for number, (_, type_) in enumerate(columns) if type_ == _TEXT]
    if not texts:
        return f"FROM (\n{sql}\n) LIMIT {rows}"
    names, listed = [name for name, _ in columns], ""
    is_plain = all(names[number].isidentifier() for number in texts)
    if not is_plain or len({name.lower() for name in names}) < len(names):
        # Shorter without: to parse a list of names takes as long as to read some hundred rows.
        names = [f"c{number}" for number in range(len(names))]
        listed = f" AS answer({', '.join(names)})"
    guards = ", ".join(_guarded(quote_name(names[number])) for number in texts)
    return f"SELECT * REPLACE ({guards}) FROM (\n{sql}\n){listed} LIMIT {rows}"  # noqa: S608  checked before


def _guarded(name: str) -> str:
    return (
        f"CASE WHEN strlen({name}) > {_TEXT_BYTES} THEN error({quote_text(_TEXT_TOO_LONG)}) ELSE {name} END AS {name}"
    )


def take(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Any, fitting: int) -> list[Any]:
    """Return the columns of a ``bounded`` statement, masked where they hold nulls. Raises UnfitError, duckdb.Error.

    More rows than are ``fitting`` are unfit, as there may be any number of them.
    """
    try:
        arrays = list(cursor.execute(sql, parameters).fetchnumpy().values())
    except duckdb.InvalidInputException as error:
        if str(error).endswith(_TEXT_TOO_LONG):
            raise UnfitError from error
        raise
    if len(arrays[0]) > fitting:
        raise UnfitError
    return arrays


def rows_of(
    arrays: Sequence[Any], columns: Columns, allowance: Allowance, check_stopped: Callable[[], None]
) -> list[list[Any]]:
    """Return JSON-safe rows of what was taken, asking ``check_stopped`` before each piece. Raises ResultTooLargeError."""
    count = len(arrays[0])
    converts = [_CONVERTERS[type_] for _, type_ in columns]
    rows: list[list[Any]] = []
    for begin in range(0, count, _PIECE_ROWS):
        check_stopped()
        made = [convert(array[begin : begin + _PIECE_ROWS]) for convert, array in zip(converts, arrays, strict=True)]
        allowance.count(sum(size for _, size in made))
        rows += map(list, zip(*(values for values, _ in made), strict=True))
    return rows


def _plain(column: Any) -> tuple[Sequence[Any], int]:
    return column.tolist(), 8 * len(column)


def _integers(column: Any) -> tuple[Sequence[Any], int]:
    found: list[Any] = column.tolist()
    there = column.compressed() if isinstance(column, np.ma.MaskedArray) else column
    is_safe = there.itemsize < 8 or not len(there) or (there.max() <= SAFE_INTEGER and there.min() >= -SAFE_INTEGER)
    return found if is_safe else [json_safe(value) for value in found], 8 * len(found)


def _floats(column: Any) -> tuple[Sequence[Any], int]:
    found: list[Any] = column.tolist()
    # What is masked counts as well; a look at each value is right whatever it is.
    is_finite = bool(np.isfinite(np.ma.getdata(column)).all())
    return found if is_finite else [json_safe(value) for value in found], 8 * len(found)


def _texts(column: Any) -> tuple[Sequence[Any], int]:
    found: list[Any] = column.tolist()
    return found, 8 * len(found) + sum(map(len, filter(None, found)))


def _times(column: Any) -> tuple[Sequence[Any], int]:
    times = np.ma.getdata(column)
    found = _said(times.view(np.int64), np.datetime_data(times.dtype)[0])
    if isinstance(column, np.ma.MaskedArray):
        is_null = np.ma.getmaskarray(column).tolist()
        found = [None if missing else text for text, missing in zip(found, is_null, strict=True)]
    return found, (8 + TIME_LENGTH) * len(found)


def _said(numbers: NDArray[np.int64], unit: str) -> list[Any]:
    """Return times, which count ``unit`` since 1970, as text: milliseconds unless there is more to say."""
    width = _PER_MS[unit]
    times_ms = numbers // width
    is_plain = bool(len(numbers)) and (times_ms * width == numbers).all()
    if is_plain and times_ms.min() >= _FIRST_MS and times_ms.max() < _END_MS:
        return _joined(times_ms) if len(numbers) >= _MANY else _whole(times_ms)
    texts = np.empty(len(numbers), object)
    left = np.ones(len(numbers), np.bool_)
    for coarser in _UNITS[unit]:
        step = width // _PER_MS[coarser]
        here = left & (numbers % step == 0)
        texts[here] = np.datetime_as_string((numbers[here] // step).view(f"datetime64[{coarser}]"), timezone="UTC")
        left &= ~here
    return [_ENDLESS.get(number, text) for number, text in zip(numbers.tolist(), texts.tolist(), strict=True)]


def _whole(times_ms: NDArray[np.int64]) -> list[str]:
    texts: list[str] = np.datetime_as_string(times_ms.view("datetime64[ms]"), timezone="UTC").tolist()
    return texts


def _joined(times_ms: NDArray[np.int64]) -> list[str]:
    """Return times of years with four digits as text, looked up in parts, in half of the time that numpy's own way takes."""
    days = times_ms // _DAY_MS
    distinct, places = days[:1], np.zeros(1, np.intp)
    if (days != distinct).any():
        distinct, places = np.unique(days, return_inverse=True)
    dates = np.datetime_as_string(distinct.view("datetime64[D]")).astype("S10").view(np.uint8).reshape(-1, 10)
    rest = (times_ms - days * _DAY_MS).astype(np.int32)
    minutes, seconds = rest // 60_000, rest // 1000
    letters = np.empty((len(times_ms), TIME_LENGTH), np.uint8)
    letters[:, :10] = dates.take(places, axis=0)
    letters[:, 10:17] = _MINUTES.take(minutes, axis=0)
    letters[:, 17:19] = _SECONDS.take(seconds - minutes * 60, axis=0)
    letters[:, 19:] = _MILLISECONDS.take(rest - seconds * 1000, axis=0)
    return list(map(bytes.decode, letters.view(f"S{TIME_LENGTH}").ravel().tolist()))


_CONVERTERS: Mapping[str, Callable[[Any], tuple[Sequence[Any], int]]] = {
    **dict.fromkeys(_INTEGERS, _integers),
    **dict.fromkeys(TEXT_TIMES, _times),
    "BOOLEAN": _plain,
    "FLOAT": _floats,
    "DOUBLE": _floats,
    _TEXT: _texts,
}
