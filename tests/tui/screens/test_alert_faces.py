"""Alerts on every screen: the header's badge, the overview's strip, marks on charts, and the bell."""

import msgspec
import pytest

from nagare.errors import NotFoundError, UnavailableError
from nagare.tui.marks.of_events import event_marks
from nagare.tui.renderables.chart_model import MarkKind
from nagare.wire.events import EventView
from nagare.wire.live import EventFrame
from tests.tui.alerts import alert_of
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.stage import Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


def _event(kind: str, severity: int, host: str = "web-1", at: int = 60) -> EventView:
    return EventView(f"{kind}-{at}", NOW_MS - at * 1000, host, kind, severity, "alerting", f"{kind} on {host}", {})


def _rings(top: Scene) -> int:
    return top.app.feed.alerts.rings


async def _heard(top: Scene) -> None:
    """Wait until the first answer is there: what came before it rings nobody."""
    await top.until(lambda: "alerts active" in top.source.alerts_held.asked, "the first answer")


async def test_the_strip_and_the_badge_name_what_needs_somebody() -> None:
    source = FleetSource(host_names(4))
    source.alerts_held.put(
        alert_of("CpuBusy", "db-1", 1), alert_of("DiskFull", "web-1", 3), alert_of("Held", "web-1", 3, inhibited_by=["x"]),
        alert_of("Mine", "web-1", 2, "acknowledged"), alert_of("Quiet", "db-1", 2, maintenance="disks"),
    )  # fmt: skip
    async with scene("overview", (120, 40), source=source) as top:
        await top.shows(" 1 crit 1 warn ✖ DiskFull web-1 DiskFull on web-1", "alerts ✖ 1 ▲ 1")
        assert "Held" not in top.text()
        await top.press("2")
        await top.shows("▸ hosts", "alerts ✖ 1 ▲ 1")
        await top.press("1")
        column = next(line for line in top.lines() if "DiskFull web-1" in line).index("DiskFull")
        row = next(index for index, line in enumerate(top.lines()) if "DiskFull web-1" in line)
        await top.pilot.click(offset=(column, row))
        await top.shows("▸ alerts", "CpuBusy")
        await top.until(lambda: top.app.page.item_at_cursor() is not None, "the row")  # type: ignore[attr-defined]
        assert top.app.page.item_at_cursor().name == "DiskFull"  # type: ignore[attr-defined]
        source.alerts_held.held.clear()
        await top.clock.advance(11)
        await top.until(lambda: "alerts ✖" not in top.text(), "the badge gone")


async def test_a_server_without_alerts_leaves_the_hosts_own_reasons() -> None:
    source = FleetSource(host_names(1))
    source.alerts_held.fails = NotFoundError("cannot find /api/v1/alerts: no such path")
    async with scene("overview", (80, 24), source=source) as top:
        await top.shows("the host is up, nothing needs a look")
        assert "cannot find" not in top.text()


async def test_a_new_alert_rings_once_and_many_ring_together() -> None:
    source = FleetSource(host_names(2))
    source.alerts_held.put(alert_of("Old", "web-1", 3))
    async with scene("hosts", (120, 40), source=source) as top:
        await _heard(top)
        await top.shows("alerts ✖ 1")
        assert _rings(top) == 0
        source.alerts_held.put(alert_of("DiskFull", "web-1", 3))
        top.put(EventFrame(_event("alert.firing", 3)))
        await top.until(lambda: _rings(top) == 1, "the ring")
        assert top.app.feed.alerts.rung == "DiskFull on web-1: DiskFull on web-1"
        # Within the half minute the next ones wait, and are told together.
        source.alerts_held.put(alert_of("A", "db-1", 2), alert_of("B", "db-1", 3))
        top.put(EventFrame(_event("alert.firing", 2, at=50)))
        await top.shows("◈ 1")
        assert _rings(top) == 1
        await top.clock.advance(31)
        await top.until(lambda: _rings(top) == 2, "the second")
        assert top.app.feed.alerts.rung == "B on db-1: B on db-1 and 1 more"


@pytest.mark.parametrize(
    "more",
    [
        {"silenced_by": ["s"]},
        {"inhibited_by": ["i"]},
        {"maintenance": "disks"},
        {"severity": 1},
        {"state": "acknowledged"},
    ],
)
async def test_what_nobody_is_told_of_rings_nobody(more: dict[str, object]) -> None:
    source = FleetSource(host_names(1))
    async with scene("hosts", (120, 40), source=source) as top:
        await _heard(top)
        source.alerts_held.put(msgspec.structs.replace(alert_of("DiskFull", "web-1", 3), **more))
        top.put(EventFrame(_event("alert.firing", 3)))
        await top.until(lambda: "diskfull-web-1" in top.app.model.alerts, "the alert")
        assert _rings(top) == 0


async def test_the_bell_can_be_switched_off() -> None:
    source = FleetSource(host_names(1))
    async with scene("hosts", (120, 40), source=source, bell=False) as top:
        await _heard(top)
        source.alerts_held.put(alert_of("DiskFull", "web-1", 3))
        top.put(EventFrame(_event("alert.firing", 3)))
        await top.shows("alerts ✖ 1")
        assert _rings(top) == 0


async def test_a_failure_keeps_what_is_known() -> None:
    source = FleetSource(host_names(1))
    source.alerts_held.put(alert_of("DiskFull", "web-1", 3))
    async with scene("hosts", (120, 40), source=source) as top:
        await top.shows("alerts ✖ 1")
        source.alerts_held.fails = UnavailableError("cannot list alerts: busy")
        await top.clock.advance(11)
        await top.shows("cannot list alerts: busy", "alerts ✖ 1")
        source.alerts_held.fails = None
        await top.clock.advance(11)
        await top.until(lambda: "busy" not in top.text(), "the banner gone")


async def test_turns_of_alerts_are_marked_on_the_charts_of_their_host() -> None:
    source = FleetSource(host_names(2))
    source.events_held = [
        _event("alert.firing", 3, at=300),
        _event("alert.resolved", 0, at=120),
        _event("note", 0, at=30),
    ]
    async with scene("hosts/web-1?t=-15m", (120, 40), source=source) as top:
        await top.until(lambda: any("✖" in line and "✓" in line and "▾" in line for line in top.lines()), "the marks")


def test_a_mark_has_the_state_of_the_turn() -> None:
    kinds = ("alert.firing", "alert.re-opened", "alert.acknowledged", "alert.resolved", "unit.failed")
    marks = event_marks([_event(kind, 2) for kind in kinds])
    assert [(mark.state, mark.kind is MarkKind.ALERT) for mark in marks] == [
        ("high", True), ("high", True), ("ack", True), ("resolved", True), ("crit", False),
    ]  # fmt: skip
    assert event_marks([_event("alert.firing", 2, host="db-1")], "web-1") == []
