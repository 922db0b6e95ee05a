"""An identity over a real records database, with a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nagare.config.settings import RecordsSettings
from nagare.identity.service import Identity
from nagare.identity.users.roles import Grant
from nagare.lib.clock import ManualClock
from nagare.model.deed import Deed
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind
from nagare.records.engine import Records

ROOT = Principal("t1", "local", ADMIN_PERMISSIONS, kind=PrincipalKind.LOCAL)
PASSWORD = "correct horse battery"
HOME = "192.0.2.7"


class Heard:
    """What was recorded."""

    def __init__(self) -> None:
        self.deeds: list[Deed] = []

    async def record(self, deed: Deed) -> None:
        self.deeds.append(deed)


class World:
    """One installation that can be restarted."""

    def __init__(self, records: Records, folder: Path) -> None:
        self.records = records
        self.folder = folder
        self.clock = ManualClock()
        self.heard = Heard()
        self.revoked: set[str] = set()
        self.identity = self.restarted()

    def restarted(self) -> Identity:
        self.identity = Identity(self.records, self.clock, self.folder / "keys", audit=self.heard)
        self.identity.known.on_revoke = self.revoked.update
        return self.identity

    async def add(self, name: str, *grants: Grant, password: str | None = PASSWORD) -> None:
        await self.identity.users.add(ROOT, name, password, grants)

    async def login(self, name: str, password: str = PASSWORD) -> Principal:
        """Return who a login makes."""
        opened = await self.identity.by_password.login(name, password, address=HOME)
        return await self.identity.authenticate(opened.access)


@pytest.fixture
async def world(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[World]:
    async with Records(tmp_path / "records.db", migrated) as records:
        yield World(records, tmp_path)
