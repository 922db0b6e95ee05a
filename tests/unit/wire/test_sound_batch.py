"""The one-pass decoder takes a batch only when the slow checks would store all of it, and then finds the same values."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.errors import NagareError
from nagare.metrics.schema import Schemas
from nagare.metrics.wal.ingest import Bounds, check_tables
from nagare.model.tables import TABLES, ColumnType, Table
from nagare.wire.batch import TEXT_LIMIT, Batch
from nagare.wire.codec import decode, encode
from nagare.wire.sound_batch import Columns, SoundBatch, find_sound
from tests.support.metric_store import START_MS

ANY_TIME = Bounds(-(2**70), 2**70, table_limit=1000, column_limit=500)
SOUND_CELLS: dict[ColumnType, Any] = {
    ColumnType.FLOAT: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.TEXT: st.text(max_size=4),
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.MAP: st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
}
# What may stand anywhere, and mostly does not belong there.
ODD_CELLS = st.one_of(
    st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3), st.lists(st.none(), max_size=1),
    st.sampled_from([5.0, 1e300, -0.0, 2**63, -(2**63) - 1, "\ud800", "x" * (TEXT_LIMIT + 1)]),
)  # fmt: skip


@st.composite
def _columns(draw: st.DrawFn, table: Table, *, odd: bool) -> dict[str, Any]:
    count = draw(st.integers(0 if odd else 1, 4))
    columns: dict[str, Any] = {
        "ts": draw(st.lists(st.integers(START_MS, START_MS + 9), min_size=count, max_size=count))
    }
    for column in draw(st.lists(st.sampled_from(table.columns), max_size=6, unique=True)):
        cells = SOUND_CELLS[column.type] | st.none()
        length = draw(st.integers(max(0, count - 1), count + 1)) if odd else count
        columns[column.name] = draw(st.lists(cells | ODD_CELLS if odd else cells, min_size=length, max_size=length))
    if odd:
        columns |= draw(
            st.dictionaries(st.sampled_from(["ts", "host", "x", "A b", "core"]), st.just([None]), max_size=1)
        )
    return columns


@st.composite
def _documents(draw: st.DrawFn, *, odd: bool) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(TABLES)), max_size=3, unique=True))
    tables = {name: draw(_columns(TABLES[name], odd=odd)) for name in names}
    return {"v": 1, "host": "web1", "boot": "b", "seq": draw(st.integers(0, 2**63 - 1)), "tables": tables}


def _stored(content: bytes) -> dict[str, dict[str, list[Any]]]:
    accepted = check_tables(decode(content, Batch), Schemas().current, ANY_TIME)
    assert not accepted.refused
    return accepted.tables


def _without_empty(tables: Mapping[str, Mapping[str, list[Any]]]) -> dict[str, dict[str, list[Any]]]:
    return {
        table: {name: cells for name, cells in columns.items() if any(cell is not None for cell in cells)}
        for table, columns in tables.items()
    }


def _check_alike(content: bytes) -> bool:
    """Compare both ways; tell whether the fast one took it."""
    sound = find_sound(content, "identity", content)
    if sound is None:
        return False
    # By their text: 1 and 1.0 are equal, and so are 0.0 and -0.0.
    assert repr(_without_empty(sound.tables)) == repr(_ordered(_stored(content), sound.tables))
    whole = decode(content, Batch)
    assert (sound.v, sound.host, sound.boot, sound.seq) == (whole.v, whole.host, whole.boot, whole.seq)
    assert _without_empty(sound.to_batch().tables) == _without_empty(sound.tables)
    _check_spans(sound)
    return True


def _check_spans(sound: SoundBatch) -> None:
    """Compare what is known of the rows with a look at them."""
    tables = list(sound.tables.values())
    times = [columns["ts"] for columns in tables]
    expected = [(len(one), min(one), max(one), len(columns)) for one, columns in zip(times, tables, strict=True)]  # type: ignore[type-var]
    assert [(span.rows, span.low_ms, span.high_ms, span.columns) for span in sound.spans] == expected
    every = [at for one in times for at in one]
    assert (sound.rows, sound.low_ms, sound.high_ms) == (len(every), min(every, default=0), max(every, default=0))  # type: ignore[type-var]


def _ordered(tables: dict[str, dict[str, Any]], order: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        table: {name: tables[table][name] for name in columns if name in tables[table]}
        for table, columns in order.items()
    }


@given(_documents(odd=False))
@settings(max_examples=settings().max_examples)
def test_what_an_agent_sends_is_taken_as_the_slow_checks_take_it(document: dict[str, Any]) -> None:
    assert _check_alike(encode(document)) == ("events" not in document["tables"])


@given(_documents(odd=True))
@settings(max_examples=2 * settings().max_examples)
def test_whatever_is_taken_the_slow_checks_would_take_too(document: dict[str, Any]) -> None:
    _check_alike(json.dumps(document).encode())


@given(_documents(odd=False), st.data())
@settings(max_examples=settings().max_examples)
def test_damaged_bytes_are_taken_only_when_the_slow_checks_take_them(
    document: dict[str, Any], data: st.DataObject
) -> None:
    content = bytearray(encode(document))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    _check_alike(bytes(content))


CPU = {"ts": [START_MS, START_MS], "core": ["all", "0"]}
ODD = {
    "a column nobody declared": {"cpu": {**CPU, "later": [1, 2]}},
    "a table nobody declared": {"cpu": CPU, "app": CPU},
    "events": {"events": {"ts": [START_MS], "id": ["e1"]}},
    "a host column": {"cpu": {**CPU, "host": ["web1", "web1"]}},
    "a shorter column": {"cpu": {**CPU, "user_ratio": [0.5]}},
    "an empty column": {"cpu": {**CPU, "user_ratio": []}},
    "no rows": {"cpu": {"ts": [], "core": []}},
    "no ts": {"cpu": {"core": ["all"]}},
    "a null for a column": {"cpu": {**CPU, "user_ratio": None}},
    "a null for a table": {"cpu": None},
    "a null in ts": {"cpu": {"ts": [None]}},
    "a whole float for an integer": {"load": {"ts": [START_MS], "cores": [8.0]}},
    "an integer beyond 64 bits": {"load": {"ts": [START_MS], "cores": [2**63]}},
    "a boolean for a number": {"load": {"ts": [START_MS], "load1": [True]}},
    "too long a text": {"cpu": {"ts": [START_MS], "core": ["x" * (TEXT_LIMIT + 1)]}},
}


@pytest.mark.parametrize("tables", ODD.values(), ids=ODD)
def test_the_extraordinary_is_left_to_the_slow_checks(tables: dict[str, Any]) -> None:
    content = json.dumps({"v": 1, "host": "web1", "boot": "b", "seq": 1, "tables": tables}).encode()
    assert find_sound(content, "identity", content) is None


def test_columns_read_like_a_mapping() -> None:
    content = encode({"v": 1, "host": "web1", "boot": "b", "seq": 1, "tables": {"cpu": CPU}, "later": 1})
    sound = find_sound(content, "identity", content)
    assert sound is not None
    columns: Any = sound.tables["cpu"]
    assert issubclass(Columns, Mapping)
    assert isinstance(columns, Columns)
    assert dict(columns.items()) == CPU
    assert decode(encode(columns), dict[str, Any]) == CPU
    assert (list(columns), len(columns), list(columns.keys())) == (list(CPU), 2, list(CPU))
    assert list(columns.values()) == list(CPU.values())
    assert "core" in columns
    assert "user_ratio" not in columns
    assert "items" not in columns
    assert columns.get("items", 7) == 7
    with pytest.raises(KeyError):
        columns["user_ratio"]


def test_no_column_hides_what_columns_can_do() -> None:
    verbs = {name for name in vars(Columns) if not name.startswith("_")}
    assert {"get", "items", "keys", "values"} <= verbs
    assert not verbs - {"ts"} & {column.name for table in TABLES.values() for column in table.columns}


def test_errors_of_the_slow_way_stay_errors() -> None:
    content = b'{"v":1,"host":"web1","boot":"b","seq":1,"tables":{"cpu":{"ts":[1],"core":[7]}}}'
    assert find_sound(content, "identity", content) is None
    with pytest.raises(NagareError):
        check_tables(decode(content, Batch), Schemas().current, ANY_TIME)


def test_a_batch_in_an_encoding_that_the_log_does_not_know_is_left_to_the_slow_checks() -> None:
    content = encode(Batch(1, "web1", "b", 1, {"load": {"ts": [START_MS], "load1": [1.0]}}))
    assert find_sound(content, "gzip", b"") is not None
    assert find_sound(content, "x-gzip", b"") is None
