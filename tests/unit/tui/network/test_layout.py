"""The map: nothing overlaps, nothing moves without a reason, and lines touch no node that is not theirs."""

from dataclasses import replace
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.model.network.build import USUAL_LABELS, HostSeen, ProbeSeen, build_network
from nagare.model.network.graph import Network
from nagare.tui.network.layout import MapLayout, lay_out
from tests.unit.model.network.test_build import HOSTS, PROBES

WIDTHS = st.integers(20, 160)


def _cells(layout: MapLayout) -> list[tuple[int, int]]:
    return [
        (place.row, column)
        for place in layout.places.values()
        for column in range(place.column, place.column + place.width)
    ]


def _wire_cells(layout: MapLayout) -> set[tuple[int, int]]:
    found = set()
    for wire in layout.wires:
        for (column, row), (to_column, to_row) in pairwise(wire.points):
            columns = range(min(column, to_column), max(column, to_column) + 1)
            found |= {(at, over) for at in range(min(row, to_row), max(row, to_row) + 1) for over in columns}
    return found


@given(HOSTS, PROBES, WIDTHS)
@settings(max_examples=30)
def test_every_node_stands_alone_on_the_map(hosts: list[HostSeen], probes: list[ProbeSeen], width: int) -> None:
    network = build_network(hosts, probes, USUAL_LABELS)
    layout = lay_out(network, width)
    cells = _cells(layout)
    assert layout.places.keys() == network.nodes.keys()
    assert len(cells) == len(set(cells))
    assert all(0 <= row < layout.height and 0 <= column < layout.width for row, column in cells)
    assert not _wire_cells(layout) & set(cells)


@given(HOSTS, PROBES, WIDTHS)
@settings(max_examples=30)
def test_a_layer_stands_below_those_above_it(hosts: list[HostSeen], probes: list[ProbeSeen], width: int) -> None:
    network = build_network(hosts, probes, USUAL_LABELS)
    layout = lay_out(network, width)
    for node_id, uppers in network.uppers.items():
        for upper in uppers:
            if network.nodes[upper].layer < network.nodes[node_id].layer:
                assert layout.places[upper].row < layout.places[node_id].row


@given(HOSTS, PROBES, WIDTHS, st.randoms())
@settings(max_examples=25)
def test_neither_order_nor_states_move_anything(
    hosts: list[HostSeen], probes: list[ProbeSeen], width: int, random: Random
) -> None:  # fmt: skip
    layout = lay_out(build_network(hosts, probes, USUAL_LABELS), width)
    random.shuffle(hosts)
    other = [replace(host, state=random.choice(("up", "down", "warn"))) for host in hosts]
    assert lay_out(build_network(other, probes, USUAL_LABELS), width) == layout


def fleet(count: int) -> Network:
    """Return a network of racks, switches and a gateway."""
    hosts = [
        HostSeen(f"web-{at}", "up", {"switch": f"sw-{at // 40}", "gateway": "gw-1", "rack": f"r{at // 20}"})
        for at in range(count)
    ]
    return build_network(hosts, [], USUAL_LABELS)


def test_those_that_hang_on_the_same_stand_in_one_frame() -> None:
    layout = lay_out(fleet(80), 120)
    framed = [block for block in layout.blocks if block.is_framed]
    assert [len(block.nodes) for block in framed] == [20, 20, 20, 20]
    assert all(block.uppers[0] == "thing/gw-1" for block in framed)
    # By number, not by letter: web-2 before web-10.
    assert framed[0].nodes[:3] == ("host/web-0", "host/web-1", "host/web-2")


def test_one_walks_to_the_nearest_and_stays_at_the_edge() -> None:
    layout = lay_out(fleet(80), 120)
    first = layout.step("", 0, 1)
    assert first == next(iter(layout.places))
    assert layout.step(first, -1, 0) == first
    assert layout.step(first, 0, -1) == first
    right = layout.step(first, 1, 0)
    assert layout.places[right].row == layout.places[first].row
    assert layout.step(right, -1, 0) == first
    below = layout.step(first, 0, 1)
    assert layout.places[below].row > layout.places[first].row
    place = layout.places[below]
    assert layout.hit(place.column + 2, place.row) == below
    assert layout.hit(0, layout.height) == ""


def test_what_is_linked_to_nothing_stands_last() -> None:
    lone = [HostSeen("lone-1", "up"), HostSeen("lone-2", "up")]
    linked = [HostSeen("a", "up", {"switch": "s"}), HostSeen("b", "up", {"switch": "s"})]
    layout = lay_out(build_network([*lone, *linked], [], USUAL_LABELS), 80)
    assert layout.places["host/lone-1"].row > layout.places["host/b"].row


def test_nothing_is_a_map_too() -> None:
    assert lay_out(Network(), 80).places == {}
