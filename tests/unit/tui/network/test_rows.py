"""Nodes and links as rows: what fell first, and what is known of each."""

from typing import Any

import pytest

from nagare.model.network.build import USUAL_LABELS
from nagare.model.network.graph import Network
from nagare.tui.live_model import LiveModel
from nagare.tui.network.rows import link_row, links_csv, node_rows
from nagare.tui.network.seen import network_of, probes_told
from nagare.tui.network.told import caption, fall_text, unlinked_text
from nagare.tui.renderables.palette import make_palette
from nagare.wire.live import Rows
from nagare.wire.network import LinkView, NetworkView, NodeView
from tests.tui.fleet import NOW_MS, view_of
from tests.unit.tui.network.test_drawing import small

PROBE: dict[str, list[Any]] = {
    "ts": [NOW_MS, NOW_MS], "target": ["db-1:5432", "1.1.1.1"], "kind": ["tcp", "icmp"], "success": [False, True],
    "latency_seconds": [None, 0.02], "loss_ratio": [1.0, 0.0], "error": ["refused\x1b", None],
}  # fmt: skip


def _model(tables: dict[str, dict[str, list[Any]]]) -> LiveModel:
    model = LiveModel()
    for name in ("web-1", "db-1"):
        model.put_host(view_of(name, NOW_MS), NOW_MS)
    model.apply(Rows(host="web-1", tables=tables), NOW_MS)
    model.settle(NOW_MS)
    return model


def test_probes_of_the_newest_rows_are_links() -> None:
    model = _model({"probe": PROBE})
    network = network_of(model, USUAL_LABELS, {})
    row = link_row(network.links_of("host/db-1")[0], network, model, "host/db-1")
    assert (row["state"], row["way"], row["name"], row["by"], row["loss"]) == ("down", "down", "web-1", "tcp", 1.0)
    assert row["error"] == "refused␛"
    rows = node_rows(network, model)
    assert (rows["target/1.1.1.1"]["is"], rows["target/1.1.1.1"]["latency"]) == ("icmp", 0.02)
    assert rows["host/web-1"]["on"] == "db-1, 1.1.1.1"
    assert "web-1,db-1,tcp,db-1:5432,down,,1,refused" in links_csv(network)


def test_before_any_row_came_the_servers_word_holds() -> None:
    link = LinkView("x", "host/web-1", "target/9.9.9.9", "icmp", "slow", "9.9.9.9", 0.9, 0.0, "")
    node = NodeView("host/web-1", "host", "web-1", "up", "", [], 1, 0, "")
    told = probes_told(NetworkView([], [node], [link], []))
    assert network_of(_model({}), USUAL_LABELS, told).nodes["target/9.9.9.9"].state == "warn"
    assert "target/9.9.9.9" not in network_of(_model({"probe": PROBE}), USUAL_LABELS, told).nodes


def test_what_fell_stands_first_and_what_it_explains_after_what_does_not_fit() -> None:
    network = small()
    rows = node_rows(network, LiveModel())
    ordered = sorted(rows, key=lambda key: rows[key]["order"])
    assert ordered[0] == "host/sw-1"
    assert ordered[1] == "target/1.1.1.1"
    assert ordered[-1] == "host/gw-1"
    assert rows["host/sw-1"]["why"] == "silent, 2 hosts behind it"
    assert rows["host/web-1"]["why"] == "behind sw-1, which is down"


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ("", "5 nodes, 4 links"),
        ("host/sw-1", "○ sw-1 down · host · 2 hosts behind it · hangs on gw-1"),
        ("host/web-2", "◌ web-2 stale · host · behind sw-1, which is down · hangs on sw-1"),
    ],
)
def test_the_last_line_of_the_map_tells_of_a_node(node: str, text: str) -> None:
    network: Network = small()
    assert caption(network, network.nodes.get(node), make_palette()) == text


def test_what_fell_is_told_in_one_sentence() -> None:
    assert fall_text(small().roots()) == "sw-1 is down, and 2 hosts behind it · R goes there"
    assert "switch" in unlinked_text(("switch",))
