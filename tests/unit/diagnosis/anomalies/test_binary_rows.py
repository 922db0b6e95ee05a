"""Rows that came in binary are laid out as the same rows in lists are, though many at a time."""

import math
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nagare.diagnosis.anomalies.intake import SeriesName, scored_part
from nagare.diagnosis.anomalies.layouts import SERIES_ROWS, Layouts
from nagare.diagnosis.anomalies.look import Laid, lay
from nagare.lib.counters import Counters
from nagare.wire.batch import Batch
from nagare.wire.binary_batch import encode_binary
from nagare.wire.binary_columns import find_binary

Tables = dict[str, dict[str, Any]]
NUMBERS = st.floats(-1e9, 1e9) | st.none()
Found = list[tuple[SeriesName, int, str]]


@st.composite
def _tables(draw: st.DrawFn) -> Tables:
    cores, mounts = (
        draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)) for names in (("all", "0", "1"), "abc")
    )
    stamps = st.integers(1, 9)
    tables: Tables = {
        "cpu": {"ts": [draw(stamps)] * len(cores), "core": cores, "busy_ratio": [draw(NUMBERS) for _ in cores]},
        "disk": {
            "ts": [draw(stamps) for _ in mounts],
            "mount": mounts,
            "used_ratio": [draw(NUMBERS) for _ in mounts],
            "free_bytes": [draw(st.integers(0, 2**53) | st.none()) for _ in mounts],
        },
        "load": {"ts": [draw(stamps)], "load1": [draw(NUMBERS)], "cores": [draw(st.integers(1, 9))]},
        "agent": {"ts": [1], "collector": ["agent"]},
    }
    return {name: tables[name] for name in draw(st.sets(st.sampled_from(sorted(tables)), min_size=1))}


def _in_binary(host: str, tables: Tables) -> Any:
    content = encode_binary(Batch(1, host, "b", 1, tables))
    assert content is not None
    found = find_binary(content, "identity", content)
    assert found is not None
    return found.tables


def _laid(layouts: Layouts, batches: Sequence[tuple[str, Any]]) -> Laid:
    parts = [scored_part(host, tables) for host, tables in batches]
    return lay([rows for part in parts for rows in layouts.rows(part.host, part.tables)])


def _cells(laid: Laid) -> Found:
    names = [name for layout, count in zip(laid.layouts, laid.counts, strict=True) for name in layout.names[:count]]
    hosts = [host for host, count in zip(laid.hosts, laid.counts, strict=True) for _ in range(count)]
    assert [name.host for name in names] == hosts
    return sorted(zip(names, laid.ts_ms.tolist(), map(repr, laid.values.tolist()), strict=True))


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), _tables(), st.booleans()), min_size=1, max_size=8))
def test_both_forms_in_turn_are_the_same_cells(batches: list[tuple[str, Tables, bool]]) -> None:
    mixed = [(host, _in_binary(host, tables) if binary else tables) for host, tables, binary in batches]
    lists = [(host, tables) for host, tables, _ in batches]
    laid = _laid(Layouts(100, Counters()), mixed)
    assert _cells(laid) == _cells(_laid(Layouts(100, Counters()), lists))
    moments = {moment for each in laid.moments for moment in each}
    assert moments >= set(laid.ts_ms.tolist())


def test_of_one_shape_all_are_one_matrix_and_a_layout_is_kept() -> None:
    layouts = Layouts(100, Counters())
    tables = {
        "load": {"ts": [1], "load1": [0.5], "cores": [4]},
        "cpu": {"ts": [1], "core": ["all"], "busy_ratio": [1.0]},
    }
    first = _laid(layouts, [(host, _in_binary(host, tables)) for host in "abc"])
    again = _laid(layouts, [(host, _in_binary(host, tables)) for host in "abc"])
    assert first.hosts == ["a", "b", "c", "a", "b", "c"]
    assert [one is other for one, other in zip(first.layouts, again.layouts, strict=True)] == [True] * 6


def test_an_integer_that_is_null_is_no_number() -> None:
    (cell,) = _cells(_laid(Layouts(9, Counters()), [("a", _in_binary("a", {"load": {"ts": [1], "cores": [None]}}))]))
    assert math.isnan(float(cell[2]))


def test_of_many_rows_of_a_series_the_newest_count() -> None:
    counters, count = Counters(), SERIES_ROWS + 10
    load = {"ts": [*range(count, 0, -1)], "load1": [0.5] * count}
    laid = _laid(Layouts(10, counters), [("a", _in_binary("a", {"load": load}))])
    assert sorted(laid.ts_ms.tolist()) == [*range(11, count + 1)]
    assert counters.get("anomaly_rows_skipped") == 10
