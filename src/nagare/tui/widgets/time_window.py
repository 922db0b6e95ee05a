"""What charts that share a window of time tell each other and their page: messages of a new window, of the crosshair, of marks.

Handlers are named ``on_time_chart_window_changed``, ``..._crosshair_moved``, ``..._mark_opened`` and ``..._marks_end``.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.message import Message
from textual.widget import Widget

from nagare.tui.renderables.chart_model import EventMark
from nagare.tui.renderables.time_axis import TimeWindow


class WindowChanged(Message, namespace="time_chart"):
    """A chart wants another window; the owner sets ``.window`` of every chart that shares it."""

    def __init__(self, chart: Widget, window: TimeWindow) -> None:
        """Name the chart and the window it wants."""
        super().__init__()
        self.chart = chart
        self.window = window

    @property
    def control(self) -> Widget:
        """The chart, for selectors of handlers."""
        return self.chart


class CrosshairMoved(Message, namespace="time_chart"):
    """The crosshair stands at another moment, or is gone (None); the owner sets ``.crosshair_ms`` of the others."""

    def __init__(self, chart: Widget, ts_ms: int | None) -> None:
        """Name the chart and the moment."""
        super().__init__()
        self.chart = chart
        self.ts_ms = ts_ms

    @property
    def control(self) -> Widget:
        """The chart, for selectors of handlers."""
        return self.chart


class MarkOpened(Message, namespace="time_chart"):
    """The person wants to go where the marks under the crosshair lead."""

    def __init__(self, chart: Widget, marks: Sequence[EventMark]) -> None:
        """Name the chart and the marks, what matters most first."""
        super().__init__()
        self.chart = chart
        self.marks = tuple(marks)

    @property
    def control(self) -> Widget:
        """The chart, for selectors of handlers."""
        return self.chart


class MarksEnd(Message, namespace="time_chart"):
    """The person wants the next mark, and there is none in the window."""

    def __init__(self, chart: Widget) -> None:
        """Name the chart."""
        super().__init__()
        self.chart = chart

    @property
    def control(self) -> Widget:
        """The chart, for selectors of handlers."""
        return self.chart
