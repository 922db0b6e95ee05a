"""Playing the past: the pace, exact pauses and seeks, no queue behind a slow server, no work where nobody looks."""

import asyncio
from collections.abc import Sequence

import pytest

from nagare.tui.replay.past import FleetRows
from nagare.tui.replay.player import Player
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.stage import Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")
_AT = "hosts?at=2025-10-09T08:43:20Z"
_AT_MS = NOW_MS - 600_000


class _Slow(FleetSource):
    """Answers about the fleet of a moment once it is let."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.let = asyncio.Event()

    async def fleet_rows(self, at_ms: int, tables: Sequence[str], hosts: Sequence[str]) -> FleetRows:
        found = await super().fleet_rows(at_ms, tables, hosts)
        await self.let.wait()
        return found


def _player(top: Scene) -> Player:
    return top.app.feed.replay.player


async def _shown(top: Scene, moment_ms: int) -> None:
    replay = top.app.feed.replay
    await top.until(lambda: replay.moment_ms == moment_ms == replay.wanted_ms, f"the moment {moment_ms - NOW_MS}")


async def _pass(top: Scene, seconds: float) -> None:
    await top.clock.advance(seconds)
    _player(top).tick()


async def test_it_plays_at_its_pace_pauses_exactly_and_ends_at_now() -> None:
    async with scene(_AT, hosts=2) as top:
        await _shown(top, _AT_MS)
        await top.shows("; Play")
        await top.press("semicolon")
        _player(top).tick()
        await top.shows("REPLAY 08:43:20 ► 10x (live: 0)")
        await _pass(top, 2.4)
        await _shown(top, _AT_MS + 20_000)
        # A seek while it plays goes on from exactly there.
        await top.press("less_than_sign")
        _player(top).tick()
        await _shown(top, _AT_MS + 15_000)
        await top.press("comma")
        _player(top).tick()
        await _pass(top, 1)
        await _shown(top, _AT_MS + 75_000)
        await top.shows("► 60x")
        await top.press("semicolon")
        await _pass(top, 100)
        await top.shows("REPLAY 08:44:35 (live: 0)")
        assert top.app.page.location.window.moment_ms == _AT_MS + 75_000
        await top.press("semicolon")
        _player(top).tick()
        await _pass(top, 20)
        await top.shows("nothing further to play", "live")
        assert not _player(top).is_playing


async def test_a_slow_server_is_asked_for_one_moment_at_a_time() -> None:
    source = _Slow(host_names(2))
    async with scene(_AT, source=source) as top:
        source.let.set()
        await _shown(top, _AT_MS)
        source.let.clear()
        await top.press("semicolon")
        _player(top).tick()
        before = sum(one.startswith("fleet 1") for one in source.asked)
        await _pass(top, 1)
        await top.until(lambda: sum(one.startswith("fleet 1") for one in source.asked) == before + 1)
        for _ in range(5):
            await _pass(top, 1)
            await top.pilot.pause(0.1)
        assert sum(one.startswith("fleet 1") for one in source.asked) == before + 1
        assert top.app.feed.replay.moment_ms == _AT_MS
        # A pause lets go of what is still on its way: header, address and rows are of one moment.
        await top.press("semicolon")
        assert top.app.page.location.window.moment_ms == _AT_MS
        source.let.set()
        await _shown(top, _AT_MS)
        # What comes late is left out: the next step is of the time that has passed.
        await top.press("semicolon")
        _player(top).tick()
        await _pass(top, 6)
        await _shown(top, _AT_MS + 60_000)


async def test_time_stands_still_where_nobody_looks() -> None:
    async with scene(_AT, hosts=2) as top:
        await _shown(top, _AT_MS)
        await top.press("semicolon")
        _player(top).tick()
        await top.press("question_mark")
        asked = len(top.source.asked)
        await _pass(top, 30)
        assert len(top.source.asked) == asked
        await top.press("escape")
        _player(top).tick()
        await _pass(top, 1)
        await _shown(top, _AT_MS + 10_000)
        await top.press("0")
        _player(top).tick()
        await top.until(lambda: not _player(top).is_playing, "the end of playing")
        assert "; Play" not in top.text()
