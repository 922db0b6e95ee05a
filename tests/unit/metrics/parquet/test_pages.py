"""Files of our own writer, read by DuckDB and by pyarrow: what was written is what both read."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.metrics.parquet.columns import (
    BIGINT,
    DOUBLE,
    INTEGER,
    TEXT,
    TIME_MS,
    double_page,
    integer_page,
    number_pages,
    repeated_page,
    text_page,
    time_pages,
)
from nagare.metrics.parquet.delta import SMALLEST
from nagare.metrics.parquet.runs import run_starts
from nagare.metrics.parquet.writer import ParquetWriter

WHOLE = st.integers(-(2**63), 2**63 - 1)
# Widths of every kind: neighbours that are alike, and jumps of any size.
NUMBERS = st.one_of(
    st.lists(st.integers(-3, 3), min_size=1, max_size=300),
    st.lists(st.integers(0, 63).flatmap(lambda bits: st.integers(-(2**bits), 2**bits - 1)), min_size=1, max_size=300),
    st.lists(st.none() | WHOLE, min_size=1, max_size=40),
    st.lists(st.none(), min_size=1, max_size=9),
)
KINDS = {"text": TEXT, "number": INTEGER, "ts": TIME_MS, "whole": BIGINT.optional(), "again": BIGINT.optional(),
         "real": DOUBLE.optional()}  # fmt: skip


def _by_pyarrow(path: Path) -> Any:
    import pyarrow.parquet as parquet

    return parquet.ParquetFile(path)


def _by_duckdb(sql: str) -> list[Any]:
    import duckdb

    found: list[Any] = duckdb.sql(sql).fetchall()
    return found


def _write(path: Path, columns: dict[str, Any], ends: list[int], mini: int = SMALLEST) -> None:
    whole = np.array([value or 0 for value in columns["whole"]], np.int64)
    is_there = np.array([value is not None for value in columns["whole"]])
    times = time_pages(np.array(columns["ts"], np.int64), ends, mini)
    wholes = number_pages(whole, is_there, ends, mini)
    with path.open("wb") as target:
        writer = ParquetWriter(target, KINDS, 3)
        writer.begin()
        for low, high, time, number in zip([0, *ends], ends, times, wholes, strict=False):
            ids = np.array(columns["number"][low:high], np.int32)
            starts = run_starts(ids)
            lengths = np.diff(np.append(starts, high - low))
            texts = [columns["text"][low + start] for start in starts.tolist()]
            part = slice(low, high)
            reals = double_page(whole[part].view(np.float64), is_there[part])
            again = repeated_page(whole[part], is_there[part])
            writer.add([text_page(texts, lengths), integer_page(ids[starts], lengths), time, number, again, reals])
        writer.finish({"about": "ü"})


@given(NUMBERS, st.data(), st.sampled_from([SMALLEST, 8 * SMALLEST]))
def test_both_readers_read_what_was_written(wholes: list[int | None], data: Any, mini: int) -> None:
    rows = len(wholes)
    ends = sorted({*data.draw(st.sets(st.integers(1, rows), max_size=3)), rows})
    ids = sorted(data.draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=rows, max_size=rows)))
    bases = data.draw(st.lists(st.integers(-(2**40), 2**40), min_size=rows, max_size=rows))
    columns = {"text": [f"{n % 7}é" for n in ids], "number": ids, "ts": bases, "whole": wholes}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.parquet"
        _write(path, columns, ends, mini)
        table = _by_pyarrow(path).read()
        assert {name: table.column(name).to_pylist() for name in ("text", "number", "whole")} == {
            name: columns[name] for name in ("text", "number", "whole")
        }
        assert table.column("ts").cast("int64").to_pylist() == bases
        found = _by_duckdb(f"SELECT text, number, epoch_ms(ts), whole, again, real FROM '{path}'")
    assert [row[:5] for row in found] == list(zip(columns["text"], ids, bases, wholes, wholes, strict=True))
    reals = [None if row[5] is None else np.array([row[5]]).view(np.int64)[0] for row in found]
    for real, whole in zip(reals, wholes, strict=True):
        is_number = whole is not None and not np.isnan(np.array([whole]).view(np.float64)[0])
        assert real == whole or not is_number


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 128, 129, 130, 1025])
@pytest.mark.parametrize("width", [1, 7, 8, 31, 32, 33, 63, 64])
def test_every_width_at_the_ends_of_blocks(tmp_path: Path, rows: int, width: int) -> None:
    chance = np.random.default_rng(width)
    steps = chance.integers(0, 2**width - 1, rows, np.uint64, endpoint=True)
    wholes = np.cumsum(steps.view(np.int64)).tolist()
    columns = {"text": ["a"] * rows, "number": [1] * rows, "ts": [0] * rows, "whole": wholes}
    _write(tmp_path / "made.parquet", columns, [rows])
    assert _by_pyarrow(tmp_path / "made.parquet").read().column("whole").to_pylist() == wholes
    found = _by_duckdb(f"SELECT whole FROM '{tmp_path}/made.parquet'")
    assert [row[0] for row in found] == wholes


def test_a_footer_tells_bounds_nulls_and_facts(tmp_path: Path) -> None:
    columns = {"text": ["a", "b", "b"], "number": [-2, 5, 5], "ts": [9, 7, 8], "whole": [None, 1, None]}
    path = tmp_path / "made.parquet"
    _write(path, columns, [2, 3])
    file = _by_pyarrow(path)
    assert file.schema_arrow.metadata[b"about"] == "ü".encode()
    groups = [file.metadata.row_group(number) for number in range(2)]
    stats = [[group.column(place).statistics for place in range(4)] for group in groups]
    assert [(one.min, one.max, one.null_count) for one in stats[0][:2]] == [("a", "b", 0), (-2, 5, 0)]
    assert [one.null_count for one in (stats[0][3], stats[1][3])] == [1, 1]
    found = _by_duckdb(f"SELECT stats_min_value, stats_max_value FROM parquet_metadata('{path}') WHERE column_id = 2")
    assert found == [
        ("1970-01-01 00:00:00.007", "1970-01-01 00:00:00.009"),
        ("1970-01-01 00:00:00.008", "1970-01-01 00:00:00.008"),
    ]


def test_texts_that_are_too_long_bound_nothing(tmp_path: Path) -> None:
    columns = {"text": ["x" * 5000], "number": [1], "ts": [1], "whole": [1]}
    _write(tmp_path / "made.parquet", columns, [1])
    file = _by_pyarrow(tmp_path / "made.parquet")
    assert not file.metadata.row_group(0).column(0).statistics.has_min_max
    assert file.read().column("text").to_pylist() == ["x" * 5000]
