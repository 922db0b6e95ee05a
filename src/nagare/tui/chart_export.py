"""A chart taken away as it is shown: its lines, also the one that it is compared with, their unit, and the window, as CSV or SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nagare.lib.rfc3339 import format_ms
from nagare.lib.units import Unit
from nagare.tui.export import file_name, rows_csv
from nagare.tui.query.chart_svg import chart_svg
from nagare.tui.query.charting import Drawing
from nagare.tui.renderables.chart_model import Chart, Line
from nagare.tui.renderables.palette import Palette
from nagare.tui.renderables.time_axis import TimeWindow, local_time
from nagare.tui.screens.list_page import ListPage
from nagare.tui.screens.pick import Choice, Pick
from nagare.tui.widgets.time_chart import TimeChart
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.widgets.chart_board import ChartBoard

_WORDS = {Unit.RATIO: "ratio, 1 is all", Unit.RATE: "bytes per second", Unit.PER_SECOND: "per second"}


def unit_word(unit: Unit) -> str:
    """Return the unit of values as a file says it."""
    return _WORDS.get(unit, unit.value)


def chart_csv(chart: Chart) -> str:
    """Return the samples of the window, a row a moment, a column a line; the last columns say which window it is."""
    start_ms, end_ms = chart.window.start_ms, chart.window.end_ms
    columns = [_by_moment(line, chart.window) for line in chart.lines]
    window = (format_ms(start_ms), format_ms(end_ms))
    # A bucket whose least and greatest differ has two samples of one moment.
    moments = sorted({key for column in columns for key in column})
    rows = ([format_ms(key[0]), *(column.get(key) for column in columns), *window] for key in moments)
    names = [f"{line.name} ({unit_word(chart.unit)})" for line in chart.lines]
    return rows_csv(["time", *names, "window from", "window until"], rows)


def _by_moment(line: Line, window: TimeWindow) -> dict[tuple[int, int], float]:
    seen: Counter[int] = Counter()
    found: dict[tuple[int, int], float] = {}
    times, values = np.asarray(line.ts_ms, dtype=np.int64), np.asarray(line.values, dtype=np.float64)
    for ts_ms, value in zip(times.tolist(), values.tolist(), strict=True):
        if window.start_ms <= ts_ms <= window.end_ms and value == value:
            found[ts_ms, seen[ts_ms]] = value
            seen[ts_ms] += 1
    return found


def chart_drawing(chart: Chart, subject: str, palette: Palette, zone: tzinfo | None = None) -> str:
    """Return the chart as SVG, named after ``subject``."""
    subtitle = f"{_moment(chart.window.start_ms, zone)} to {_moment(chart.window.end_ms, zone)} · {chart.window.label()} · {unit_word(chart.unit)}"
    title = " · ".join(part for part in (chart.title, subject) if part)
    return chart_svg(
        Drawing(tuple(_inside(chart)), chart.unit, chart.window, title, subtitle=subtitle), chart.window, palette, zone
    )


def _moment(ts_ms: int, zone: tzinfo | None) -> str:
    return f"{local_time(ts_ms, zone):%Y-%m-%d %H:%M:%S %z}"


def _inside(chart: Chart) -> Iterator[Line]:
    """Yield the lines with the samples of the window."""
    for line in chart.lines:
        times, values = np.asarray(line.ts_ms, dtype=np.int64), np.asarray(line.values, dtype=np.float64)
        kept = (times >= chart.window.start_ms) & (times <= chart.window.end_ms)
        yield replace(line, ts_ms=times[kept], values=values[kept])


class ChartExport(ListPage):
    """Mixed into pages that have a ``board``."""

    @property
    def board(self) -> ChartBoard:
        """The page's charts."""
        raise NotImplementedError

    def chart_to_export(self) -> TimeChart | None:
        """Return the chart with the keys; where no list is shown, the first one."""
        if isinstance(self.focused, TimeChart):
            return self.focused
        return self.board.active() if self.table() is None and self.query("#board") else None

    def can(self, action: str) -> bool:
        """Export charts too."""
        return (action == "export" and self.chart_to_export() is not None) or super().can(action)

    async def do_export(self) -> None:
        """Write the chart that has the keys to a file, else the rows of the list."""
        chart = self.chart_to_export()
        if chart is None:
            await super().do_export()
        elif not chart.lines:
            self.top.say("there is nothing in the chart to write")
        else:
            start_work(self, partial(self._export_chart, chart.chart), "export", exclusive=False)

    async def _export_chart(self, chart: Chart) -> None:
        choices = [
            Choice("svg", f"SVG: {chart.title}", "opens in any browser"),
            Choice("csv", f"CSV: {chart.title}", "values as measured"),
        ]
        picked = await self.app.push_screen_wait(Pick("Write to a file here", choices, verb="writes it"))
        if picked is None:
            return
        subject, top = "-".join(text for text, _ in self.crumbs()), self.top
        text = (
            chart_csv(chart) if picked.id == "csv" else chart_drawing(chart, self.location.host, top.palette, top.zone)
        )
        title = chart.title.split(" · ", maxsplit=1)[0]
        name = file_name(f"{subject}-{title}", local_time(top.clock.now_ms(), top.zone), picked.id)
        self.run_worker(partial(self.write_export, name, text, f"the chart {title}"), thread=True, group="export-file")
