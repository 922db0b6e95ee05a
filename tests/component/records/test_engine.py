"""The records database: durable, one writer, foreign errors translated, migrated to what the code defines."""

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import nagare.fleet.store
import nagare.identity.store  # noqa: F401  defines its table on the shared metadata
from nagare.errors import DiskFullError, NagareError, ReadOnlyError, StorageError
from nagare.records.engine import Records
from nagare.records.migrate import make_config
from nagare.records.schema import HEAD_REVISION


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory.from_config(make_config())
    assert scripts.get_heads() == [HEAD_REVISION]


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
