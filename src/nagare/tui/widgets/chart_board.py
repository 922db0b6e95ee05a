"""Charts that share one window and one crosshair: their past by SQL, their live edge from the rings.

A new window shows at once what is known of it and asks for the rest a moment later; a request that is no longer wanted
is cancelled. Charts of things that a host does not have are left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import numpy as np
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.timer import Timer

from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.tui.history import Points, Span, make_span
from nagare.tui.renderables.braille_chart import EventMark, Line
from nagare.tui.renderables.chart_model import GapMark
from nagare.tui.renderables.theme import find_palette
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.ring import FloatArray, Ring, TimeArray
from nagare.tui.series import COMPARED_DAYS, ChartSpec, labels_of
from nagare.tui.widgets.time_chart import TimeChart
from nagare.tui.widgets.time_window import CrosshairMoved, WindowChanged
from nagare.tui.work import start_work

Fetch = Callable[[Sequence[str], Span], Awaitable[Points]]
RingOf = Callable[[str], Ring]
# While a key is held down, only the last window is asked for.
_DEBOUNCE_SECONDS = 0.15
# The live edge grows sample by sample; after this the past is asked for again, so that it stays as fine as the axis.
_REFRESH_MS = 120_000
_LEAST_HEIGHT = 8
# Beyond an hour a dot of a chart stands for a minute and more.
_LONG_MS, _NEWS_MS = 3_600_000, 5000
_EMPTY: tuple[TimeArray, FloatArray] = (np.zeros(0, dtype=np.int64), np.zeros(0))


class ChartBoard(VerticalScroll, can_focus=False):
    """A grid of charts over one span of time."""

    DEFAULT_CSS = """
    ChartBoard { layout: grid; grid-size: 1; height: 1fr; width: 1fr; scrollbar-size: 1 1; }
    """

    class Moved(Message):
        """The person chose another window or moved the crosshair."""

        def __init__(self, window: TimeWindow, crosshair_ms: int | None, *, is_other_window: bool = False) -> None:
            """Name both; another window has another length or place than the one before, not just a later now."""
            super().__init__()
            self.window = window
            self.crosshair_ms = crosshair_ms
            self.is_other_window = is_other_window

    class NothingBefore(Message):
        """There is nothing to compare with: nothing is kept of that time."""

    class Loaded(Message):
        """The past of the window came."""

    class Failed(Message):
        """The past could not be asked for."""

        def __init__(self, error: NagareError) -> None:
            """Keep why."""
            super().__init__()
            self.error = error

    def __init__(
        self, specs: Sequence[ChartSpec], clock: Clock, *, is_fleet: bool = False, two_from: int = 82, id: str | None = None  # noqa: A002  Textual's own name
    ) -> None:  # fmt: skip
        """Make one chart a spec, two side by side from ``two_from`` columns on; ``follow`` says where the data comes from."""
        super().__init__(id=id)
        self._specs = tuple(specs)
        self._clock = clock
        self._is_fleet = is_fleet
        self._is_single = False
        self._interval_ms = 5000.0
        self._two_from = two_from
        self._charts = {spec.id: TimeChart(spec.title, clock=clock) for spec in specs}
        self.window = TimeWindow.live(900_000, clock.now_ms())
        self.crosshair_ms: int | None = None
        self._fetch: Fetch | None = None
        self._ring_of: RingOf | None = None
        self._points: Points = {}
        self._fetched: Span | None = None
        # When (Unix milliseconds) the charts were drawn last.
        self._drawn_ms = 0
        # With what the lines are compared: so many days before, none for zero; and those lines, at the times of now.
        self.compared_days = 0
        self._before: Points = {}
        # Whether what it is compared with came, or was missed, once.
        self._is_compared = False
        self._timer: Timer | None = None
        self._loads = 0

    def compose(self) -> ComposeResult:
        """Show the charts in the order of the specs."""
        yield from self._charts.values()

    def follow(self, fetch: Fetch, ring_of: RingOf, window: TimeWindow) -> None:
        """Take the data from here from now on: another host, or another server."""
        self._fetch, self._ring_of = fetch, ring_of
        self._points, self._before, self._fetched = {}, {}, None
        self.crosshair_ms = None
        for chart in self._charts.values():
            chart.crosshair_ms = None
            chart.state = "loading"
            chart.message = ""
        self.set_window(window)

    def set_window(self, window: TimeWindow) -> None:
        """Show ``window`` in every chart and ask for its past."""
        self.window = window.advance(self._clock.now_ms())
        self.draw()
        self.ask()

    def compare(self, days: int) -> None:
        """Show beside each chart's first line what it was so many days before; zero for nothing."""
        self.compared_days, self._before, self._is_compared = days, {}, False
        self.draw()
        self.ask()

    def set_hosts(self, count: int, interval_seconds: float) -> None:
        """Say how many hosts there are and how often they report.

        One host has no highest beside its mean. Of several, a bucket must hold a report of each, or their sum is not one.
        """
        changed = self._is_single != (count <= 1)
        self._is_single, self._interval_ms = count <= 1, max(1.0, interval_seconds) * 1000
        if changed and self._is_fleet and self._fetch is not None:
            self.ask()

    def set_crosshair(self, ts_ms: int | None) -> None:
        """Show the crosshair in every chart."""
        self.crosshair_ms = ts_ms
        for chart in self._charts.values():
            chart.crosshair_ms = ts_ms

    def ask(self, delay_seconds: float = _DEBOUNCE_SECONDS) -> None:
        """Ask for the past of the window, once no newer wish comes."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(delay_seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._fetch is not None:
            start_work(self, partial(self._load, self._fetch), "history")

    @property
    def is_asking(self) -> bool:
        """Whether the past of the window is on its way."""
        return self._timer is not None or self._loads > 0

    async def _load(self, fetch: Fetch) -> None:
        self._loads += 1
        try:
            await self._load_span(fetch, self._wanted_span())
        finally:
            self._loads -= 1

    async def _load_span(self, fetch: Fetch, span: Span) -> None:
        ids = tuple(dict.fromkeys(name.removesuffix(".max") for spec in self._specs for name in spec.series))
        try:
            points = await fetch(ids, span)
            self._before = await self._load_before(fetch, span)
        except NagareError as error:
            for chart in self._charts.values():
                chart.state = "error" if not self._points else "ready"
                chart.message = "" if self._points else plain(error.message)
            self.post_message(self.Failed(error))
            return
        self._points, self._fetched = points, span
        self.post_message(self.Loaded())
        for spec in self._specs:
            chart = self._charts[spec.id]
            chart.state, chart.message = "ready", ""
            chart.title = f"{spec.title} · {span.note}" if span.note else spec.title
        self.draw()

    async def _load_before(self, fetch: Fetch, span: Span) -> Points:
        shift_ms = self.compared_days * 86_400_000
        if not shift_ms:
            return {}
        ids = tuple(dict.fromkeys(spec.series[0].removesuffix(".max") for spec in self._specs))
        before = await fetch(ids, Span(span.start_ms - shift_ms, span.end_ms - shift_ms, span.step_ms))
        if not self._is_compared and all(np.isnan(values).all() for _, values in before.values()):
            self.post_message(self.NothingBefore())
        self._is_compared = True
        return {name: (times + shift_ms, values) for name, (times, values) in before.items()}

    def _wanted_span(self) -> Span:
        width = max((chart.size.width for chart in self._charts.values()), default=60)
        # Two dots a cell: finer buckets would not be seen.
        least_ms = 1000 if self._is_single or not self._is_fleet else round(self._interval_ms / 1000) * 2000
        return make_span(self.window.start_ms, self.window.end_ms, max(40, width * 2), least_ms)

    def advance(self) -> None:
        """Draw every chart anew once the clock went on by what can be seen: of a day a second is nothing."""
        width = max((chart.size.width for chart in self._charts.values()), default=0)
        # A cell has two dots side by side.
        if self._clock.now_ms() - self._drawn_ms >= self.window.span_ms / max(1, width * 2):
            self.draw()

    def draw_news(self) -> None:
        """Draw every chart anew because rows came; what they add to a long window is seen as well a few seconds later."""
        if self.window.span_ms <= _LONG_MS or self._clock.now_ms() - self._drawn_ms >= _NEWS_MS:
            self.draw()

    def draw(self) -> None:
        """Draw every chart anew: the clock went on, rows came, or the window changed."""
        self._drawn_ms = self._clock.now_ms()
        self.window = self.window.advance(self._drawn_ms)
        changed = False
        for spec in self._specs:
            chart = self._charts[spec.id]
            lines = self._lines(spec)
            chart.window = self.window
            chart.set_lines(
                lines, spec.unit, self._step_ms(), low=0.0, high=spec.top, gradient=len(lines) == 1,
            )  # fmt: skip
            is_shown = bool(lines) or not spec.is_optional
            changed |= chart.display != is_shown
            chart.display = is_shown
        if changed:
            self._share_room()
        fetched = self._fetched
        if fetched is not None and self.window.is_live and self.window.end_ms - fetched.end_ms > _REFRESH_MS:
            self._fetched = None
            self.ask()

    def _step_ms(self) -> float:
        # What is coarser than the samples would look like a row of gaps.
        return float(max(self._fetched.step_ms if self._fetched else 0, 5000, self._interval_ms)) * 1.6

    def _lines(self, spec: ChartSpec) -> list[Line]:
        lines = []
        for series_id in spec.series:
            if self._is_single and series_id.endswith(".max"):
                continue
            times, values = self._merged(series_id)
            if len(times) and not np.isnan(values).all():
                name, short = labels_of(series_id, fleet=self._is_fleet and not self._is_single)
                lines.append(Line(name, times, values, short=short))
        return [*lines, *self._line_before(spec)] if lines else []

    def _line_before(self, spec: ChartSpec) -> list[Line]:
        times, values = self._before.get(spec.series[0], _EMPTY)
        if not len(times) or np.isnan(values).all():
            return []
        name, _ = labels_of(spec.series[0], fleet=self._is_fleet and not self._is_single)
        told = COMPARED_DAYS[self.compared_days]
        return [
            Line(f"{name} {told}", times, values, find_palette(self).faint, f"-{self.compared_days}d", is_compared=True)
        ]

    def _merged(self, series_id: str) -> tuple[TimeArray, FloatArray]:
        past_times, past_values = self._points.get(series_id, _EMPTY)
        if self._ring_of is None:
            return past_times, past_values
        times, values = self._ring_of(series_id).since(self.window.start_ms)
        if not len(past_times):
            return times, values
        # What is older than the answer shows while a longer past is on its way.
        older, newer = times < past_times[0], times > past_times[-1]
        return (
            np.concatenate([times[older], past_times, times[newer]]),
            np.concatenate([values[older], past_values, values[newer]]),
        )

    def set_events(self, marks: Sequence[EventMark]) -> None:
        """Mark events above every plot."""
        for chart in self._charts.values():
            chart.set_events(marks)

    def set_gaps(self, gaps: Sequence[GapMark]) -> None:
        """Say in every chart of which spans it is known why nothing came in time."""
        for chart in self._charts.values():
            chart.set_gaps(gaps)

    def set_stale(self, since_ms: int | None) -> None:
        """Hatch what follows ``since_ms``: from there on nothing came."""
        spans = [] if since_ms is None else [(since_ms, self._clock.now_ms())]
        for chart in self._charts.values():
            chart.set_stale_spans(spans)
            chart.is_stale = since_ms is not None

    @property
    def asked_span(self) -> Span | None:
        """The span of which the past is shown, None before it came."""
        return self._fetched

    @property
    def has_marks(self) -> bool:
        """Whether anything is marked."""
        return any(chart.chart.events for chart in self._charts.values())

    def active(self) -> TimeChart | None:
        """Return the chart with the focus, else the first that is shown."""
        shown = [chart for chart in self._charts.values() if chart.display]
        return next((chart for chart in shown if chart.has_focus), shown[0] if shown else None)

    def on_resize(self) -> None:
        """Share the room anew; more columns want finer buckets."""
        self._share_room()
        self.ask()

    def _share_room(self) -> None:
        """Lay out two columns where both stay readable, all rows the same height; an odd last chart takes both."""
        width, height = self.size
        shown = [chart for chart in self._charts.values() if chart.display]
        if not width or not height or not shown:
            return
        columns = 2 if width >= self._two_from and len(shown) > 1 else 1
        rows = -(-len(shown) // columns)
        seen = max(1, min(rows, height // _LEAST_HEIGHT))
        self.styles.grid_size_columns = columns
        for index, chart in enumerate(shown):
            is_alone = columns == 2 and index == len(shown) - 1 and not index % 2
            chart.styles.column_span = 2 if is_alone else 1
        self.styles.grid_rows = str(max(3, height // seen))

    def on_time_chart_window_changed(self, message: WindowChanged) -> None:
        """One chart was zoomed or moved: the others follow."""
        message.stop()
        before, after = self.window, message.window
        is_other = before.span_ms != after.span_ms or before.is_live != after.is_live or not after.is_live
        self.set_window(after)
        self.post_message(self.Moved(self.window, self.crosshair_ms, is_other_window=is_other))

    def on_time_chart_crosshair_moved(self, message: CrosshairMoved) -> None:
        """One chart's crosshair moved: the others' do too."""
        message.stop()
        self.set_crosshair(message.ts_ms)
        self.post_message(self.Moved(self.window, self.crosshair_ms))
