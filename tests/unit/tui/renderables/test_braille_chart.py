"""Charts as text: golden at many sizes, and no data, size or text makes one raise or leave its frame."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from nagare.lib.units import Unit
from nagare.tui.renderables.braille_chart import Chart, EventMark, Line, chart_text, draw_chart
from nagare.tui.renderables.canvas import lines_text
from nagare.tui.renderables.chart_model import GapMark, MarkKind
from nagare.tui.renderables.palette import make_palette
from nagare.tui.renderables.stack_chart import draw_stack
from nagare.tui.renderables.time_axis import TimeWindow
from tests.unit.tui.golden import check_golden
from tests.unit.tui.samples import NOW_MS, WINDOW, numbers, sizes, stamps, texts, wave

TS, RATIOS = wave()
CPU = Chart(WINDOW, (Line("busy", TS, RATIOS),), Unit.RATIO, 5000, "cpu", digit="1", gradient=True)
NETWORK = Chart(
    WINDOW,
    (Line("recv", TS, [value * 9e6 for value in RATIOS]), Line("sent", TS, [4e6 * (1 - value) for value in RATIOS])),
    Unit.RATE,
    5000,
    "network",
    crosshair_ms=NOW_MS - 200_000,
    focused=True,
    events=(EventMark(NOW_MS - 600_000, "crit"), EventMark(NOW_MS - 300_000)),
)
STALE = Chart(
    WINDOW, (Line("await", TS[:120], [value / 50 for value in RATIOS[:120]]),), Unit.SECONDS, 5000, "disk",
    stale=((int(TS[120]), NOW_MS),), is_stale=True,
)  # fmt: skip
MARKED = replace(
    CPU,
    focused=True,
    crosshair_ms=NOW_MS - 400_000,
    events=(
        EventMark(NOW_MS - 800_000, "crit", MarkKind.ALERT, "DiskFull firing"),
        EventMark(NOW_MS - 700_000, "done", MarkKind.COMMAND, "disk.usage: done"),
        EventMark(NOW_MS - 600_000, "dropped", MarkKind.GAP, "no rows in time, dropped: for 90 s"),
        EventMark(NOW_MS - 500_000, "warn", text="nginx failed"),
        EventMark(NOW_MS - 400_000, "info", MarkKind.CHANGE, "orders deployed: 2.4.1\x1b[2J"),
        EventMark(NOW_MS - 400_500, "info", text="said hello"),
        EventMark(NOW_MS - 100_000, "info", MarkKind.CHANGE, more=11),
    ),
)
EMPTY = Chart(WINDOW, title="gpu")
LOADING = Chart(WINDOW, title="gpu", is_loading=True)
ERROR = Chart(WINDOW, title="gpu", message="cannot query gpu: no such column")
CHARTS = {
    "cpu": CPU,
    "network": NETWORK,
    "marked": MARKED,
    "stale": STALE,
    "empty": EMPTY,
    "loading": LOADING,
    "error": ERROR,
}


@pytest.mark.parametrize(
    "size", [(12, 3), (24, 5), (40, 9), (60, 12), (100, 20)], ids=lambda size: f"{size[0]}x{size[1]}"
)
@pytest.mark.parametrize("name", CHARTS)
def test_golden(name: str, size: tuple[int, int]) -> None:
    check_golden(f"chart-{name}-{size[0]}x{size[1]}", chart_text(CHARTS[name], *size, zone=UTC))


@pytest.mark.parametrize("name", ["cpu", "network", "marked", "loading"])
def test_golden_ascii(name: str) -> None:
    lines = chart_text(CHARTS[name], 60, 12, make_palette(ascii_only=True), zone=UTC)
    assert "".join(lines).isascii()
    check_golden(f"chart-{name}-60x12-ascii", lines)


def test_gaps_are_told_apart_and_never_hide_a_line() -> None:
    kinds = ("down", "dropped", "buffered", "late")
    span = (WINDOW.end_ms - WINDOW.start_ms) // 4
    marks = tuple(
        GapMark(WINDOW.start_ms + index * span, WINDOW.start_ms + (index + 1) * span - 1, kind)
        for index, kind in enumerate(kinds)
    )
    bare = chart_text(replace(EMPTY, message=" "), 80, 9, make_palette(ascii_only=True), zone=UTC)
    shown = chart_text(replace(EMPTY, message=" ", gaps=marks), 80, 9, make_palette(ascii_only=True), zone=UTC)
    assert "".join(shown).isascii()
    assert [[kind in line for kind in kinds] for line in shown[1:2]] == [[True] * 4]
    assert [set(glyphs) <= set("".join(shown)) for glyphs in ("___", "xxx", "~~~", "???")] == [True] * 4
    assert len(bare) == len(shown)
    # What the line needs, the marks leave alone; a kind that is not ours is not drawn.
    full = chart_text(CPU, 60, 12, zone=UTC)
    over = chart_text(replace(CPU, gaps=(*marks, GapMark(0, NOW_MS, "evil"))), 60, 12, zone=UTC)
    for before, after in zip(full, over, strict=True):
        assert all(old in (new, " ") for old, new in zip(before, after, strict=True))
    assert "evil" not in "".join(over)


def test_golden_stack() -> None:
    parts = tuple(
        Line(name, TS, [value * share for value in RATIOS]) for name, share in (("user", 0.5), ("system", 0.3))
    )
    chart = Chart(WINDOW, parts, Unit.RATIO, 5000, "modes", high=1.0)
    check_golden("stack-60x12", lines_text(draw_stack(chart, 60, 12, make_palette(), UTC)))
    lines = lines_text(draw_stack(chart, 60, 12, make_palette(ascii_only=True), UTC))
    assert "".join(lines).isascii()
    check_golden("stack-60x12-ascii", lines)
    mono = lines_text(draw_stack(chart, 60, 12, make_palette(mono=True), UTC))
    assert {"█", "▓"} <= set("".join(mono))
    check_golden("stack-60x12-mono", mono)


def test_foreign_names_become_ascii_when_asked() -> None:
    chart = Chart(WINDOW, (Line("Größe…", TS, RATIOS),), Unit.CELSIUS, 5000, "µ-Wärme", message="köln–")
    lines = chart_text(chart, 60, 12, make_palette(ascii_only=True), zone=UTC)
    assert "".join(lines).isascii()
    assert "u-W?rme" in lines[0]


def test_a_printed_chart_has_no_buttons() -> None:
    assert "- 15 m · 17 s/col +" in chart_text(CPU, 60, 12, zone=UTC)[0]
    assert "─ 15 m · 17 s/col ─" in chart_text(replace(CPU, is_interactive=False), 60, 12, zone=UTC)[0]


def test_charts_load_no_textual() -> None:
    code = "import sys, nagare.tui.renderables.stack_chart, nagare.tui.renderables.table_cells; print('textual' in sys.modules)"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "False"


@given(
    sizes,
    st.lists(st.tuples(texts, st.lists(st.tuples(stamps, numbers), max_size=12)), max_size=4),
    st.sampled_from(Unit),
    texts,
    st.booleans(),
    st.none() | st.integers(NOW_MS - 10**6, NOW_MS + 10**5),
    st.none() | numbers,
)
@example(
    (40, 12), [("a", [(NOW_MS - 100_000.0, 1.7e308)])], Unit.SECONDS, "far above a narrow scale", True, None, 1e-12
)
def test_no_data_makes_a_chart_raise_or_leave_its_size(
    size: tuple[int, int], data: list[tuple[str, list[tuple[float, float]]]], unit: Unit, title: str, odd: bool,
    crosshair: int | None, bound: float | None,
) -> None:  # fmt: skip
    lines = tuple(Line(name, [ts for ts, _ in points], [value for _, value in points]) for name, points in data)
    chart = Chart(
        WINDOW, lines, unit, 0 if odd else 5000, title, title[:1], low=bound if odd else None, high=bound,
        gradient=odd, stale=((NOW_MS - 10**9, NOW_MS - 100_000), (NOW_MS, 0)), events=(EventMark(NOW_MS - 1000, title),),
        crosshair_ms=crosshair, focused=odd, message=title if odd else "", is_loading=odd,
    )  # fmt: skip
    width, height = size
    palette = make_palette(ascii_only=odd)
    for drawn in (draw_chart(chart, width, height, palette, UTC), draw_stack(chart, width, height, palette, UTC)):
        assert len(drawn) == height
        for line in drawn:
            text = "".join(segment.text for segment in line)
            assert cell_len(text) == width
            assert not any(ord(character) < 32 for character in text)


def test_a_gap_is_never_crossed() -> None:
    ts = [NOW_MS - 900_000 + at * 5000 for at in range(180) if not 60 <= at < 120]
    chart = Chart(WINDOW, (Line("x", ts, [0.5] * len(ts)),), Unit.RATIO, 5000)
    row = next(line for line in chart_text(chart, 62, 9, zone=UTC) if "⠤" in line or "⠒" in line or "⣀" in line)
    middle = row[28:40]
    assert set(middle) <= {" ", "┈"}


def test_a_spike_of_one_sample_in_a_week_is_seen() -> None:
    week = TimeWindow.live(7 * 86_400_000, NOW_MS)
    ts = [week.start_ms + at * 60_000 for at in range(10_080)]
    values = [0.05] * 10_080
    values[5000] = 1.0
    top = chart_text(Chart(week, (Line("x", ts, values),), Unit.RATIO, 60_000), 80, 12, zone=UTC)[1]
    assert any(0x2800 < ord(character) <= 0x28FF for character in top)


def test_the_legend_reads_at_the_crosshair() -> None:
    bottom = chart_text(NETWORK, 60, 12, zone=UTC)[-1]
    at = min(range(len(TS)), key=lambda index: abs(TS[index] - (NOW_MS - 200_000)))
    assert f"recv {RATIOS[at] * 9e6 / 1024**2:.1f}M/s" in bottom


def test_focus_is_seen_without_colour() -> None:
    assert chart_text(NETWORK, 40, 9, zone=UTC)[0].startswith("┏")
    assert chart_text(CPU, 40, 9, zone=UTC)[0].startswith("╭")
    title = next(s for s in draw_chart(NETWORK, 40, 9, make_palette())[0] if "network" in s.text)
    assert title.style is not None
    assert title.style.reverse


def test_ansi_text_has_colours_and_the_same_words() -> None:
    coloured = chart_text(CPU, 60, 12, colour=True, zone=UTC)
    assert "\x1b[" in coloured[0]
    assert "\x1b" not in "".join(chart_text(CPU, 60, 12, zone=UTC))


def test_foreign_names_cannot_steer_the_terminal() -> None:
    chart = Chart(
        WINDOW, (Line("a\x1b[2Jb", TS, RATIOS), Line("c", TS, RATIOS)), title="t\x07\u202e", crosshair_ms=NOW_MS
    )
    text = "\n".join(chart_text(chart, 90, 12, zone=UTC))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_a_live_chart_scrolls_and_does_not_shimmer() -> None:
    window = TimeWindow.live(900_000, NOW_MS)
    dot_ms = 900_000 / (2 * 52)

    def plot_at(now_ms: float) -> list[str]:
        chart = Chart(window.advance(round(now_ms)), (Line("x", TS, RATIOS),), Unit.RATIO, 5000)
        return [line[7:59] for line in chart_text(chart, 60, 12, zone=UTC)[1:10]]

    grid = (-(-NOW_MS // dot_ms) + 2) * dot_ms
    assert plot_at(grid - 0.9 * dot_ms) == plot_at(grid - 0.1 * dot_ms)
    before, after = plot_at(grid - 1), plot_at(grid - 1 + 2 * dot_ms)
    # Two dots are one cell: the same text, one cell to the left.
    assert [line[1:-2] for line in before] == [line[:-3] for line in after]
