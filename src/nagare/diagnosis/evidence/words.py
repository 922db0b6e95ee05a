"""Figures as evidence writes them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from nagare.lib.units import NO_VALUE, format_bytes, format_count, format_rate, format_ratio, format_seconds


def _small(value: float | None) -> str:
    """Return a number that may be below one, with three digits of meaning."""
    if value is None or not math.isfinite(value):
        return NO_VALUE
    return f"{value:.3g}" if abs(value) < 1000 else format_count(value)


def _degrees(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:.0f} °C"


_FORMATS: Mapping[str, Callable[[float | None], str]] = MappingProxyType(
    {
        "ratio": format_ratio,
        "seconds": format_seconds,
        "bytes": format_bytes,
        "bytes_per_second": format_rate,
        "celsius": _degrees,
        "per_second": lambda value: f"{_small(value)}/s",
        "cores": lambda value: f"{_small(value)} cores",
    }
)


_SUFFIXES = (
    ("_bytes_per_second", "bytes_per_second"), ("_per_second", "per_second"), ("_ratio", "ratio"), ("_bytes", "bytes"),
    ("_seconds", "seconds"), ("_celsius", "celsius"),
)  # fmt: skip


def unit_of(column: str) -> str:
    """Return the unit that the name of a column ends with; empty where it has none."""
    return next((unit for suffix, unit in _SUFFIXES if column.endswith(suffix)), "")


def label_of(column: str) -> str:
    """Return the name of a column for people, without its unit."""
    return column.removesuffix("_total").removesuffix(f"_{unit_of(column)}").replace("_", " ")


def format_figure(value: float | None, unit: str) -> str:
    """Return a figure in the words for its unit."""
    return _FORMATS.get(unit, _small)(value)
