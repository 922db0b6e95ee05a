"""One S3 service for all tests of buckets; each test has a prefix of its own."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nagare.config.settings import BucketSettings
from tests.support.s3_server import S3Server, s3_server

Make = Callable[..., BucketSettings]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The service, as long as the tests of this process run."""
    with s3_server(tmp_path_factory.mktemp("s3") / "keys") as server:
        yield server


@pytest.fixture(params=["directory", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Settings of an empty bucket of either kind; further ones are given by their names."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("service")
        prefix = f"t-{uuid.uuid4().hex[:12]}"
        return lambda **more: server.settings(prefix, **more)
    share = tmp_path / "share"
    share.mkdir()
    return lambda **more: BucketSettings(directory=share, **more)
