"""Screen 5: a map and a list of what depends on what, and every way through them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nagare.errors import NotFoundError
from nagare.tui.screens.network import NetworkPage
from nagare.tui.source import Connected, Disconnected
from nagare.tui.widgets.network_map import NetworkMap
from nagare.wire.live import Hello
from tests.tui.fleet import NOW_MS, FleetSource, frame_of, host_names
from tests.tui.stage import Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")

LABELS: Mapping[str, Mapping[str, str]] = {
    "db-1": {"gateway": "gw-1"},
    "web-1": {"switch": "sw-1"},
    "web-2": {"switch": "sw-1"},
    "cache-1": {"switch": "sw-1", "depends_on": "db-1"},
}
PROBES: dict[str, dict[str, list[Any]]] = {
    "probe": {
        "target": ["1.1.1.1", "https://example.org/"], "kind": ["icmp", "http"], "success": [True, False],
        "latency_seconds": [0.012, None], "loss_ratio": [0.0, 1.0], "error": [None, "refused"],
    }
}  # fmt: skip


def _source(labels: Mapping[str, Mapping[str, str]] = LABELS) -> FleetSource:
    source = FleetSource(host_names(6))
    source.network_held.labels = labels
    return source


@asynccontextmanager
async def _network(
    location: str = "network", size: tuple[int, int] = (120, 40), source: FleetSource | None = None, **top: Any
) -> AsyncIterator[Scene]:
    async with scene(location, size, source=source or _source(), **top) as opened:
        opened.put(frame_of("db-1", NOW_MS, tables=PROBES))
        await opened.until(lambda: "example.org" in _names(opened), "the probes")
        yield opened


def _page(top: Scene) -> NetworkPage:
    page = top.app.page
    assert isinstance(page, NetworkPage)
    return page


def _names(top: Scene) -> set[str]:
    return {node.name for node in _page(top).shown_network().nodes.values()}


def _cursor(top: Scene) -> str:
    node = _page(top).cursor_node
    return "" if node is None else node.name


async def test_five_opens_it_and_the_list_says_what_needs_a_look_first() -> None:
    async with scene(source=_source()) as top:
        await top.press("5")
        await top.shows("▸ network", "sw-1", "gw-1", "Map or list")
        top.put(frame_of("db-1", NOW_MS, tables=PROBES))
        await top.shows("○ down  example.org", "no answer to the o", "12ms")
        await top.shows("example.org is down, and 2 hosts behind it · R goes there")
        assert top.app.address == "network"
        await top.press("R")
        assert _cursor(top) == "example.org"
        await top.shows("○ example.org down · http")


async def test_v_shows_the_map_the_cursor_stays_with_its_node_and_the_address_says_so() -> None:
    async with _network(size=(80, 24)) as top:
        assert not top.app.page.query_one(NetworkMap).display
        _page(top).point_at("thing/sw-1")
        await top.press("v")
        await top.shows("›● sw-1", "▾● cache-1", "● sw-1 up · switch · 3 hosts behind it")
        assert top.app.address == "network/map"
        await top.press("down")
        assert _cursor(top) != "sw-1"
        _page(top).point_at("host/web-1")
        await top.shows("▴● sw-1", "›● web-1")
        await top.press("v")
        await top.shows(" node ", "behind")
        assert top.app.address == "network"
        assert _page(top).nodes.cursor_key == f"host/{_cursor(top)}"


async def test_enter_goes_into_a_host_and_back() -> None:
    async with _network("network/map") as top:
        _page(top).point_at("host/db-1")
        await top.press("enter")
        await top.shows("▸ db-1", "Timeline")
        await top.press("escape")
        await top.shows("network ▸ map")
        assert _cursor(top) == "db-1"


async def test_of_anything_else_enter_shows_the_links_and_of_a_link_its_chart() -> None:
    async with _network(size=(80, 24)) as top:
        _page(top).point_at("target/1.1.1.1")
        await top.press("enter")
        await top.shows("way", "db-1", "icmp", "12ms")
        await top.press("enter")
        await top.shows("icmp 1.1.1.1, from db-1", "latency")
        assert "probe history db-1 icmp 1.1.1.1" in top.source.asked
        await top.press("plus")
        await top.until(lambda: "t=-10m" in top.app.address)
        await top.press("escape")
        await top.shows("way", "12ms")
        await top.press("escape")
        await top.shows("behind", "example.org")
        _page(top).point_at("host/web-1")
        await top.press("i", "enter")
        await top.shows("traffic of web-1", "in", "out")


async def test_a_crosshair_on_a_chart_shows_the_network_of_that_moment() -> None:
    async with _network() as top:
        _page(top).point_at("host/db-1")
        await top.press("i")
        _page(top).links.move_to("host/db-1 icmp target/1.1.1.1 1.1.1.1")
        await top.press("enter")
        await top.shows("icmp 1.1.1.1, from db-1")
        await top.press("left", "left")
        await top.shows("REPLAY", "which labels linked hosts then is not kept")
        await top.press("0")
        await top.until(lambda: "REPLAY" not in top.text(), "the present")


async def test_a_filter_leaves_the_map_as_it_stands() -> None:
    async with _network(size=(200, 60)) as top:
        before = top.app.page.query_one(NetworkMap).layout_of(100)
        await top.press("slash")
        await top.type("role:web")
        await top.press("enter")
        await top.shows("2 of 10", "· sw-1", "● web-1")
        assert top.app.address == "network?filter=role:web"
        assert top.app.page.query_one(NetworkMap).layout_of(100) == before
        await top.press("slash", "escape")
        await top.press("slash")
        await top.type("behind>9")
        await top.shows("0 of 10")


async def test_a_host_that_falls_moves_nothing_on_the_map_and_is_told() -> None:
    async with _network("network/map", (120, 40)) as top:
        picture = top.app.page.query_one(NetworkMap)
        places = picture.layout_of(120).places
        await top.clock.advance(80)
        for name in top.source.names:
            if name not in ("web-1", "web-2", "cache-1"):
                top.put(frame_of(name, NOW_MS + 80_000))
        await top.shows("sw-1 is down, and 3 hosts behind it", "○ web-1", "○ sw-1")
        assert picture.layout_of(120).places == places
        assert _page(top).shown_network().nodes["host/web-1"].cause == "thing/sw-1"


async def test_frozen_nothing_changes_until_it_goes_on() -> None:
    async with _network("network/map") as top:
        await top.press("z")
        await top.shows("list and map stand still")
        network = _page(top).shown_network()
        await top.clock.advance(80)
        top.put(frame_of("db-1", NOW_MS + 80_000))
        await top.shows("○ 5")
        assert _page(top).shown_network() is network
        await top.press("z")
        await top.until(lambda: _page(top).shown_network() is not network, "the present")


async def test_a_click_chooses_a_node_and_one_more_opens_it() -> None:
    async with _network("network/map") as top:
        row, line = next((at, line) for at, line in enumerate(top.lines()) if "● web-2" in line)
        for _ in range(2):
            await top.pilot.click(offset=(line.index("● web-2") + 2, row))
            await top.pilot.pause()
        await top.shows("▸ web-2", "Timeline")


async def test_without_links_it_says_how_they_come_to_be() -> None:
    async with scene("network", source=_source({})) as top:
        await top.shows("no links yet: give hosts a label such as depends_on", "web-1")
        await top.press("v")
        await top.shows("╭", "● web-1")


async def test_a_server_that_is_older_is_taken_as_it_is() -> None:
    source = _source()
    source.network_held.fails = NotFoundError("cannot find /api/v1/network")
    async with _network(source=source) as top:
        await top.shows("sw-1", "example.org")
        assert "sw-1" in _names(top)
        assert source.network_held.asked == 1


async def test_a_lost_server_keeps_what_was_and_one_that_is_back_is_asked_anew() -> None:
    async with _network() as top:
        await top.clock.advance(7)
        top.put(Disconnected("cannot reach http://127.0.0.1:1: connection refused", 8.0))
        await top.shows("no data since", "◌ stale", "sw-1")
        asked = top.source.network_held.asked
        top.put(Connected(Hello("0.1.0", NOW_MS)), *(frame_of(name, NOW_MS + 9000) for name in top.source.names))
        await top.until(lambda: top.source.network_held.asked > asked, "a question to the server that is back")


async def test_hidden_it_does_nothing() -> None:
    async with _network() as top:
        page = _page(top)
        await top.press("1")
        network = page.shown_network()
        await top.clock.advance(3)
        top.put(frame_of("db-1", NOW_MS + 3000, tables=PROBES))
        await top.until(lambda: top.app.model.hosts["db-1"].tables["probe"].ts_ms == NOW_MS + 3000)
        top.app.feed._tick()
        assert page.shown_network() is network


def _count(folder: Path) -> int:
    return len(list(folder.glob("nagare-network*.*")))


def _written(folder: Path) -> tuple[str, str, str]:
    nodes, links = sorted(folder.glob("*.csv"), key=lambda path: "links" in path.name)
    return nodes.read_text(), links.read_text(), next(folder.glob("*.svg")).read_text()


async def test_what_is_shown_is_written_to_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with _network() as top:
        for count, keys in enumerate(((), ("down",), ("down", "down")), 1):
            await top.press("e", *keys, "enter")
            await top.until(lambda count=count: _count(tmp_path) == count, "a file")  # type: ignore[misc]  # a loop's value
        nodes, links, drawing = _written(tmp_path)
        assert "down,example.org,http,2" in nodes
        assert "web-1,sw-1,switch,,up" in links
        assert "<svg" in drawing
        _page(top).point_at("thing/sw-1")
        await top.press("y")
        await top.shows("copied sw-1")


async def test_every_key_of_the_map_walks_and_the_palette_does_too() -> None:
    async with _network("network/map") as top:
        places = top.app.page.query_one(NetworkMap).layout_of(120).places
        await top.press("end")
        assert f"host/{_cursor(top)}" == list(places)[-1]
        await top.press("home")
        first = _cursor(top)
        await top.press("right", "left", "pagedown", "pageup")
        assert _cursor(top) == first
        await top.press("ctrl+p")
        await top.type("network last")
        await top.press("enter")
        await top.until(lambda: f"host/{_cursor(top)}" == list(places)[-1], "the last node")
