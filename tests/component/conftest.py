"""The two databases of records, for every suite that must hold on both; passwords that cost next to nothing; no servers of old."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web_app

from nagare.config.settings import RecordsSettings
from nagare.identity.passwords import hashing
from tests.support.migrated import make_migrated, place_records
from tests.support.postgres import Cluster, cluster
from tests.support.shared_statements import share_statements


def pytest_configure() -> None:
    """Let databases that are alike share what they can."""
    share_statements()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """One PostgreSQL for all tests of a process."""
    with cluster() as made:
        yield made


@pytest.fixture
def postgres(postgres_cluster: Cluster) -> Iterator[RecordsSettings]:
    """A new, empty database."""
    settings = postgres_cluster.make_database()
    yield settings
    postgres_cluster.drop_database(settings)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RecordsSettings]:
    """Settings of both, one after the other, of the newest revision: with the first, records are ``records.db`` in ``tmp_path``."""
    if request.param == "sqlite":
        place_records(tmp_path / "records.db")
        yield RecordsSettings()
        return
    made: Cluster = request.getfixturevalue("postgres_cluster")
    settings = make_migrated(made)
    yield settings
    made.drop_database(settings)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> RecordsSettings:
    """Settings of both, one after the other: with the first, records are the file that the test names."""
    if request.param == "sqlite":
        return RecordsSettings()
    settings: RecordsSettings = request.getfixturevalue("postgres")
    return settings


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords at a thousandth of their price: what they must cost is tests/component/identity/test_hashing's part."""
    for name, value in (("_PASSES", 1), ("_MEMORY_KIB", 64), ("_LANES", 1)):
        monkeypatch.setattr(hashing, name, value)


@pytest.fixture(autouse=True)
def no_old_servers() -> Iterator[None]:
    """Let go of servers that are closed: aiohttp remembers what it made for the last thousand, 3,000 objects each with all that is theirs."""
    yield
    web_app._cached_build_middleware.cache_clear()
