"""The two databases of records, for every suite that must hold on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nagare.config.settings import RecordsSettings
from tests.support.migrated import make_migrated, place_records
from tests.support.postgres import Cluster, cluster


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """One PostgreSQL for all tests of a process."""
    with cluster() as made:
        yield made


@pytest.fixture
def postgres(postgres_cluster: Cluster) -> RecordsSettings:
    """A new, empty database."""
    return postgres_cluster.make_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> RecordsSettings:
    """Settings of both, one after the other, of the newest revision: with the first, records are ``records.db`` in ``tmp_path``."""
    if request.param == "sqlite":
        place_records(tmp_path / "records.db")
        return RecordsSettings()
    return make_migrated(request.getfixturevalue("postgres_cluster"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> RecordsSettings:
    """Settings of both, one after the other: with the first, records are the file that the test names."""
    if request.param == "sqlite":
        return RecordsSettings()
    settings: RecordsSettings = request.getfixturevalue("postgres")
    return settings
