"""Pictures of screens at the sizes we promise, with a clock that stands and a seeded fleet.

A change that is meant: `make snapshots`, then look at every picture before it is committed.
"""

# ruff: noqa: TID253  these tests drive textual itself

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from nagare.lib.clock import ManualClock
from nagare.tui.app import TopApp
from nagare.tui.source import Disconnected, Missing
from nagare.tui.widgets.chart_board import ChartBoard
from nagare.wire.events import EventView
from tests.tui.fleet import NOW_MS, FleetSource, frame_of, host_names
from tests.tui.stage import Scene, make_app, use_utc

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")
Compare = Callable[..., bool]
Steps = Callable[[Scene], Awaitable[None]]

_TEXTS = (
    ("unit.failed", 1, "nginx.service failed: exit-code"),
    ("agent.start", 0, "agent 0.1.0 started"),
    ("kernel.oom_kill", 3, "killed postgres for want of memory"),
    ("note", 0, "deployed 4.2"),
)


def _source(hosts: int, *, connect: bool = True) -> FleetSource:
    names = host_names(hosts)
    source = FleetSource(names)
    source.events_held = [
        EventView(str(index), NOW_MS - 5000 - index * 97_000, names[index % hosts], kind, severity, "agent", text, {})
        for index in range(8)
        for kind, severity, text in [_TEXTS[index % 4]]
    ]
    if connect:
        source.connect()
    return source


def _picture(
    compare: Compare, location: str, size: tuple[int, int], steps: Steps, source: FleetSource, **top: Any
) -> None:
    use_utc()
    clock = ManualClock(NOW_MS)
    app = make_app(source, clock, location, **top)

    async def run(pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, TopApp)
        opened = Scene(pilot.app, source, clock, pilot)
        await opened.until(lambda: app._feed is not None)
        # No tick of the real clock samples the fleet before all of it has spoken: ``_fleet`` does.
        app.feed._fleet_sampled_ms = NOW_MS
        await opened.until(lambda: app.page.is_ready)
        await steps(opened)
        await _still(opened)

    assert compare(app, terminal_size=size, run_before=run)


async def _still(top: Scene) -> None:
    """Wait until nothing is asked or painted and the picture does not change for a while."""
    seen, same = "", 0
    for _ in range(400):
        await top.pilot.pause(0.05)
        text = top.app.export_screenshot()
        same = same + 1 if text == seen and not _is_at_work(top) else 0
        seen = text
        if same >= 8:
            return
    raise AssertionError("the picture never came to rest")


def _is_at_work(top: Scene) -> bool:
    asking = any(worker.name != "feed" and not worker.is_finished for worker in top.app.workers)
    waiting = any(board._timer is not None for board in top.app.page.query(ChartBoard))
    return asking or waiting or top.app.feed._timer is not None


async def _fleet(top: Scene) -> None:
    model = top.app.model
    await top.until(lambda: model.is_primed and "seed" in top.source.asked and top.app.focused is not None)
    await top.until(lambda: all(host.tables for host in model.hosts.values()))
    # The tick of each second samples the fleet once, because the clock stands: it must not come before or after.
    top.app.feed._fleet_sampled_ms = 0
    top.app.feed._tick()


async def _charts(top: Scene) -> None:
    await _fleet(top)
    await top.until(lambda: any("history" in asked for asked in top.source.asked))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_overview(snap_compare: Compare, size: tuple[int, int]) -> None:
    _picture(snap_compare, "overview", size, _charts, _source(14))


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
def test_hosts(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.clock.advance(20)
        full: dict[str, dict[str, list[Any]]] = {
            "disk": {"mount": ["/var"], "device": ["sdb"], "used_ratio": [0.981], "read_only": [False]}
        }
        for name in top.source.names[:-1]:
            top.put(frame_of(name, NOW_MS + 20_000, tables=full if name == "db-2" else None))
        await top.shows("◌ stale", "✖ crit")

    _picture(snap_compare, "hosts?sort=state.asc", size, steps, _source(9))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_host_with_a_crosshair(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def steps(top: Scene) -> None:
        await _charts(top)
        await top.until(lambda: "busy" in top.text())
        # The window fits the data: an answer that comes between two keys would move what the crosshair is on.
        await _still(top)
        await top.press(*["left"] * 9)

    _picture(snap_compare, "hosts/db-1", size, steps, _source(4))


def test_cores(snap_compare: Compare) -> None:
    source = FleetSource(host_names(2), cores=32)
    source.connect()
    _picture(snap_compare, "hosts/db-1/cores", (120, 40), _fleet, source)


def test_help(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.press("question_mark")

    _picture(snap_compare, "hosts", (120, 40), steps, _source(3))


def test_no_server(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        top.put(Missing("cannot reach the server of /data: none is running", "start it with: nagare up", 4.0))
        await top.shows("no server")

    _picture(snap_compare, "overview", (80, 24), steps, _source(1, connect=False))


def test_a_lost_server(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _charts(top)
        # A tick between the two would sample the fleet once more.
        top.app.feed._fleet_sampled_ms = NOW_MS + 12_000
        await top.clock.advance(12)
        top.put(Disconnected("cannot reach http://127.0.0.1:8750: connection refused", 8.0))
        await top.shows("no data since")

    _picture(snap_compare, "overview", (120, 40), steps, _source(6))


def test_light_theme(snap_compare: Compare) -> None:
    _picture(snap_compare, "hosts/db-1", (120, 40), _charts, _source(4), theme="nagare-light")


def test_no_colour_keeps_every_meaning(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _picture(snap_compare, "overview", (120, 40), _charts, _source(14))
