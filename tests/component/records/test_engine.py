"""The records database: durable, one writer, foreign errors translated, migrated to what the code defines."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import nagare.fleet.store
import nagare.identity.store  # noqa: F401  defines its table on the shared metadata
from nagare.errors import ConflictError, NagareError, StorageError
from nagare.records.engine import Records
from nagare.records.migrate import make_config
from nagare.records.schema import HEAD_REVISION, metadata


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory.from_config(make_config())
    assert scripts.get_heads() == [HEAD_REVISION]


async def test_migrations_make_what_the_stores_define(tmp_path: Path) -> None:
    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with Records(tmp_path / "records.db") as records, records.read() as connection:
        assert await connection.run_sync(compare) == []


def _modes(directory: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}


async def _fail_half_way(records: Records) -> None:
    async with records.write() as connection:
        await connection.execute(text("CREATE TABLE t (x)"))
        await connection.execute(text("INSERT INTO t VALUES (1)"))
        raise ZeroDivisionError


async def test_the_file_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    async with Records(path) as records:
        for scope in (records.read, records.write):
            async with scope() as connection:
                for pragma, value in (
                    ("journal_mode", "wal"),
                    ("foreign_keys", 1),
                    ("synchronous", 2),
                    ("busy_timeout", 5000),
                ):
                    assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar() == value
        assert _modes(tmp_path) == {0o600}


async def test_an_error_takes_the_whole_write_back(tmp_path: Path) -> None:
    async with Records(tmp_path / "records.db") as records:
        with pytest.raises(ZeroDivisionError):
            await _fail_half_way(records)
        async with records.read() as connection:
            assert (await connection.execute(text("SELECT name FROM sqlite_master WHERE name = 't'"))).first() is None


async def test_writers_queue_and_readers_do_not_wait_for_them(tmp_path: Path) -> None:
    async with Records(tmp_path / "records.db") as records:
        async with records.write() as connection:
            await connection.execute(text("CREATE TABLE t (x)"))
        order: list[str] = []
        first_has_written, may_end = asyncio.Event(), asyncio.Event()

        async def first() -> None:
            async with records.write() as connection:
                await connection.execute(text("INSERT INTO t VALUES (1)"))
                first_has_written.set()
                await may_end.wait()
                order.append("first")

        async def second() -> None:
            await first_has_written.wait()
            async with records.write() as connection:
                order.append("second")
                await connection.execute(text("INSERT INTO t VALUES (2)"))

        async def reader() -> None:
            await first_has_written.wait()
            async with records.read() as connection:
                assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar() == 0
            order.append("reader")
            may_end.set()

        await asyncio.gather(first(), second(), reader())
        assert order == ["reader", "first", "second"]


async def test_foreign_errors_become_ours(tmp_path: Path) -> None:
    async with Records(tmp_path / "records.db") as records:
        insert = text("INSERT INTO alembic_version VALUES (:v)")
        with pytest.raises(ConflictError, match="cannot write records"):
            async with records.write() as connection:
                await connection.execute(insert, {"v": HEAD_REVISION})
        with pytest.raises(StorageError, match="cannot read records"):
            async with records.read() as connection:
                await connection.execute(text("SELECT * FROM nowhere"))


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(b"this is a letter, not a database" * 200)
    with pytest.raises(NagareError, match=r"records\.db"):
        async with Records(path):
            pass
    assert path.read_bytes().startswith(b"this is a letter")


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    async with Records(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StorageError, match="newer"):
        async with Records(path):
            pass


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
