"""Which tables of a batch are scored, and what names a series."""

from typing import Any

from nagare.diagnosis.anomalies.intake import COLUMNS, TABLE_ROWS, SeriesName, scored_part


def test_keys_name_a_series_for_people() -> None:
    assert SeriesName("a", "disk", "used_ratio", ("/", "a", "x")).text() == "mount=/, device=a, fstype=x"


def test_counters_and_tables_of_no_measurements_are_left_out() -> None:
    assert "seconds_total" not in COLUMNS["cpu"]
    assert not {"process", "events", "anomalies", "agent"} & COLUMNS.keys()


def test_of_a_batch_only_what_is_scored_waits_and_not_without_end() -> None:
    count = TABLE_ROWS + 3
    load: dict[str, Any] = {"ts": [*range(count)], "load1": [0.5] * count, "strange": ["x"] * count}
    part = scored_part("a", {"load": load, "events": {"ts": [1]}, "strange": {"ts": [1]}})
    assert {table: [*columns] for table, columns in part.tables.items()} == {"load": ["ts", "load1", "strange"]}
    assert (part.host, part.rows, part.left_out) == ("a", TABLE_ROWS, 3)
    assert (part.tables["load"]["ts"][0], len(part.tables["load"]["load1"])) == (3, TABLE_ROWS)
