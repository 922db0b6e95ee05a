"""What a person is told when not all is well: each state is designed, none is an accident."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from textual.events import Hide  # noqa: TID253  what textual says is tested

from nagare.errors import ConnectFailedError, DeadlineExceededError
from nagare.tui.source import Connected, Disconnected, Found, Missing
from nagare.tui.widgets.host_summary import HostSummary
from nagare.tui.widgets.time_chart import TimeChart
from nagare.wire.events import EventView
from nagare.wire.hosts import HostView
from nagare.wire.live import EventFrame, Hello, HostFrame
from tests.tui.fleet import NOW_MS, FleetSource, frame_of, host_names
from tests.tui.stage import scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")
_GONE = Disconnected("cannot reach http://127.0.0.1:1: connection refused", 8.0)


async def test_without_a_server_it_opens_says_why_and_what_to_do_and_connects_when_one_comes() -> None:
    async with scene(connect=False) as top:
        top.put(Missing("cannot reach the server of /data: none is running", "start it with: nagare up", 4.0))
        await top.shows("no server", "none is running", "nagare up", "retry in 4 s (r now)", "r Retry now")
        await top.press("r")
        assert top.source.retries == 1
        top.source.connect()
        await top.shows("Hottest hosts", "web-1", "● 4")
        assert "no server" not in top.text()


async def test_every_page_opens_without_a_server() -> None:
    for page in ("overview", "hosts", "hosts/db-1", "hosts/db-1/processes"):
        async with scene(page, (80, 24), connect=False) as top:
            top.put(Missing("cannot reach the server of /data: none is running", "start it with: nagare up", 4.0))
            await top.shows("no server", "retry in 4 s")


async def test_connecting_says_so() -> None:
    async with scene(connect=False) as top:
        top.put(Found("http://127.0.0.1:8750"))
        await top.shows("connecting", "http://127.0.0.1:8750")


async def test_a_server_that_refuses_is_named() -> None:
    async with scene(connect=False) as top:
        top.put(Disconnected("cannot use the token: it is not known", 2.0))
        await top.shows("not connected", "cannot use the token")


async def test_no_hosts_yet_says_what_to_start() -> None:
    async with scene(hosts=0, source=FleetSource([])) as top:
        await top.shows("no hosts yet", "nagare agent")
        await top.press("2")
        await top.shows("no hosts yet")
        await top.press("1")
        top.put(frame_of("first", NOW_MS))
        await top.shows("Hottest hosts", "first")
        top.app.model.hosts.clear()
        await top.press("2")
        await top.shows("no hosts yet")
        await top.press("3")
        await top.shows("no host yet")


async def test_a_lost_server_keeps_the_values_and_says_how_old_they_are() -> None:
    async with scene() as top:
        await top.clock.advance(7)
        top.put(_GONE)
        await top.shows("no data since 08:53:20", "connection refused", "retry in 8 s (r now)", "7s ago", "◌ 4")
        await top.shows("not connected: these are the values of 08:53:20", "db-1")
        assert "● 4" not in top.text()
        await top.clock.advance(3)
        top.put(Disconnected("cannot reach http://127.0.0.1:1: connection refused", 15.0))
        await top.shows("no data since 08:53:20", "retry in 15 s")
        top.put(Connected(Hello("0.1.0", NOW_MS)), *(frame_of(name, NOW_MS + 9000) for name in top.source.names))
        await top.shows("● 4")
        assert "no data since" not in top.text()


async def test_silence_of_one_host_is_stale_then_down_without_numbers() -> None:
    async with scene("hosts", hosts=2) as top:
        await top.clock.advance(20)
        top.put(frame_of("web-1", NOW_MS + 20_000))
        await top.shows("◌ stale", "● up")
        await top.clock.advance(60)
        top.put(frame_of("web-1", NOW_MS + 80_000))
        await top.shows("○ down", "● 1 ○ 1")
        row = next(line for line in top.lines() if "○ down" in line)
        assert "%" not in row.split("▏")[0]


async def test_what_stands_out_is_told_in_words() -> None:
    full: dict[str, dict[str, list[Any]]] = {
        "disk": {"mount": ["/var"], "device": ["sdb"], "used_ratio": [0.981], "read_only": [False]}
    }
    async with scene(hosts=4) as top:
        top.put(frame_of("db-1", NOW_MS, tables=full))
        await top.shows("✖ db-1 disk /var 98.1% full", "✖ 1")


async def test_an_error_has_one_line_and_its_whole_text_on_demand() -> None:
    async with scene(connect=False) as top:
        top.source.fails = DeadlineExceededError("cannot read hosts: no answer in 30 s", hint="the server is busy")
        top.source.connect()
        await top.shows("cannot read hosts: no answer in 30 s", "d shows it all")
        await top.press("d")
        await top.shows("What went wrong", "the server is busy")
        await top.press("escape")
        top.source.fails = None
        top.source.connect()
        await top.until(lambda: "cannot read hosts" not in top.text())


async def test_history_that_fails_leaves_the_live_edge_and_says_why() -> None:
    async with scene("hosts/db-1") as top:
        top.source.fails = ConnectFailedError("cannot ask the server: connection reset")
        await top.press("minus")
        await top.shows("connection reset")
        await top.shows("CPU", "busy")


async def test_a_host_that_is_not_there_is_said_with_the_nearest_name() -> None:
    async with scene("hosts/db-l") as top:
        await top.shows("no host is named db-l", "did you mean 'db-1'?")
        await top.press("escape")
        await top.shows("▸ hosts", "cache-1")


async def test_no_match_says_so_and_esc_clears() -> None:
    async with scene("hosts") as top:
        await top.press("slash")
        await top.type("cpu>99.9")
        await top.shows("0 of 4 match cpu>99.9; Esc clears")
        await top.press("escape")
        await top.shows("db-1", "worker-1")


async def test_a_filter_that_cannot_be_read_says_why_and_the_last_one_holds() -> None:
    async with scene("hosts") as top:
        await top.press("slash")
        await top.type("web")
        await top.until(lambda: "db-1" not in top.text())
        await top.type(" cpx>1")
        await top.shows("no such column", "did you mean 'cpu'?")
        assert "db-1" not in top.text()


async def test_a_frozen_list_says_since_when_while_collection_goes_on() -> None:
    async with scene("hosts") as top:
        await top.press("z")
        await top.shows("frozen at 08:53:20")
        top.put(frame_of("db-1", NOW_MS + 5000))
        await top.shows("updates since")
        await top.press("escape")
        await top.until(lambda: "frozen" not in top.text())


async def test_the_past_looks_like_the_past() -> None:
    async with scene("hosts/db-1?t=2025-10-09T07:00:00Z..2025-10-09T08:00:00Z") as top:
        await top.shows("REPLAY 08:00:00 (live: 0)")
        await top.press("right_square_bracket")
        await top.shows("REPLAY 08:00:00", "postgres")
        assert any(asked.startswith("rows process db-1 17599968") for asked in top.source.asked)
        await top.press("left_square_bracket")
        await top.press("0")
        await top.shows("live 1h")


async def test_events_arrive_and_hosts_leave() -> None:
    async with scene() as top:
        event = EventView("e1", NOW_MS, "db-1", "unit.failed", 1, "agent", "nginx.service failed: exit-code", {})
        top.put(EventFrame(event))
        await top.shows("▲ warn", "nginx.service f")
        gone = HostView("h", "db-1", "up", "2025-01-01T00:00:00Z", None, 5.0, "0.1.0", {}, {})
        top.put(HostFrame(gone, removed=True))
        await top.shows("● 3")


async def test_foreign_text_cannot_steer_the_terminal() -> None:
    async with scene(hosts=2) as top:
        top.put(
            EventFrame(
                EventView("e1", NOW_MS, "db-1", "note", 3, "x", "evil \x1b[2J\x07 \u202e text", {"k": "\x1b]0;x"})
            )
        )
        await top.shows("evil ␛[2J␇")
        assert not any(letter in top.text() for letter in "\x1b\x07\u202e")


async def test_markup_in_foreign_text_stays_text() -> None:
    bad: dict[str, dict[str, list[Any]]] = {
        "disk": {"mount": ["/[/][@click=app.quit]x"], "device": ["sdb"], "used_ratio": [0.99], "read_only": [False]}
    }
    async with scene(hosts=2) as top:
        top.put(frame_of("db-1", NOW_MS, tables=bad))
        await top.shows("disk /[/][@click=app.quit]x 99.0% full")
        await top.press("colon")
        await top.type("db")
        await top.shows("/[/][@click=app.quit]x")


async def test_a_fleet_of_a_thousand_stays_quick() -> None:
    names = host_names(1000)
    source = FleetSource(names)
    async with scene("hosts", (120, 40), connect=False, source=source) as top:
        source.connect()
        await top.until(lambda: len(top.app.model.hosts) == 1000 and "● 1000" in top.text())
        await top.press("o", "O", "end")
        await top.shows("● 1000")


async def test_a_tick_or_a_frame_that_comes_while_the_app_ends_draws_nothing() -> None:
    async with scene() as top:
        feed = top.app.feed
        feed.model.changes.fleet = True
    feed._tick()
    feed._paint()


async def test_rows_that_come_while_the_page_is_taken_down_draw_nothing() -> None:
    class Slow(FleetSource):
        async def rows(self, table: str, host: str, at_ms: int | None = None) -> Mapping[str, list[Any]]:
            rows = await super().rows(table, host, at_ms)
            if not release.is_set():
                waits.set()
                await release.wait()
            return rows

    release, waits = asyncio.Event(), asyncio.Event()
    async with scene("hosts/db-1", source=Slow(host_names(4))) as top:
        await asyncio.wait_for(waits.wait(), 10)
        page = top.app.page
        going = page.remove()
        assert not page.is_ready
        for _ in range(10_000):
            await asyncio.sleep(0)
            if not page.query(HostSummary):
                break
        release.set()
        await going


async def test_the_agent_of_a_host_tells_of_its_queue_and_asks_now_and_then() -> None:
    ill: dict[str, dict[str, list[Any]]] = {
        "agent": {"collector": ["agent", "cpu", "smart"], "ok": [True, True, False],
                  "error": [None, None, "smartctl: no such drive"], "spool_bytes": [60 * 2**20, None, None],
                  "spool_batches": [900, None, None], "spool_oldest_seconds": [7260.0, None, None],
                  "batches_dropped_total": [4, None, None]},
    }  # fmt: skip
    async with scene("hosts/db-1/agent") as top:
        await top.shows("keeps up", "3.0M/64.0M", "disk.usage, 1m01s ago", "0.2.0 installed")
        top.put(frame_of("db-1", NOW_MS, tables=ill))
        await top.shows(
            "nearly full", "900 batches, oldest 2h01m", "4 dropped", "failing: smart", "smartctl: no such drive"
        )
        assert top.source.asked.count("standing db-1") == 1
        top.source.fails = ConnectFailedError("cannot ask the server: connection reset")
        await top.clock.advance(11)
        await top.shows("cannot ask the server: connection")


async def test_a_chart_that_was_hidden_for_a_moment_keeps_the_keys() -> None:
    async with scene("hosts/db-1") as top:
        await top.until(lambda: isinstance(top.app.focused, TimeChart))
        first = top.app.focused
        assert first is not None
        # The word that it was hidden comes when it is shown again.
        first.post_message(Hide())
        await top.pilot.pause()
        assert top.app.focused is first

        def hidden() -> bool:
            # An answer that comes shows every chart that it has something for, again.
            first.display = False
            return top.app.focused is not first

        await top.until(hidden)
