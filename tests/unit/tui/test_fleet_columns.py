"""Columns of a fleet say of each host what a host alone would say."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nagare.model.host import host_state
from nagare.tui.fleet_columns import STATES, FleetColumns
from nagare.tui.ring import Ring, RingBlock

NOW = 1_760_000_000_000


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(-1000, 400_000)), st.sampled_from([1.0, 5.0, 60.0])), max_size=9
    )
)
def test_states_are_those_of_each_host(hosts: list[tuple[int | None, float]]) -> None:
    fleet = FleetColumns(1)
    for number, (silence_ms, interval) in enumerate(hosts):
        slot = fleet.place(f"h{number}")
        fleet.interval_seconds[slot] = interval
        if silence_ms is not None:
            fleet.seen_ms[slot] = NOW - silence_ms
    found = [STATES[state] for state in fleet.states(fleet.slots(), NOW)]
    assert found == [host_state(None if silence is None else silence / 1000, interval) for silence, interval in hosts]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=6, unique_by=lambda point: point[0]),
        max_size=30,
    )
)
def test_rings_of_a_block_are_rings_of_their_own(frames: list[list[tuple[int, int]]]) -> None:
    block, alone = RingBlock(6, 4), [Ring(4) for _ in range(6)]
    for number, frame in enumerate(frames):
        slots = np.array([slot for slot, _ in frame], dtype=np.intp)
        times = np.array([ts_ms for _, ts_ms in frame], dtype=np.int64)
        block.append(slots, times, np.full(len(frame), float(number)))
        for slot, ts_ms in frame:
            alone[slot].append(ts_ms, float(number))
    before = block.before(np.arange(6)).tolist()
    for slot, ring in enumerate(alone):
        of_block = Ring(block=block, slot=slot)
        assert [part.tolist() for part in of_block.points()] == [part.tolist() for part in ring.points()]
        assert of_block.newest() == ring.newest()
        assert (None if math.isnan(before[slot]) else before[slot]) == ring.before()


@given(
    st.lists(st.tuples(st.integers(1, 12_000), st.one_of(st.just(math.nan), st.floats(0.9, 1))), max_size=60),
    st.integers(0, 3),
    st.sampled_from([8, 44]),
    st.sampled_from([1, 40]),
)
def test_the_mean_of_a_span_is_that_of_its_points(
    points: list[tuple[int, float]], others: int, capacity: int, haste: int
) -> None:
    block, held, at_ms = RingBlock(others + 1, capacity), list[tuple[int, float]](), NOW
    for step_ms, value in points:
        at_ms += max(1, step_ms // haste)
        held = [*held, (at_ms, value)][-capacity:]
        block.append_one(others, at_ms, value)
    inside = [(ts_ms, value) for ts_ms, value in held if ts_ms >= at_ms - 30_000]
    known = [value for _, value in inside if value == value]
    is_enough = len(inside) >= 3 and inside[0][0] <= at_ms - 20_000
    wanted = sum(known) / len(known) if is_enough and known else math.nan
    found = block.means_of(np.arange(others + 1), 30_000)
    assert math.isclose(found[others], wanted) or (math.isnan(found[others]) and math.isnan(wanted))
    assert np.isnan(found[:others]).all()


def test_a_forgotten_host_leaves_nothing_to_the_next_one() -> None:
    fleet = FleetColumns(1)
    slot = fleet.place("a")
    fleet.hear(np.array([slot]), np.array([float(NOW)]))
    for step in range(3):
        fleet.take(np.array([slot]), np.array([NOW + step]), {"cpu.busy": np.array([1.0])})
    fleet.forget("a")
    assert fleet.place("b") == slot
    assert math.isnan(fleet.seen_ms[slot])
    assert math.isnan(fleet.newest["cpu.busy"][slot])
    assert fleet.busy_means(np.array([slot])) == {}
    ring = fleet.ring("cpu.busy", slot)
    assert ring is not None
    assert len(ring) == 0


def test_columns_grow_and_keep_what_they_hold() -> None:
    fleet = FleetColumns(1)
    for number in range(9):
        slot = fleet.place(f"h{number}")
        fleet.take(np.array([slot]), np.array([NOW]), {"net.in": np.array([float(number)])})
    slots = fleet.slots_of([f"h{number}" for number in range(9)])
    assert fleet.newest["net.in"][slots].tolist() == [float(number) for number in range(9)]
    assert [fleet.names[slot] for slot in slots] == [f"h{number}" for number in range(9)]
