"""Hosts in maintenance and notes on hosts, as the dashboard shows them."""

import msgspec
import pytest

from nagare.tui.renderables.chart_model import GapMark
from nagare.wire.live import HostFrame
from tests.tui.fleet import NOW_MS, FleetSource, view_of
from tests.tui.stage import scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")
VIEW = msgspec.structs.replace(
    view_of("db-1", NOW_MS), maintenance="new \x1b[2Jdisks", note="left supply\u202e changed (ann)"
)


async def test_the_list_says_who_is_in_maintenance_and_no_longer_when_it_ends() -> None:
    async with scene("hosts", (160, 40)) as top:
        top.put(HostFrame(VIEW))
        await top.shows("maintenance: new ␛")
        top.put(HostFrame(msgspec.structs.replace(VIEW, maintenance="")))
        await top.until(lambda: "maintenance" not in top.text())


async def test_the_page_of_a_host_says_why_and_shows_the_newest_note() -> None:
    async with scene("hosts/db-1", (200, 50)) as top:
        top.put(HostFrame(VIEW))
        await top.shows("in maintenance", "in maintenance: new ␛[2Jdisks", "left supply� changed (ann)")


async def test_a_small_terminal_says_it_in_the_summary() -> None:
    async with scene("hosts/db-1", (80, 24)) as top:
        top.put(HostFrame(VIEW))
        await top.shows("in maintenance")


async def test_charts_tell_the_kinds_of_gaps_apart() -> None:
    source = FleetSource(["db-1"], begun_ms=NOW_MS - 60_000)
    source.gaps_held = [
        GapMark(NOW_MS - 880_000, NOW_MS - 700_000, "down"),
        GapMark(NOW_MS - 700_000, NOW_MS - 500_000, "dropped"),
        GapMark(NOW_MS - 500_000, NOW_MS - 300_000, "buffered"),
        GapMark(NOW_MS - 300_000, NOW_MS - 100_000, "late"),
    ]
    async with scene("hosts/db-1?t=2025-10-09T08:38:20Z..2025-10-09T08:53:20Z", (200, 50), source=source) as top:
        await top.shows("down", "dropped", "buffered", "late", "___", "xxx", "~~~", "???")
