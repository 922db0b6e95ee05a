"""What records promise on SQLite and on PostgreSQL alike."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

import nagare.server.compose  # noqa: F401  loads every store, and with them their tables
from nagare.config.settings import RecordsSettings
from nagare.errors import ConflictError, StorageError
from nagare.records.engine import Records
from nagare.records.schema import HEAD_REVISION, metadata


@pytest.fixture
async def records(tmp_path: Path, database: RecordsSettings) -> AsyncIterator[Records]:
    async with Records(tmp_path / "records.db", database) as opened:
        await opened.write(lambda connection: connection.execute(text("CREATE TABLE t (x INTEGER)")))
        yield opened


def _insert(connection: Connection) -> None:
    connection.execute(text("INSERT INTO t VALUES (1)"))


def _count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM t")).scalar_one())


def _add_one_more(connection: Connection) -> None:
    """Insert what only one that is alone can know: the next number."""
    number = _count(connection)
    connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": number})


async def test_migrations_make_what_the_stores_define(tmp_path: Path, database: RecordsSettings) -> None:
    def compare(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with Records(tmp_path / "records.db", database) as records:
        assert await records.read(compare) == []


async def test_an_error_takes_the_whole_write_back(records: Records) -> None:
    def fail_half_way(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE u (x INTEGER)"))
        _insert(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await records.write(fail_half_way)
    assert await records.read(_count) == 0
    with pytest.raises(StorageError, match="cannot read records"):
        await records.read(lambda connection: connection.execute(text("SELECT * FROM u")))


async def test_readers_do_not_wait_for_a_writer_and_see_one_state(records: Records) -> None:
    has_read, has_written, may_end = threading.Event(), threading.Event(), threading.Event()

    def slow_write(connection: Connection) -> None:
        _insert(connection)
        has_written.set()
        assert may_end.wait(10)

    def read_twice(connection: Connection) -> tuple[int, int]:
        first = _count(connection)
        has_read.set()
        assert may_end.wait(10)
        return first, _count(connection)

    async with asyncio.TaskGroup() as tasks:
        write = tasks.create_task(records.write(slow_write))
        await asyncio.to_thread(has_written.wait, 10)
        read = tasks.create_task(records.read(read_twice))
        await asyncio.to_thread(has_read.wait, 10)
        assert not write.done()
        may_end.set()
    assert read.result() == (0, 0)
    assert await records.read(_count) == 1


async def test_writers_of_two_servers_come_one_after_the_other(
    records: Records, tmp_path: Path, database: RecordsSettings
) -> None:
    async with Records(tmp_path / "records.db", database) as other, asyncio.TaskGroup() as tasks:
        for _ in range(25):
            tasks.create_task(records.write(_add_one_more))
            tasks.create_task(other.write(_add_one_more))
    found = await records.read(lambda connection: list(connection.execute(text("SELECT x FROM t")).scalars()))
    assert sorted(found) == list(range(50))


async def test_a_cancelled_caller_leaves_a_whole_write(records: Records) -> None:
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


async def test_a_second_of_its_kind_is_a_conflict(records: Records) -> None:
    insert = text("INSERT INTO alembic_version VALUES (:v)")
    with pytest.raises(ConflictError, match="cannot write records"):
        await records.write(lambda connection: connection.execute(insert, {"v": HEAD_REVISION}))


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path, database: RecordsSettings) -> None:
    def make_and_insert(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE IF NOT EXISTS t (x INTEGER)"))
        _insert(connection)

    for _ in range(2):
        async with Records(tmp_path / "records.db", database) as records:
            await records.write(make_and_insert)
    async with Records(tmp_path / "records.db", database) as records:
        assert await records.read(_count) == 2
