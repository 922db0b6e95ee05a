"""What is offered where the cursor stands; the cursor is written as a stroke."""

import pytest

from nagare.metrics.sql.functions import ALLOWED
from nagare.metrics.sql.macros import RENAMED
from nagare.tui.query.completion import complete, named_tables
from nagare.tui.query.sql_text import pieces
from nagare.tui.query.words import OFFERED_FUNCTIONS
from tests.tui.queries import TABLES


def _offered(text: str, *, is_asked: bool = False) -> list[str]:
    at = text.index("|")
    found = complete(text.replace("|", ""), at, TABLES, is_asked=is_asked)
    return [candidate.text for candidate in found.candidates]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("select * from |", ["cpu", "disk", "events", "influx.disk_io", "cpu_1m"]),
        ("select * from di|", ["disk", "influx.disk_io"]),
        ("select * from cpu c join |", ["cpu", "disk"]),
        ("select * from cpu, |", ["cpu", "disk"]),
        ("with late as (select 1) select * from |", ["late", "cpu"]),
        ("select * from influx.|", ["disk_io"]),
        ("select c.| from cpu c", ["ts", "host", "core", "busy_ratio"]),
        ("select cpu.bu| from cpu", ["busy_ratio"]),
        ("select used| from disk d", ["used_ratio", "used_bytes"]),
        ("select mou| from disk", ["mount"]),
        ("select busy_ratio fr|", ["from"]),
        ("select * from cpu wh|", ["where"]),
        ("select time_b| from cpu", ["time_bucket("]),
        ("select ratio| from cpu", ["busy_ratio", "iowait_ratio"]),
    ],
)
def test_what_may_follow_is_offered(text: str, first: list[str]) -> None:
    assert _offered(text)[: len(first)] == first


@pytest.mark.parametrize(
    "text",
    [
        "|", "select |", "select 'from |", "select 1 -- from |", "select * from cpu where core = 'al|'", "select 12|", "select busy_ratio| from cpu",
        "select x.| from cpu c", 'select "bus|',
    ],
)  # fmt: skip
def test_nothing_is_offered_where_nothing_is_known_or_all_is_written(text: str) -> None:
    assert _offered(text) == []


def test_who_asks_is_offered_all_that_may_stand_there() -> None:
    offered = _offered("select | from cpu", is_asked=True)
    assert offered[:5] == ["ts", "host", "core", "busy_ratio", "iowait_ratio"]
    assert "rate(" in offered


def test_before_a_table_is_named_columns_of_all_are_offered_with_their_table() -> None:
    found = complete("select us", 9, TABLES)
    assert [(one.text, one.told.partition(":")[0]) for one in found.candidates[:3]] == [
        ("using", ""), ("used_ratio", "disk"), ("used_bytes", "disk"),
    ]  # fmt: skip
    assert found.start == 7


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("select 1 from cpu", {"cpu": "cpu"}),
        ("select 1 from cpu as c asof join disk d on c.ts = d.ts", {"c": "cpu", "d": "disk"}),
        (
            "select 1 from CPU, influx.disk_io i where x in (select y from disk)",
            {"cpu": "cpu", "i": "influx.disk_io", "disk": "disk"},
        ),
        ("select extract(hour from ts) from (select * from cpu where 1) x", {"ts": "ts", "cpu": "cpu"}),
        ('select 1 from influx."disk io" group by all', {"disk io": "influx.disk io"}),
    ],
)
def test_tables_are_known_by_how_they_are_called(text: str, named: dict[str, str]) -> None:
    assert named_tables(pieces(text)) == named


def test_every_function_that_is_offered_may_be_called() -> None:
    lawful = ALLOWED | {name for name, _ in RENAMED}
    assert [one.name for one in OFFERED_FUNCTIONS if one.name not in lawful] == []
