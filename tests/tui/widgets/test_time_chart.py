"""The chart as a person uses it: crosshair, pan, zoom, wheel, live, and the words of each state."""

from textual.events import MouseScrollDown, MouseScrollUp  # noqa: TID253  these tests drive textual itself

from nagare.lib.clock import ManualClock
from nagare.lib.units import Unit
from nagare.tui.renderables.braille_chart import EventMark, Line
from nagare.tui.renderables.time_axis import MINUTE, TimeWindow
from nagare.tui.widgets.time_chart import TimeChart
from tests.tui.widgets.stage import NOW_MS, Stage, keep_messages
from tests.unit.tui.samples import wave

TS, RATIOS = wave()
WINDOW = TimeWindow.live(15 * MINUTE, NOW_MS)


def make_stage(*, stacked: bool = False) -> tuple[Stage, TimeChart]:
    chart = TimeChart("cpu", digit="1", window=WINDOW, clock=ManualClock(NOW_MS), stacked=stacked)
    chart.set_lines([Line("busy", TS, RATIOS)], Unit.RATIO, 5000, gradient=True)
    return keep_messages(TimeChart.WindowChanged, TimeChart.CrosshairMoved)(chart), chart


async def test_it_draws_its_own_frame_in_every_size() -> None:
    stage, _chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        lines = stage.text()
        assert lines[0].startswith("┏━ ¹cpu ")
        assert "15 m" in lines[0]
        assert "busy" in lines[-1]
        await pilot.resize_terminal(20, 4)
        await pilot.pause()
        assert stage.text()[0].startswith("┏━ ¹cpu ")


async def test_arrows_move_the_crosshair_and_escape_clears_it() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        await pilot.press("left")
        first = chart.crosshair_ms
        assert first is not None
        await pilot.press("left", "left", "right")
        second = chart.crosshair_ms
        assert second is not None
        assert second < first
        assert any("│" in line for line in stage.text()[1:-2])
        await pilot.press("escape")
        assert chart.crosshair_ms is None
        assert [message.ts_ms for message in stage.of(TimeChart.CrosshairMoved)][-1] is None


async def test_escape_passes_by_a_chart_without_crosshair() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)):
        assert chart.check_action("clear_crosshair", ()) is False
        assert chart.check_action("zoom_in", ()) is True


async def test_the_crosshair_takes_the_window_with_it_at_the_border() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        chart.crosshair_ms = WINDOW.start_ms + 1000
        await pilot.press("left")
        assert chart.window is not None
        assert chart.window.start_ms < WINDOW.start_ms
        assert chart.crosshair_ms < WINDOW.start_ms + 1000
        assert chart.window.contains(chart.crosshair_ms)


async def test_shift_pans_and_end_goes_back_to_live() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        await pilot.press("shift+left", "shift+left")
        assert chart.window is not None
        assert not chart.window.is_live
        assert chart.window.end_ms == NOW_MS - 6 * MINUTE
        await pilot.press("shift+right")
        assert chart.window.end_ms == NOW_MS - 3 * MINUTE
        await pilot.press("shift+right", "shift+right")
        assert chart.window == WINDOW
        await pilot.press("shift+left", "left", "end")
        assert (chart.window, chart.crosshair_ms) == (WINDOW, None)
        assert stage.of(TimeChart.WindowChanged)[-1].window == WINDOW


async def test_zoom_is_around_the_crosshair() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        await pilot.press("plus")
        assert chart.window == TimeWindow.live(10 * MINUTE, NOW_MS)
        moment = NOW_MS - 5 * MINUTE
        chart.crosshair_ms = moment
        await pilot.press("plus", "equals_sign")
        assert chart.window is not None
        share = (moment - chart.window.start_ms) / chart.window.span_ms
        assert abs(share - 0.5) < 0.02
        for _ in range(12):
            await pilot.press("minus")
        assert chart.window.is_live
        assert chart.window.span_ms > 60 * MINUTE


def crosshair(chart: TimeChart) -> int:
    return chart.crosshair_ms or 0


async def test_a_click_points_and_the_mouse_leads_the_crosshair() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        await pilot.hover(chart, offset=(30, 5))
        assert not crosshair(chart)
        await pilot.click(chart, offset=(30, 5))
        first = crosshair(chart)
        assert first
        await pilot.hover(chart, offset=(50, 5))
        assert crosshair(chart) > first
        await pilot.click(chart, offset=(2, 5))
        assert crosshair(chart) > first


async def test_the_wheel_zooms_around_the_mouse() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        await pilot._post_mouse_events([MouseScrollUp], chart, offset=(40, 5))
        await pilot.pause()
        assert chart.window is not None
        assert chart.window.span_ms == 10 * MINUTE
        assert not chart.window.is_live
        await pilot._post_mouse_events([MouseScrollDown], chart, offset=(2, 5))
        await pilot.pause()
        assert chart.window.span_ms == 15 * MINUTE


async def test_the_frame_has_buttons_that_zoom_and_says_when_the_past_is_shown() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        top = stage.text()[0]
        assert "- 15 m · 12 s/col +" in top
        await pilot.click(chart, offset=(top.index("+"), 0))
        assert chart.window == TimeWindow.live(10 * MINUTE, NOW_MS)
        await pilot.click(chart, offset=(stage.text()[0].index("- "), 0))
        assert chart.window == WINDOW
        await pilot.click(chart, offset=(4, 0))
        assert chart.window == WINDOW
        await pilot.press("shift+left")
        assert "to " in stage.text()[0]


async def test_another_line_set_and_events_repaint() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        chart.set_events([EventMark(NOW_MS - MINUTE, "crit")])
        await pilot.pause()
        assert "▾" in stage.text()[1]
        chart.set_lines([Line("user", TS, RATIOS), Line("system", TS, RATIOS)], gradient=False)
        chart.title = "modes"
        chart.digit = ""
        await pilot.pause()
        assert "modes" in stage.text()[0]
        assert "• user" in stage.text()[-1]
        assert chart.lines[1].name == "system"
        assert chart.chart.title == "modes"


async def test_states_are_said_inside_the_frame() -> None:
    stage, chart = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        chart.set_lines([])
        await pilot.pause()
        assert any("no data in this window" in line for line in stage.text())
        chart.state = "loading"
        await pilot.pause()
        assert any("loading" in line for line in stage.text())
        chart.state = "error"
        chart.message = "cannot query cpu: server is gone"
        await pilot.pause()
        assert any("cannot query cpu: server is gone" in line for line in stage.text())
        chart.state = "ready"
        chart.message = ""
        chart.set_lines([Line("busy", TS[:90], RATIOS[:90])])
        chart.set_stale_spans([(int(TS[90]), NOW_MS)])
        chart.is_stale = True
        await pilot.pause()
        assert any("░" in line for line in stage.text())


async def test_a_stacked_chart_draws_parts_of_a_whole() -> None:
    stage, chart = make_stage(stacked=True)
    async with stage.run_test(size=(80, 12)) as pilot:
        chart.set_lines([Line("user", TS, RATIOS), Line("system", TS, RATIOS)], Unit.RATIO, high=1.0)
        await pilot.pause()
        assert any("█" in line for line in stage.text())
        await pilot.click(chart, offset=(30, 5))
        assert chart.crosshair_ms is not None


async def test_without_a_window_it_shows_the_last_quarter_of_an_hour() -> None:
    chart = TimeChart("x", clock=ManualClock(NOW_MS))
    async with Stage(chart).run_test(size=(80, 12)):
        assert chart.window == WINDOW
        chart.window = None
        assert chart.window == WINDOW
