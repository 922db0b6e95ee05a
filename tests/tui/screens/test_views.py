"""Views of the list of hosts: saved, chosen again, forgotten."""

from pathlib import Path

import pytest

from nagare.tui.location import Location
from nagare.tui.view_book import ViewBook
from tests.tui.stage import scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")


async def test_a_view_is_saved_shown_again_and_forgotten(tmp_path: Path) -> None:
    async with scene("hosts?filter=web&sort=mem.desc", hosts=8, state=tmp_path) as top:
        await top.shows("2 of 8")
        await top.press("V")
        await top.shows("Save view", "filter web · sorted by mem, the greatest first")
        await top.type("front")
        await top.press("enter")
        await top.shows("saved as front")
        await top.app.go(Location("hosts"))
        await top.until(lambda: top.app.address == "hosts")
        await top.press("v")
        await top.shows("Views", "front", "F8 forgets")
        await top.press("enter")
        await top.shows("2 of 8")
        assert top.app.address == "hosts?filter=web&sort=mem.desc"
        await top.press("v")
        await top.shows("F8 forgets")
        await top.press("f8")
        await top.shows("no view is saved: V saves this filter and order")
        await top.press("escape")
    assert ViewBook(tmp_path).saved("hosts") == []


async def test_who_cannot_write_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with scene("hosts", state=tmp_path / "file") as top:
        await top.press("V")
        await top.shows("Save view")
        await top.type("all")
        await top.press("enter")
        await top.shows("cannot write")
