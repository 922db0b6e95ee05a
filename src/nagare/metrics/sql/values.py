"""Values as DuckDB gives them to values as JSON can say them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

# Integers that every JSON reader holds exactly; larger ones are told as text.
SAFE_INTEGER = 2**53
# The engine writes these as text.
TEXT_TIMES = frozenset({"TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS"})
# Of such a text, mostly.
TIME_LENGTH = 24


def json_safe(value: Any) -> Any:
    """Return ``value`` as JSON can say it: times as RFC 3339 with Z, what is not finite as null."""
    convert = _CONVERTERS.get(type(value))
    return convert(value) if convert else str(value)


def json_columns(piece: Sequence[Sequence[Any]], types: Sequence[str]) -> tuple[list[list[Any]], int]:
    """Return the rows of ``piece`` as JSON can say them and about how many bytes they take.

    A column at a time, because one look at its sum or its ends mostly spares a look at each value.
    """
    size, is_same = 0, True
    columns = []
    for column, type_ in zip(zip(*piece, strict=True), types, strict=True):
        convert = _COLUMN_CONVERTERS.get(type_, _json_column)
        converted, bytes_ = convert(column)
        columns.append(converted)
        size += bytes_
        is_same = is_same and converted is column
    # Mostly there was nothing to convert.
    return list(map(list, piece if is_same else zip(*columns, strict=True))), size


def _json_column(column: Sequence[Any]) -> tuple[Sequence[Any], int]:
    return [json_safe(value) for value in column], sum(map(weight, column))


def _text_column(column: Sequence[Any]) -> tuple[Sequence[Any], int]:
    try:
        length = sum(map(len, column))
    except TypeError:
        # None among them.
        length = sum(map(len, filter(None, column)))
    return column, 8 * len(column) + length


def _time_column(column: Sequence[Any]) -> tuple[Sequence[Any], int]:
    # They come as text.
    return column, (8 + TIME_LENGTH) * len(column)


def _float_column(column: Sequence[Any]) -> tuple[Sequence[Any], int]:
    # A value that is not finite leaves no sum finite; a sum that overflows costs no more than a look at each.
    try:
        is_finite = math.isfinite(sum(column))
    except TypeError:
        is_finite = math.isfinite(sum(filter(None, column)))
    return column if is_finite else [json_safe(value) for value in column], 8 * len(column)


def _small_column(column: Sequence[Any]) -> tuple[Sequence[Any], int]:
    return column, 8 * len(column)


def _integer_column(column: Sequence[Any]) -> tuple[Sequence[Any], int]:
    try:
        is_safe = min(column) >= -SAFE_INTEGER and max(column) <= SAFE_INTEGER
    except TypeError:
        # None among them.
        numbers = [value for value in column if value is not None]
        is_safe = not numbers or -SAFE_INTEGER <= min(numbers) <= max(numbers) <= SAFE_INTEGER
    return column if is_safe else [json_safe(value) for value in column], 8 * len(column)


def weight(value: Any) -> int:
    """Return about how many bytes ``value`` takes in an answer."""
    if isinstance(value, (str, bytes)):
        return 8 + len(value)
    if isinstance(value, (list, tuple)):
        return 8 + sum(map(weight, value))
    if isinstance(value, dict):
        return 8 + sum(weight(key) + weight(item) for key, item in value.items())
    return 8


def _integer(value: int) -> int | str:
    return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)


def _float(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _time(value: datetime) -> str:
    # Milliseconds unless there is more to say.
    return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds") + "Z"


def _map(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): json_safe(item) for key, item in value.items()}


def _interval(value: timedelta) -> str:
    return f"{value.total_seconds():g}s"


def _decimal(value: Decimal) -> float | str:
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


def _list(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    return [json_safe(item) for item in value]


def _same(value: Any) -> Any:
    return value


_CONVERTERS: Mapping[type, Callable[[Any], Any]] = {
    NoneType: _same,
    bool: _same,
    str: _same,
    int: _integer,
    float: _float,
    datetime: _time,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _interval,
    Decimal: _decimal,
    UUID: str,
    bytes: bytes.hex,
    dict: _map,
    list: _list,
    tuple: _list,
}

_COLUMN_CONVERTERS: Mapping[str, Callable[[Sequence[Any]], tuple[Sequence[Any], int]]] = {
    "VARCHAR": _text_column,
    "DOUBLE": _float_column,
    "BIGINT": _integer_column,
    **dict.fromkeys(("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"), _small_column),
    **dict.fromkeys(TEXT_TIMES, _time_column),
}
