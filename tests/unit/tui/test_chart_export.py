"""A chart as a file: every line with its unit, the compared one too, and the window that it is of."""

from datetime import UTC

from nagare.lib.units import Unit
from nagare.tui.chart_export import chart_csv, chart_drawing
from nagare.tui.renderables.chart_model import Chart, Line
from nagare.tui.renderables.palette import make_palette
from nagare.tui.renderables.time_axis import TimeWindow

NOW = 1_760_000_000_000
CHART = Chart(
    TimeWindow(NOW - 60_000, NOW, is_live=False),
    (
        Line("busy", [NOW - 90_000, NOW - 10_000, NOW - 10_000, NOW], [0.9, 0.25, 0.5, float("nan")]),
        Line("busy a day before", [NOW - 10_000, NOW], [0.125, 1.0], is_compared=True),
    ),
    Unit.RATIO,
    title="CPU <host>",
)


def test_csv_has_lines_units_and_window() -> None:
    ends = "2025-10-09T08:52:20.000Z,2025-10-09T08:53:20.000Z"
    assert chart_csv(CHART).splitlines() == [
        'time,"busy (ratio, 1 is all)","busy a day before (ratio, 1 is all)",window from,window until',
        f"2025-10-09T08:53:10.000Z,0.25,0.125,{ends}",
        f"2025-10-09T08:53:10.000Z,0.5,,{ends}",
        f"2025-10-09T08:53:20.000Z,,1,{ends}",
    ]


def test_svg_has_title_window_unit_and_a_dashed_line() -> None:
    text = chart_drawing(CHART, "db-1", make_palette(), UTC)
    assert "CPU &lt;host&gt; · db-1" in text
    assert "2025-10-09 08:52:20 +0000 to 2025-10-09 08:53:20 +0000 · 1 m · ratio, 1 is all" in text
    assert text.count("stroke-dasharray") == 1
    assert "busy a day before" in text
