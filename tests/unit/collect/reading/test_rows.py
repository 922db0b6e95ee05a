"""Rows, columns, limits and events."""

import logging

import pytest

from nagare.collect.reading.rows import RowLimit, clean_text, columns_of, event_row
from nagare.model.event import Severity


def test_columns() -> None:
    assert columns_of([]) == {}
    assert columns_of([{"a": 1, "b": None}, {"a": 2, "b": "x"}]) == {"a": [1, 2], "b": [None, "x"]}


def test_text_is_bounded_and_valid() -> None:
    assert clean_text(b"caf\xe9") == "caf\N{REPLACEMENT CHARACTER}"
    assert len(clean_text(b"x" * 9000)) == 4096


def test_limit_counts_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    limit = RowLimit("disk", 2)
    with caplog.at_level(logging.WARNING):
        assert limit.cut([1, 2]) == [1, 2]
        assert limit.cut([1, 2, 3]) == [1, 2]
        assert limit.cut([1, 2, 3, 4]) == [1, 2]
    assert limit.dropped_total == 3
    assert [record.getMessage() for record in caplog.records] == ["collector_over_limit source=disk limit=2 found=3"]


def test_event() -> None:
    row = event_row("unit.failed", "k" * 999, Severity.HIGH, "t" * 9999, {"a": "v" * 9999})
    assert row["severity"] == 2
    assert len(str(row["id"])) == 255
    assert len(str(row["text"])) == 4096
    assert row["attributes"] == {"a": "v" * 4096}
