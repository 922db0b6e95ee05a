"""Dashboards that nobody uses: by a clock that stands still, without their programs."""

import pytest

from nagare.config.settings import Settings
from nagare.config.ui import UiSettings
from nagare.lib.clock import ManualClock
from nagare.model.principal import Principal
from nagare.server.ui.desk import Desk
from nagare.server.ui.desks import Desks
from tests.component.server.conftest import Api


class Office:
    """Desks without programs."""

    def __init__(self, api: Api) -> None:
        self.clock = ManualClock()
        settings = Settings(data=api.services.settings.data, ui=UiSettings(idle_seconds=600, grace_seconds=60))
        self.desks = Desks(settings, api.services.identity.passes, api.services.audit.record, self.clock)

    def add(self, session: str = "s1") -> Desk:
        desk = Desk(Principal(session, "ada", session_id=session), "192.0.2.7", "ngw_none", self.clock)
        self.desks._desks[desk.id] = desk
        return desk

    async def whys(self, seconds: float) -> list[str]:
        """Let time pass, and return why each ends, empty where it does not."""
        await self.clock.advance(seconds)
        self.desks.end_unused()
        return [desk.why for desk in self.desks.desks]


@pytest.fixture
def office(api: Api) -> Office:
    return Office(api)


async def test_one_that_nobody_uses_ends_and_so_do_those_of_a_login_that_ended(office: Office) -> None:
    desk = office.add()
    assert await office.whys(599) == [""]
    await desk.type(b"j")
    assert await office.whys(599) == [""]
    assert await office.whys(2) == ["nobody used it for 10 minutes"]
    gone = office.add()
    gone.alone = office.clock.monotonic()
    await office.whys(59)
    assert gone.why == ""
    await office.whys(2)
    assert gone.why == "its page did not come back"
    others = [office.add("s2"), office.add("s3")]
    office.desks.end_principals({"s3", "s4"})
    assert [desk.why for desk in others] == ["", "your login ended, or what you may has changed"]
