"""What a tick of the terminal interface costs: charts, the live table, and textual's own table beside it.

A tick of a table is measured from the new values to painted lines: everything but writing to the terminal. Seeds are
fixed. ``python -m benches tui`` prints it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

import numpy as np
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import DataTable

from benches.report import Row, Section
from benches.tui_gallery import HOST_COLUMNS, NOW_MS, fleet
from nagare.lib.units import Unit
from nagare.tui.renderables.braille_chart import Chart, Line, draw_chart
from nagare.tui.renderables.palette import DARK, make_palette
from nagare.tui.renderables.table_cells import draw_cell
from nagare.tui.renderables.theme import make_theme
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.widgets.live_table import LiveTable

HOSTS = 1000
TICKS = 30


def timed(step: Callable[[int], object], ticks: int = TICKS) -> float:
    """Return the median milliseconds of a step."""
    took = []
    for tick in range(ticks + 3):
        start = time.perf_counter()
        step(tick)
        took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took[3:])


def bench_charts() -> float:
    """Eight charts of 300 points, two lines in half of them, all moved by a tick."""
    rng = np.random.default_rng(3)
    palette = make_palette()
    ts = NOW_MS - np.arange(300)[::-1] * 3000
    data = rng.random((8, 2, 300))

    def step(tick: int) -> None:
        window = TimeWindow.live(900_000, NOW_MS + tick * 1000)
        for index in range(8):
            lines = tuple(Line(f"line {n}", ts + tick * 1000, data[index, n]) for n in range(1 + index % 2))
            chart = Chart(
                window=window, lines=lines, unit=Unit.RATIO, step_ms=3000, title="cpu", gradient=index % 2 == 0
            )
            draw_chart(chart, 60, 10, palette)

    return timed(step)


class Bench(App[None]):
    """One widget under test."""

    CSS = "LiveTable, DataTable { height: 1fr; }"

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget
        self.register_theme(make_theme(DARK))
        self.theme = "nagare-dark"

    def compose(self) -> ComposeResult:
        yield self._widget


def columns_of(seed: int) -> tuple[list[str], dict[str, list[object]]]:
    """Return keys and columns of the whole fleet at one tick."""
    rows = fleet(HOSTS, seed)
    return list(rows), {spec.key: [row[spec.key] for row in rows.values()] for spec in HOST_COLUMNS}


async def bench_live_table() -> float:
    """Every cell of 1,000 × 12 new, sorted by cpu, filtered by nothing, painted."""
    table = LiveTable(HOST_COLUMNS, state_key="state")
    ticks = [columns_of(seed) for seed in range(8)]
    async with Bench(table).run_test(size=(120, 40)) as pilot:
        table.store.update_columns(*ticks[0])
        table.sort_by("cpu")
        await pilot.pause()

        def step(tick: int) -> None:
            table.store.update_columns(*ticks[tick % 8])
            table.sync()
            table.render_lines(Region(0, 0, *table.size))

        return timed(step)


async def bench_data_table() -> float:
    """The same cells as ready text in textual's own table: every visible row updated, then painted."""
    table: DataTable[object] = DataTable()
    palette = make_palette()
    async with Bench(table).run_test(size=(120, 40)) as pilot:
        ticks = [columns_of(seed) for seed in range(8)]
        for spec in HOST_COLUMNS:
            table.add_column(spec.title or spec.key, key=spec.key, width=spec.width)
        for key in ticks[0][0]:
            table.add_row(*[""] * len(HOST_COLUMNS), key=key)
        await pilot.pause()

        def step(tick: int) -> None:
            keys, columns = ticks[tick % 8]
            for at, key in enumerate(keys[:38]):
                for spec in HOST_COLUMNS:
                    text, _ = draw_cell(columns[spec.key][at], spec, spec.width, palette)
                    table.update_cell(key, spec.key, text)
            table.render_lines(Region(0, 0, *table.size))

        return timed(step, 10)


async def bench_one_row() -> float:
    """One row of a thousand new: the others come from the cache."""
    table = LiveTable(HOST_COLUMNS, state_key="state")
    keys, columns = columns_of(0)
    async with Bench(table).run_test(size=(120, 40)) as pilot:
        table.store.update_columns(keys, columns)
        table.sort_by("name")
        await pilot.pause()

        def step(tick: int) -> None:
            table.store.update(keys[tick], {"cpu": tick / 100})
            table.sync()
            table.render_lines(Region(0, 0, *table.size))

        return timed(step)


def run() -> Section:
    """Measure every tick."""
    section = Section(
        "A tick of the terminal interface",
        f"A 120x40 terminal, from new values to painted lines; median of {TICKS} ticks.",
    )
    peer = asyncio.run(bench_data_table())
    section.rows += [
        Row("8 charts of 300 points", bench_charts(), "ms", promise=8),
        Row(
            f"{HOSTS} hosts x {len(HOST_COLUMNS)} columns, every cell new, sorted", asyncio.run(bench_live_table()), "ms",
            peer, "DataTable, visible rows only, not sorted", 8,
        ),
        Row(f"one row of {HOSTS} new", asyncio.run(bench_one_row()), "ms"),
    ]  # fmt: skip
    return section
