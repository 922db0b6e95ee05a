"""What a chart shows, as values: lines, window, unit, marks and state. Drawing is the business of others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from numpy.typing import ArrayLike

from nagare.lib.units import Unit
from nagare.tui.renderables.time_axis import TimeWindow


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name in the legend, stamps in Unix milliseconds, values; NaN is a hole.

    ``short`` is the name where the legend is narrow. One that ``is_compared`` is of another time.
    """

    name: str
    ts_ms: ArrayLike
    values: ArrayLike
    colour: str = ""
    short: str = ""
    is_compared: bool = False


class MarkKind(StrEnum):
    """What a mark is of, in the order in which marks of one column are told."""

    ALERT = "alert"
    CHANGE = "change"
    COMMAND = "command"
    GAP = "gap"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class EventMark:
    """A moment to mark above the plot, the state whose colour it has, and what a crosshair on it tells.

    An alert's has the glyph of its state, a gap's that of its kind, which is its state. ``subject`` is the id of the alert, the job or
    the event that it leads to. ``more`` counts marks of its kind and place that were left out.
    """

    ts_ms: int
    state: str = "info"
    kind: MarkKind = MarkKind.EVENT
    text: str = ""
    host: str = ""
    subject: str = ""
    more: int = 0


@dataclass(frozen=True, slots=True)
class GapMark:
    """Time for which nothing came in time, and what became of it: down, dropped, thinned, buffered or late."""

    start_ms: int
    end_ms: int
    kind: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a chart shows.

    ``step_ms`` is the expected distance of samples (0: found from the data). ``low`` and ``high`` fix the scale.
    ``gradient`` colours by height and fills the area of a single line. ``stale`` are spans to hatch, ``gaps`` such of which
    is known what they are. ``message``
    replaces the plot's middle: loading, empty, an error. ``is_interactive`` puts buttons that zoom into the frame.
    """

    window: TimeWindow
    lines: tuple[Line, ...] = ()
    unit: Unit = Unit.COUNT
    step_ms: float = 0
    title: str = ""
    digit: str = ""
    low: float | None = None
    high: float | None = None
    gradient: bool = False
    stale: tuple[tuple[int, int], ...] = ()
    events: tuple[EventMark, ...] = ()
    gaps: tuple[GapMark, ...] = ()
    crosshair_ms: int | None = None
    focused: bool = False
    message: str = ""
    is_loading: bool = False
    is_stale: bool = False
    is_interactive: bool = True
