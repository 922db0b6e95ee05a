"""Checks of a batch: any input is stored, listed or refused by an error of ours, and what is stored fits its column."""

import contextlib
import json
from types import NoneType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.metrics.schema import Schemas
from nagare.metrics.wal.ingest import Accepted, Bounds, check_envelope, check_tables, clear_misfits, infer_columns
from nagare.model.tables import ColumnType
from nagare.wire.batch import Batch
from nagare.wire.codec import decode
from nagare.wire.metric_log import LogRecord, decode_record, encode_record
from tests.support.metric_store import START_MS, make_batch

BOUNDS = Bounds(START_MS - 1000, START_MS + 1000, table_limit=40, column_limit=64)
PYTHON_TYPES: dict[ColumnType, set[type]] = {
    ColumnType.FLOAT: {float},
    ColumnType.INTEGER: {int},
    ColumnType.TEXT: {str},
    ColumnType.BOOLEAN: {bool},
    ColumnType.MAP: {dict},
}
NAMES = st.sampled_from(["load", "cpu", "events", "app", "hosts", "select", "App", "a b", "", "app_1m"])
COLUMNS = st.sampled_from(
    ["ts", "host", "load1", "cores", "core", "user_ratio", "text", "attributes", "x", "y", "X", "order"]
)
CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3),
    st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2), st.integers(START_MS - 2000, START_MS + 2000),
)  # fmt: skip
SOUND_TIMES = st.lists(st.integers(START_MS - 2000, START_MS + 2000), min_size=1, max_size=4)
TABLES = st.dictionaries(
    NAMES,
    SOUND_TIMES.flatmap(
        lambda times: st.dictionaries(
            COLUMNS,
            st.one_of(st.lists(CELLS, min_size=len(times), max_size=len(times)), st.lists(CELLS, max_size=3)),
            max_size=4,
        ).map(lambda columns: {"ts": times} | columns)
    ),
    max_size=3,
)


@given(TABLES)
@settings(max_examples=400)
def test_any_tables_are_stored_listed_or_refused(tables: Any) -> None:
    schemas = Schemas()
    try:
        accepted = check_tables(make_batch(1, tables), schemas.current, BOUNDS)
        payload = encode_record(LogRecord(START_MS, "web1", "b", 1, [], accepted.tables))
    except InputError:
        return
    total = sum(len(columns["ts"]) for columns in tables.values())
    assert accepted.rows + accepted.refused_rows == total
    for table, added in accepted.added.items():
        schemas.add(table, added)
    _check_fits(accepted, schemas)
    # Replay comes to the same schemas and finds nothing that does not fit.
    again = Schemas()
    for table, cells in decode_record(payload).tables.items():
        again.add(table, infer_columns(cells, again.find(table)))
        assert clear_misfits(cells, again.current[table]) == 0
    assert again.current == schemas.current


def _check_fits(accepted: Accepted, schemas: Schemas) -> None:
    for table, columns in accepted.tables.items():
        schema = schemas.current[table]
        assert len({len(values) for values in columns.values()}) == 1
        assert all(BOUNDS.oldest_ms <= ts <= BOUNDS.newest_ms for ts in columns["ts"])  # type: ignore[operator]
        for name, values in columns.items():
            if name != "ts":
                kinds = set(map(type, values)) - {NoneType}
                assert kinds <= PYTHON_TYPES[schema.columns[name]], (table, name, values)


@given(
    st.recursive(
        CELLS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    )
)
def test_any_json_is_a_batch_or_an_input_error(value: Any) -> None:
    document = {"v": 1, "host": "web1", "boot": "b", "seq": 1, "tables": value}
    with contextlib.suppress(InputError):
        batch = decode(json.dumps(document), Batch)
        check_envelope(batch)
        check_tables(batch, Schemas().current, BOUNDS)


@pytest.mark.parametrize(
    ("tables", "pointer"),
    [
        ({"load": {"ts": [1], "load1": [1, 2]}}, "#/tables/load/load1"),
        ({"load": {"load1": [1]}}, "#/tables/load"),
        ({"load": {"ts": ["x"]}}, "#/tables/load/ts"),
        ({"load": {"ts": [START_MS], "load1": ["x"]}}, "#/tables/load/load1"),
        ({"load": {"ts": [START_MS], "cores": [2**64]}}, "#/tables/load/cores"),
    ],
)
def test_a_fault_points_at_its_place(tables: Any, pointer: str) -> None:
    with pytest.raises(InputError) as fault:
        check_tables(make_batch(1, tables), Schemas().current, BOUNDS)
    assert fault.value.errors[0]["pointer"] == pointer


def test_large_numbers_whose_sum_overflows_are_sound() -> None:
    load = {"ts": [START_MS] * 3, "load1": [1.7e308, 1.7e308, -1.7e308]}
    accepted = check_tables(make_batch(1, {"load": load}), Schemas().current, BOUNDS)
    assert accepted.tables["load"]["load1"] == load["load1"]


def test_a_column_without_a_value_is_not_stored() -> None:
    app = {"ts": [START_MS, 0], "a": [None, 1], "b": [None, None]}
    accepted = check_tables(make_batch(1, {"app": app}), Schemas().current, BOUNDS)
    assert accepted.tables == {"app": {"ts": [START_MS]}}
    assert accepted.added == {"app": {}}


def test_misfits_become_null() -> None:
    schemas = Schemas([("app", "a", "float"), ("app", "b", "text")])
    cells: dict[str, list[Any]] = {"ts": [1, 2], "a": ["x", 1.0], "b": ["y", None]}
    assert clear_misfits(cells, schemas.current["app"]) == 1
    assert cells == {"ts": [1, 2], "a": [None, 1.0], "b": ["y", None]}
