"""The records database: durable, one writer, foreign errors translated, migrated to what the code defines."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import nagare.fleet.store
import nagare.identity.store  # noqa: F401  defines its table on the shared metadata
from nagare.errors import ConflictError, DiskFullError, NagareError, ReadOnlyError, StorageError
from nagare.records.engine import Records
from nagare.records.migrate import make_config
from nagare.records.schema import HEAD_REVISION, metadata


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory.from_config(make_config())
    assert scripts.get_heads() == [HEAD_REVISION]


async def test_migrations_make_what_the_stores_define(tmp_path: Path) -> None:
    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with Records(tmp_path / "records.db") as records:
        assert await records.read(compare) == []


def _modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}


def _pragmas(connection: Connection) -> dict[str, object]:
    names = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
    return {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in names}


async def test_the_file_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    expected = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 5000}
    async with Records(tmp_path / "records.db") as records:
        assert await records.read(_pragmas) == expected
        assert await records.write(_pragmas) == expected
        assert _modes(tmp_path) == {0o600}


def _make_table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE t (x)"))


def _insert(connection: Connection) -> None:
    connection.execute(text("INSERT INTO t VALUES (1)"))


def _count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM t")).scalar_one())


def _fail_half_way(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE u (x)"))
    _insert(connection)
    raise ZeroDivisionError


async def test_an_error_takes_the_whole_write_back(tmp_path: Path) -> None:
    async with Records(tmp_path / "records.db") as records:
        await records.write(_make_table)
        with pytest.raises(ZeroDivisionError):
            await records.write(_fail_half_way)
        assert await records.read(_count) == 0
        with pytest.raises(StorageError, match="no such table: u"):
            await records.read(lambda connection: connection.execute(text("SELECT * FROM u")))


async def test_writers_queue_and_readers_do_not_wait_for_them(tmp_path: Path) -> None:
    async with Records(tmp_path / "records.db") as records:
        await records.write(_make_table)
        has_written, may_end = threading.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            _insert(connection)
            has_written.set()
            assert may_end.wait(10)

        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(records.write(slow))
            second = tasks.create_task(records.write(_insert))
            await asyncio.to_thread(has_written.wait, 10)
            assert await records.read(_count) == 0
            assert not first.done()
            assert not second.done()
            may_end.set()
        assert await records.read(_count) == 2


async def test_a_cancelled_caller_leaves_a_whole_write(tmp_path: Path) -> None:
    async with Records(tmp_path / "records.db") as records:
        await records.write(_make_table)
        has_begun, may_end = threading.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            has_begun.set()
            assert may_end.wait(10)
            _insert(connection)

        async with asyncio.TaskGroup() as tasks:
            write = tasks.create_task(records.write(slow))
            await asyncio.to_thread(has_begun.wait, 10)
            write.cancel()
        may_end.set()
        await records.write(_insert)
        assert await records.read(_count) == 2


async def test_foreign_errors_become_ours(tmp_path: Path) -> None:
    async with Records(tmp_path / "records.db") as records:
        insert = text("INSERT INTO alembic_version VALUES (:v)")
        with pytest.raises(ConflictError, match="cannot write records"):
            await records.write(lambda connection: connection.execute(insert, {"v": HEAD_REVISION}))
        with pytest.raises(StorageError, match="cannot read records"):
            await records.read(lambda connection: connection.execute(text("SELECT * FROM nowhere")))


async def test_a_full_disk_and_a_lost_right_are_named(tmp_path: Path) -> None:
    async with Records(tmp_path / "records.db") as records:
        await records.write(_make_table)

        def fill(connection: Connection) -> None:
            connection.execute(text("PRAGMA max_page_count = 1"))
            connection.execute(text("INSERT INTO t VALUES (zeroblob(1000000))"))

        with pytest.raises(DiskFullError):
            await records.write(fill)

        def forbid(connection: Connection) -> None:
            connection.execute(text("PRAGMA query_only = 1"))
            _insert(connection)

        with pytest.raises(ReadOnlyError):
            await records.write(forbid)


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(b"this is a letter, not a database" * 200)
    with pytest.raises(NagareError, match=r"records\.db") as refused:
        async with Records(path):
            pass
    assert "-wal" in refused.value.hint
    assert path.read_bytes().startswith(b"this is a letter")


def _set_revision(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


async def test_a_database_that_is_made_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "nagare.records")
    for _ in range(2):
        async with Records(tmp_path / "records.db"):
            pass
    assert [record.getMessage().split()[0] for record in caplog.records] == ["records_made"]


async def test_a_database_of_a_newer_version_is_refused_and_copied_first(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    async with Records(path):
        pass
    _set_revision(path, "9999")
    with pytest.raises(StorageError, match="newer"):
        async with Records(path):
            pass
    assert (tmp_path / "records-9999.db").stat().st_size > 0
    assert _modes(tmp_path) == {0o600}


def test_a_start_without_migration_loads_no_alembic(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from nagare.records.engine import Records
async def main():
    async with Records(Path(sys.argv[1])):
        print("alembic" in sys.modules)
asyncio.run(main())
"""
    seen = [
        subprocess.run(
            [sys.executable, "-c", program, tmp_path / "r.db"], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert seen == ["True\n", "False\n"]
