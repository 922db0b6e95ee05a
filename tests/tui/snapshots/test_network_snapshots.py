"""Pictures of screen 5 at the sizes we promise: a switch that fell, and everything behind it."""

from __future__ import annotations

from typing import Any

import pytest

from nagare.tui.screens.network import NetworkPage
from tests.tui.fleet import NOW_MS, FleetSource, frame_of
from tests.tui.snapshots.test_snapshots import Compare, _fleet, _picture, _source
from tests.tui.stage import SIZES, Scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")
_SIZES = pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40", "200x60"])
_FALLEN = ("web-1", "web-2", "web-3", "cache-1", "cache-2")
_SLOW: dict[str, dict[str, list[Any]]] = {
    "probe": {
        "target": ["1.1.1.1", "https://example.org/"], "kind": ["icmp", "http"], "success": [True, True],
        "latency_seconds": [0.012, 0.81], "loss_ratio": [0.0, 0.0], "error": [None, None],
    }
}  # fmt: skip


def _wired() -> FleetSource:
    source = _source(12)
    gateway = {"gateway": "gw-1"}
    source.network_held.labels = {name: {"switch": "sw-1", **gateway} for name in _FALLEN} | {
        "db-1": {"switch": "sw-2", **gateway},
        "db-2": {"switch": "sw-2", **gateway},
        "worker-1": {"switch": "sw-2", "depends_on": "db-1 db-2"},
        "worker-2": {"switch": "sw-2", "depends_on": "db-1 db-2"},
    }
    return source


async def _fell(top: Scene) -> None:
    await _fleet(top)
    await top.clock.advance(80)
    for name in top.source.names:
        if name not in _FALLEN:
            top.put(frame_of(name, NOW_MS + 80_000, tables=_SLOW if name == "db-1" else None))
    top.app.feed._fleet_sampled_ms = NOW_MS + 80_000
    await top.shows("sw-1 is down, and 5 hosts behind it")
    await top.until(lambda: "target/example.org" in _page(top).shown_network().nodes)


def _page(top: Scene) -> NetworkPage:
    assert isinstance(top.app.page, NetworkPage)
    return top.app.page


async def _at_the_root(top: Scene) -> None:
    await _fell(top)
    _page(top).point_at("thing/gw-1")
    await top.press("R")
    await top.until(lambda: _page(top).nodes.cursor_key == "thing/sw-1")


@_SIZES
def test_a_switch_that_fell(snap_compare: Compare, size: tuple[int, int]) -> None:
    _picture(snap_compare, "network", size, _at_the_root, _wired())


@pytest.mark.parametrize("size", SIZES[:2], ids=["80x24", "120x40"])
def test_the_map_alone(snap_compare: Compare, size: tuple[int, int]) -> None:
    _picture(snap_compare, "network/map", size, _at_the_root, _wired())


def test_on_the_floor_counts_are_left(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await top.until(lambda: top.app.model.is_primed and all(host.tables for host in top.app.model.hosts.values()))

    _picture(snap_compare, "network", (39, 9), steps, _wired())


@pytest.mark.parametrize("is_ascii", [False, True], ids=["mono", "ascii"])
def test_without_colour_and_in_ascii(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, *, is_ascii: bool) -> None:
    if not is_ascii:
        monkeypatch.setenv("NO_COLOR", "1")

    async def steps(top: Scene) -> None:
        await _at_the_root(top)
        assert not is_ascii or all(line.isascii() for line in top.lines())

    _picture(snap_compare, "network/map", (80, 24), steps, _wired(), ascii=is_ascii)


async def _links(top: Scene) -> None:
    await _at_the_root(top)
    _page(top).point_at("host/db-1")
    await top.press("i")
    await top.shows("example.org")


def test_the_links_of_a_node(snap_compare: Compare) -> None:
    _picture(snap_compare, "network", (120, 40), _links, _wired())
