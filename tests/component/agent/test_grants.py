"""An agent that is offered an update which it was not granted: only the agent refuses here, the server offers to anybody."""

import asyncio
import logging
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from nagare.agent import main
from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.identity import IdentityFiles
from nagare.agent.update.fetch import Ready
from nagare.agent.update.state import UpdateFiles
from nagare.agent.update.updater import Mode, Updater
from nagare.config.places import Places
from nagare.config.settings import AgentSettings, Settings
from nagare.keys.files import make_private_directory
from nagare.lib.clock import ManualClock
from nagare.lib.tasks import TaskSupervisor
from nagare.model.updates import lawful_arch
from nagare.wire.hosts import Standing
from nagare.wire.rollouts import UpdateOffer
from tests.component.agent.receiver import Receiver, receiving
from tests.support.update_roles import NOW_MS, Publisher, bundle

SETTINGS = AgentSettings(name="web1", update_interval_seconds=300.0)
CONTENT = b"a newer agent"
BUNDLE = bundle("90.0.0", CONTENT, lawful_arch(platform.machine()))
ALL = ["metrics", "update"]


def offering(capabilities: list[str], enrolment: str = "active") -> Receiver:
    """Return a server that offers a sound, signed update to a host that has those capabilities."""
    publisher = Publisher(bundles=[BUNDLE])
    offer = UpdateOffer("r1.1", "90.0.0", publisher.metadata(publisher.root()))
    standing = Standing("web1", enrolment, capabilities, 300.0)
    return Receiver(standing=standing, capabilities=ALL, offer=offer, content=CONTENT)


@asynccontextmanager
async def updating(
    receiver: Receiver, places: Places, at_rest: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[tuple[Updater, ManualClock, UpdateFiles]]:
    """An updater of a host that registered when it was granted everything."""
    make_private_directory(places.spool)
    clock = ManualClock(NOW_MS)
    identity = IdentityFiles(places, places.data)
    machine = Machine("m1", identity.load_key(), {})
    enrolment = Enrolment(SETTINGS, places, identity, clock)
    files = UpdateFiles(places.agent_updates)
    files.prepare()
    async with receiving(receiver, places), asyncio.timeout(30):
        await enrolment.register(machine, deadline_seconds=10)
        updater = Updater(SETTINGS, files, enrolment, machine, clock, at_rest)
        try:
            yield updater, clock, files
        finally:
            updater.close()


async def rounds(updater: Updater, clock: ManualClock, receiver: Receiver, count: int) -> bool:
    """Let the updater ask so often; tell whether it has something ready."""
    stop = asyncio.Event()
    async with TaskSupervisor() as tasks:
        tasks.start("update", updater.run(stop))
        for _ in range(count):
            before = receiver.asked
            while receiver.asked == before and not stop.is_set():
                await clock.advance(450.0)
                await asyncio.sleep(0.01)
            # The rest of the round, which waits for nothing but this server and the disk.
            await asyncio.sleep(0.2)
    return stop.is_set()


def left(files: UpdateFiles) -> list[str]:
    """Return the bundles that lie there, whole or in part."""
    folder = files.file_of("x").parent
    return sorted(path.name for path in folder.iterdir() if path.suffix in (".pyz", ".part"))


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said of the grant."""
    return [text for record in caplog.records if (text := record.getMessage()).startswith("update_not_granted")]


SAID = "update_not_granted host=web1 (on the server: nagare hosts accept web1 --allow update)"


async def test_what_was_granted_is_fetched(places: Places) -> None:
    receiver = offering(ALL)
    async with updating(receiver, places) as (updater, clock, files):
        assert await rounds(updater, clock, receiver, 1)
        assert updater.ready == Ready(files.file_of(BUNDLE.sha256), BUNDLE, "r1.1")


async def test_an_update_waits_for_commands_that_run(places: Places) -> None:
    is_idle, is_asked = asyncio.Event(), asyncio.Event()

    async def at_rest() -> None:
        is_asked.set()
        await is_idle.wait()

    async with updating(offering(ALL), places, at_rest) as (updater, clock, _), TaskSupervisor() as tasks:
        stop = asyncio.Event()
        tasks.start("update", updater.run(stop))
        while not is_asked.is_set():
            await clock.advance(450.0)
            await asyncio.sleep(0.01)
        assert updater.ready is not None
        assert not stop.is_set()
        is_idle.set()
        await stop.wait()


@pytest.mark.parametrize(
    ("capabilities", "enrolment"), [(["metrics"], "active"), ([], "active"), (["commands"], "active"), (ALL, "pending")]
)
async def test_what_was_not_granted_is_neither_fetched_nor_installed_and_said_once(
    places: Places, caplog: pytest.LogCaptureFixture, capabilities: list[str], enrolment: str
) -> None:
    caplog.set_level(logging.INFO)
    receiver = offering(capabilities, enrolment)
    async with updating(receiver, places) as (updater, clock, files):
        assert not await rounds(updater, clock, receiver, 3)
        assert (receiver.offered, receiver.pieces, updater.ready, left(files)) == (0, 0, None, [])
        assert (files.load_report(), files.load_trust()) == (None, None)
        assert told(caplog) == [SAID]
        # Once it is granted the same offer is taken.
        receiver.standing = Standing("web1", "active", ALL, 300.0)
        assert await rounds(updater, clock, receiver, 1)
        assert receiver.pieces > 0


@pytest.mark.parametrize("piece", [1, 2, len(CONTENT) // 2 + 2])
async def test_a_grant_that_is_withdrawn_while_a_download_runs_stops_it(
    places: Places, caplog: pytest.LogCaptureFixture, piece: int
) -> None:
    caplog.set_level(logging.INFO)
    receiver = offering(ALL)

    def withdraw() -> None:
        if receiver.pieces == piece:
            receiver.standing = Standing("web1", "active", ["metrics"], 300.0)

    receiver.on_piece = withdraw
    async with updating(receiver, places) as (updater, clock, files):
        assert not await rounds(updater, clock, receiver, 3)
        assert (receiver.pieces, updater.ready, left(files)) == (piece, None, [])
        assert files.load_report() is None, "no try of this offer that could not be made again"
        assert told(caplog) == [SAID]


async def test_a_grant_that_is_withdrawn_during_the_trial_leaves_the_old_version(
    settings: Settings, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = offering(ALL)
    async with updating(receiver, places) as (updater, clock, files):
        assert await rounds(updater, clock, receiver, 1)
        assert updater.ready is not None

        async def fit_but_withdrawn(*_: object) -> str:
            identity = IdentityFiles(places, places.data)
            known = identity.load()
            assert known is not None
            Enrolment(SETTINGS, places, identity, clock).learn(known, Standing("web1", "active", ["metrics"], 300.0))
            return ""

        # What a child process would do: it hears from the server that the grant is gone, and is fit otherwise.
        monkeypatch.setattr(main, "run_trial", fit_but_withdrawn)
        await main._prove(updater.ready, files, settings, Mode(), asyncio.Event())
        assert (files.load_current(), files.load_report(), left(files)) == (None, None, [])
