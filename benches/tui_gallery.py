"""Every renderable and widget of the terminal interface on one screen, with seeded data: to look at while changing them.

``python benches/tui_gallery.py [--light] [--ascii]`` runs it; ``--svg FILE --size 120x40`` writes a picture instead.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

import numpy as np
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical

from nagare.lib.clock import ManualClock
from nagare.lib.units import Unit
from nagare.tui.renderables.braille_chart import EventMark, Line
from nagare.tui.renderables.heat_grid import HeatCell
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.renderables.theme import all_themes
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.widgets.heat_grid_view import HeatGridView
from nagare.tui.widgets.inspector_list import Bar, Fact, Heading, InspectorList, Note
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.time_chart import TimeChart

NOW_MS = 1_760_000_000_000

HOST_COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 9, 0),
    ColumnSpec("name", "name", CellKind.TEXT, 14, 0, grow=True),
    ColumnSpec("cpu", "cpu", CellKind.RATIO, 8, 1, warn=0.8, crit=0.95, trend=True),
    ColumnSpec("cpu_history", "", CellKind.SPARK, 10, 2, grow=True),
    ColumnSpec("memory", "mem", CellKind.RATIO, 6, 2, gradient=True),
    ColumnSpec("memory_history", "", CellKind.SPARK, 8, 6),
    ColumnSpec("disk", "disk", CellKind.RATIO, 6, 5, warn=0.85, crit=0.95),
    ColumnSpec("received", "recv", CellKind.RATE, 8, 4),
    ColumnSpec("sent", "sent", CellKind.RATE, 8, 4),
    ColumnSpec("load", "load", CellKind.COUNT, 6, 6),
    ColumnSpec("processes", "procs", CellKind.COUNT, 6, 7),
    ColumnSpec("age", "age", CellKind.AGE, 6, 3),
)


def fleet(count: int, seed: int = 7) -> dict[str, dict[str, Any]]:
    """Return rows of ``count`` hosts."""
    rng = np.random.default_rng(seed)
    rows: dict[str, dict[str, Any]] = {}
    for index in range(count):
        role = ("web", "db", "cache")[index % 3]
        state = "up" if index % 17 else ("stale", "down", "warn", "crit")[index // 17 % 4]
        cpu = float(rng.beta(2, 4))
        rows[f"{role}-{index}"] = {
            "state": state, "name": f"{role}-{index}", "cpu": cpu,
            "cpu_history": np.clip(cpu + rng.normal(0, 0.12, 40), 0, 1),
            "memory": float(rng.beta(4, 3)), "memory_history": np.clip(rng.normal(0.5, 0.1, 16), 0, 1),
            "disk": float(rng.beta(5, 2)), "received": float(rng.exponential(3e6)), "sent": float(rng.exponential(1e6)),
            "load": float(rng.exponential(2)), "processes": float(rng.integers(80, 900)),
            "age": 2.0 if state == "up" else 42.0,
        }  # fmt: skip
    return rows


def wave(count: int = 180, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps and ratios of a busy machine with a spike and a hole."""
    rng = np.random.default_rng(seed)
    at = np.arange(count)
    values = np.clip(0.35 + 0.2 * np.sin(at / 14 + seed) + rng.normal(0, 0.05, count), 0.01, 1)
    values[40] = 0.98
    values[100:112] = np.nan
    return NOW_MS - (count - 1 - at) * 5000, values


class Gallery(App[None]):
    """All widgets at once."""

    CSS = """
    Screen { layout: horizontal; }
    #main { width: 1fr; }
    #charts { height: 45%; }
    #side { width: 36; border-left: solid $nagare-faint; padding: 0 1; }
    #grid { height: 8; }
    TimeChart { width: 1fr; height: 1fr; }
    LiveTable { height: 1fr; border: round $nagare-faint; border-title-style: bold; }
    LiveTable:focus { border: heavy $foreground; border-title-style: bold reverse; }
    """

    def __init__(self, *, theme_name: str = "nagare-dark", use_ascii: bool = False) -> None:
        super().__init__()
        self.use_ascii = use_ascii
        for theme in all_themes():
            self.register_theme(theme)
        self.theme = theme_name

    def compose(self) -> ComposeResult:
        clock = ManualClock(NOW_MS)
        window = TimeWindow.live(900_000, NOW_MS)
        with Vertical(id="main"):
            with Horizontal(id="charts"):
                with Vertical():
                    yield TimeChart("cpu", digit="1", window=window, clock=clock, id="cpu")
                    yield TimeChart("network", digit="2", window=window, clock=clock, id="network")
                with Vertical():
                    yield TimeChart("cpu by mode", digit="3", window=window, clock=clock, stacked=True, id="modes")
                    yield TimeChart("disk", digit="4", window=window, clock=clock, id="disk")
            table = LiveTable(HOST_COLUMNS, state_key="state", clock=clock, id="hosts")
            table.border_title = "⁵hosts"
            yield table
        with Vertical(id="side"):
            yield HeatGridView(id="grid")
            yield InspectorList(id="inspector")

    def on_mount(self) -> None:
        ts, cpu = wave()
        chart = self.query_one("#cpu", TimeChart)
        chart.set_lines([Line("busy", ts, cpu)], Unit.RATIO, 5000, gradient=True)
        chart.set_events([EventMark(NOW_MS - 400_000, "crit"), EventMark(NOW_MS - 700_000, "info")])
        network = self.query_one("#network", TimeChart)
        network.set_lines(
            [Line("recv", ts, wave(seed=2)[1] * 9e6), Line("sent", ts, wave(seed=5)[1] * 4e6)], Unit.RATE, 5000
        )
        network.crosshair_ms = NOW_MS - 300_000
        parts = [Line(name, ts, wave(seed=seed)[1] * share) for name, seed, share in
                 (("user", 1, 0.5), ("system", 3, 0.3), ("iowait", 4, 0.2))]  # fmt: skip
        self.query_one("#modes", TimeChart).set_lines(parts, Unit.RATIO, 5000, high=1.0)
        disk = self.query_one("#disk", TimeChart)
        disk.set_lines([Line("await", ts[:130], wave()[1][:130] * 0.02)], Unit.SECONDS, 5000)
        disk.set_stale_spans([(int(ts[130]), NOW_MS)])
        disk.is_stale = True
        rows = fleet(231)
        table = self.query_one(LiveTable)
        table.store.replace(rows)
        table.sort_by("cpu")
        table.sync()
        table.focus()
        cells = [HeatCell(key, str(row["state"]), row["cpu"], key.split("-")[0]) for key, row in rows.items()]
        self.query_one(HeatGridView).set_cells(cells)
        self.query_one(HeatGridView).selected_key = "web-12"
        self.query_one(InspectorList).set_items(
            [
                Heading("web-12"), Fact("state", "up", "up"), Fact("seen", "2 s ago"), Fact("kernel", "6.8.0-45-generic"),
                Heading("now"), Bar("cpu", 0.42, history=list(np.nan_to_num(cpu[-40:]))), Bar("memory", 0.71),
                Bar("disk /", 0.93), Bar("swap", None),
                Heading("changes"), Note("nginx.service failed", "crit"), Note("agent started", "info"),
            ]
        )  # fmt: skip


async def picture(size: tuple[int, int], app: Gallery, keys: list[str]) -> str:
    """Run the gallery without a terminal and return what it shows as SVG."""
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        return app.export_screenshot()


def main() -> None:
    """Run the gallery, or write a picture of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--size", default="120x40")
    parser.add_argument("--keys", default="", help="keys to press before the picture, comma separated")
    options = parser.parse_args()
    app = Gallery(theme_name="nagare-light" if options.light else "nagare-dark", use_ascii=options.ascii)
    if options.svg:
        width, height = (int(part) for part in options.size.split("x"))
        keys = [key for key in options.keys.split(",") if key]
        options.svg.write_text(asyncio.run(picture((width, height), app, keys)), encoding="utf-8")
    else:
        app.run()


if __name__ == "__main__":
    main()
