"""Screen 8: what is typed is offered, asked, ended, shown, drawn, kept and taken away; and every way in which it can fail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nagare.errors import ConnectFailedError, QuerySyntaxError
from nagare.tui.query.book import QueryBook
from nagare.tui.screens.query import QueryPage
from nagare.tui.source import Disconnected
from nagare.tui.widgets.offer_list import OfferList
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.queries import busy_reply, reply_of
from tests.tui.stage import Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")


@asynccontextmanager
async def _query(
    folder: Path, location: str = "query", size: tuple[int, int] = (120, 40), **more: Any
) -> AsyncIterator[Scene]:
    source = FleetSource(host_names(4))
    source.queries_held.reply = busy_reply(source.names)
    async with scene(location, size, source=source, state=folder, **more) as top:
        await top.until(lambda: bool(_page(top).editor.tables), "the tables")
        yield top


def _page(top: Scene) -> QueryPage:
    page = top.app.page
    assert isinstance(page, QueryPage)
    return page


async def _ask(top: Scene, sql: str = "select 1") -> None:
    _page(top).editor.put(sql)
    await top.press("f5")
    await top.shows("rows in 12.3ms")


async def test_it_says_how_to_begin_and_a_recipe_runs_by_enter(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        await top.shows("Nothing is asked yet", "F2 lists recipes", "F5 Run", "F2 Recipes")
        await top.press("f2")
        await top.shows("Which hosts worked hardest", "Enter runs it")
        await top.press("enter")
        await top.shows("21 rows in 12.3ms", "2025-10-09 08:53:20", "NULL", "round(avg(busy_ratio)")
        (sql, params, since_ms, until_ms), *_ = top.source.queries_held.asked
        assert sql.startswith("select host, round(")
        assert (params, since_ms, until_ms) == (None, NOW_MS - 3_600_000, None)


async def test_names_are_offered_while_typing_and_never_hold_it_up(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        await top.type("select bu")
        await top.shows("c busy_ratio", "part of the time that is not idle")
        await top.press("tab")
        await top.type(" from ")
        await top.shows("t cpu ", "t disk ", "t influx.disk_io")
        await top.press("down", "enter")
        await top.until(lambda: _page(top).editor.text == "select busy_ratio from disk")
        assert not top.app.page.query_one(OfferList).display
        # What is offered while a word is typed takes neither Enter nor Esc's way back from who goes on typing.
        await top.type(" wh")
        await top.shows("where")
        await top.press("enter")
        await top.type("x")
        assert _page(top).editor.text == "select busy_ratio from disk wh\nx"
        await top.press("backspace", "ctrl+space")
        await top.shows("c used_bytes")
        await top.press("escape")
        assert top.app.page is _page(top)


async def test_a_click_takes_what_is_offered(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        await top.type("select * from ev")
        await top.shows("What happened.")
        row, column = next((y, line.index("What")) for y, line in enumerate(top.lines()) if "What happened." in line)
        await top.pilot.click(offset=(column, row))
        await top.until(lambda: _page(top).editor.text == "select * from events")


async def test_esc_ends_what_runs_at_the_far_end_too(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        top.source.queries_held.waits = True
        _page(top).editor.put("select 1")
        await top.press("ctrl+j")
        await top.shows("asking for", "Esc ends it", "Ctrl+G End")
        await top.press("escape")
        await top.shows("ended after", "Nothing is asked yet")
        assert top.source.queries_held.dropped == ["select 1"]
        # A second question takes the place of the first.
        _page(top).editor.put("select 2")
        await top.press("f5")
        await top.shows("asking for")
        await top.press("f5")
        await top.until(lambda: top.source.queries_held.dropped == ["select 1", "select 2"])
        await top.shows("asking for")


async def test_a_fault_is_named_with_its_place_and_the_cursor_stands_on_it(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        message = 'cannot run SQL: referenced column "busy_rato" not found in FROM clause'
        top.source.queries_held.fails = QuerySyntaxError(message, hint="did you mean 'busy_ratio'?")
        _page(top).editor.put("select host,\n  busy_rato\nfrom cpu")
        await top.press("f5")
        await top.shows(message, "line 2, column 3", "^^^^^^^^^", "did you mean 'busy_ratio'?")
        assert _page(top).editor.cursor_location == (1, 2)
        assert [kept.rows for kept in QueryBook(tmp_path).history()] == [None]
        top.source.queries_held.fails = None
        await top.press("f5")
        await top.shows("21 rows")


async def test_esc_takes_the_fault_away_and_what_was_typed_is_there_the_next_time(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        top.source.queries_held.fails = QuerySyntaxError("cannot run SQL: no")
        await top.type("select half of")
        await top.press("f5")
        await top.shows("cannot run SQL: no")
        await top.press("escape")
        await top.shows("Nothing is asked yet", "F5 Run")
        await top.press("escape")
        await top.shows("? Help", "select half of")
        await top.press("tab", "escape", "escape")
        await top.until(lambda: top.app.page.location.page == "overview")
    async with _query(tmp_path) as top:
        await top.shows("select half of")


async def test_rows_are_sorted_filtered_copied_and_lead_to_a_host_at_its_time(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        await _ask(top)
        await top.press("escape", "slash")
        await top.type("busy_ratio>30")
        await top.shows("1 of 21")
        await top.press("enter")
        await top.shows("worker-1", "Enter Open")
        await top.press("y")
        await top.shows("Copy a cell", "0.33", "timestamp_ms")
        await top.press("down", "down", "enter")
        await top.shows("copied 0.33")
        await top.press("end", "enter")
        await top.shows("▸ hosts ▸ worker-1", "08:49:20")
        await top.press("backspace")
        await top.shows("▸ query", "1 of 21")


async def test_a_row_without_a_host_opens_as_a_whole(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        await _ask(top)
        await top.press("escape", "end", "enter")
        await top.shows("y copies", "all␛[31m of them", "NULL")


async def test_an_answer_is_drawn_over_time_and_esc_shows_rows_again(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        await _ask(top)
        await top.press("escape", "v")
        await top.shows("worker-1", "100%", "2 columns of another unit are not drawn")
        await top.press("left", "left")
        assert _page(top).chart.crosshair_ms is not None
        await top.press("end")
        await top.press("escape")
        await top.shows("used_bytes")
        top.source.queries_held.reply = reply_of({"n": "BIGINT"}, [[5]])
        await top.press("f5")
        await top.shows("1 row in")
        await top.press("v")
        await top.shows("a chart wants a column of times")


async def test_it_is_written_to_files_with_every_digit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with _query(tmp_path / "top") as top:
        await _ask(top)
        await top.press("escape", "space", "e")
        await top.shows("CSV: the 1 rows", "Parquet: all rows", "SVG: the chart")
        await top.press("enter")
        await top.shows("wrote 1 rows to nagare-query-20251009-085320.csv")
        await top.press("e", "down", "enter")
        await top.shows("wrote 21 rows (4B) to nagare-query-20251009-085320.parquet")
        await top.press("e", "down", "down", "enter")
        await top.shows("wrote the chart to nagare-query-20251009-085320.svg")
    name = "nagare-query-20251009-085320"
    first, second = (tmp_path / f"{name}.csv").read_text().splitlines()
    assert first == "ts,host,busy_ratio,used_bytes,cores,note"
    assert second == "2025-10-09T08:53:20.000Z,web-1,0.0,1073741824,4,"
    assert (tmp_path / f"{name}.parquet").read_bytes() == b"PAR1"
    assert (tmp_path / f"{name}.svg").read_text().startswith("<svg ")
    assert "submit query ['format', 'since_ms', 'sql', 'until_ms']" in top.source.tasks_held.asked


async def test_parameters_are_asked_for(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        _page(top).editor.put("select * from disk where used_ratio > $most and host = $name")
        await top.press("f5")
        await top.shows("Parameters", "$most", "$name")
        await top.type("0.9")
        await top.press("enter")
        await top.type("web-1")
        await top.press("enter")
        await top.shows("21 rows")
        assert top.source.queries_held.asked[-1][1] == {"most": 0.9, "name": "web-1"}
        await top.press("f5")
        await top.shows("$most", "0.9")
        await top.press("escape")
        await top.until(lambda: len(top.source.queries_held.asked) == 1)


async def test_what_was_asked_and_saved_is_found_again(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        await _ask(top, "select 1 from cpu")
        await _ask(top, "select 2 from disk")
        await top.press("f4")
        await top.shows("name", "Enter goes on")
        await top.type("full disks")
        await top.press("enter")
        await top.shows("saved as full disks")
        await top.press("f3")
        await top.shows("select 2 from disk", "select 1 from cpu", "21 rows  08:53:20")
        await top.type("cpu")
        await top.press("enter")
        await top.until(lambda: _page(top).editor.text == "select 1 from cpu")
        await top.press("f2")
        await top.shows("full disks", "F8 forgets")
        await top.press("f8")
        await top.until(lambda: "full disks" not in top.text() and "Which hosts" in top.text())
    assert QueryBook(tmp_path).saved() == []
    assert [kept.sql for kept in QueryBook(tmp_path).history()] == ["select 1 from cpu", "select 2 from disk"]


async def test_the_time_of_the_room_holds_and_asks_again(tmp_path: Path) -> None:
    async with _query(tmp_path, "query?sql=select 1&t=2025-10-09T07:00:00Z..2025-10-09T08:00:00Z") as top:
        await top.shows("21 rows", "1h to 08:00:00", "REPLAY")
        begin, end = top.source.queries_held.asked[0][2:]
        assert (begin, end) == (1_759_993_200_000, 1_759_996_800_000)
        await top.press("escape", "t")
        await top.type("3")
        await top.until(lambda: len(top.source.queries_held.asked) == 2)
        assert top.source.queries_held.asked[1][2:] == (NOW_MS - 3_600_000, None)
        assert top.app.address == "query?sql=select 1&t=-1h"


async def test_what_was_cut_off_and_what_it_was_read_from_is_said(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        queries = top.source.queries_held
        queries.reply = msgspec.structs.replace(queries.reply, truncated=True, tier="1m")
        await _ask(top)
        await top.shows("more were cut off", "rollup by minutes", "only the first 21 rows came")
        queries.reply = msgspec.structs.replace(queries.reply, truncated=False, notes=["raw rows begin\x1b at 14:00"])
        await top.press("f5")
        await top.shows("raw rows begin␛ at 14:00")
        queries.reply = reply_of({"n": "BIGINT"}, [])
        await top.press("f5")
        await top.shows("0 rows in", "no rows in the 1h looked at; t looks further back")


async def test_who_may_not_is_told_why(tmp_path: Path) -> None:
    source = FleetSource(host_names(1))
    source.commands.caller = msgspec.structs.replace(source.commands.caller, permissions=["alerts.read"])
    async with scene("query?sql=select 1", source=source, state=tmp_path) as top:
        await top.shows("bob may not ask the metrics", "(F5 Run)")
        await top.press("f5")
        await top.until(lambda: not source.queries_held.asked)


async def test_without_a_server_it_keeps_what_it_has(tmp_path: Path) -> None:
    async with _query(tmp_path) as top:
        await _ask(top)
        top.put(Disconnected("cannot connect", 5.0))
        await top.shows("no data since 08:53:20", "worker-1")
        top.source.queries_held.fails = ConnectFailedError("cannot connect to the server", hint="is it up?")
        await top.press("f5")
        await top.shows("cannot connect to the server", "is it up?")


async def test_it_opens_before_there_is_a_server(tmp_path: Path) -> None:
    source = FleetSource(host_names(1))
    async with scene("query?sql=select 1", source=source, connect=False, state=tmp_path) as top:
        await top.shows("select 1", "Nothing is asked yet")
        assert source.queries_held.asked == []
        source.connect()
        await top.shows("1 row in")


async def test_the_columns_of_a_statement_stand_beside_it_where_there_is_room(tmp_path: Path) -> None:
    async with _query(tmp_path, size=(200, 60)) as top:
        await top.shows("Tables", "Room on file systems.")
        await top.type("select 1 from disk ")
        await top.shows("used_ratio", "part that is used")
