"""Records leave one database and enter another row for row; a restore is whole, alone, or nothing.

Dump and load are the work of commands, which have no event loop: tests that call them may block theirs.
"""

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, null, select, text

import nagare.server.compose  # noqa: F401  loads every store, and with them their tables
from nagare.config.settings import RecordsSettings
from nagare.errors import ConnectFailedError, InputError, LockedError, StorageError
from nagare.records.dump import ABOUT, load_dump, opened, write_dump
from nagare.records.engine import Records, read_revision
from nagare.records.schema import HEAD_REVISION, metadata
from tests.component.records.test_migrations import Content, _content, _down, _fill, _reflected
from tests.support import warm
from tests.support.migrated import place_records
from tests.support.postgres import Cluster


@pytest.fixture
def database(migrated: RecordsSettings) -> RecordsSettings:
    """Both, of the newest revision: the way there is tests/component/records/test_migrations' part."""
    return migrated


@pytest.fixture
def other(request: pytest.FixtureRequest, engine_of_copy: str, postgres_cluster: Cluster) -> RecordsSettings:
    return RecordsSettings() if engine_of_copy == "sqlite" else postgres_cluster.make_database()


async def _filled(file: Path, database: RecordsSettings, revision: str = HEAD_REVISION) -> Content:
    if not database.url:
        place_records(file)
    async with Records(file, database) as records:
        if revision != HEAD_REVISION:
            await records.write(lambda connection: _down(connection, revision))
        await records.write(_fill)
        await records.write(_empty_some)
        return await records.read(_content)


def _empty_some(connection: Connection) -> None:
    for table in _reflected(connection).sorted_tables:
        first = next(iter(table.primary_key.columns))
        value = min(connection.execute(select(first)).scalars())
        if names := [column.name for column in table.columns if column.nullable]:
            connection.execute(table.update().where(first == value).values(dict.fromkeys(names, null())))


def _dump(file: Path, database: RecordsSettings, folder: Path) -> Path:
    folder.mkdir()
    with opened(file, database) as connection:
        write_dump(connection, folder)
    return folder


@pytest.mark.may_block(reason="what a command does")
@pytest.mark.parametrize("engine_of_copy", ["sqlite", "postgresql"])
async def test_every_row_of_every_table_comes_over(
    tmp_path: Path, database: RecordsSettings, other: RecordsSettings
) -> None:
    before = await _filled(tmp_path / "a.db", database)
    # The stores' own list of tables: a new one without rows here proves nothing.
    assert before.keys() == metadata.tables.keys()
    assert all(before.values())
    assert any(None in row.values() for rows in before.values() for row in rows), "no row holds a null"
    folder = _dump(tmp_path / "a.db", database, tmp_path / "dump")
    with opened(tmp_path / "b.db", other, writes=True) as connection:
        assert load_dump(connection, folder) == sum(len(rows) for rows in before.values())
    async with Records(tmp_path / "b.db", other) as records:
        assert await records.read(_content) == before


@pytest.mark.may_block(reason="what a command does")
@pytest.mark.parametrize("engine_of_copy", ["sqlite", "postgresql"])
async def test_an_older_revision_is_brought_in_and_upgraded(
    tmp_path: Path, database: RecordsSettings, other: RecordsSettings
) -> None:
    await _filled(tmp_path / "a.db", database, "0004")
    folder = _dump(tmp_path / "a.db", database, tmp_path / "dump")
    await _filled(tmp_path / "b.db", other)
    with opened(tmp_path / "b.db", other, writes=True) as connection:
        load_dump(connection, folder)
        assert read_revision(connection) == HEAD_REVISION
        agents = connection.execute(text("SELECT user_agent FROM sessions ORDER BY user_agent")).scalars().all()
        assert agents == ["agent-0", "agent-1", "agent-2"]


async def test_no_table_counts_for_itself(postgres: RecordsSettings) -> None:
    """A dump carries no sequences: were there one, a restored table would give a number twice."""
    async with Records(Path("unused.db"), postgres) as records:
        sequences = text("SELECT relname FROM pg_class WHERE relkind = 'S'")
        assert await records.read(lambda connection: connection.execute(sequences).all()) == []


def _spoil_about(folder: Path) -> None:
    (folder / ABOUT).write_text("{}")


def _cut(folder: Path) -> None:
    file = folder / "hosts.ndjson"
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])


def _break_line(folder: Path) -> None:
    (folder / "hosts.ndjson").write_text('{"id": "x"}\n' * 3)


def _from_tomorrow(folder: Path) -> None:
    about = folder / ABOUT
    about.write_text(about.read_text().replace(HEAD_REVISION, "9999"))


def _lose_a_table(folder: Path) -> None:
    about = folder / ABOUT
    about.write_text(about.read_text().replace('"hosts"', '"guests"'))


@pytest.mark.may_block(reason="what a command does")
@pytest.mark.parametrize("spoil", [_spoil_about, _cut, _break_line, _from_tomorrow, _lose_a_table])
async def test_what_does_not_fit_changes_nothing(tmp_path: Path, database: RecordsSettings, spoil: Any) -> None:
    before = await _filled(tmp_path / "a.db", database)
    folder = _dump(tmp_path / "a.db", database, tmp_path / "dump")
    spoil(folder)
    with (
        pytest.raises((InputError, StorageError)),
        opened(tmp_path / "a.db", database, writes=True) as connection,
    ):
        load_dump(connection, folder)
    async with Records(tmp_path / "a.db", database) as records:
        assert await records.read(_content) == before


@pytest.mark.may_block(reason="what a command does")
async def test_nobody_may_work_with_what_is_replaced(tmp_path: Path, postgres: RecordsSettings) -> None:
    before = await _filled(tmp_path / "unused.db", postgres)
    folder = _dump(tmp_path / "unused.db", postgres, tmp_path / "dump")
    async with Records(tmp_path / "unused.db", postgres) as records:
        with (
            pytest.raises(LockedError, match="somebody works"),
            opened(tmp_path / "unused.db", postgres, writes=True) as connection,
        ):
            load_dump(connection, folder)
        assert await records.read(_content) == before


_KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from nagare.config.settings import RecordsSettings
from nagare.records.dump import load_dump, opened

changes = 0

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, statement, parameters, context, executemany):
    global changes
    if statement.lstrip().split()[0].upper() in ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE"):
        changes += 1
        if changes == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)

with opened(Path(sys.argv[1]), RecordsSettings(url=sys.argv[2]), writes=True) as connection:
    load_dump(connection, Path(sys.argv[3]))
"""


def _load_until(change: int, file: Path, database: RecordsSettings, folder: Path) -> int:
    argv = [sys.executable, "-c", _KILLED, str(file), database.url, str(folder), str(change)]
    ended = warm.run(argv, capture_output=True, check=False, timeout=60)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
    return ended.returncode


@pytest.mark.may_block(reason="what a command does")
async def test_a_kill_in_the_middle_leaves_what_was_there(tmp_path: Path, database: RecordsSettings) -> None:
    file = tmp_path / "a.db"
    await _filled(file, database)
    folder = _dump(file, database, tmp_path / "dump")
    with opened(file, database, writes=True) as connection:
        connection.execute(text("UPDATE hosts SET name = 'changed' WHERE id = 'id-0'"))
    with opened(file, database) as connection:
        before = _content(connection)
    killed = 0
    for change in (1, 20, 60, 100):
        if await asyncio.to_thread(_load_until, change, file, database, folder) == 0:
            break
        killed += 1
        async with Records(file, database) as records:
            assert await records.read(_content) == before
    assert killed >= 2


async def test_a_second_server_is_refused_and_the_first_stops_writing_when_it_was_replaced(
    tmp_path: Path, postgres_cluster: Cluster
) -> None:
    unused, settings = tmp_path / "unused.db", replace(postgres_cluster.make_database(), connections=1)

    def ask(connection: Any) -> int:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())

    async with Records(unused, settings, alone=True) as first:
        with pytest.raises(LockedError, match="another server works with them"):
            async with Records(unused, settings, alone=True):
                pass
        await _cut_off(first, postgres_cluster, ask)
        assert await first.write(ask), "nobody came in between: it goes on"
        await _cut_off(first, postgres_cluster, ask)
        async with Records(unused, settings, alone=True):
            with pytest.raises(ConnectFailedError, match="another server works with them"):
                await first.write(ask)
            assert await first.read(ask), "reading goes on"
        with pytest.raises(ConnectFailedError, match="worked with them meanwhile"):
            await first.write(ask)


async def _cut_off(records: Records, cluster: Cluster, ask: Any) -> None:
    pid = await records.write(ask)
    with cluster.connect() as killer:
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
