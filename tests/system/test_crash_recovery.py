"""kill -9 of a real server during ingest at full rate, again and again: what was acknowledged is there, exactly once.

Values are compared, not counts. Some kills come at a random moment from outside, the others from within at a named
step of the store: between fsync and the answer, during a flush to blocks, during a checkpoint.
"""

import asyncio
import contextlib
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nagare.metrics.observe import STEPS
from tests.support import crash_server
from tests.support.processes import (
    EarlyEndError,
    Process,
    RunningServer,
    child_environment,
    nagare_argv,
    serving,
    started,
    wait_for_server,
)
from tests.support.senders import ROWS, Sender

SENDERS = 4
# Flushes, checkpoints and new segments many times a second, so that a kill meets them.
STORAGE = {
    "NAGARE_STORAGE__FLUSH_SECONDS": "0.2",
    "NAGARE_STORAGE__FLUSH_ROWS": "400",
    "NAGARE_STORAGE__SEGMENT_LIMIT_BYTES": "65536",
    "NAGARE_QUERY__ROW_LIMIT": "10000000",
}
# What comes with every batch; the other steps belong to flushes and come a few times a second.
OFTEN = {"log_appended", "log_synced", "before_ack"}
# The kills that were promised by name: each must really have struck from within.
PROMISED = {"before_ack", "block_written", "checkpoint_written", "blocks_committed"}
# Housekeeping begins after a minute, and nobody sends foreign series here: no kill would wait for those steps. The store
# alone is killed at each of them by its own crash test.
ELSEWHERE = ("rollup", "compaction", "recompression", "series")
INSIDE = tuple(step for step in STEPS if not step.startswith(ELSEWHERE))
# For a step to be reached, on a machine that has other work too.
PATIENCE_SECONDS = 15.0


def _environment() -> dict[str, str]:
    environment = child_environment(**STORAGE)
    # A process that is killed tells coverage nothing, and starts faster without it.
    environment.pop("COVERAGE_PROCESS_CONFIG", None)
    return environment


@contextmanager
def _doomed(data: Path, step: str, number: int) -> Iterator[Process]:
    arguments = nagare_argv("--data", data, "serve", "--listen", "127.0.0.1:0")[3:]
    argv = [sys.executable, crash_server.__file__, step, str(number), *arguments]
    with started(argv, environment=_environment()) as process:
        yield process


async def _ingest_until_dead(server: RunningServer, senders: list[Sender], kill_after: float) -> None:
    never = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(sender.run(server.url, never))
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(server.process.popen.wait, kill_after)
        server.process.kill()


def _stored(server: RunningServer) -> dict[str, list[list[Any]]]:
    # A table of senders exists once one of them was answered, which an early kill prevents.
    exists = any(table["name"] == "crash" for table in server.request("/api/v1/tables"))
    return {
        "load": server.sql("select host, load1, load5, load15 from load where host like 'crash%'"),
        "crash": server.sql("select host, seq, row, value from crash") if exists else [],
    }


def _check(server: RunningServer, senders: list[Sender], where: str) -> None:
    expected = {key: value for sender in senders for key, value in sender.expected().items()}
    in_flight = {(s.host, s.seq, row) for s in senders if s.in_flight is not None for row in range(ROWS)}
    for table, rows in _stored(server).items():
        found = {(str(host), int(seq), int(row)): value for host, seq, row, value in rows}
        assert len(found) == len(rows), f"{where}: {table} holds a row twice"
        lost = expected.keys() - found.keys()
        assert not lost, f"{where}: {table} lost acknowledged rows {sorted(lost)[:5]} ({len(lost)} in all)"
        strange = found.keys() - expected.keys() - in_flight
        assert not strange, f"{where}: {table} holds rows that nobody sent {sorted(strange)[:5]}"
        wrong = {key: (value, found[key]) for key, value in expected.items() if found[key] != value}
        assert not wrong, f"{where}: {table} changed values {list(wrong.items())[:5]}"


def _crash_and_recover(data: Path, rounds: int, seed: int) -> tuple[list[Sender], set[str]]:
    chance, struck = random.Random(seed), set[str]()
    senders = [Sender(f"crash{number}", str(uuid.UUID(int=number + 1))) for number in range(SENDERS)]
    with serving(data, environment=_environment()) as server:
        for sender in senders:
            sender.token = server.register(sender.host)
    # About half of the kills come from within, each step as often; the others at a random moment from outside.
    inside = list(INSIDE) * max(1, rounds // (2 * len(INSIDE)))
    plan: list[str | None] = [*inside, *[None] * (rounds - len(inside))]
    chance.shuffle(plan)
    for number, step in enumerate(plan):
        where = f"round {number} (seed {seed}), {step or 'a random moment'}"
        struck |= _one_round(data, senders, step, chance, where)
    return senders, struck


def _one_round(data: Path, senders: list[Sender], step: str | None, chance: random.Random, where: str) -> set[str]:
    if step is None:
        with serving(data, environment=_environment()) as server:
            _check(server, senders, where)
            asyncio.run(_ingest_until_dead(server, senders, chance.uniform(0.05, 1.0)))
        return set()
    # Few enough to be reached in time also where little is taken in a second.
    nth = chance.randint(5, 60) if step in OFTEN else chance.randint(1, 3)
    with _doomed(data, step, nth) as process:
        # It may die while it starts, in the flush of what it replayed: that is a kill like any other.
        with contextlib.suppress(EarlyEndError):
            server = wait_for_server(process, data, pid=process.pid)
            asyncio.run(_ingest_until_dead(server, senders, PATIENCE_SECONDS))
        process.wait()
    return {step} if f"killed at {step}" in process.said() else set()


def _final_check(data: Path, senders: list[Sender]) -> None:
    chance = random.Random(0)
    with serving(data, environment=_environment()) as server:
        done = asyncio.Event()
        done.set()
        for sender in senders:
            asyncio.run(sender.run(server.url, done))
            assert sender.in_flight is None
            again = chance.sample(sorted(sender.acknowledged), min(20, len(sender.acknowledged)))
            known = asyncio.run(sender.send_again(server.url, again))
            assert known == [True] * len(again), "an acknowledged batch was taken twice"
        _check(server, senders, "at the end")
        assert server.process.stop() == 0
    # After a clean stop the files alone hold the same.
    with serving(data, environment=_environment()) as server:
        _check(server, senders, "after a clean stop")


@pytest.mark.timeout(600)
def test_every_acknowledged_batch_survives_a_dozen_kills_exactly_once(tmp_path: Path) -> None:
    senders, struck = _crash_and_recover(tmp_path / "data", rounds=12, seed=20)
    assert struck >= PROMISED
    assert all(len(sender.acknowledged) > 20 for sender in senders), "too little was ingested to prove anything"
    _final_check(tmp_path / "data", senders)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_every_acknowledged_batch_survives_a_hundred_kills(tmp_path: Path, seed: int) -> None:
    senders, struck = _crash_and_recover(tmp_path / "data", rounds=100, seed=seed)
    assert struck == set(INSIDE)
    _final_check(tmp_path / "data", senders)
