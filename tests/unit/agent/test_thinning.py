"""What stays of a segment when it is thinned, seen from the server: nothing twice, no event lost, no table gone."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.agent.batches import Packed, Waiting, pack_batch
from nagare.agent.thinning import EVENTS_LEVEL, LEVEL_LIMIT, thin
from nagare.wire.batch import Batch, Cell
from tests.support.spool_reader import SpoolReader, opened

Tables = dict[str, dict[str, list[Cell]]]


def _batch(index: int, boot: str = "a", *, more: tuple[str, ...] = (), event: bool = False) -> Waiting:
    tables: Tables = {name: {"ts": [index], "total": [index * 10]} for name in ("load", *more)}
    if event:
        tables["events"] = {"ts": [index], "id": [f"{boot}{index}"], "kind": ["x"], "attributes": [{"n": str(index)}]}
    return Waiting(index, pack_batch("web1", boot, index, tables, 1000 + index))


def _seqs(kept: list[Waiting]) -> list[int]:
    return [opened(one.packed).seq for one in kept if not opened(one.packed).replaces]


def test_every_second_moment_stays_as_it_was_sent() -> None:
    batches = [_batch(index) for index in range(1, 9)]
    made = thin(batches, 1)
    assert _seqs(made.kept) == [2, 4, 6, 8]
    assert made.left_out == 4
    [stand_in] = [opened(one.packed) for one in made.kept if opened(one.packed).replaces]
    assert stand_in == Batch(1, "web1", "a", 2**40 + 7, {}, [1, 3, 5, 7], [1001, 1008])
    assert [one.index for one in made.kept] == sorted(one.index for one in made.kept)
    assert {one.packed.level for one in made.kept} == {1}
    for one in made.kept[1:]:
        assert one.packed.body == batches[one.index - 1].packed.body


def test_thinned_again_a_quarter_stays_and_one_batch_stands_for_all_others() -> None:
    made = thin(thin([_batch(index, event=index == 3) for index in range(1, 9)], 1).kept, 2)
    assert _seqs(made.kept) == [4, 8]
    [stand_in] = [opened(one.packed) for one in made.kept if opened(one.packed).replaces]
    assert stand_in.replaces == [1, 2, 3, 5, 6, 7, 2**40 + 7]
    assert stand_in.seq == 2 * 2**40 + 7
    assert stand_in.tables["events"]["id"] == ["a3"]
    assert stand_in.tables["events"]["attributes"] == [{"n": "3"}]


def test_what_is_collected_seldom_stays() -> None:
    made = thin([_batch(index, more=("smart",) if index == 3 else ()) for index in range(1, 9)], 1)
    assert 3 in _seqs(made.kept)


def test_in_the_end_the_events_alone_stay() -> None:
    made = thin([_batch(index, event=index in (2, 3)) for index in range(1, 9)], EVENTS_LEVEL)
    assert made.left_out == 8
    [stand_in] = [opened(one.packed) for one in made.kept]
    assert stand_in.tables["events"]["id"] == ["a2", "a3"]
    assert stand_in.thinned == []
    assert thin([_batch(1), _batch(2)], EVENTS_LEVEL).kept == []


def test_what_cannot_be_read_stays_as_long_as_samples_do() -> None:
    odd = Waiting(5, Packed("web1", "zstd", b"no such thing"))
    assert [one.index for one in thin([odd], LEVEL_LIMIT).kept] == [5]
    assert thin([odd], EVENTS_LEVEL).kept == []
    assert thin([odd], EVENTS_LEVEL).left_out == 1


def test_batches_of_two_starts_are_not_mixed() -> None:
    batches = [_batch(1, "a", event=True), _batch(2, "a"), _batch(3, "b", event=True), _batch(4, "b")]
    made = thin(batches, 1)
    stand_ins = {opened(one.packed).boot: opened(one.packed) for one in made.kept if opened(one.packed).replaces}
    assert {boot: one.replaces for boot, one in stand_ins.items()} == {"a": [1], "b": [3]}


@pytest.mark.parametrize("at_ms", [0, 7])
def test_a_record_keeps_its_moment_and_level(at_ms: int) -> None:
    packed = Packed("web1", "zstd", b"x", at_ms, 2)
    assert Packed.from_record(packed.to_record()) == packed


_SHAPES = st.lists(
    st.tuples(st.sampled_from("ab"), st.booleans(), st.sampled_from([(), (), (), ("smart",)])), min_size=1, max_size=24
)


@given(_SHAPES, st.lists(st.integers(0, 40), max_size=12), st.integers(1, EVENTS_LEVEL), st.integers())
def test_whatever_had_arrived_nothing_counts_twice_and_no_event_is_lost(
    shapes: list[tuple[str, bool, tuple[str, ...]]], early: list[int], level: int, seed: int
) -> None:
    batches = [
        _batch(index, boot, more=more, event=event) for index, (boot, event, more) in enumerate(sorted(shapes), 1)
    ]
    server = SpoolReader()
    waiting = batches
    for step in range(1, level + 1):
        # Some arrive, and their acknowledgement is lost: they are thinned all the same.
        for place in early[step - 1 :: level]:
            server.take(waiting[place % len(waiting)].packed)
        waiting = thin(waiting, step).kept
        if not waiting:
            break
    random.Random(seed).shuffle(waiting)
    for one in [*waiting, *waiting]:
        server.take(one.packed)
    assert set(server.rows.values()) <= {1}
    assert set(server.events) == {f"{boot}{index}" for index, (boot, event, _) in enumerate(sorted(shapes), 1) if event}
    if level <= LEVEL_LIMIT:
        tables = {(boot, name) for boot, name, _ in server.rows}
        assert tables == {(boot, name) for boot, _, more in shapes for name in ("load", *more)}
