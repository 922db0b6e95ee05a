"""How one table cell reads, by kind: text of a fixed width and its style. Numbers stand right so that nothing dances."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from rich.style import Style

from nagare.lib.units import (
    NO_VALUE,
    format_bytes,
    format_count,
    format_rate,
    format_ratio,
    format_seconds,
)
from nagare.tui.renderables.cell_text import fit
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.sparkline import sparkline


class CellKind(StrEnum):
    """What a column holds, which decides its alignment, its format, its filter and its order."""

    TEXT = "text"
    STATE = "state"
    RATIO = "ratio"
    BYTES = "bytes"
    RATE = "rate"
    SECONDS = "seconds"
    AGE = "age"
    COUNT = "count"
    NUMBER = "number"
    # A number of which nobody knows what it counts: all its digits that mean something.
    VALUE = "value"
    CELSIUS = "celsius"
    SPARK = "spark"


NUMERIC = frozenset(
    {
        CellKind.RATIO, CellKind.BYTES, CellKind.RATE, CellKind.SECONDS, CellKind.AGE, CellKind.COUNT,
        CellKind.NUMBER, CellKind.VALUE, CellKind.CELSIUS,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column of a live table.

    ``priority`` 0 is pinned and never dropped; of the others the highest number goes first when room is short.
    ``warn`` and ``crit`` colour values from there up. ``grow`` lets a text column take spare room. ``spark_high`` is
    the fixed top of a spark column (None: the greatest value of each row). ``trend`` adds an arrow to a number. ``null`` is
    what stands where there is no value.
    """

    key: str
    title: str
    kind: CellKind = CellKind.TEXT
    width: int = 8
    priority: int = 1
    warn: float | None = None
    crit: float | None = None
    grow: bool = False
    spark_high: float | None = 1.0
    gradient: bool = False
    trend: bool = False
    help: str = ""
    null: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether the column is ordered and compared as a number."""
        return self.kind in NUMERIC

    @property
    def is_right(self) -> bool:
        """Whether the column stands right."""
        return self.kind in NUMERIC


def _celsius(value: float) -> str:
    return f"{value:.0f}°C" if abs(value) < 1e6 else format_count(value)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) < 1e15 else f"{value:.1e}"


def _value(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"


_FORMATS: Mapping[CellKind, Callable[[float], str]] = MappingProxyType(
    {
        CellKind.RATIO: format_ratio, CellKind.BYTES: format_bytes, CellKind.RATE: format_rate,
        CellKind.SECONDS: format_seconds, CellKind.AGE: format_seconds, CellKind.COUNT: format_count,
        CellKind.NUMBER: _number, CellKind.VALUE: _value, CellKind.CELSIUS: _celsius,
    }
)  # fmt: skip


def format_cell(value: Any, spec: ColumnSpec, palette: Palette, width: int | None = None) -> str:
    """Return a value as text, not yet fitted; ``width`` is what a spark fills when its column has grown."""
    if spec.is_numeric:
        return _format_number(value, spec, palette)
    if spec.kind is CellKind.STATE:
        look = palette.state(str(value or "unknown"))
        return f"{look.glyph} {look.word}"
    if spec.kind is CellKind.SPARK:
        return sparkline([] if value is None else value, width or spec.width, palette, high=spec.spark_high)
    return spec.null if value is None else palette.text(str(value))


def _format_number(value: Any, spec: ColumnSpec, palette: Palette) -> str:
    if value is None or not math.isfinite(value):
        return spec.null or palette.text(NO_VALUE)
    return palette.text(_FORMATS[spec.kind](float(value)) if abs(value) < 1e21 else f"{value:.0e}")


def cell_style(value: Any, spec: ColumnSpec, palette: Palette, *, stale: bool = False) -> Style:
    """Return the style of a value: state colours, thresholds, gradient; muted when the row is stale."""
    if spec.kind is CellKind.STATE:
        return palette.state(str(value or "unknown")).style
    if stale:
        return make_style(palette.muted)
    if spec.is_numeric:
        return _number_style(value, spec, palette)
    if spec.kind is CellKind.SPARK:
        return _spark_style(value, spec, palette)
    if value is None and spec.null:
        return make_style(palette.muted)
    return make_style(palette.foreground, bold=spec.priority == 0)


def _number_style(value: Any, spec: ColumnSpec, palette: Palette) -> Style:
    if value is None or not math.isfinite(value):
        return make_style(palette.muted)
    if spec.crit is not None and value >= spec.crit:
        return palette.state("crit").style
    if spec.warn is not None and value >= spec.warn:
        return palette.state("warn").style
    if spec.gradient:
        return make_style(palette.ratio_colour(value))
    return make_style(palette.muted if spec.kind is CellKind.AGE else palette.foreground)


def _spark_style(value: Any, spec: ColumnSpec, palette: Palette) -> Style:
    if value is None or len(value) == 0 or spec.spark_high is None:
        return make_style(palette.accent)
    last = float(value[-1])
    return make_style(palette.ratio_colour(last / spec.spark_high if spec.spark_high else 0.0))


def draw_cell(
    value: Any, spec: ColumnSpec, width: int, palette: Palette, *, stale: bool = False, hidden: bool = False
) -> tuple[str, Style]:
    """Return a cell's text in exactly ``width`` cells, and its style. ``hidden`` shows no number at all (host down)."""
    if hidden and (spec.is_numeric or spec.kind is CellKind.SPARK) and spec.kind is not CellKind.AGE:
        blank = "" if spec.kind is CellKind.SPARK else palette.text(NO_VALUE)
        return fit(blank, width, right=spec.is_right), make_style(palette.muted)
    text = fit(format_cell(value, spec, palette, width), width, palette.glyphs.more, right=spec.is_right)
    return text, cell_style(value, spec, palette, stale=stale)


def trend_of(before: float | None, now: float | None, span: float = 1.0) -> int:
    """Return 1, 0 or -1: whether a value rose or fell by more than 2 % of ``span``."""
    if before is None or now is None or not (math.isfinite(before) and math.isfinite(now)):
        return 0
    step = 0.02 * span
    return (now - before > step) - (before - now > step)


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as tab-separated text, for copying what is seen."""
    return "\n".join("\t".join(cell.strip() for cell in row) for row in rows)
