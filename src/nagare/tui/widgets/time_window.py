"""What charts that share a window of time tell each other: messages of a new window and of the crosshair.

Handlers are named ``on_time_chart_window_changed`` and ``on_time_chart_crosshair_moved``.
"""

from __future__ import annotations

from textual.message import Message
from textual.widget import Widget

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
