"""Numbers as people read them, with a width that does not dance."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import TypeGuard

from nagare.errors import InputError

_BINARY = ("B", "K", "M", "G", "T", "P", "E")
_DECIMAL = ("", "k", "M", "G", "T", "P", "E")
_DURATION_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
NO_VALUE = "–"


class Unit(StrEnum):
    """What a number counts."""

    RATIO = "ratio"
    BYTES = "bytes"
    RATE = "rate"
    SECONDS = "seconds"
    CELSIUS = "celsius"
    COUNT = "count"
    PER_SECOND = "per_second"
    HERTZ = "hertz"
    WATTS = "watts"
    CORES = "cores"


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _scaled(value: float, base: float, names: tuple[str, ...]) -> str:
    index = 0
    while abs(value) >= base * 0.9995 and index < len(names) - 1:
        value /= base
        index += 1
    digits = 0 if index == 0 or abs(value) >= 99.95 else 1
    return f"{value:.{digits}f}{names[index]}"


def format_bytes(value: float | None) -> str:
    """Return bytes in powers of 1024, at most six characters: ``1.5G``."""
    return _scaled(value, 1024, _BINARY) if _is_number(value) else NO_VALUE


def format_rate(value: float | None) -> str:
    """Return bytes a second: ``1.5M/s``."""
    return _scaled(value, 1024, _BINARY) + "/s" if _is_number(value) else NO_VALUE


def format_count(value: float | None) -> str:
    """Return a plain number in powers of 1000: ``12.3k``."""
    return _scaled(value, 1000, _DECIMAL) if _is_number(value) else NO_VALUE


def format_ratio(value: float | None) -> str:
    """Return a ratio as a percentage of at most five characters: ``12.3%``, ``100%``."""
    if not _is_number(value):
        return NO_VALUE
    percent = value * 100
    return f"{percent:.0f}%" if abs(percent) >= 99.95 else f"{percent:.1f}%"


def format_seconds(value: float | None) -> str:
    """Return a short latency or duration: ``850µs``, ``12ms``, ``42s``, ``3m05s``, ``2h10m``, ``5d3h``, ``400d``."""
    if not _is_number(value):
        return NO_VALUE
    if value < 0:
        return "-" + format_seconds(-value)
    if value < 59.5:
        return _format_below_minute(value)
    whole = round(value)
    if whole >= 100 * 86400:
        days = whole // 86400
        # Longer than anything lasts: what it counts is no time.
        return f"{days}d" if days < 10**7 else f"{days:.1e}d"
    for unit, size, lesser, lesser_size in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // lesser_size
            return f"{whole // size}{unit}{rest:02d}{lesser}" if unit != "d" else f"{whole // size}d{rest}h"
    return f"{whole}s"


def _format_below_minute(value: float) -> str:
    if value == 0:
        return "0s"
    if value < 0.0009995:
        return f"{value * 1e6:.0f}µs"
    # The bounds lie half a step of the shown digits below the next unit: 999.6 ms is 1s, not 1e+03ms.
    if value < 0.9995:
        return f"{value * 1000:.3g}ms"
    return f"{value:.3g}s"


def parse_duration(text: str) -> float:
    """Return seconds of ``90``, ``5s``, ``15m``, ``1h30m``, ``7d`` or ``2w``. Raises InputError."""
    stripped = text.strip()
    try:
        seconds = float(stripped)
    except ValueError:
        parts = _DURATION.findall(stripped)
        if not parts or _DURATION.sub("", stripped).strip():
            raise InputError(
                f"cannot read duration {text!r}: not a number with a unit",
                hint="write it as 30s, 15m, 1h30m, 7d or 2w",
            ) from None
        seconds = sum(float(number) * _DURATION_SECONDS[unit] for number, unit in parts)
    if not math.isfinite(seconds) or seconds < 0:
        raise InputError(f"cannot read duration {text!r}: it must be finite and not negative")
    return seconds
