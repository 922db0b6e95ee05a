"""The statements for marks, answered by the real database: what is counted, what is left out, whose they are."""

from collections.abc import Iterator

import duckdb  # noqa: TID253  the database itself answers here
import pytest

from nagare.tui.history import Span, Statement
from nagare.tui.marks.read import read_commands, read_deeds, read_events, read_gaps
from nagare.tui.marks.statements import (
    EACH_MOST,
    commands_statement,
    deeds_statement,
    events_statement,
    gaps_statement,
)

NOW = 1_760_000_000_000
SPAN = Span(NOW - 600_000, NOW, 5000)
_EVENTS = (
    "create table events (ts timestamp_ms, host varchar, id varchar, kind varchar, severity integer, text varchar,"
    " attributes map(varchar, varchar))"
)


@pytest.fixture
def base() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    for statement in (
        "set timezone = 'UTC'",
        _EVENTS,
        "create table commands (ts timestamp_ms, host varchar, job varchar, action varchar, state varchar, started_ms bigint)",
        "create table audit (ts timestamp_ms, host varchar, seq bigint, action varchar, outcome varchar, actor varchar, target varchar)",
        "create table gaps (ts timestamp_ms, host varchar, until_ms bigint, kind varchar)",
    ):
        connection.execute(statement)
    yield connection
    connection.close()


def _rows(base: duckdb.DuckDBPyConnection, statement: Statement) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = base.execute(statement.sql, statement.params).fetchall()
    return found


def _event(
    base: duckdb.DuckDBPyConnection, ago_ms: int, host: str | None, kind: str, text: str, severity: int = 0
) -> None:
    base.execute(
        "insert into events values (epoch_ms(?), ?, ?, ?, ?, ?, map {'a': 'b'})",
        [NOW - ago_ms, host, f"e{ago_ms}", kind, severity, text],
    )


def test_many_events_of_one_part_are_a_few_with_their_number(base: duckdb.DuckDBPyConnection) -> None:
    for index in range(30):
        _event(base, 5000 - index, "db-1", "note", f"n{index}", 2 if index == 7 else 0)
    _event(base, 300_000, "db-1", "note", "alone")
    _event(base, 700_000, "db-1", "note", "before")
    found = list(read_events(_rows(base, events_statement("", SPAN)), is_of_fleet=True))
    assert len(found) == 1 + EACH_MOST
    assert sum(1 + mark.more for mark in found) == 31
    assert "db-1: n7" in [mark.text for mark in found]
    assert found[0].text == "db-1: alone"


def test_a_host_has_its_own_and_changes_of_no_host(base: duckdb.DuckDBPyConnection) -> None:
    for ago, host, kind, text in (
        (10, "db-1", "note", "own"), (20, "web-1", "note", "another"), (30, "", "note", "hello"), (40, None, "note", "Deployed 4.2"),
        (50, "", "alert.firing", "deploy of an alert"), (60, "db-1", "notification", "told"),
    ):  # fmt: skip
        _event(base, ago * 1000, host, kind, text)
    found = read_events(_rows(base, events_statement("db-1", SPAN)), is_of_fleet=False)
    assert [mark.text for mark in found] == ["Deployed 4.2", "own"]


def test_commands_stand_where_they_began(base: duckdb.DuckDBPyConnection) -> None:
    for host, job, state, asked, began in (
        ("db-1", "j1", "done", 3_600_000, 60_000), ("db-1", "j2", "queued", 5000, None), ("web-1", "j3", "failed", 5000, 4000),
    ):  # fmt: skip
        base.execute(
            "insert into commands values (epoch_ms(?), ?, ?, 'disk.usage', ?, ?)",
            [NOW - asked, host, job, state, began and NOW - began],
        )
    found = read_commands(_rows(base, commands_statement("", SPAN)), is_of_fleet=True)
    assert [(mark.subject, mark.ts_ms - NOW, mark.state) for mark in found] == [
        ("j1", -60_000, "done"),
        ("j3", -4000, "failed"),
    ]
    assert [row[0] for row in _rows(base, commands_statement("db-1", SPAN))] == ["j1"]


def test_deeds_and_gaps(base: duckdb.DuckDBPyConnection) -> None:
    for seq, action, outcome in ((1, "rules.save", "done"), (2, "auth.login", "done"), (3, "rules.save", "refused")):
        base.execute(
            "insert into audit values (epoch_ms(?), null, ?, ?, ?, 'ada', 'DiskFull')",
            [NOW - 1000, seq, action, outcome],
        )
    assert [mark.text for mark in read_deeds(_rows(base, deeds_statement(SPAN)))] == ["ada did rules.save to DiskFull"]
    for host, ago, until in (("db-1", 900_000, 700_000), ("db-1", 900_000, 500_000), ("web-1", 20_000, None)):
        base.execute("insert into gaps values (epoch_ms(?), ?, ?, 'down')", [NOW - ago, host, until and NOW - until])
    gaps = read_gaps(_rows(base, gaps_statement("", SPAN)), is_of_fleet=True)
    assert [(mark.host, mark.ts_ms - NOW) for mark in gaps] == [("web-1", -20_000), ("db-1", -900_000)]
    assert [row[0] for row in _rows(base, gaps_statement("db-1", SPAN))] == ["db-1"]
