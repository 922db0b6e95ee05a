"""Every page by its keys at every size we promise, and below."""

import pytest

from nagare.tui.host_tabs import LIST_TABS, TAB_TITLES
from nagare.tui.location import parse_location
from tests.tui.stage import SIZES, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")
FLOORS = ((60, 16), (40, 10), (39, 9), (20, 5), (10, 3), (2, 1))


@pytest.mark.parametrize("size", SIZES)
async def test_every_page_is_reached_by_keys(size: tuple[int, int]) -> None:
    async with scene(size=size) as top:
        await top.shows("nagare ▸ overview", "Hottest hosts", "db-1", "CPU", "? Help")
        await top.press("2")
        await top.shows("nagare ▸ hosts", "state", "cpu", "worker-1")
        await top.press("3")
        await top.shows("▸ hosts ▸", "Timeline", "Processes")
        await top.press("1")
        await top.shows("nagare ▸ overview")
        await top.press("question_mark")
        await top.shows("Screens", "Esc closes")
        await top.press("escape")
        await top.shows("nagare ▸ overview")


@pytest.mark.parametrize("size", SIZES)
async def test_every_tab_of_a_host_is_reached_by_keys(size: tuple[int, int]) -> None:
    async with scene("hosts/db-1", size) as top:
        seen = []
        for _ in range(7):
            await top.until(lambda: bool(top.app.page.location.tab))
            seen.append(top.app.page.location.tab)
            await top.press("right_square_bracket")
        assert seen == ["timeline", "processes", "cores", "disks", "network", "events", "agent"]
        assert top.app.page.location.tab == "timeline"
        await top.press("left_square_bracket")
        assert top.app.page.location.tab == "agent"


async def test_every_tab_opens_by_its_address_also_when_it_has_nothing() -> None:
    async with scene("hosts/db-1", (80, 24)) as top:
        for tab, title in TAB_TITLES:
            await top.app.go(parse_location(f"hosts/db-1/{tab}"))
            await top.shows(title)
            if tab in LIST_TABS and tab in ("gpus", "units", "containers", "sensors"):
                await top.shows(LIST_TABS[tab].sections[0].empty[:20])


async def test_small_terminals_get_less_and_no_refusal() -> None:
    async with scene(size=FLOORS[0]) as top:
        for size in FLOORS:
            await top.pilot.resize_terminal(*size)
            for key in ("2", "3", "right_square_bracket", "escape", "1", "question_mark", "escape"):
                await top.press(key)
            if size == (39, 9):
                await top.shows("4 up")
            if size[0] >= 40 and size[1] >= 10:
                await top.shows("Hottest hosts")


async def test_the_floor_names_the_worst_host() -> None:
    async with scene(size=(39, 9)) as top:
        await top.clock.advance(120)
        top.app.feed.schedule()
        await top.shows("4 down", "cache-1 silent for 2m")


async def test_a_resize_keeps_cursor_and_time_and_shows_what_fits() -> None:
    async with scene("hosts", (200, 60), hosts=12) as top:
        await top.press("down", "down", "down")
        chosen = top.app.page.host_at_cursor()
        for width, height in ((80, 24), (39, 9), (120, 40), (200, 60)):
            await top.pilot.resize_terminal(width, height)
            await top.pilot.pause()
            assert top.app.page.host_at_cursor() == chosen
        await top.shows("needs a look", "Machine", "Debian 13")


async def test_the_footer_holds_only_keys_that_do_something() -> None:
    async with scene("hosts") as top:
        await top.shows("/ Filter", "o Sort", "z Freeze")
        assert "Zoom" not in top.lines()[-1]
        assert "Retry" not in top.lines()[-1]
        await top.press("3")
        await top.shows("] Next tab", "+ Zoom in")
        assert "Filter" not in top.lines()[-1]


async def test_a_lone_host_needs_no_grid_and_no_comparison() -> None:
    async with scene(hosts=1) as top:
        await top.shows("the host is up, nothing needs a look")
        assert "Fleet" not in top.text()
        assert "highest host" not in top.text()


async def test_ascii_draws_ascii_only() -> None:
    async with scene(hosts=6, ascii=True) as top:
        for keys in (("2",), ("3",), ("right_square_bracket",)):
            await top.press(*keys)
            await top.pilot.pause()
        for line in top.lines():
            assert line.isascii(), line
