"""What keys, clicks and the palette do, beyond opening pages."""

from pathlib import Path

import pytest

from nagare.lib.clock import ManualClock
from nagare.tui.keymap import check_keys
from nagare.tui.location import Window, parse_location
from nagare.tui.screens.start import StartPage
from nagare.wire.events import EventView
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.stage import Scene, make_app, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


async def _click(top: Scene, word: str, times: int = 1) -> None:
    row, column = next((y, line.index(word)) for y, line in enumerate(top.lines()) if word in line)
    await top.pilot.click(offset=(column, row), times=times)
    await top.pilot.pause()


async def test_a_filter_is_typed_kept_and_stands_in_the_address() -> None:
    async with scene("hosts") as top:
        await top.press("slash")
        await top.shows("words · cpu>80")
        await top.type("role:db")
        await top.shows("1 of 4")
        await top.press("enter")
        assert top.app.address == "hosts?filter=role:db"
        await top.press("enter")
        await top.shows("▸ db-1", "Timeline")
        await top.press("escape")
        await top.shows("1 of 4")


async def test_what_is_typed_before_a_page_stands_is_for_that_page() -> None:
    source = FleetSource(host_names(4))
    source.connect()
    clock = ManualClock(NOW_MS)
    app = make_app(source, clock, "overview")
    assert isinstance(app.page, StartPage)
    from textual.events import Key

    for key in ("4", "2"):
        app.page.on_key(Key(key, key))
    async with app.run_test(size=(120, 40)) as pilot:
        top = Scene(app, source, clock, pilot)
        await top.shows("▸ hosts")
        assert [location.page for location in app.past] == ["overview", "alerts"]


async def test_the_order_stands_in_the_address() -> None:
    async with scene("hosts?sort=cpu.asc") as top:
        await top.until(lambda: top.app.address == "hosts?sort=cpu.asc")
        await top.press("O")
        await top.until(lambda: top.app.address == "hosts?sort=cpu.desc")
        await _click(top, "mem")
        await top.until(lambda: top.app.address == "hosts?sort=mem.desc")


async def test_esc_goes_one_step_back_and_never_quits() -> None:
    async with scene("hosts?filter=db") as top:
        await top.press("enter")
        await top.shows("▸ db-1")
        await top.press("left", "escape")
        assert top.app.page.location.host == "db-1"
        for page in ("hosts", "hosts", "overview", "overview"):
            await top.press("escape")
            await top.until(lambda page=page: top.app.page.location.page == page)  # type: ignore[misc]  # a loop's value
        assert top.app.is_running
        assert top.app.address == "overview"


async def test_backspace_goes_the_way_back() -> None:
    async with scene() as top:
        await top.press("2", "3", "1")
        for page in ("host", "hosts", "overview"):
            await top.press("backspace")
            assert top.app.page.location.page == page
        await top.press("backspace")
        assert top.app.page.location.page == "overview"


async def test_jump_finds_a_host_by_a_part_of_its_name() -> None:
    async with scene(hosts=12) as top:
        await top.press("colon")
        await top.type("wrk-2")
        await top.shows("worker-2")
        await top.press("enter")
        await top.shows("▸ hosts ▸ worker-2")


async def test_the_palette_runs_any_action() -> None:
    async with scene("hosts") as top:
        await top.press("ctrl+p")
        await top.type("freeze")
        await top.shows("Lists: Freeze")
        await top.press("enter")
        await top.shows("frozen at")


async def test_the_mouse_reaches_what_keys_reach() -> None:
    async with scene() as top:
        await _click(top, "Help")
        await top.shows("Esc closes")
        await top.press("escape")
        await top.press("2")
        await top.shows("▸ hosts")
        await _click(top, "db-1", times=2)
        await top.shows("▸ hosts ▸ db-1")
        await _click(top, "Disks")
        await top.shows("File systems", "/var")
        await _click(top, "hosts")
        await top.shows("nagare ▸ hosts", "state")


async def test_zoom_pan_and_live_are_shared_by_all_charts() -> None:
    async with scene("hosts/db-1") as top:
        await top.shows("15 m")
        await top.press("minus")
        await top.shows("22.5 m")
        assert sum("22.5 m" in line for line in top.lines()) > 1
        await top.press("shift+left")
        await top.shows("REPLAY", "(live: 0)")
        assert top.app.page.location.window.end_ms is not None
        await top.press("0")
        await top.shows("live")
        assert top.app.page.location.window == Window(1350)


async def test_the_crosshair_is_shared_and_decides_the_moment_of_lists() -> None:
    async with scene("hosts/db-1") as top:
        await top.shows("CPU", "busy")
        await top.press("left", "left", "left")
        charts = [chart for chart in top.app.page.board._charts.values() if chart.display]  # type: ignore[attr-defined]
        moments = {chart.crosshair_ms for chart in charts}
        assert len(moments) == 1
        moment = (moments.pop() or 0) // 1000 * 1000
        await top.press("right_square_bracket")
        await top.shows("REPLAY", "postgres")
        await top.until(lambda: f"rows process db-1 {moment}" in top.source.asked, "the processes of then")
        await top.press("0")
        await top.until(lambda: "REPLAY" not in top.text())


async def test_a_time_is_chosen_by_digit_or_by_words() -> None:
    async with scene("hosts/db-1") as top:
        await top.press("t", "4")
        await top.shows("live 6h")
        await top.press("t")
        await top.type("yesterday 14:05")
        await top.press("enter")
        await top.shows("REPLAY Oct 8")
        await top.press("t")
        await top.type("never")
        await top.press("enter")
        await top.shows("neither a span nor a moment")
        await top.press("escape")
        await top.shows("REPLAY Oct 8")


async def test_next_host_keeps_tab_and_time() -> None:
    async with scene("hosts/db-1/disks?t=-1h") as top:
        await top.press("n")
        assert top.app.address == "hosts/web-1/disks?t=-1h"
        await top.press("p", "p")
        assert top.app.address == "hosts/cache-1/disks?t=-1h"


async def test_a_row_is_shown_whole() -> None:
    async with scene("hosts/db-1/processes", (80, 24)) as top:
        await top.shows("postgres")
        await top.press("enter")
        await top.shows("postgres: writer", "y copies")
        await top.press("y")
        assert "command\tpostgres: writer" in top.app.clipboard


async def test_events_lead_to_their_host_and_show_their_facts() -> None:
    event = EventView(
        "e1", NOW_MS - 60_000, "db-1", "unit.failed", 1, "agent", "nginx failed", {"unit": "nginx.service"}
    )
    async with scene() as top:
        top.source.events_held = [event]
        top.source.connect()
        await top.shows("nginx failed")
        top.app.page.query_one("#events").focus()
        await top.pilot.pause()
        await top.press("enter")
        await top.shows("▸ hosts ▸ db-1")
        await top.app.go(parse_location("hosts/db-1/events"))
        await top.shows("nginx failed")
        await top.press("enter")
        await top.shows("nginx.service")


async def test_copying_takes_the_name_the_rows_or_the_address() -> None:
    async with scene("hosts?sort=name.asc") as top:
        await top.press("y")
        assert top.app.clipboard == "cache-1"
        await top.press("Y")
        assert top.app.clipboard.splitlines()[1].split("\t")[:2] == ["● up", "cache-1"]
        assert len(top.app.clipboard.splitlines()) == 5
        await top.press("space", "Y")
        assert len(top.app.clipboard.splitlines()) == 2
        await top.app.act("copy.location")
        assert top.app.clipboard == "hosts?sort=name.asc"


async def test_export_writes_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with scene("hosts?sort=name.asc") as top:
        await top.press("down", "space", "e")
        await top.shows("wrote 1 rows to nagare-hosts-20251009-085320.csv")
    lines = (tmp_path / "nagare-hosts-20251009-085320.csv").read_text().splitlines()
    assert lines[0].startswith("state,name,cpu,mem,disk")
    assert [line.split(",")[1] for line in lines[1:]] == ["db-1"]


async def test_keys_of_ones_own_work_and_are_shown() -> None:
    async with scene(keys={"screen.hosts": "h", "table.sort": "u"}) as top:
        await top.press("2")
        assert top.app.page.location.page == "overview"
        await top.press("h")
        await top.shows("▸ hosts", "u Sort")
        before = top.app.address
        await top.press("u")
        await top.until(lambda: top.app.address != before)
    assert check_keys({"table.sort": "u"}) == {"table.sort": "u"}


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quitting_gives_zero(key: str) -> None:
    async with scene() as top:
        await top.press(key)
        await top.until(lambda: not top.app.is_running or top.app._exit, "the end")
    assert top.app.return_value == 0


async def test_q_in_the_filter_is_a_letter() -> None:
    async with scene("hosts") as top:
        await top.press("slash", "q")
        assert top.app.is_running
        assert top.app.page.location.filter == "q"
