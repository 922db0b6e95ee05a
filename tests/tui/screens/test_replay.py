"""Replay: what is shown of a moment of the past is what was shown at that moment."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.worker import WorkerState  # noqa: TID253  these tests drive textual itself

from nagare.lib.clock import ManualClock
from nagare.lib.rfc3339 import format_ms
from nagare.tui.location import Window, parse_location
from nagare.tui.widgets.chart_board import ChartBoard
from nagare.wire.events import EventView
from tests.support.metric_store import make_store
from tests.tui.alerts import alert_of
from tests.tui.fleet import NOW_MS, frame_of
from tests.tui.stage import Scene, make_app, use_utc
from tests.tui.stored_fleet import StoredFleet

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")
_NAMES = ("web-1", "db-1", "cache-1")
# Ticks of 5 s, and what is looked at: before anything; with a full disk, the alert in hand and a silent host; after all.
_MOMENTS = {
    8: ("overview", "hosts"),
    22: ("overview", "hosts", "alerts/acknowledged", "hosts/db-1", "hosts/db-1/processes"),
    30: ("overview", "alerts"),
}
_END = re.compile(r"[─━]* - (to \d\d:\d\d:\d\d · )?")
_FULL = {"disk": {"used_ratio": [0.42, 0.98]}}
_ALERT = "diskfull-db-1"


@asynccontextmanager
async def _stored(folder: Path) -> AsyncIterator[Scene]:
    use_utc()
    clock = ManualClock(NOW_MS)
    async with make_store(folder, clock=clock) as store:
        source = StoredFleet(_NAMES, store, clock)
        source.connect()
        app = make_app(source, clock)
        async with app.run_test(size=(118, 50), notifications=False) as pilot:
            top = Scene(app, source, clock, pilot)
            await top.until(lambda: app._feed is not None and app.model.is_seeded, "the fleet")
            # Ages tick by the real clock: here the test says when, so that no sample falls between clock and frames.
            for timer in [timer for timer in app._timers if timer.name == "ages"]:
                timer.stop()
            yield top


async def _tick(top: Scene, number: int) -> None:
    """Let five seconds pass: every host that lives reports, and the story goes on."""
    source = top.source
    assert isinstance(source, StoredFleet)
    await top.clock.advance(5)
    now_ms = top.clock.now_ms()
    for name in _NAMES:
        if name != "cache-1" or not 17 <= number < 26:
            tables = _FULL if name == "db-1" and 10 <= number < 24 else None
            await source.send(frame_of(name, now_ms, tables=tables))
    turn = {12: "firing", 20: "acknowledged", 25: "resolved"}.get(number)
    if turn:
        fired_ms = now_ms - (number - 12) * 5000
        owner = "ada" if turn == "acknowledged" else ""
        source.alerts_held.put(
            alert_of(
                "DiskFull", "db-1", state=turn, owner=owner, starts_at=format_ms(fired_ms), fired_at=format_ms(fired_ms),
                changed_at=format_ms(now_ms), ended_at=format_ms(now_ms) if turn == "resolved" else "",
            )
        )  # fmt: skip
        attributes = {"alert": _ALERT, "actor": owner}
        await source.tell(
            EventView(f"turn-{number}", now_ms, "db-1", f"alert.{turn}", 2, "alerting", f"DiskFull {turn}", attributes)
        )
    app = top.app
    await top.until(lambda: source.queue.empty() and app.model.newest_ms == now_ms, "the frames")
    app.feed._tick()


async def _settled(top: Scene) -> list[str]:
    """Return what stands between header and footer once nothing is asked for any more."""
    calm = 0
    while calm < 30:
        await top.pilot.pause(0.01)
        busy = [work for work in top.app.workers if work.group != "feed" and work.state is not WorkerState.SUCCESS]
        asked = all(board._fetched is not None and board._timer is None for board in top.app.page.query(ChartBoard))
        calm = calm + 1 if asked and not busy and "loading" not in top.text() else 0
    # A chart's frame says when a window of the past ends, in place of a part of its line; where a cursor stands is the person's.
    return [_END.sub(" - ", line).replace("›", " ") for line in top.lines()[1:-1]]


async def _frame(top: Scene, address: str, moment_ms: int | None = None) -> list[str]:
    location = parse_location(address)
    await top.app.go(replace(location, window=replace(location.window, end_ms=moment_ms)))
    await top.until(
        lambda: not top.app.feed.replay.is_loading and top.app.feed.replay.moment_ms == moment_ms, "the moment"
    )
    for board in top.app.page.query(ChartBoard):
        # What a chart that goes on has sample by sample, one that is opened has by buckets: both are asked for now.
        board.ask()
    return await _settled(top)


async def test_what_is_replayed_is_what_was_shown(tmp_path: Path) -> None:
    async with _stored(tmp_path) as top:
        seen: dict[tuple[int, str], list[str]] = {}
        for number in range(1, 36):
            if number == 22:
                # A chart of a host has every value from the first report on that comes while one looks at it.
                await _frame(top, "hosts/db-1")
            await _tick(top, number)
            if number in _MOMENTS:
                top.app.feed.alerts.hurry()
                await _settled(top)
                for address in _MOMENTS[number]:
                    seen[top.clock.now_ms(), address] = await _frame(top, address)
        assert any("DiskFull" in line for lines in seen.values() for line in lines)
        for (moment_ms, address), lines in seen.items():
            shown = await _frame(top, address, moment_ms)
            top_line = top.lines()[0]
            assert "REPLAY" in top_line
            assert "(live: 0)" in top_line
            told = [f"{was}\n{now}" for was, now in zip(lines, shown, strict=True) if was != now]
            assert not told, "\n".join([f"{address} at {moment_ms - NOW_MS} ms, live and replayed:", *told])


async def test_the_window_goes_along_and_live_comes_back(tmp_path: Path) -> None:
    async with _stored(tmp_path) as top:
        for number in range(1, 13):
            await _tick(top, number)
        await top.press("less_than_sign")
        await top.shows("REPLAY 08:54:15 (live: 0)")
        await top.press("2")
        await top.shows("nagare ▸ hosts", "REPLAY 08:54:15")
        await top.press("less_than_sign", "less_than_sign")
        await top.shows("REPLAY 08:54:05")
        assert top.app.page.location.window == Window(900, NOW_MS + 45_000, is_fitted=True)
        await top.press("greater_than_sign")
        await top.shows("REPLAY 08:54:10")
        await top.press("0")
        await top.shows("live 2m")
