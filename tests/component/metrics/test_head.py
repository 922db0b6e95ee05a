"""Rows of the head are the same rows whichever way they came to DuckDB: as lists, by way of arrays, in one step or many."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.config.settings import QuerySettings
from nagare.metrics.engine import Engine
from nagare.metrics.head import PENDING_BATCHES, HeadDatabase, HeadTable
from nagare.metrics.schema import Schema
from nagare.metrics.sorted_rows import SortedRows
from nagare.model.tables import ColumnType
from nagare.wire.batch import Batch
from nagare.wire.binary_batch import encode_binary
from nagare.wire.binary_columns import find_ordinary
from nagare.wire.codec import encode

SCHEMA = Schema(
    "things",
    {
        "ratio": ColumnType.FLOAT, "count": ColumnType.INTEGER, "is_up": ColumnType.BOOLEAN, "name": ColumnType.TEXT,
        "labels": ColumnType.MAP,
    },
)  # fmt: skip
_CELLS: Mapping[str, st.SearchStrategy[Any]] = {
    "ratio": st.none() | st.floats(allow_nan=False, allow_infinity=True),
    "count": st.none() | st.integers(-(2**63), 2**63 - 1),
    "is_up": st.none() | st.booleans(),
    "name": st.none() | st.sampled_from(["", "a", "ä", "🐟" * 20, "a\nb", "0"]),
    "labels": st.none() | st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["", "1", '"'])),
}


@st.composite
def _batches(draw: st.DrawFn) -> tuple[str, dict[str, list[Any]]]:
    rows = draw(st.integers(1, 4))
    names = draw(st.sets(st.sampled_from(sorted(_CELLS))))
    cells: dict[str, list[Any]] = {"ts": draw(st.lists(st.integers(0, 2**41), min_size=rows, max_size=rows))}
    for name in sorted(names):
        cells[name] = draw(st.lists(_CELLS[name], min_size=rows, max_size=rows))
    if draw(st.booleans()):
        cells["host"] = draw(st.lists(st.sampled_from(["h1", "h2"]), min_size=rows, max_size=rows))
    return draw(st.sampled_from(["h1", "h9"])), cells


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A database for all of them."""
    return Engine(Path(tmp_path_factory.mktemp("metrics")), QuerySettings())


def _rows(engine: Engine, table: HeadTable, columns: Sequence[str]) -> list[Any]:
    names = ", ".join(f"epoch_ms({name})" if name == "ts" else name for name in columns)
    with engine.cursor() as cursor:
        return [tuple(row) for row in cursor.execute(f"SELECT {names} FROM {table.name} ORDER BY rowid").fetchall()]


@given(st.lists(st.tuples(_batches(), st.sampled_from(["wait", "freeze", "fill"])), min_size=1, max_size=8))
def test_whatever_way_rows_take_they_arrive(
    engine: Engine, steps: list[tuple[tuple[str, dict[str, list[Any]]], str]]
) -> None:
    database = HeadDatabase(1)
    table = HeadTable("things", database)
    expected: list[tuple[Any, ...]] = []
    try:
        for (host, cells), then in steps:
            table.add(host, cells)
            for row in range(len(cells["ts"])):
                own = cells["host"][row] if "host" in cells else host
                values = [cells[name][row] if name in cells else None for name in SCHEMA.columns]
                expected.append((cells["ts"][row], own, *values))
            if then == "freeze":
                table.freeze(SCHEMA)
            elif then == "fill":
                table.fill(SCHEMA, engine)
        table.fill(SCHEMA, engine)
        found = _rows(engine, table, ("ts", "host", *SCHEMA.columns))
    finally:
        database.drop(engine)
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert table.pending_cells == 0


@pytest.mark.parametrize("in_binary", [False, True])
def test_columns_that_were_decoded_by_their_types_arrive(engine: Engine, *, in_binary: bool) -> None:
    tables: dict[str, dict[str, list[Any]]] = {"load": {"ts": [1, 2], "load1": [0.5, None], "cores": [4, None]}}
    fewer: dict[str, dict[str, list[Any]]] = {"load": {"ts": [3], "load5": [1.5]}}
    database = HeadDatabase(1)
    table = HeadTable("load", database)
    schema = Schema("load", {"load1": ColumnType.FLOAT, "load5": ColumnType.FLOAT, "cores": ColumnType.INTEGER})
    for seq, content in enumerate((tables, fewer)):
        batch = Batch(1, "h", "b", seq, content)
        body = (encode_binary(batch) if in_binary else None) or encode(batch)
        sound = find_ordinary(body, "identity", body)
        assert sound is not None
        table.add("h", sound.tables["load"])
    table.add("g", {"ts": [4], "cores": [8]})
    table.fill(schema, engine)
    found = _rows(engine, table, ("ts", "host", *schema.columns))
    database.drop(engine)
    assert found == [
        (1, "h", 0.5, None, 4),
        (2, "h", None, None, None),
        (3, "h", None, 1.5, None),
        (4, "g", None, None, 8),
    ]


def test_threads_that_attach_one_generation_at_one_time_all_have_it(engine: Engine) -> None:
    start = threading.Barrier(4)

    def attach(database: HeadDatabase) -> None:
        with engine.cursor() as cursor:
            start.wait(10)
            database.attach(cursor)

    with ThreadPoolExecutor(4) as threads:
        for generation in range(7_000, 7_050):
            database = HeadDatabase(generation)
            for done in [threads.submit(attach, database) for _ in range(4)]:
                done.result(10)
            database.drop(engine)


_ASKED = ", ".join(("epoch_ms(ts)", "host", *SCHEMA.columns))
_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000


def _named(row: tuple[Any, ...], keys: Sequence[str]) -> tuple[Any, ...]:
    """Return what a row stands by."""
    return row[1], *(row[2 + list(SCHEMA.columns).index(key)] for key in keys), row[0]


@dataclass(frozen=True, slots=True)
class _Keyed(Schema):
    """A schema whose keys are said, as those of our own tables are."""

    said: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return self.said


def _by_days(engine: Engine, rows: SortedRows) -> dict[int, list[tuple[Any, ...]]]:
    found = {}
    with engine.cursor() as cursor:
        for span, arrays in rows.days():
            cursor.register("waiting", arrays)
            part = cursor.execute(f"SELECT {_ASKED} FROM ({rows.select('waiting')})").fetchall()
            times = [row[0] for row in part]
            assert (span.min_ms, span.max_ms, span.rows) == (min(times), max(times), len(part))
            found[span.min_ms // _DAY_MS] = part
    return found


@pytest.mark.parametrize("keys", [("name",), ("count",), ("count", "name"), ("name", "count")])
@given(batches=st.lists(st.tuples(_batches(), st.booleans()), min_size=1, max_size=6))
def test_rows_for_a_block_stand_as_duckdb_sorts_them(
    engine: Engine, keys: tuple[str, ...], batches: list[tuple[tuple[str, dict[str, list[Any]]], bool]]
) -> None:
    schema = _Keyed("things", SCHEMA.columns, keys)
    database = HeadDatabase(1)
    table, same = HeadTable("things", database), HeadTable("same", database)
    for (host, cells), is_frozen in batches:
        for each in (table, same):
            each.add(host, cells)
        if is_frozen:
            table.freeze(SCHEMA)
    rows = table.sorted_rows(schema)
    try:
        same.fill(schema, engine)
        assert same.sorted_rows(schema) is None
        # A key that no row has is none: there is nothing of it to sort by.
        present = [key for key in keys if any(key in cells for (_, cells), _ in batches)] or ["host"]
        with engine.cursor() as cursor:
            order = cursor.execute(
                f"SELECT {_ASKED} FROM {same.name} ORDER BY host, {', '.join(present)}, ts"
            ).fetchall()
        assert rows is not None
        assert rows.names == ("ts", "host", *SCHEMA.columns)
        assert {row[0] // _HOUR_MS * _HOUR_MS for row in order} == rows.hours()
        found = _by_days(engine, rows)
        assert sorted((row for part in found.values() for row in part), key=repr) == sorted(order, key=repr)
        for day, part in found.items():
            assert [_named(row, keys) for row in part] == [
                _named(row, keys) for row in order if row[0] // _DAY_MS == day
            ]
    finally:
        database.drop(engine)


def test_what_waits_in_binary_waits_for_more_of_its_kind() -> None:
    load: dict[str, list[Any]] = {"ts": [1], "load1": [0.5]}
    content = encode_binary(Batch(1, "h", "b", 1, {"load": load}))
    sound = None if content is None else find_ordinary(content, "identity", content)
    assert sound is not None
    lists, binary = HeadTable("load", HeadDatabase(1)), HeadTable("load", HeadDatabase(1))
    for _ in range(PENDING_BATCHES + 1):
        lists.add("h", load)
        binary.add("h", sound.tables["load"])
    assert (lists.is_crowded(), binary.is_crowded()) == (True, False)
    for _ in range(8 * PENDING_BATCHES):
        binary.add("h", sound.tables["load"])
    assert (binary.is_crowded(), binary.is_crowded()) == (True, False)
    binary.freeze(Schema("load", {"load1": ColumnType.FLOAT}))
    assert binary.pending_cells == 0
