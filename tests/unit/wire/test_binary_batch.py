"""A batch in binary says what the same batch says in JSON, and bytes that are none are told from it."""

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.errors import InputError, NagareError
from nagare.metrics.schema import Schemas
from nagare.metrics.wal.ingest import Bounds, check_tables
from nagare.model.tables import TABLES
from nagare.wire.batch import TEXT_LIMIT, Batch
from nagare.wire.binary_batch import (
    BinaryBatch,
    Block,
    decode_batch,
    decode_binary,
    encode_binary,
    is_binary,
    read_binary,
    read_outline,
)
from nagare.wire.binary_columns import BinaryColumns, find_binary, find_ordinary
from nagare.wire.codec import decode, encode
from nagare.wire.live_codec import encode_columns
from tests.support.batch_documents import documents
from tests.support.metric_store import START_MS
from tests.support.source import ROOT

GOLDEN = ROOT / "tests" / "golden" / "wire" / "v1"
ANY_TIME = Bounds(-(2**70), 2**70, table_limit=1000, column_limit=500)
CPU = {"ts": [START_MS, START_MS + 1], "core": ["all", "0"], "user_ratio": [0.5, None]}
LOAD = {"ts": [START_MS], "load1": [1.5], "cores": [8]}


def _batch(**tables: Any) -> Batch:
    return Batch(1, "web1", "b", 7, tables, [3, 4], [1, 2])


def _binary(batch: Batch) -> bytes:
    content = encode_binary(batch)
    assert content is not None
    return content


def _altered(content: bytes, table: str, **fields: Any) -> bytes:
    """Return ``content`` with other fields of one block."""
    found = read_binary(content)
    assert found is not None
    block = found.tables[table]
    names = ("rows", "times", "layout", "cells", "floats", "integers")
    blocks = {**found.tables, table: Block(**({name: getattr(block, name) for name in names} | fields))}
    return msgspec.msgpack.encode(BinaryBatch(found.v, found.host, found.boot, found.seq, blocks))


def _without_empty(tables: Mapping[str, Any]) -> dict[str, dict[str, list[Any]]]:
    return {
        table: {name: cells for name, cells in sorted(columns.items()) if any(cell is not None for cell in cells)}
        for table, columns in tables.items()
    }


@given(documents(odd=False))
@settings(max_examples=settings().max_examples)
def test_what_an_agent_sends_is_the_same_in_both_forms(document: dict[str, Any]) -> None:
    batch = decode(encode(document), Batch)
    content = encode_binary(batch)
    if content is None:
        # Events, and the one integer that stands for null.
        cells = [cell for columns in batch.tables.values() for column in columns.values() for cell in column]
        assert "events" in batch.tables or -(2**63) in cells or any(abs(x) > 1e308 for x in _numbers(cells))
        return
    assert is_binary(content)
    assert not is_binary(encode(document))
    found = find_ordinary(content, "identity", content)
    assert found is not None
    stored = check_tables(batch, Schemas().current, ANY_TIME).tables
    # By their text: 1 and 1.0 are equal, and so are 0.0 and -0.0.
    assert repr(_without_empty(found.tables)) == repr(_without_empty(stored))
    assert repr(_without_empty(decode_batch(content).tables)) == repr(_without_empty(stored))
    assert (found.host, found.boot, found.seq) == (batch.host, batch.boot, batch.seq)
    _check_spans(found.spans, found.tables)


def _numbers(cells: list[Any]) -> list[Any]:
    return [cell for cell in cells if isinstance(cell, int | float) and not isinstance(cell, bool)]


def _check_spans(spans: Any, tables: Mapping[str, Any]) -> None:
    expected = [(len(one["ts"]), min(one["ts"]), max(one["ts"]), len(one)) for one in tables.values()]
    assert [(span.rows, span.low_ms, span.high_ms, span.columns) for span in spans] == expected


@given(documents(odd=True))
@settings(max_examples=2 * settings().max_examples)
def test_only_what_the_slow_checks_would_store_becomes_binary(document: dict[str, Any]) -> None:
    try:
        batch = decode(json.dumps(document).encode(), Batch)
    except NagareError:
        return
    content = encode_binary(batch)
    if content is not None and find_binary(content, "identity", content) is not None:
        stored = check_tables(batch, Schemas().current, ANY_TIME)
        assert not stored.refused
        assert repr(_without_empty(decode_binary(content).tables)) == repr(_without_empty(stored.tables))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\x97\x01\xa4web1\xa1b\x01" + tail))
def test_bytes_that_are_no_batch_are_an_error_that_says_so(content: bytes) -> None:
    assert find_binary(content, "identity", content) is None
    with pytest.raises(InputError):
        decode_binary(content)


@given(st.data())
@settings(max_examples=2 * settings().max_examples)
def test_damaged_bytes_are_taken_only_when_the_slow_checks_take_them(data: st.DataObject) -> None:
    content = bytearray(_binary(_batch(cpu=CPU, load=LOAD)))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = find_binary(bytes(content), "identity", b"")
    if found is None:
        return
    batch = decode_binary(bytes(content))
    stored = check_tables(batch, Schemas().current, ANY_TIME)
    assert not stored.refused
    assert repr(_without_empty(found.tables)) == repr(_without_empty(stored.tables))


WRONG: dict[str, dict[str, Any]] = {
    "fewer floats": {"floats": b"\0" * 8},
    "more integers": {"integers": b"\0" * 8},
    "half a number": {"floats": b"\0" * 15},
    "more rows": {"rows": 3},
    "fewer moments": {"times": [1]},
    "an unknown kind": {"layout": "x:core,f:user_ratio"},
    "a column twice": {"layout": "c:core,f:core"},
    "a time of its own": {"layout": "c:ts,f:user_ratio"},
    "more rows than memory has room for, of nothing": {
        "rows": 2**60, "times": 1, "layout": "", "cells": b"[]", "floats": b"", "integers": b"",
    },
    "more rows than memory has room for, of few cells": {
        "rows": 2**60, "times": 1, "layout": "c:core", "floats": b"", "integers": b"",
    },
    "cells of unequal length": {"cells": b'[["all"]]'},
    "cells that are no JSON": {"cells": b"["},
    "cells of no column": {"cells": b'[["all","0"],["x","y"]]'},
}  # fmt: skip


def test_rows_without_a_column_have_a_moment_each() -> None:
    batch = _batch(cpu={"ts": [1, 1, 1]}, load=LOAD)
    found = find_binary(_binary(batch), "identity", b"")
    assert found is not None
    assert found.to_batch() == batch == decode_binary(_binary(batch))


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
def test_a_block_that_is_not_whole_is_refused_with_its_place(fields: dict[str, Any]) -> None:
    content = _altered(_binary(_batch(cpu=CPU)), "cpu", **fields)
    assert find_binary(content, "identity", content) is None
    with pytest.raises(InputError, match="cannot accept batch: tables/cpu has") as caught:
        decode_binary(content)
    assert caught.value.errors[0]["pointer"] == "#/tables/cpu"


ODD: dict[str, dict[str, Any]] = {
    "a column nobody declared": {"layout": "c:later,f:user_ratio"},
    "too long a layout": {"layout": "c:core,f:" + "x" * 5000},
    "a number for a text": {"cells": b"[[1,2]]"},
    "a text for a number": {"layout": "c:user_ratio,f:system_ratio"},
    "too long a text": {"cells": b'[["%b","0"]]' % (b"x" * (TEXT_LIMIT + 1))},
    "an infinity": {"floats": b"\0\0\0\0\0\0\xf0\x7f" * 2},
    "an infinity below nought": {"floats": b"\0\0\0\0\0\0\xf0\xff" * 2},
}


@pytest.mark.parametrize("fields", ODD.values(), ids=ODD)
def test_the_extraordinary_is_left_to_the_slow_checks(fields: dict[str, Any]) -> None:
    content = _altered(_binary(_batch(cpu=CPU)), "cpu", **fields)
    assert find_binary(content, "identity", content) is None
    try:
        stored = check_tables(decode_binary(content), Schemas().current, ANY_TIME)
    except InputError:
        return
    assert list(stored.added) == ["cpu"]


ONLY_JSON = {
    "events": _batch(events={"ts": [1], "id": ["e"]}),
    "a table of others": _batch(app={"ts": [1], "x": [1]}),
    "a column of others": _batch(cpu={**CPU, "later": [1, 2]}),
    "the integer that stands for null": _batch(load={"ts": [1], "cores": [-(2**63)]}),
    "a fraction for an integer": _batch(load={"ts": [1], "cores": [0.5]}),
    "a boolean for a number": _batch(load={"ts": [1], "load1": [True]}),
    "a text for a number": _batch(load={"ts": [1], "load1": ["x"]}),
    "columns of unequal length": _batch(load={"ts": [1], "load1": [1.0, 2.0]}),
    "no rows": _batch(load={"ts": [], "load1": []}),
    "no times": _batch(load={"load1": [1.0]}),
    "a seq beyond 64 bits": Batch(1, "web1", "b", 2**70, {}),
}


@pytest.mark.parametrize("batch", ONLY_JSON.values(), ids=ONLY_JSON)
def test_what_only_json_can_say_does_not_become_binary(batch: Batch) -> None:
    assert encode_binary(batch) is None


def test_what_is_not_finite_is_null_as_in_json() -> None:
    batch = _batch(load={"ts": [1, 2], "load1": [math.inf, math.nan]})
    assert decode_binary(_binary(batch)).tables == decode(encode(batch), Batch).tables


def test_the_whole_envelope_comes_along() -> None:
    batch = _batch(cpu=CPU, load=LOAD)
    assert decode_binary(_binary(batch)) == batch
    found = find_binary(_binary(batch), "identity", b"")
    assert found is not None
    assert found.to_batch() == batch
    assert (found.replaces, found.thinned) == ([3, 4], [1, 2])


def test_an_outline_names_the_tables_of_either_form() -> None:
    batch = _batch(cpu=CPU, load=LOAD)
    for content in (_binary(batch), encode(batch)):
        outline = read_outline(content)
        assert (outline.host, outline.boot, outline.seq, list(outline.tables)) == ("web1", "b", 7, ["cpu", "load"])
        assert outline.replaces == [3, 4]
    with pytest.raises(InputError, match="cannot read binary batch"):
        read_outline(b"\x91\x01")


def test_columns_read_like_a_mapping() -> None:
    found = find_binary(_binary(_batch(cpu=CPU)), "identity", b"")
    assert found is not None
    columns: Any = found.tables["cpu"]
    assert issubclass(BinaryColumns, Mapping)
    assert isinstance(columns, BinaryColumns)
    assert dict(columns.items()) == CPU
    assert decode(encode_columns(found.tables["cpu"]), dict[str, Any]) == CPU
    assert (sorted(columns), len(columns), sorted(columns.keys())) == (sorted(CPU), 3, sorted(CPU))
    assert sorted(map(str, columns.values())) == sorted(map(str, CPU.values()))
    assert ("core" in columns, "system_ratio" in columns, "ts" in columns) == (True, False, True)
    assert columns.get("system_ratio", 7) == 7
    assert columns["ts"] == CPU["ts"]
    with pytest.raises(KeyError):
        columns["system_ratio"]


def test_every_own_table_but_events_can_come_in_binary() -> None:
    tables = {name: {"ts": [START_MS], **{one.name: [None] for one in table.columns}} for name, table in TABLES.items()}
    for name in set(tables) - {"events"}:
        content = _binary(_batch(**{name: tables[name]}))
        assert find_binary(content, "identity", content) is not None, name


def test_yesterdays_bytes_are_read_and_written_as_they_were() -> None:
    whole = decode((GOLDEN / "batch.json").read_bytes(), Batch)
    tables = {name: columns for name, columns in whole.tables.items() if name != "events"}
    batch = Batch(whole.v, whole.host, whole.boot, whole.seq, tables, whole.replaces)
    golden = (GOLDEN / "batch.bin").read_bytes()
    assert decode_binary(golden) == batch
    assert encode_binary(batch) == golden
