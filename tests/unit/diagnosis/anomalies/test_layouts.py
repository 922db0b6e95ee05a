"""Which cells of a host's tables are rows of series, and that what was found out once holds for no other tables."""

from typing import Any

from nagare.diagnosis.anomalies.layouts import SERIES_ROWS, Layouts, Rows
from nagare.lib.counters import Counters
from nagare.wire.codec import encode
from nagare.wire.sound_batch import find_sound

Found = list[tuple[str, str, tuple[str, ...], int, float | None]]
_DISK: dict[str, Any] = {
    "ts": [1, 1],
    "mount": ["/", "/srv"],
    "device": ["a", None],
    "fstype": ["x", "x"],
    "used_ratio": [0.5, None],
}


def _read(layouts: Layouts, tables: Any, host: str = "a") -> Found:
    return [
        (name.table, name.column, name.keys, stamp, value)
        for rows in layouts.rows(host, tables)
        if isinstance(rows, Rows)
        for name, stamp, value in zip(rows.layout.names, rows.stamps, rows.values, strict=True)
    ]


def _rows(tables: Any) -> Found:
    return _read(Layouts(10, Counters()), tables)


def test_gauges_are_scored_and_keys_name_the_series() -> None:
    assert _rows({"disk": _DISK}) == [
        ("disk", "used_ratio", ("/", "a", "x"), 1, 0.5),
        ("disk", "used_ratio", ("/srv", "", "x"), 1, None),
    ]
    assert _rows({"load": {"ts": [5], "load1": [2], "cores": [True]}}) == [
        ("load", "load1", (), 5, 2.0),
        ("load", "cores", (), 5, 1.0),
    ]


def test_of_cores_the_whole_machine_is_scored() -> None:
    cpu = {"ts": [1, 2, 3], "core": ["0", "all", "1"], "busy_ratio": [0.1, 0.2, 0.3]}
    assert _rows({"cpu": cpu}) == [("cpu", "busy_ratio", ("all",), 2, 0.2)]


def test_tables_that_nobody_declared_are_left_out() -> None:
    assert _rows({"events": {"ts": [1]}, "strange": {"ts": [1], "x": [1.0]}}) == []


def test_a_batch_that_was_decoded_in_one_pass_reads_the_same() -> None:
    body = encode({"v": 1, "host": "a", "boot": "b", "seq": 1, "tables": {"disk": _DISK}})
    sound = find_sound(body, "identity", body)
    assert sound is not None
    assert _read(layouts := Layouts(10, Counters()), sound.tables) == _rows({"disk": _DISK})
    assert _read(layouts, {"disk": _DISK}) == _rows({"disk": _DISK})


def test_the_same_series_have_the_same_layout_and_others_another() -> None:
    layouts = Layouts(10, Counters())
    tables: list[dict[str, Any]] = [
        _DISK,
        {**_DISK, "ts": [2, 2], "used_ratio": [0.1, 0.2]},
        {**_DISK, "mount": ["/", "/home"]},
        {**_DISK, "free_bytes": [1, 2]},
        {name: [*cells, cells[0]] for name, cells in _DISK.items()},
    ]
    found = [rows.layout for table in tables for rows in layouts.rows("a", {"disk": table})]
    assert [one is found[0] for one in found] == [True, True, False, False, False]
    assert [_read(layouts, {"disk": table}) for table in tables] == [_rows({"disk": table}) for table in tables]
    (other,) = layouts.rows("b", {"disk": _DISK})
    assert {name.host for name in other.layout.names} == {"b"}


def test_layouts_of_many_hosts_make_way_for_one_another() -> None:
    layouts = Layouts(10, Counters())
    load: dict[str, Any] = {"load": {"ts": [1], "load1": [0.5]}}
    (first,) = layouts.rows("0", load)
    for number in range(1, 20_001):
        list(layouts.rows(str(number), load))
    (again,) = layouts.rows("0", load)
    assert again.layout is not first.layout
    (last,) = layouts.rows("20000", load)
    assert next(iter(layouts.rows("20000", load))).layout is last.layout


def test_of_many_rows_of_a_series_the_newest_count_whatever_their_order() -> None:
    counters, count = Counters(), SERIES_ROWS + 10
    load: dict[str, Any] = {"ts": [*range(count, 0, -1)], "load1": [0.5] * count, "cores": [4] * count}
    found = _read(Layouts(10, counters), {"load": load})
    assert [stamp for _, column, _, stamp, _ in found if column == "load1"] == [*range(11, count + 1)]
    assert counters.get("anomaly_rows_skipped") == 10
