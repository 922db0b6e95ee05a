"""Values as DuckDB gives them to values as JSON can say them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

# Integers that every JSON reader holds exactly; larger ones are told as text.
SAFE_INTEGER = 2**53


def json_safe(value: Any) -> Any:
    """Return ``value`` as JSON can say it: times as RFC 3339 with Z, what is not finite as null."""
    convert = _CONVERTERS.get(type(value))
    return convert(value) if convert else str(value)


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
