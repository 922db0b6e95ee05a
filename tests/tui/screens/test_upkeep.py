"""Hosts in maintenance and notes on hosts, as the dashboard shows them."""

import msgspec
import pytest

from nagare.wire.live import HostFrame
from tests.tui.fleet import NOW_MS, view_of
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
