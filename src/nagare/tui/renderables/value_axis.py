"""Units of values: how a number reads, where the nice ticks are, and how far a scale goes. Pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nagare.lib.units import NO_VALUE, Unit, format_bytes, format_count, format_rate, format_ratio, format_seconds

# A fraction of zeros, and the unit behind a number and its power.
_WHOLE = re.compile(r"\.0(?=\D|$)")
_UNIT = re.compile(r"(/s|Hz|W|°C)$")

# Beyond this a difference of two values overflows; nothing real is that large.
HUGE = 1e300
# Below this a quotient by a difference overflows.
TINY = 1e-290


_SUFFIXES = (
    ("_bytes_per_second", Unit.RATE), ("_bytes_total", Unit.BYTES), ("_seconds_total", Unit.SECONDS),
    ("_bits_per_second", Unit.PER_SECOND), ("_per_second", Unit.PER_SECOND), ("_ratio", Unit.RATIO),
    ("_bytes", Unit.BYTES), ("_seconds", Unit.SECONDS), ("_celsius", Unit.CELSIUS), ("_hertz", Unit.HERTZ),
    ("_watts", Unit.WATTS), ("_cores", Unit.CORES),
)  # fmt: skip


def unit_of(column: str) -> Unit:
    """Return the unit that a column's name tells; a plain count when it tells none."""
    name = f"_{column}"
    return next((unit for suffix, unit in _SUFFIXES if name.endswith(suffix)), Unit.COUNT)


def _with(suffix: str) -> Callable[[float], str]:
    def format_(value: float) -> str:
        return format_count(value) + suffix

    return format_


def _celsius(value: float) -> str:
    return f"{value:.0f}°C" if abs(value) < 1e6 else format_count(value)


def _cores(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else format_count(value)


def _ratio(value: float) -> str:
    return format_ratio(value) if abs(value) < 100 else format_count(value * 100) + "%"


def _count(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return format_count(value)
    return f"{value:.3g}"


_FORMATS: Mapping[Unit, Callable[[float], str]] = MappingProxyType(
    {
        Unit.RATIO: _ratio, Unit.BYTES: format_bytes, Unit.RATE: format_rate, Unit.SECONDS: format_seconds,
        Unit.CELSIUS: _celsius, Unit.COUNT: _count, Unit.PER_SECOND: _with("/s"), Unit.HERTZ: _with("Hz"),
        Unit.WATTS: _with("W"), Unit.CORES: _cores,
    }
)  # fmt: skip


def format_value(value: float | None, unit: Unit) -> str:
    """Return a value as people read it; a dash when there is none."""
    if value is None or not math.isfinite(value):
        return NO_VALUE
    if abs(value) >= 1e21:
        return f"{value:.0e}"
    return _FORMATS[unit](value)


def format_tick(value: float, unit: Unit, step: float, room: int = 8) -> str:
    """Return a tick's label as short as its step allows, in at most ``room`` characters."""
    if unit is Unit.RATIO and math.isfinite(value) and abs(value) < 1e6:
        digits = 0 if step >= 0.01 else min(3, math.ceil(-math.log10(max(step, 1e-9) * 100)))
        return f"{value * 100:.{digits}f}%"[:room]
    if value == 0:
        return {Unit.CELSIUS: "0°C"}.get(unit, "0")
    text = _WHOLE.sub("", format_value(value, unit))
    # The legend says the unit too: a narrow axis may leave it out.
    return text if len(text) <= room else _UNIT.sub("", text)[:room]


@dataclass(frozen=True, slots=True)
class Scale:
    """The span that an axis shows and the values that get a tick."""

    low: float
    high: float
    ticks: tuple[float, ...]
    step: float

    def position(self, value: float) -> float:
        """Return where ``value`` stands, from 0 (low) to 1 (high), not clipped."""
        return (value - self.low) / (self.high - self.low)


def format_ticks(scale: Scale, unit: Unit, room: int) -> list[str]:
    """Return the labels of all ticks; where one has no room for its unit, none has it."""
    texts = [format_tick(tick, unit, scale.step, room) for tick in scale.ticks]
    if all(_UNIT.search(text) for tick, text in zip(scale.ticks, texts, strict=True) if tick):
        return texts
    return [_UNIT.sub("", text) for text in texts]


def _nice_step(rough: float, base: float) -> float:
    """Return the least nice number not below ``rough``: 1, 2, 5 × 10ⁿ, or powers of two for bytes."""
    if rough <= 0 or not math.isfinite(rough):
        return 1.0
    if base == 1024 and rough >= 1:
        unit = 1024.0 ** math.floor(math.log(rough, 1024))
        choices = (1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 256, 500, 512, 1024)
        return next((unit * c for c in choices if unit * c >= rough * 0.999), unit * 1024)
    unit = 10.0 ** math.floor(math.log10(rough))
    return next((unit * c for c in (1, 2, 2.5, 5, 10) if unit * c >= rough * 0.999), unit * 10)


_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def _step_for(span: float, intervals: int, unit: Unit) -> float:
    rough = span / max(1, intervals)
    if unit is Unit.SECONDS and 1 <= rough <= _TIME_STEPS[-1]:
        return float(next(step for step in _TIME_STEPS if step >= rough * 0.999))
    if unit in (Unit.BYTES, Unit.RATE):
        return _nice_step(max(1.0, rough), 1024)  # parts of a byte would all read the same
    return _nice_step(rough, 10)


def _bounds(low: float, high: float, unit: Unit) -> tuple[float, float]:
    """Return honest bounds: ratios from 0 to 1 at least, amounts from zero, temperatures near their values."""
    low, high = max(-HUGE, low), min(HUGE, high)
    if unit is Unit.RATIO:
        return min(0.0, low), max(1.0, high)
    if unit is not Unit.CELSIUS and low > 0:
        low = 0.0
    if high - low < TINY:
        least = 1024.0 if unit in (Unit.BYTES, Unit.RATE) else 1.0
        return low, low + (least if abs(low) < 1e12 else abs(low) * 0.5)
    return low, high


def make_scale(low: float, high: float, unit: Unit, intervals: int = 2) -> Scale:
    """Return a scale that holds ``low`` to ``high`` with about ``intervals`` equal steps."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 0.0
    low, high = _bounds(min(low, high), max(low, high), unit)
    if unit is Unit.RATIO and (low, high) == (0.0, 1.0):
        step = 0.25 if intervals >= 4 else 0.5 if intervals >= 2 else 1.0
    else:
        step = _step_for(high - low, intervals, unit)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple(step * index for index in range(first, min(last, first + 16) + 1))
    return Scale(step * first, step * last, ticks, step)
