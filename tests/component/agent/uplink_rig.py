"""An uplink with its surroundings, for tests of what goes over it."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from nagare.agent.batches import Packed, pack_batch
from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.events import EventBox
from nagare.agent.identity import IdentityFiles
from nagare.agent.link import Link
from nagare.agent.spool import Spool
from nagare.agent.uplink import Uplink
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.keys.files import make_private_directory
from nagare.lib.clock import ManualClock
from nagare.lib.tasks import TaskSupervisor
from nagare.wire.batch import Cell

SETTINGS = AgentSettings(name="web1")
Rows = dict[str, dict[str, list[Cell]]]


def make_batch(seq: int) -> Packed:
    return pack_batch("web1", "boot-1", seq, {"load": {"ts": [seq], "load1": [0.5]}})


@dataclasses.dataclass
class Rig:
    """An uplink with its surroundings; the clock stands, so a delay after a failure lasts until ``hurry``."""

    uplink: Uplink
    clock: ManualClock
    box: EventBox
    places: Places

    async def hurry(self) -> None:
        """Let every delay pass."""
        await self.clock.advance(100)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a count of ours is what it should be, letting every delay pass meanwhile."""
        while not holds():
            await self.hurry()
            await asyncio.sleep(0.002)

    async def failed(self, count: int = 1) -> None:
        """Wait until so many attempts have failed, without letting a delay pass."""
        while self.uplink.totals().failures < count:  # noqa: ASYNC110  counters have no event
            await asyncio.sleep(0.002)

    async def until_still(self) -> None:
        """Give whatever could still be sent without a turn of the hands the time to be sent."""
        for _ in range(50):
            await asyncio.sleep(0.001)

    async def quiet(self) -> None:
        """Wait until nothing waits on disk and the server answers."""
        await self.until(lambda: self.uplink.totals().is_up is True and not self.uplink.totals().spool_batches)


@asynccontextmanager
async def rig(places: Places, settings: AgentSettings = SETTINGS, *, limit: int = 2**20) -> AsyncIterator[Rig]:
    make_private_directory(places.spool)
    clock = ManualClock()
    files = IdentityFiles(places, places.data)
    machine = Machine("m1", files.load_key(), {"os": "test"})
    box = EventBox()
    link = Link(Enrolment(settings, places, files, clock), machine, clock)
    spool, aside = Spool(places.spool / "batches", limit_bytes=limit), places.spool / "set-aside"
    uplink = Uplink(link, spool, aside, box, settings, clock)
    await uplink.open()
    async with asyncio.timeout(30):
        async with TaskSupervisor() as tasks:
            tasks.supervise("uplink", uplink.run)
            yield Rig(uplink, clock, box, places)
        await uplink.close()
