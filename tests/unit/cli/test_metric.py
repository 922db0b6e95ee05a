"""From a metric's name to one SELECT, and from its rows to series."""

from typing import Any

import pytest

from nagare.cli.offline.metric import Question, find_metric, late_begin, to_request, to_series
from nagare.errors import InputError, NotFoundError
from nagare.model.tables import TABLES
from nagare.wire.sql import ColumnView, TableView


def view(name: str) -> TableView:
    table = TABLES[name]
    columns = [ColumnView("ts", "TIMESTAMP_MS", "attribute"), ColumnView("host", "VARCHAR", "key")]
    columns += [ColumnView(column.name, column.type.value, column.kind.value) for column in table.columns]
    return TableView(name, table.text, columns)


VIEWS = [view("cpu"), view("disk"), view("disk_io"), view("process")]


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("cpu.busy_ratio", "cpu", "busy_ratio"),
        ("nagare_cpu_busy_ratio", "cpu", "busy_ratio"),
        ("cpu_busy_ratio", "cpu", "busy_ratio"),
        ("disk_io.reads_total", "disk_io", "reads_total"),
        ("nagare_disk_io_reads_total", "disk_io", "reads_total"),
        ("nagare_disk_used_ratio", "disk", "used_ratio"),
    ],
)
def test_a_metric_is_found_by_either_name(name: str, table: str, column: str) -> None:
    found = find_metric(name, VIEWS)
    assert (found[0].name, found[1].name) == (table, column)


@pytest.mark.parametrize("name", ["cpu.busy_rato", "nagare_cpu_busy_rato", "cpu.bsy_ratio"])
def test_a_mistyped_metric_gets_its_nearest(name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        find_metric(name, VIEWS)
    assert "cpu.busy_ratio" in caught.value.hint


def test_text_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="holds no numbers"):
        find_metric("process.command", VIEWS)


def question(**changes: object) -> Question:
    parts = {
        "table": "cpu", "column": "busy_ratio", "by": ("host",), "filters": {"core": "all"}, "hosts": (),
        "since_ms": 0, "until_ms": 60_000, "step_ms": 1000,
    }  # fmt: skip
    return Question(**{**parts, **changes})  # type: ignore[arg-type]


def test_values_are_parameters_and_names_are_checked() -> None:
    hostile = "x' or 1=1 --"
    request = to_request(question(filters={"core": hostile}, hosts=(hostile, "b")), VIEWS[0])
    assert hostile not in request.sql
    assert request.params == {"step": 1000, "f0": hostile, "h0": hostile, "h1": "b"}
    assert (request.since_ms, request.until_ms) == (0, 60_000)
    for bad in ({"by": ('core" from cpu; --',)}, {"filters": {'core" or "': "x"}}):
        with pytest.raises(InputError, match="no such column"):
            to_request(question(**bad), VIEWS[0])


def test_rows_become_series_the_greatest_first() -> None:
    rows: list[list[Any]] = [
        [0, "a", 1.0, 0.5, 1.5],
        [0, "b", 2.0, 2.0, 9.0],
        [1000, "a", None, None, None],
        [1000, None, 1, 1, 1],
    ]
    series = to_series(question(), rows)
    assert [one.keys for one in series] == [("b",), ("a",), ("",)]
    assert series[1].ts_ms == [0, 1000]
    assert series[1].values == [1.0, None]


@pytest.mark.parametrize(
    ("first", "begin"),
    [
        (None, None),
        (0, None),
        (1_800_000, None),
        (1_800_001, 1_800_001),
        (3_000_000, 3_000_000),
        (3_599_000, 3_480_000),
    ],
)
def test_a_chart_begins_where_the_samples_do_when_most_of_it_were_empty(first: int | None, begin: int | None) -> None:
    hour = question(until_ms=3_600_000, step_ms=6_000)
    rows = [] if first is None else [[first, "a", 1.0, 1.0, 1.0], [3_599_000, "b", 1.0, 1.0, 1.0]]
    assert late_begin(hour, to_series(hour, rows)) == begin


def test_a_later_begin_keeps_the_steps() -> None:
    later = question(until_ms=3_600_000, step_ms=6_000).begun_at(3_000_000)
    assert (later.since_ms, later.until_ms, later.step_ms) == (3_000_000, 3_600_000, 1_000)


def test_a_table_is_no_metric_but_has_some() -> None:
    with pytest.raises(NotFoundError, match="it is a table") as caught:
        find_metric("disk", VIEWS)
    assert "disk.used_ratio" in caught.value.hint
    assert "disk_io" not in caught.value.hint
