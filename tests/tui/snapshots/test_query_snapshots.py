"""Pictures of screen 8 at the sizes we promise, in each of its states."""

# ruff: noqa: TID253  these tests drive textual itself

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from textual.widgets import Input

from nagare.errors import QuerySyntaxError
from nagare.tui.screens.query import QueryPage
from nagare.tui.source import Disconnected
from tests.tui.queries import busy_reply
from tests.tui.snapshots.test_snapshots import Compare, Steps, _fleet, _picture, _source
from tests.tui.stage import SIZES, Scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")
_SIZES = pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40", "200x60"])
_SQL = "select ts, host, busy_ratio, used_bytes, cores, note -- all of it\n  from cpu where core = 'all' and busy_ratio > $least"


def _page(top: Scene) -> QueryPage:
    assert isinstance(top.app.page, QueryPage)
    return top.app.page


async def _ready(top: Scene) -> None:
    await _fleet(top)
    await top.until(lambda: bool(_page(top).editor.tables))
    _page(top).editor.cursor_blink = False
    top.source.queries_held.reply = busy_reply(top.source.names, 40)


async def _answered(top: Scene) -> None:
    await _ready(top)
    _page(top).editor.put(_SQL.replace("$least", "0.1"))
    await top.press("f5")
    await top.shows("rows in 12.3ms")


async def _begin(top: Scene) -> None:
    await _ready(top)
    await top.shows("Nothing is asked yet")


async def _offers(top: Scene) -> None:
    await _ready(top)
    await top.type("select c.")
    _page(top).editor.put("select c. from cpu c")
    _page(top).editor.move_cursor((0, 9))
    _page(top).editor.offer_here()
    await top.press("down", "down")
    await top.shows("iowait_ratio")


async def _running(top: Scene) -> None:
    await _ready(top)
    top.source.queries_held.waits = True
    _page(top).editor.put("select 1")
    await top.press("f5")
    await top.shows("asking for")


async def _fault(top: Scene) -> None:
    await _ready(top)
    message = 'cannot run SQL: referenced column "bussy" not found in FROM clause'
    top.source.queries_held.fails = QuerySyntaxError(message, hint="did you mean 'busy_ratio'?")
    _page(top).editor.put("select host,\n  bussy from cpu")
    await top.press("f5")
    await top.shows("line 2, column 3")


async def _cut(top: Scene) -> None:
    await _ready(top)
    top.source.queries_held.reply = msgspec.structs.replace(top.source.queries_held.reply, truncated=True, tier="1h")
    _page(top).editor.put("select 1")
    await top.press("f5")
    await top.shows("more were cut off")


async def _away(top: Scene) -> None:
    await _answered(top)
    await top.press("escape")
    top.put(Disconnected("cannot connect", 5.0))
    await top.shows("no data since")


async def _recipes(top: Scene) -> None:
    await _ready(top)
    await top.press("f2")
    await top.shows("Which hosts")
    top.app.screen.query_one(Input).cursor_blink = False


@_SIZES
def test_answer(snap_compare: Compare, size: tuple[int, int], tmp_path: Path) -> None:
    async def steps(top: Scene) -> None:
        await _answered(top)
        await top.press("escape", "down")

    _picture(snap_compare, "query", size, steps, _source(4), state=tmp_path)


@_SIZES
def test_chart(snap_compare: Compare, size: tuple[int, int], tmp_path: Path) -> None:
    async def steps(top: Scene) -> None:
        await _answered(top)
        await top.press("escape", "v")
        await top.shows("busy_ratio", "worker-1")

    _picture(snap_compare, "query", size, steps, _source(4), state=tmp_path)


@pytest.mark.parametrize(
    ("size", "steps"),
    [
        ((80, 24), _begin), ((120, 40), _offers), ((120, 40), _running), ((80, 24), _fault), ((120, 40), _cut), ((80, 24), _away),
        ((80, 24), _recipes), ((200, 60), _offers),
    ],
    ids=["begin", "offers", "running", "fault", "cut", "away", "recipes", "huge"],
)  # fmt: skip
def test_state(snap_compare: Compare, size: tuple[int, int], steps: Steps, tmp_path: Path) -> None:
    _picture(snap_compare, "query", size, steps, _source(4), state=tmp_path)
