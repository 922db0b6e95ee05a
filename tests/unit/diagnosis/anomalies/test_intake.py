"""Which rows of a batch are rows of series, and what names them."""

from typing import Any

from nagare.diagnosis.anomalies.intake import COLUMNS, SeriesName, series_rows


def _rows(tables: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...], int, float]]:
    return [(one.name.table, one.name.column, one.name.keys, one.ts_ms, one.value) for one in series_rows("a", tables)]


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
