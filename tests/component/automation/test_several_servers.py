"""Two servers over one PostgreSQL and one NATS: each task runs once, each moment has one run, and a lost server's work goes on."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nagare.bus.jetstream.bus import JetStreamBus
from nagare.config.settings import BusSettings, RecordsSettings
from nagare.lib.clock import SystemClock
from nagare.model.task import TaskState
from nagare.records.engine import Records
from tests.support import warm
from tests.support.buses import until
from tests.support.frozen import freeze
from tests.support.nats_server import NatsServer, nats_server
from tests.support.processes import child_environment
from tests.support.task_kinds import overlaps
from tests.support.task_room import Room, room


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS server of this test alone: its streams are the installation's."""
    with nats_server(tmp_path / "nats") as server:
        yield server


@asynccontextmanager
async def _server(folder: Path, postgres: RecordsSettings, nats: NatsServer, **more: Any) -> AsyncIterator[Room]:
    settings = BusSettings(servers=(nats.url,))
    async with (
        Records(folder / "none.db", postgres) as records,
        JetStreamBus(settings, SystemClock()) as bus,
        room(records, bus, folder, is_alone=False, lease_seconds=4.0, **more) as one,
    ):
        yield one


def _begun(folder: Path, count: int) -> list[int]:
    logs = [folder / f"t{number}.log" for number in range(count)]
    return [log.read_text().count("began") if log.exists() else 0 for log in logs]


async def test_two_hundred_tasks_run_once_each_on_two_servers(
    tmp_path: Path, postgres: RecordsSettings, nats: NatsServer
) -> None:
    count = 200
    async with _server(tmp_path, postgres, nats) as first, _server(tmp_path, postgres, nats) as second:
        made = [
            await (first if number % 2 else second).submit(name=f"t{number}", folder=str(tmp_path))
            for number in range(count)
        ]
        async with asyncio.timeout(120):
            ended = [await first.ended(task) for task in made]
        assert {task.state for task in ended} == {TaskState.DONE}
        assert {task.attempt for task in ended} == {1}
        # Both had a hand in it.
        assert {task.runner for task in ended} == {first.tasks.runner.name, second.tasks.runner.name}
    assert _begun(tmp_path, count) == [1] * count
    assert overlaps(tmp_path) == []


async def test_what_the_bus_forgot_is_said_again(
    tmp_path: Path, postgres: RecordsSettings, nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nagare.automation.tasks.runner._UNTOLD_MS", 1_000)
    monkeypatch.setattr("nagare.automation.tasks.runner.SWEEP_SECONDS", 0.2)
    async with _server(tmp_path, postgres, nats, workers=0) as idle:
        task = await idle.submit(name="t0", folder=str(tmp_path))
        await idle.tasks._ground.bus.remove_consumer("tasks", "task-workers")
    async with _server(tmp_path, postgres, nats) as one:
        async with asyncio.timeout(60):
            assert (await one.ended(task)).state is TaskState.DONE
    assert _begun(tmp_path, 1) == [1]


@pytest.mark.may_block
async def test_a_server_that_stands_still_loses_its_task_and_its_worker_ends_before_the_next_one_begins(
    tmp_path: Path, postgres: RecordsSettings, nats: NatsServer
) -> None:
    async with _server(tmp_path, postgres, nats, workers=0) as idle:
        task = await idle.submit(name="t0", seconds=5.0, folder=str(tmp_path))
        frozen = _started(tmp_path, postgres, nats)
        try:
            held = await idle.until(task, lambda found: found.state is TaskState.RUNNING)
            await until(lambda: _begun(tmp_path, 1) == [1])
            freeze(frozen.pid)
            async with _server(tmp_path, postgres, nats) as second, asyncio.timeout(60):
                again = await second.until(task, lambda found: found.attempt == 2)
                assert again.runner != held.runner
                # It wakes up, believing that it runs the task.
                frozen.send_signal(signal.SIGCONT)
                ended = await second.ended(task)
                assert (ended.state, ended.attempt) == (TaskState.DONE, 2)
        finally:
            frozen.kill()
            frozen.wait(30)
            assert frozen.stdout is not None
            frozen.stdout.close()
    assert overlaps(tmp_path) == []
    assert _begun(tmp_path, 1) == [2]


def _started(folder: Path, postgres: RecordsSettings, nats: NatsServer) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "tests.support.task_server", str(folder), postgres.url, nats.url]
    child = warm.popen(argv, stdout=subprocess.PIPE, env=child_environment())
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    return child
