"""The implementations of the bus, for the suites that hold on all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.buses import Store, embedded_store, jetstream_store
from tests.support.nats_server import NatsServer, nats_server


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One NATS server for all tests of a process; each has streams of its own."""
    with nats_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(params=["embedded", "jetstream"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store without messages."""
    if request.param == "embedded":
        return embedded_store(tmp_path)
    server: NatsServer = request.getfixturevalue("nats")
    return jetstream_store(server.url)
