import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.agent.batches import Packed, TableSet, pack_batch, rename_host
from nagare.wire.batch import Batch
from nagare.wire.binary_batch import decode_batch
from nagare.wire.codec import unpack


def _unpacked(packed: Packed) -> Batch:
    return decode_batch(unpack(packed.body, packed.encoding, 10**7))


def test_rows_are_stamped_with_the_moment_of_their_tick() -> None:
    tables = TableSet()
    tables.add({"cpu": {"core": ["all", "0"], "busy_ratio": [0.5, None]}}, 7)
    tables.add({"cpu": {"core": ["all"], "busy_ratio": [0.6]}, "empty": {}, "also_empty": {"x": []}}, 9)
    assert tables.take() == {"cpu": {"core": ["all", "0", "all"], "busy_ratio": [0.5, None, 0.6], "ts": [7, 7, 9]}}
    assert tables.take() == {}


def test_columns_that_one_source_lacks_are_null_there() -> None:
    tables = TableSet()
    tables.add({"load": {"load1": [1.0]}}, 1)
    tables.add({"load": {"users": [3]}}, 2)
    assert tables.take() == {"load": {"load1": [1.0, None], "ts": [1, 2], "users": [None, 3]}}


def test_a_source_may_bring_its_own_moments() -> None:
    tables = TableSet()
    tables.add({"events": {"id": ["a"], "ts": [3], "kind": ["x"]}}, 9)
    assert tables.take()["events"]["ts"] == [3]


def test_events_without_an_id_get_one_each() -> None:
    tables = TableSet()
    tables.add({"events": {"kind": ["x", "y"]}}, 1)
    tables.add({"events": {"kind": ["z", "w"], "id": ["mine", None]}}, 1)
    ids = [str(identity) for identity in tables.take()["events"]["id"]]
    assert ids[2] == "mine"
    assert len(set(ids)) == 4
    assert all(uuid.UUID(identity) for identity in (ids[0], ids[1], ids[3]))


def test_rows_may_differ_in_their_columns() -> None:
    tables = TableSet()
    tables.add_rows("agent", [{"collector": "agent", "ok": True}, {"collector": "cpu", "rows": 3}], 5)
    tables.add_rows("agent", [], 6)
    assert tables.take() == {
        "agent": {"collector": ["agent", "cpu"], "ok": [True, None], "rows": [None, 3], "ts": [5, 5]}
    }


def test_attributes_of_any_mapping_kind_reach_the_wire() -> None:
    from types import MappingProxyType

    tables = TableSet()
    tables.add({"events": {"id": ["a", "b"], "attributes": [MappingProxyType({"k": "v"}), None]}}, 1)
    packed = pack_batch("web1", "boot", 1, tables.take())
    assert _unpacked(packed).tables["events"]["attributes"] == [{"k": "v"}, None]


_cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)


@st.composite
def _tables(draw: st.DrawFn) -> dict[str, dict[str, list[Any]]]:
    count = draw(st.integers(0, 4))
    names = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=4))
    return {
        draw(st.sampled_from(["cpu", "disk"])): {
            name: draw(st.lists(_cells, min_size=count, max_size=count)) for name in names
        }
    }


@given(st.lists(_tables(), max_size=6))
def test_all_columns_of_a_table_always_have_one_length(parts: list[dict[str, dict[str, list[Any]]]]) -> None:
    tables = TableSet()
    rows: dict[str, int] = {}
    for number, part in enumerate(parts):
        tables.add(part, number)
        for name, columns in part.items():
            rows[name] = rows.get(name, 0) + (len(next(iter(columns.values()))) if columns else 0)
    taken = tables.take()
    assert {name: {len(column) for column in table.values()} for name, table in taken.items()} == {
        name: {count} for name, count in rows.items() if count
    }
    assert _unpacked(pack_batch("h", "b", 1, taken)).tables == taken


def test_what_is_no_number_is_not_known() -> None:
    packed = pack_batch("web1", "boot", 1, {"cpu": {"ts": [1, 2], "x": [math.inf, math.nan]}})
    assert _unpacked(packed).tables["cpu"]["x"] == [None, None]


def test_a_small_batch_is_sent_as_it_is_and_a_large_one_packed() -> None:
    small = pack_batch("web1", "boot", 1, {"cpu": {"ts": [1]}})
    large = pack_batch("web1", "boot", 2, {"cpu": {"ts": list(range(1000))}})
    assert (small.encoding, large.encoding) == ("identity", "zstd")
    assert len(large.body) < 2500
    assert _unpacked(large).seq == 2


@pytest.mark.parametrize("body", [b"", b"{}", b"\n\n\xff\n"])
def test_a_record_of_the_spool_gives_the_batch_back(body: bytes) -> None:
    for packed in (Packed("web1", "zstd", body), Packed("web1", "zstd", body, 1_760_000_000_000)):
        assert Packed.from_record(packed.to_record()) == packed


@pytest.mark.parametrize("record", [b"", b"one line", b"two\nlines", b"\xff\xff\nzstd\nbody"])
def test_a_damaged_record_is_refused(record: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the kind is the promise
        Packed.from_record(record)


def test_a_renamed_batch_keeps_everything_else() -> None:
    packed = pack_batch("old", "boot", 7, {"cpu": {"ts": list(range(500))}})
    renamed = rename_host(packed, "new")
    before, after = _unpacked(packed), _unpacked(renamed)
    assert (renamed.host, after.host) == ("new", "new")
    assert (after.boot, after.seq, after.tables) == (before.boot, before.seq, before.tables)
