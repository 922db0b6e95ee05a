"""Rows as CSV: raw values, no formulas from foreign text, no file ever replaced."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nagare.errors import ReadOnlyError
from nagare.tui.export import csv_text, file_name, write_new
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.row_store import RowStore

COLUMNS = (
    ColumnSpec("name", "host"),
    ColumnSpec("cpu", "cpu", CellKind.RATIO),
    ColumnSpec("curve", "15 min", CellKind.SPARK),
    ColumnSpec("bytes", "bytes", CellKind.BYTES),
)


def _store() -> RowStore:
    store = RowStore(COLUMNS)
    store.update("a", {"name": "=1+1", "cpu": 0.123456789, "curve": [1.0], "bytes": 2**40})
    store.update("b", {"name": 'web "1", x\x1b', "cpu": None, "bytes": float("nan")})
    return store


def test_csv_holds_raw_values_and_no_formula() -> None:
    assert csv_text(COLUMNS, _store(), ["b", "a", "gone"]) == (
        'name,cpu,bytes\n"web ""1"", x␛",,\n\'=1+1,0.123457,1099511627776\n'
    )


def test_a_name_says_what_and_when() -> None:
    moment = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
    assert file_name("hosts-../db:1", moment) == "nagare-hosts-..-db-1-20260131-140500.csv"


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    first, second = (write_new(tmp_path, "x.csv", text) for text in ("one", "two"))
    assert [first.read_text(), second.read_text()] == ["one", "two"]
    assert second.name == "x-2.csv"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadOnlyError, match="cannot write"):
        write_new(tmp_path / "missing", "x.csv", "text")
