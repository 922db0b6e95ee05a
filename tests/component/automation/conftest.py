"""Rooms of tasks over a fresh installation."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nagare.bus.embedded.bus import EmbeddedBus
from nagare.config.settings import RecordsSettings
from nagare.lib.clock import SystemClock
from nagare.records.engine import Records
from tests.support.migrated import place_records
from tests.support.source import ROOT
from tests.support.task_room import Room, room


@pytest.fixture(autouse=True)
def kinds_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers find the kinds of tests, which are no part of the package."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}")


@pytest.fixture
def database(migrated: RecordsSettings) -> RecordsSettings:
    """Settings of both databases, of the newest revision."""
    return migrated


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    """Fresh records."""
    place_records(tmp_path / "records.db")
    async with Records(tmp_path / "records.db") as opened:
        yield opened


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    """A fresh bus."""
    async with EmbeddedBus(tmp_path / "bus.db", SystemClock()) as opened:
        yield opened


@pytest.fixture
async def one(records: Records, bus: EmbeddedBus, tmp_path: Path) -> AsyncIterator[Room]:
    """A room that runs alone."""
    async with room(records, bus, tmp_path) as running:
        yield running
