"""Which rows of a batch are rows of series, and what names them."""

from typing import Any

from nagare.diagnosis.anomalies.intake import COLUMNS, SERIES_ROWS, TABLE_ROWS, SeriesName, scored_part, series_rows
from nagare.lib.counters import Counters


def _rows(tables: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...], int, float]]:
    found = series_rows("a", tables, Counters())
    return [(one.name.table, one.name.column, one.name.keys, one.ts_ms, one.value) for one in found]


def test_gauges_are_scored_and_keys_name_the_series() -> None:
    disk = {
        "ts": [1, 1],
        "mount": ["/", "/srv"],
        "device": ["a", None],
        "fstype": ["x", "x"],
        "used_ratio": [0.5, None],
    }
    assert _rows({"disk": disk}) == [("disk", "used_ratio", ("/", "a", "x"), 1, 0.5)]
    assert _rows({"load": {"ts": [5], "load1": [2], "cores": [True]}}) == [
        ("load", "load1", (), 5, 2.0),
        ("load", "cores", (), 5, 1.0),
    ]
    assert SeriesName("a", "disk", "used_ratio", ("/", "a", "x")).text() == "mount=/, device=a, fstype=x"


def test_of_cores_the_whole_machine_is_scored() -> None:
    cpu = {"ts": [1, 1, 1], "core": ["all", "0", "1"], "busy_ratio": [0.1, 0.2, 0.3]}
    assert _rows({"cpu": cpu}) == [("cpu", "busy_ratio", ("all",), 1, 0.1)]


def test_counters_texts_and_tables_of_no_measurements_are_left_out() -> None:
    assert "seconds_total" not in COLUMNS["cpu"]
    assert not {"process", "events", "anomalies", "agent"} & COLUMNS.keys()
    assert _rows({"events": {"ts": [1]}, "strange": {"ts": [1], "x": [1.0]}, "load": {"ts": [1], "load1": ["a"]}}) == []


def test_of_many_rows_of_a_series_the_newest_count_whatever_their_order() -> None:
    counters, count = Counters(), SERIES_ROWS + 10
    load: dict[str, Any] = {"ts": [*range(count, 0, -1)], "load1": [0.5] * count, "cores": [4] * count}
    stamps = [row.ts_ms for row in series_rows("a", {"load": load}, counters) if row.name.column == "load1"]
    assert stamps == [*range(11, count + 1)]
    assert counters.get("anomaly_rows_skipped") == 10


def test_of_a_batch_only_what_is_scored_waits_and_not_without_end() -> None:
    count = TABLE_ROWS + 3
    load: dict[str, Any] = {"ts": [*range(count)], "load1": [0.5] * count, "strange": ["x"] * count}
    part, left_out = scored_part({"load": load, "events": {"ts": [1]}, "strange": {"ts": [1]}})
    assert ({table: [*columns] for table, columns in part.items()}, left_out) == ({"load": ["ts", "load1"]}, 3)
    assert (part["load"]["ts"][0], len(part["load"]["load1"])) == (3, TABLE_ROWS)
