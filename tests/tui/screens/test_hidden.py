"""What nobody sees costs nothing: a hidden screen is told of nothing, and a fleet is drawn as often as it is long."""

import pytest

from nagare.tui.screens.host import HostPage
from nagare.tui.screens.hosts import HostsPage
from nagare.tui.widgets.live_table import LiveTable
from nagare.wire.events import EventView
from nagare.wire.live import EventFrame
from tests.tui.fleet import NOW_MS, frame_of
from tests.tui.stage import scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn beside a sampling guard")


async def test_a_hidden_screen_does_no_work_and_is_right_when_it_is_shown_again() -> None:
    async with scene("hosts") as top:
        await top.shows("web-1")
        hosts = top.app.page
        assert isinstance(hosts, HostsPage)
        await top.press("1")
        await top.shows("nagare ▸ overview")
        before = hosts.table().store.version
        top.put(frame_of("web-1", NOW_MS + 5000))
        await top.until(lambda: top.app.model.hosts["web-1"].tables["cpu"].ts_ms == NOW_MS + 5000, "the frame")
        await top.until(lambda: not top.app.model.changes, "the frame on the screen")
        assert hosts.table().store.version == before
        await top.press("2")
        await top.shows("nagare ▸ hosts")
        busy = top.app.model.hosts["web-1"].value("cpu.busy")
        assert hosts.table().store.value("web-1", "cpu") == busy


async def test_the_pace_of_a_fleet_is_that_of_its_length_and_what_is_looked_at_does_not_wait() -> None:
    async with scene("hosts/web-1", hosts=4) as top:
        feed = top.app.feed
        assert feed.pace_seconds == 0.1
        for number in range(1000):
            feed.model.ensure_host(f"more-{number}")
        assert feed.pace_seconds == 1.0
        await top.until(lambda: not feed.model.changes, "the new hosts")
        # One of the many may wait; the host on the screen does not.
        feed.take(frame_of("more-1", NOW_MS + 5000))
        assert feed.is_waiting
        feed.take(frame_of("web-1", NOW_MS + 5000))
        assert not feed.is_waiting


async def test_what_happens_is_told_at_once_and_no_fleet_is_drawn_again_for_it() -> None:
    async with scene("overview", hosts=4) as top:
        feed, table = top.app.feed, top.app.page.query_one("#hottest", LiveTable)
        for number in range(1000):
            feed.model.ensure_host(f"more-{number}")
        await top.until(lambda: not feed.model.changes, "the new hosts")
        before = table.store.version
        feed.take(frame_of("web-1", NOW_MS + 5000))
        feed.take(EventFrame(EventView("told", NOW_MS, "web-1", "disk", 2, "test", "a thing happened", {})))
        feed._paint()
        assert "told" in top.app.page.query_one("#events", LiveTable).store
        assert feed.model.changes.hosts == {"web-1"}
        assert table.store.version == before
        # They have their turn, which does not depend on another report.
        assert feed.is_waiting
        await top.until(lambda: not feed.model.changes, "the host")
        assert table.store.version > before


async def test_a_chart_of_a_day_is_not_drawn_every_second() -> None:
    async with scene("hosts/web-1?t=24h") as top:
        page = top.app.page
        assert isinstance(page, HostPage)
        await top.until(lambda: page.board.window.span_ms == 86_400_000, "the day")
        page.board.draw()
        before = page.board.window
        await top.clock.advance(1)
        page.board.advance()
        assert page.board.window == before
        # A dot of it is some minutes wide.
        await top.clock.advance(1800)
        page.board.advance()
        assert page.board.window != before
