"""What holds on PostgreSQL alone: a database that goes and comes back, two servers at one time, no secret in words."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from nagare.config.settings import RecordsSettings
from nagare.errors import ConnectFailedError, InputError, NagareError, ReadOnlyError, StorageError
from nagare.records.engine import Records
from nagare.records.postgresql import PostgresBackend
from nagare.records.schema import HEAD_REVISION
from tests.support.postgres import Cluster, cluster

UNUSED = Path("unused.db")


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that the test may stop."""
    with cluster() as made:
        yield made


def _one(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 1")).scalar_one())


async def test_a_database_that_was_away_is_used_again(own_cluster: Cluster) -> None:
    settings = own_cluster.make_database()
    async with Records(UNUSED, settings) as records:
        own_cluster.stop()
        for work in (records.read, records.write):
            with pytest.raises(ConnectFailedError) as away:
                await work(_one)
            assert "records.url" in away.value.hint
        own_cluster.start()
        assert await records.read(_one) == 1
        assert await records.write(_one) == 1


async def test_a_start_without_the_database_says_so(own_cluster: Cluster) -> None:
    settings = own_cluster.make_database()
    own_cluster.stop()
    with pytest.raises(ConnectFailedError, match="cannot open records postgresql://"):
        async with Records(UNUSED, settings):
            pass


async def test_an_unknown_database_is_named(postgres: RecordsSettings) -> None:
    settings = replace(postgres, url=postgres.url.replace("@/t", "@/nowhere"))
    with pytest.raises(ConnectFailedError, match="does not exist"):
        async with Records(UNUSED, settings):
            pass


async def test_a_connection_cut_within_a_write_leaves_nothing_of_it(
    postgres: RecordsSettings, postgres_cluster: Cluster
) -> None:
    def write_and_be_cut(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with postgres_cluster.connect() as killer:
            killer.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.execute(text("INSERT INTO t VALUES (1)"))

    async with Records(UNUSED, postgres) as records:
        with pytest.raises(ConnectFailedError):
            await records.write(write_and_be_cut)
        exists = text("SELECT to_regclass('t')")
        assert await records.write(lambda connection: connection.execute(exists).scalar()) is None


async def test_two_servers_that_start_at_one_time_migrate_once(
    postgres: RecordsSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nagare.records")

    async def start() -> str:
        async with Records(UNUSED, postgres) as records:
            query = text("SELECT version_num FROM alembic_version")
            return str(await records.read(lambda connection: connection.execute(query).scalar_one()))

    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(start()) for _ in range(3)]
    assert [task.result() for task in started] == [HEAD_REVISION] * 3


async def test_readers_cannot_write(postgres: RecordsSettings) -> None:
    async with Records(UNUSED, postgres) as records:
        with pytest.raises(ReadOnlyError, match="read-only"):
            await records.read(lambda connection: connection.execute(text("CREATE TABLE t (x INTEGER)")))


async def test_a_text_that_no_column_holds_is_the_askers_fault(postgres: RecordsSettings) -> None:
    async with Records(UNUSED, postgres) as records:
        await records.write(lambda connection: connection.execute(text("CREATE TABLE t (x VARCHAR(3))")))
        with pytest.raises(InputError, match="too long"):
            await records.write(lambda connection: connection.execute(text("INSERT INTO t VALUES ('abcd')")))


async def test_a_newer_database_is_refused(postgres: RecordsSettings) -> None:
    async with Records(UNUSED, postgres) as records:
        newer = text("UPDATE alembic_version SET version_num = '9999'")
        await records.write(lambda connection: connection.execute(newer))
    with pytest.raises(StorageError, match="newer"):
        async with Records(UNUSED, postgres):
            pass


async def test_no_word_holds_the_password_and_it_is_read_at_each_connect(
    own_cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    own_cluster.make_password_needed("let-me-in")
    file = tmp_path / "password"
    file.write_text("wrong-word\n")
    settings = replace(own_cluster.make_database(), password_file=file)
    with pytest.raises(NagareError, match="password authentication failed") as refused:
        async with Records(UNUSED, settings):
            pass
    file.write_text("let-me-in\n")
    async with Records(UNUSED, settings) as records:
        assert await records.read(_one) == 1
    for secret in ("wrong-word", "let-me-in"):
        assert secret not in caplog.text
        assert secret not in f"{refused.value} {refused.value.hint} {refused.value.context}"


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://nagare@db.example/nagare", "verify-full"),
        ("postgresql://nagare@192.0.2.1/nagare", "verify-full"),
        ("postgresql://nagare@db.example/nagare?sslmode=require", "require"),
        ("postgresql://nagare@127.0.0.1/nagare", None),
        ("postgresql://nagare@localhost/nagare", None),
        ("postgresql:///nagare?host=/run/postgresql", None),
    ],
)
def test_a_far_database_must_show_its_certificate(url: str, mode: str | None) -> None:
    engine = PostgresBackend(RecordsSettings(url=url)).make_engine(1, writes=False)
    assert engine.url.query.get("sslmode") == mode
    engine.dispose()


def test_a_place_has_no_user_and_no_options() -> None:
    url = "postgresql://nagare@db.example:5433/ops?sslmode=require"
    assert PostgresBackend(RecordsSettings(url=url)).place == "postgresql://db.example:5433/ops"
