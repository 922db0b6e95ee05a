"""Every revision, up and down, with rows in every table, on both databases; and what a kill in the middle leaves."""

import asyncio
import signal
import subprocess
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Float, Integer, MetaData, insert, select, text

import nagare.server.compose  # noqa: F401  loads every store, and with them their tables
from nagare.config.settings import RecordsSettings
from nagare.records.engine import Records
from nagare.records.migrate import make_config
from nagare.records.schema import HEAD_REVISION, metadata
from tests.support import warm

_ROWS = 3
_SCRIPTS = ScriptDirectory.from_config(make_config())
REVISIONS = [script.revision for script in reversed(list(_SCRIPTS.walk_revisions()))]
# A migration runs step by step: each step alone, and the way to the newest from the first revision and each fourth after
# it; from the others it is the same steps, which `make soak` goes.
STEPS = {*pairwise(REVISIONS), *((lower, REVISIONS[-1]) for lower in REVISIONS[:-1:4])}
MORE = {(lower, REVISIONS[-1]) for lower in REVISIONS[:-1]} - STEPS

# Tables that were looked up anew are in no other statement: kept, each would hold all of them until the process ends.
_UNKEPT = {"compiled_cache": None}

Content = dict[str, list[dict[str, Any]]]


def test_head_is_the_newest_migration() -> None:
    assert _SCRIPTS.get_heads() == [HEAD_REVISION]
    assert REVISIONS[-1] == HEAD_REVISION


def _down(connection: Connection, revision: str) -> None:
    command.downgrade(make_config(connection), revision)


def _up(connection: Connection, revision: str) -> None:
    command.upgrade(make_config(connection), revision)


def _reflected(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    found.remove(found.tables["alembic_version"])
    return found


def _value(column: Column[Any], row: int) -> Any:
    kind = column.type
    if isinstance(kind, Boolean):
        return row % 2 == 0
    if isinstance(kind, BigInteger | Integer):
        return row + 1
    if isinstance(kind, Float):
        return row + 0.5
    if isinstance(kind, JSON):
        return {"row": row, "text": "ä"}
    return f"{column.name}-{row}"[: getattr(kind, "length", None) or 99]


def _fill(connection: Connection) -> MetaData:
    found = _reflected(connection)
    for table in found.sorted_tables:
        rows = []
        for number in range(_ROWS):
            row = {column.name: _value(column, number) for column in table.columns}
            # Keys that point elsewhere point at a row that is there.
            for column in table.columns:
                for key in column.foreign_keys:
                    row[column.name] = _value(key.column, number)
            rows.append(row)
        connection.execute(insert(table), rows, execution_options=_UNKEPT)
    return found


def _content(connection: Connection, seen: MetaData | None = None) -> Content:
    found = {}
    for table in (seen or _reflected(connection)).sorted_tables:
        ordered = select(table).order_by(*table.primary_key.columns)
        rows = connection.execute(ordered, execution_options=_UNKEPT).mappings()
        found[table.name] = [dict(row) for row in rows]
    return found


def _shape(seen: MetaData) -> dict[str, list[str]]:
    return {table.name: sorted(str(column.name) for column in table.columns) for table in seen.sorted_tables}


def _kept(before: Content, after: Content, renamed: dict[tuple[str, str], str]) -> None:
    """Check that every value that has a place in ``after`` is there."""
    for table, rows in before.items():
        if table not in after:
            continue
        for old, new in zip(rows, after[table], strict=True):
            for name, value in old.items():
                now = renamed.get((table, name), name)
                if now in new:
                    assert new[now] == value, (table, name)


FORTH = {("sessions", "agent"): "user_agent"}
BACK = {("sessions", "user_agent"): "agent"}


@pytest.mark.parametrize(
    ("lower", "upper"), [*sorted(STEPS), *(pytest.param(*way, marks=pytest.mark.soak) for way in sorted(MORE))]
)
async def test_a_revision_goes_up_and_down_with_what_it_holds(
    tmp_path: Path, migrated: RecordsSettings, lower: str, upper: str
) -> None:
    async with Records(tmp_path / "records.db", migrated) as records:
        await records.write(lambda connection: _down(connection, lower))
        # To look at what tables there are takes longer than all else: once for each revision.
        lower_tables = await records.write(_fill)
        first = await records.read(partial(_content, seen=lower_tables))
        assert all(len(rows) == _ROWS for rows in first.values())
        await records.write(lambda connection: _up(connection, upper))
        second = await records.read(_content)
        _kept(first, second, FORTH)
        assert first.keys() <= second.keys()
        await records.write(lambda connection: _down(connection, lower))
        tables = await records.read(_reflected)
        assert _shape(tables) == _shape(lower_tables)
        third = await records.read(partial(_content, seen=tables))
        _kept(second, third, BACK)
        assert third == first


async def test_all_the_way_down_leaves_nothing(tmp_path: Path, database: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        await records.write(_fill)
        filled = await records.read(_content)
        assert filled.keys() == metadata.tables.keys(), "a table of the newest revision without rows to migrate"
        assert all(len(rows) == _ROWS for rows in filled.values())
        await records.write(lambda connection: _down(connection, "base"))
        assert _shape(await records.read(_reflected)) == {}
        await records.write(lambda connection: _up(connection, "head"))
        assert set(_shape(await records.read(_reflected))) >= {"hosts", "users", "audit_entries"}


async def test_a_renamed_column_keeps_what_older_versions_wrote(tmp_path: Path, database: RecordsSettings) -> None:
    async with Records(tmp_path / "records.db", database) as records:
        await records.write(lambda connection: _down(connection, "0004"))
        await records.write(_fill)
        before = [row["agent"] for row in (await records.read(_content))["sessions"]]
    async with Records(tmp_path / "records.db", database) as records:
        rows = (await records.read(_content))["sessions"]
        assert [row["user_agent"] for row in rows] == before
        assert "agent" not in rows[0]


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from nagare.config.settings import RecordsSettings
from nagare.records.engine import Records

changes = 0

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, statement, parameters, context, executemany):
    global changes
    if statement.lstrip().split()[0].upper() in ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE"):
        changes += 1
        if changes == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with Records(Path(sys.argv[1]), RecordsSettings(url=sys.argv[2])):
        pass

asyncio.run(main())
"""


def _migrate_until(change: int, path: Path, database: RecordsSettings) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-c", _KILLED, str(path), database.url, str(change)]
    return warm.run(argv, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("lower", ["", "0003"])
async def test_a_kill_in_the_middle_of_migrations_leaves_what_was_there(
    tmp_path: Path, database: RecordsSettings, lower: str
) -> None:
    path, before = tmp_path / "records.db", {}
    if lower:
        async with Records(path, database) as records:
            await records.write(lambda connection: _down(connection, lower))
            await records.write(_fill)
            before = await records.read(_content)
    killed = 0
    for change in (1, 5, 14, 1_000):
        ended = await asyncio.to_thread(_migrate_until, change, path, database)
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
        killed += ended.returncode != 0
        if ended.returncode == 0:
            break
    assert killed >= 1
    async with Records(path, database) as records:
        after = await records.read(_content)
        _kept(before, after, FORTH)
        assert before.keys() <= after.keys()
        version = text("SELECT version_num FROM alembic_version")
        assert await records.read(lambda connection: list(connection.execute(version).scalars())) == [HEAD_REVISION]
