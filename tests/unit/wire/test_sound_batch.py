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
from nagare.model.tables import TABLES
from nagare.wire.batch import TEXT_LIMIT, Batch
from nagare.wire.codec import decode, encode
from nagare.wire.sound_batch import Columns, SoundBatch, find_sound
from tests.support.batch_documents import documents
from tests.support.metric_store import START_MS

ANY_TIME = Bounds(-(2**70), 2**70, table_limit=1000, column_limit=500)


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


@given(documents(odd=False))
@settings(max_examples=settings().max_examples)
def test_what_an_agent_sends_is_taken_as_the_slow_checks_take_it(document: dict[str, Any]) -> None:
    assert _check_alike(encode(document)) == ("events" not in document["tables"])


@given(documents(odd=True))
@settings(max_examples=2 * settings().max_examples)
def test_whatever_is_taken_the_slow_checks_would_take_too(document: dict[str, Any]) -> None:
    _check_alike(json.dumps(document).encode())


@given(documents(odd=False), st.data())
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
