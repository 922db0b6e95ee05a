"""A link over time: the latency of its probe, or the traffic of the host that hangs on it by a label."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.lib.units import Unit
from nagare.model.network.graph import Link, Network
from nagare.tui.history import Points, Span, make_span
from nagare.tui.live_model import Phase
from nagare.tui.location import Location
from nagare.tui.renderables.chart_model import Line
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.screens.page import Page
from nagare.tui.time_choice import from_time_window, to_time_window
from nagare.tui.widgets.time_chart import TimeChart
from nagare.tui.widgets.time_window import CrosshairMoved, WindowChanged
from nagare.tui.work import start_work

_TRAFFIC = ("net.in", "net.out")
# Probes come every quarter of a minute; the live edge is asked for as often as hosts report.
_AGAIN_SECONDS = 5.0


class NetworkChart(Page):
    """Mixed into the page with the map."""

    def __init__(self, location: Location) -> None:
        """Begin without a chart."""
        super().__init__(location)
        self._charted: Link | None = None
        self._charted_due = 0.0

    def shown_network(self) -> Network:
        """Return the network that is shown."""
        raise NotImplementedError

    def share_room(self) -> None:
        """Show and hide the panels as they are wanted now."""
        raise NotImplementedError

    @property
    def chart(self) -> TimeChart:
        """The chart of a link, shown or not."""
        return self.query_one(TimeChart)

    def open_chart(self, link: Link) -> None:
        """Draw ``link`` over the time that is shown."""
        chart, self._charted = self.chart, link
        chart.title, chart.state, chart.message = self._chart_title(link), "loading", ""
        chart.crosshair_ms = self.location.window.at_ms
        chart.set_lines((), Unit.SECONDS if link.is_probe else Unit.RATE, 0)
        self.share_room()
        chart.focus()
        self.ask_chart()

    def close_chart(self) -> bool:
        """Show the links again; False when no chart is shown."""
        if self._charted is None:
            return False
        self._charted = None
        self.share_room()
        return True

    def _chart_title(self, link: Link) -> str:
        names = {one: plain(node.name, 60) for one, node in self.shown_network().nodes.items()}
        lower = names.get(link.lower, "")
        return f"{link.relation} {link.target}, from {lower}" if link.is_probe else f"traffic of {lower}"

    def ask_chart(self) -> None:
        """Ask for what the chart shows, while there is a server."""
        if self._charted is None or self.top.feed.model.connection.phase is not Phase.ONLINE:
            return
        self._charted_due = self.top.clock.monotonic() + _AGAIN_SECONDS
        window = to_time_window(self.window, self.top.clock.now_ms())
        self.chart.window = window
        start_work(self, partial(self._ask_chart, self._charted, window), "chart")

    def refresh_chart(self) -> None:
        """Let a live chart go on."""
        if (
            self._charted is not None
            and self.location.window.is_live
            and self.top.clock.monotonic() >= self._charted_due
        ):
            self.ask_chart()

    async def _ask_chart(self, link: Link, window: TimeWindow) -> None:
        source, host = self.top.source, link.lower.partition("/")[2]
        span = make_span(window.start_ms, window.end_ms, max(60, self.size.width))
        try:
            points = await (
                source.probe_history(host, link.target, link.relation, span)
                if link.is_probe
                else source.host_history(host, _TRAFFIC, span)
            )
        except NagareError as error:
            self.chart.state, self.chart.message = "error", plain(error.message)
            self.top.feed.note_trouble(error)
            return
        if self._charted is link or (self._charted is not None and self._charted.id == link.id):
            self._draw_chart(link, points, span)

    def _draw_chart(self, link: Link, points: Points, span: Span) -> None:
        chart = self.chart
        names = {"latency": "latency", "net.in": "in", "net.out": "out"}
        lines = [Line(names[one], *points[one]) for one in names if one in points]
        chart.state = "ready"
        chart.message = "" if any(len(times) for times, _ in points.values()) else "nothing is kept of this time"
        chart.title = self._chart_title(link) + _lost_text(points)
        chart.set_lines(lines, Unit.SECONDS if link.is_probe else Unit.RATE, max(span.step_ms, 5000), low=0.0)

    def on_time_chart_window_changed(self, message: WindowChanged) -> None:
        """Remember another window in the address, and ask for it."""
        self.set_location(window=from_time_window(message.window))
        self.ask_chart()

    def on_time_chart_crosshair_moved(self, message: CrosshairMoved) -> None:
        """Show the whole screen at the moment of the crosshair."""
        at_ms = None if message.ts_ms is None else message.ts_ms // 1000 * 1000
        window = self.location.window
        if window.is_fitted and self.chart.window is not None:
            # A crosshair holds a window that grows.
            window = from_time_window(self.chart.window)
        self.set_location(window=replace(window, at_ms=at_ms))

    def window_changed(self) -> None:
        """Show the chart of another time, with the crosshair on the moment that is looked at."""
        if self._charted is not None:
            self.chart.crosshair_ms = self.location.window.at_ms
            self.ask_chart()


def _lost_text(points: Points) -> str:
    """Return how many tries got no answer, where any did."""
    if "loss" not in points or not len(points["loss"][1]):
        return ""
    values = points["loss"][1]
    known = values[~np.isnan(values)]
    lost = float(known.mean()) if len(known) else 0.0
    return f", {lost:.1%} lost" if lost > 0 else ""
