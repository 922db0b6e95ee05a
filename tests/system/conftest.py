"""Real processes for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Process, RunningServer, child_environment, collecting, serving


@pytest.fixture
def running_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A real ``nagare serve`` over a fresh data directory."""
    with serving(tmp_path / "data") as server:
        yield server


@pytest.fixture
def running_agent(running_server: RunningServer) -> Iterator[Process]:
    """A real ``nagare agent`` of the same installation, collecting every second."""
    environment = child_environment(NAGARE_AGENT__INTERVAL_SECONDS="1")
    with collecting(running_server.data, environment=environment) as process:
        yield process
