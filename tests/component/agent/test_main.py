"""The whole agent in this process, with the real collectors, ended by real signals."""

import asyncio
import dataclasses
import gc
import os
import signal
from collections.abc import Iterator

import pytest

from nagare.agent.main import run_agent
from nagare.config.places import Places
from nagare.config.settings import AgentSettings, Settings
from nagare.errors import ConfigError, LockedError, ReadOnlyError
from nagare.wire.batch import Batch
from tests.component.agent.receiver import Receiver, receiving


@pytest.fixture(autouse=True)
def set_aside_again() -> Iterator[None]:
    """Set aside again what an agent took back as it ended: here that is every test of the process, for each full collection."""
    yield
    gc.freeze()


def _quick(settings: Settings, **more: object) -> Settings:
    agent = AgentSettings(name="web1", interval_seconds=0.2, **more)  # type: ignore[arg-type]
    return dataclasses.replace(settings, agent=agent)


def _events(batches: list[Batch]) -> list[str]:
    return [str(kind) for batch in batches for kind in batch.tables.get("events", {}).get("kind", [])]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_collects_delivers_and_ends_on_a_signal(
    settings: Settings, places: Places, number: signal.Signals
) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(run_agent(_quick(settings)))
        await receiver.taken(4)
        # A terminal and a parent both send it: two at once are one request.
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        await task
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)
    tables = set().union(*(batch.tables for batch in receiver.batches))
    assert tables >= {"cpu", "load", "memory", "disk", "network", "process", "agent", "events"}
    assert _events(receiver.batches)[-1] == "agent.stop"
    assert _events(receiver.batches).count("agent.start") == 1
    assert places.data.stat().st_mode & 0o777 == 0o700


async def test_a_boot_is_told_by_the_first_start_only(settings: Settings, places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), asyncio.timeout(60):
        for start in (1, 2):
            async with asyncio.TaskGroup() as group:
                task = group.create_task(run_agent(_quick(settings)))
                await receiver.taken(len(receiver.batches) + 3)
                os.kill(os.getpid(), signal.SIGTERM)
                await task
            assert _events(receiver.batches).count("agent.start") == start
    assert _events(receiver.batches).count("host.boot") == 1
    assert len({batch.boot for batch in receiver.batches}) == 2


async def test_an_agent_without_a_server_ends_as_quickly_and_keeps_what_it_has(
    settings: Settings, places: Places
) -> None:
    segments = places.spool / "batches"
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        task = group.create_task(run_agent(_quick(settings)))
        while sum(path.stat().st_size for path in segments.glob("*.seg")) < 5000:  # noqa: ASYNC110  files have no event
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        await task
    receiver = Receiver()
    async with receiving(receiver, places), asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(run_agent(_quick(settings)))
        while "agent.stop" not in _events(receiver.batches):
            await receiver.changed()
        os.kill(os.getpid(), signal.SIGTERM)
        await task


async def test_a_cancelled_agent_lets_go_of_everything(settings: Settings, places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), asyncio.timeout(60):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(run_agent(_quick(settings)))
            await receiver.taken(2)
            task.cancel()
        async with asyncio.TaskGroup() as group:
            again = group.create_task(run_agent(_quick(settings)))
            await receiver.taken(len(receiver.batches) + 2)
            again.cancel()


async def test_a_second_agent_of_one_installation_is_refused(settings: Settings, places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(run_agent(_quick(settings)))
        await receiver.taken(1)
        with pytest.raises(LockedError, match=f"another one runs \\(pid {os.getpid()}\\)") as caught:
            await run_agent(_quick(settings))
        assert caught.value.context == {"pid": str(os.getpid())}
        task.cancel()


@pytest.mark.parametrize(
    ("server", "pin", "text"),
    [
        ("ftp://x", "", "cannot use server address"),
        ("https://x", "abc", "cannot use certificate pin"),
        ("http://x", "ab" * 32, "a certificate pin needs https"),
    ],
)
async def test_settings_that_cannot_work_end_it_at_once(settings: Settings, server: str, pin: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        await run_agent(_quick(settings, server=server, server_pin=pin))


async def test_a_data_directory_that_is_none_is_told(settings: Settings, places: Places) -> None:
    places.data.write_text("")
    with pytest.raises(ReadOnlyError, match="cannot use directory"):
        await run_agent(_quick(settings))
