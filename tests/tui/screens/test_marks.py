"""Marks on charts as a person uses them: going from one to the next, reading it, and following it."""

import pytest

from nagare.tui.renderables.chart_model import EventMark, MarkKind
from nagare.wire.events import EventView
from nagare.wire.live import EventFrame
from tests.tui.alerts import alert_of
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.stage import scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


def _source() -> FleetSource:
    source = FleetSource(host_names(2))
    source.events_held = [
        EventView("e2", NOW_MS - 200_500, "db-1", "unit.failed", 1, "agent", "nginx failed", {}),
        EventView(
            "e1", NOW_MS - 500_500, "db-1", "alert.firing", 2, "alerting", "DiskFull firing", {"alert": "diskfull-db-1"}
        ),
    ]
    source.alerts_held.put(alert_of("DiskFull", "db-1", seconds=500))
    source.marks_held = [
        EventMark(NOW_MS - 300_000, "done", MarkKind.COMMAND, "disk.usage: done", "db-1", "job-1"),
        EventMark(NOW_MS - 400_000, "info", MarkKind.CHANGE, "orders deployed 2.4.1", "db-1"),
        EventMark(NOW_MS - 400_100, "dropped", MarkKind.GAP, "no rows in time, dropped", "db-1", more=2),
    ]
    return source


async def test_the_crosshair_goes_from_mark_to_mark_and_tells_each() -> None:
    async with scene("hosts/db-1", (120, 40), source=_source()) as top:
        await top.shows("4   ►   ▾")
        await top.press("left_parenthesis")
        await top.shows("▾ nginx failed", "REPLAY")
        await top.press("left_parenthesis")
        await top.shows("► disk.usage")
        await top.press("left_parenthesis")
        await top.shows("⚑ +3 ord")
        await top.press("right_parenthesis", "right_parenthesis", "right_parenthesis")
        await top.shows("no further mark in this window")
        # Several in one column are a choice.
        await top.press("left_parenthesis", "left_parenthesis", "enter")
        await top.shows("What happened here", "orders deployed 2.4.1", "no rows in time, dropped")
        await top.press("down", "enter")
        await top.until(lambda: top.app.page.location.tab == "agent", "the agent's tab")


async def test_a_mark_leads_to_what_it_is_of() -> None:
    async with scene("hosts/db-1", (120, 40), source=_source()) as top:
        await top.shows("4   ►   ▾")
        await top.press("left_parenthesis", "enter")
        await top.until(lambda: top.app.page.location.tab == "events", "the events")
        await top.shows("REPLAY", "nginx failed")
        await top.press("backspace")
        await top.until(lambda: top.app.page.location.tab == "timeline", "the charts")
        await top.press(*["left_parenthesis"] * 3, "enter")
        await top.until(lambda: top.app.page.location.page == "alerts", "the alerts")
        await top.shows("REPLAY")
        window = top.app.page.location.window
        assert window.moment_ms == NOW_MS - 500_000


async def test_what_comes_live_is_marked_at_once_and_once() -> None:
    source = _source()
    async with scene("overview", (120, 40), source=source) as top:
        await top.until(lambda: "marks " in source.asked, "the marks")
        await top.until(lambda: top.app.page.board.has_marks, "the marks")  # type: ignore[attr-defined]
        event = EventView("e3", NOW_MS - 1000, "web-1", "note", 0, "local", "rollout of web", {})
        top.put(EventFrame(event))
        charts = top.app.page.board._charts.values()  # type: ignore[attr-defined]
        await top.until(
            lambda: all("web-1: rollout of web" in [mark.text for mark in chart.chart.events] for chart in charts)
        )
        source.events_held.append(event)
        top.app.page.on_chart_board_loaded()  # type: ignore[attr-defined]
        asked = source.asked.count("marks ")
        await top.until(lambda: source.asked.count("marks ") > asked or asked > 1)
        texts = [mark.text for mark in next(iter(charts)).chart.events]
        assert texts.count("web-1: rollout of web") == 1


async def test_marks_are_drawn_in_ascii_too() -> None:
    async with scene("hosts/db-1", (120, 40), source=_source(), ascii=True) as top:
        await top.press("left_parenthesis")
        await top.shows("v nginx failed")
        assert top.text().isascii()
