"""Servers and workers killed at random moments: no task vanishes, none runs twice at one time, each ends in a true state."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from nagare.bus.embedded.bus import EmbeddedBus
from nagare.lib.clock import SystemClock
from nagare.model.task import ENDED, TaskState
from nagare.records.engine import Records
from tests.support import warm
from tests.support.processes import child_environment
from tests.support.task_kinds import overlaps, runs
from tests.support.task_room import room

_PATIENCE_SECONDS = 120.0


def _started(folder: Path) -> subprocess.Popen[bytes]:
    child = warm.popen(
        [sys.executable, "-m", "tests.support.task_server", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(),
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    return child


def _workers(folder: Path) -> list[Path]:
    """Return the processes that are in the middle of a task."""
    return [path for path in (folder / "seen").glob("t*.[0-9]*") if runs(path)]


def _torn_apart(folder: Path, chance: random.Random, rounds: int) -> None:
    """Kill servers, and workers under them, again and again; the tasks wait in the records meanwhile."""
    for _ in range(rounds):
        server = _started(folder)
        end = time.monotonic() + chance.uniform(0.3, 1.2)
        while time.monotonic() < end:
            for path in _workers(folder):
                if chance.random() < 0.02:
                    with suppress(ProcessLookupError):
                        os.kill(int(path.name.rpartition(".")[2]), signal.SIGKILL)
            time.sleep(0.01)
        left = _workers(folder)
        server.kill()
        server.wait(30)
        for stream in (server.stdin, server.stdout):
            assert stream is not None
            stream.close()
        deadline = time.monotonic() + 20
        while any(map(runs, left)):
            assert time.monotonic() < deadline, "workers end with their server"
            time.sleep(0.01)


@pytest.mark.may_block
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak), pytest.param(3, marks=pytest.mark.soak)])
async def test_kills_at_random_moments(tmp_path: Path, seed: int) -> None:
    chance, count = random.Random(seed), 24
    (tmp_path / "seen").mkdir()
    async with (
        Records(tmp_path / "records.db") as records,
        EmbeddedBus(tmp_path / "bus.db", SystemClock()) as bus,
        room(records, bus, tmp_path, workers=0) as one,
    ):
        made = []
        for number in range(count):
            kind = "once" if number % 4 == 0 else "again"
            name, seconds = f"t{number}", chance.uniform(0.02, 0.4)
            made.append(await one.submit(kind, name=name, seconds=seconds, folder=str(tmp_path / "seen")))
    await asyncio.to_thread(_torn_apart, tmp_path, chance, 6)
    async with (
        Records(tmp_path / "records.db") as records,
        EmbeddedBus(tmp_path / "bus.db", SystemClock()) as bus,
        room(records, bus, tmp_path, workers=3) as one,
    ):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            ended = [await one.ended(task) for task in made]
    assert overlaps(tmp_path / "seen") == []
    for number, task in enumerate(ended):
        log = tmp_path / "seen" / f"t{number}.log"
        words = log.read_text().split() if log.exists() else []
        assert task.state in ENDED
        # What is called done was done, to its end.
        if task.state is TaskState.DONE:
            assert words[-1] == "ended", (task, words)
        if task.kind == "once":
            assert words.count("began") <= 1, (task, words)
            assert task.state in (TaskState.DONE, TaskState.LOST)
        else:
            assert task.state in (TaskState.DONE, TaskState.FAILED), task
            assert words.count("began") <= task.attempt
