"""Everything here talks to a foreign program that ``make peers`` fetches; ``make test`` leaves it out."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import Process, RunningServer, child_environment, collecting, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.peer)


@pytest.fixture
def program() -> Callable[[str], str]:
    """Find a foreign program, or say how to get it: a missing peer is a failure, never a skip."""

    def find(name: str) -> str:
        path = shutil.which(name)
        assert path, f"no program {name}: run make test-peers, which fetches it first"
        return path

    return find


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
