"""Sparklines, bars, cells, grids and placeholders: exact widths, golden shapes, no data that breaks them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from nagare.tui.renderables.canvas import Lines, lines_text
from nagare.tui.renderables.core_grid import draw_core_grid
from nagare.tui.renderables.heat_grid import HeatCell, HeatView, draw_heat_grid, fit_pitch, lay_out
from nagare.tui.renderables.palette import DARK, make_palette, make_style
from nagare.tui.renderables.ratio_bar import ratio_bar
from nagare.tui.renderables.skeleton import draw_skeleton
from nagare.tui.renderables.sparkline import sparkline
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec, cell_style, draw_cell, table_text, trend_of
from tests.unit.tui.golden import check_golden
from tests.unit.tui.samples import numbers, texts

ASCII = make_palette(ascii_only=True)


def assert_size(lines: Lines, width: int, height: int) -> None:
    assert len(lines) == height
    assert all(sum(cell_len(segment.text) for segment in line) == width for line in lines)


@pytest.mark.parametrize(
    ("values", "width", "text"),
    [
        ([0, 0.125, 0.25, 0.5, 0.99, 1.0], 6, "▁▂▃▅██"),
        ([0.5], 4, "   ▅"),
        ([], 3, "   "),
        ([0.1, math.nan, 0.9], 3, "▁ █"),
        ([0, 0, 1, 0, 0, 0, 0, 0], 4, "▁█▁▁"),
        ([-4, 9], 2, "▁█"),
        ([1], 0, ""),
        ([None, 0.2], 2, " ▂"),
    ],
)
def test_sparkline(values: list[Any], width: int, text: str) -> None:
    assert sparkline(values, width, DARK) == text


def test_a_sparkline_without_a_top_takes_its_greatest() -> None:
    assert sparkline([1, 2, 4, 8], 4, DARK, high=None) == "▂▃▅█"
    assert sparkline([0, 0], 2, DARK, high=None) == "▁▁"
    assert sparkline([0, 0.5, 1], 3, ASCII) == "_=#"


@given(st.lists(st.none() | numbers, max_size=40), st.integers(0, 30), st.none() | numbers, st.booleans())
def test_any_sparkline_has_its_width(values: list[float | None], width: int, high: float | None, plain: bool) -> None:
    text = sparkline(values, width, ASCII if plain else DARK, high=high)
    assert cell_len(text) == width


@given(st.none() | numbers, st.integers(0, 60), texts, st.none() | st.just("3.2G"), st.booleans())
def test_any_bar_has_its_width(ratio: float | None, width: int, label: str, text: str | None, plain: bool) -> None:
    line = ratio_bar(ratio, width, ASCII if plain else DARK, label=label, text=text)
    assert sum(cell_len(segment.text) for segment in line) == width


def test_the_number_of_a_bar_has_the_bars_colour() -> None:
    _, bar, *_, number = ratio_bar(0.63, 40, DARK, label="mem")
    assert bar.style is not None
    assert number.style is not None
    assert bar.style.color == number.style.color
    assert number.text.strip() == "63.0%"
    assert ratio_bar(None, 20, DARK)[-1].text.strip() == "–"


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (0.423, ColumnSpec("x", "", CellKind.RATIO, 7), "  42.3%"),
        (3 * 1024**2, ColumnSpec("x", "", CellKind.BYTES, 7), "   3.0M"),
        (3 * 1024**2, ColumnSpec("x", "", CellKind.RATE, 8), "  3.0M/s"),
        (0.0012, ColumnSpec("x", "", CellKind.SECONDS, 7), "  1.2ms"),
        (42.0, ColumnSpec("x", "", CellKind.AGE, 5), "  42s"),
        (51.2, ColumnSpec("x", "", CellKind.CELSIUS, 6), "  51°C"),
        (4711.0, ColumnSpec("x", "", CellKind.NUMBER, 6), "  4711"),
        (math.nan, ColumnSpec("x", "", CellKind.COUNT, 4), "   –"),
        (None, ColumnSpec("x", "", CellKind.COUNT, 4), "   –"),
        ("crit", ColumnSpec("x", "", CellKind.STATE, 9), "✖ crit   "),
        (None, ColumnSpec("x", "", CellKind.STATE, 9), "? unknown"),
        ("web-frontend-12", ColumnSpec("x", "", CellKind.TEXT, 8), "web-fro…"),
        (None, ColumnSpec("x", "", CellKind.TEXT, 3), "   "),
        ([0.1, 0.9], ColumnSpec("x", "", CellKind.SPARK, 4), "  ▁█"),
    ],
)
def test_cells_read_by_kind(value: Any, spec: ColumnSpec, text: str) -> None:
    assert draw_cell(value, spec, spec.width, DARK)[0] == text


@given(st.none() | numbers | texts, st.sampled_from(CellKind), st.integers(0, 20), st.booleans(), st.booleans())
def test_any_cell_has_its_width(value: Any, kind: CellKind, width: int, stale: bool, hidden: bool) -> None:
    spec = ColumnSpec("x", "x", kind, width, warn=1, crit=2)
    if isinstance(value, str) == spec.is_numeric and value is not None:
        return
    if kind is CellKind.SPARK and value is not None:
        value = [0.5, math.nan]
    for palette in (DARK, ASCII):
        text, _ = draw_cell(value, spec, width, palette, stale=stale, hidden=hidden)
        assert cell_len(text) == width


def test_thresholds_colour_and_a_stale_row_is_muted() -> None:
    spec = ColumnSpec("cpu", "cpu", CellKind.RATIO, 6, warn=0.8, crit=0.95)
    assert cell_style(0.5, spec, DARK).color is not None
    assert cell_style(0.81, spec, DARK) == DARK.state("warn").style
    assert cell_style(0.95, spec, DARK) == DARK.state("crit").style
    assert cell_style(0.99, spec, DARK, stale=True) == make_style(DARK.muted)


def test_a_host_that_is_down_shows_no_numbers() -> None:
    spec = ColumnSpec("cpu", "cpu", CellKind.RATIO, 6)
    assert draw_cell(0.5, spec, 6, DARK, hidden=True)[0] == "     –"
    age = ColumnSpec("age", "age", CellKind.AGE, 6)
    assert draw_cell(90.0, age, 6, DARK, hidden=True)[0] == " 1m30s"


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [(0.2, 0.3, 1), (0.3, 0.2, -1), (0.3, 0.31, 0), (None, 0.5, 0), (math.nan, 0.5, 0), (0.5, math.nan, 0)],
)
def test_trend(before: float | None, now: float, change: int) -> None:
    assert trend_of(before, now) == change


def test_copied_text_has_no_padding() -> None:
    assert table_text([["name", " cpu"], ["web ", " 4%"]]) == "name\tcpu\nweb\t4%"


@pytest.mark.parametrize("count", [1, 2, 4, 16, 64, 256])
def test_golden_cores(count: int) -> None:
    ratios = [(core * 37 % 101) / 100 for core in range(count)]
    check_golden(f"cores-{count}-60x6", lines_text(draw_core_grid(ratios, 60, 6, DARK)))


@given(st.lists(st.none() | numbers, max_size=300), st.integers(0, 90), st.integers(0, 12), st.booleans())
def test_any_cores_stay_in_their_size(ratios: list[float | None], width: int, height: int, plain: bool) -> None:
    assert_size(draw_core_grid(ratios, width, height, ASCII if plain else DARK), width, height)


FLEET = [
    HeatCell(f"web-{i}", "crit" if i == 7 else "stale" if i == 20 else "up", i / 60, "web" if i < 40 else "db")
    for i in range(60)
]


def test_golden_heat_grid() -> None:
    layout = lay_out(FLEET, 40)
    check_golden("heat-40x8", lines_text(draw_heat_grid(FLEET, layout, (40, 8), DARK, HeatView(selected=3))))
    check_golden("heat-40x8-ascii", lines_text(draw_heat_grid(FLEET, layout, (40, 8), ASCII)))


def test_the_mouse_finds_the_cell_that_is_drawn_there() -> None:
    layout = lay_out(FLEET, 40)
    for place in layout.places:
        assert layout.hit(place.column, place.row) == place.index
    assert layout.hit(39, 99) is None


def test_arrows_walk_the_grid_and_stop_at_its_borders() -> None:
    layout = lay_out([HeatCell(str(i)) for i in range(10)], 8)
    assert layout.step(0, 1, 0) == 1
    assert layout.step(0, -1, 0) == 0
    assert layout.step(1, 0, 1) == 5
    assert layout.step(6, 0, 1) == 9
    assert layout.step(9, 0, 1) == 9
    assert layout.step(9, 0, -1) == 5
    assert lay_out([], 8).step(0, 1, 0) == 0


def test_the_pitch_shrinks_until_the_hosts_fit() -> None:
    assert [fit_pitch(count, 40, 5) for count in (10, 50, 60, 100, 101)] == [4, 4, 3, 2, 1]


@given(
    st.lists(st.builds(HeatCell, texts, texts, st.none() | numbers, texts), max_size=40),
    st.integers(1, 50),
    st.integers(0, 9),
    st.integers(0, 50),
)
def test_any_grid_stays_in_its_size(cells: list[HeatCell], width: int, height: int, selected: int) -> None:
    layout = lay_out(cells, width, pitch=fit_pitch(len(cells), width, height))
    assert_size(draw_heat_grid(cells, layout, (width, height), DARK, HeatView(selected, focused=True)), width, height)
    assert sorted(place.index for place in layout.places) == list(range(len(cells)))


def test_a_skeleton_has_the_shape_of_what_comes() -> None:
    lines = draw_skeleton([(1, 8), (12, 6)], 30, 10, DARK)
    assert_size(lines, 30, 10)
    assert "▒" in lines_text(lines)[0]
    assert lines_text(lines)[9].strip() == ""
