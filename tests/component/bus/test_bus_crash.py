"""kill -9 of a process that publishes and reads: nothing acknowledged is lost, and nothing stands there twice by its id."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from nagare.bus.embedded.bus import EmbeddedBus
from nagare.bus.protocol import Bus, ConsumerSpec
from nagare.lib.clock import SystemClock
from tests.support import crash_bus, warm
from tests.support.crash_bus import READER, STREAMS, body_of, message_of

# Each round reads all that is stored, so the long form begins anew now and then.
SEEDS = [pytest.param(2026, 5, id="short")]
SEEDS += [
    pytest.param(seed, 20, id=f"{seed}", marks=[pytest.mark.soak, pytest.mark.timeout(1800)]) for seed in range(10)
]
# Nobody acknowledges what is only looked at: on a busy machine it must not come again before all of it was seen.
_LOOK_SECONDS = 3600.0


def _run_until_killed(folder: Path, number: int, after_lines: int) -> dict[str, list[list[str]]]:
    """Return what a child said until it was killed, by first word; it is killed after so many lines."""
    argv = [sys.executable, crash_bus.__file__, str(folder), f"r{number}"]
    said: dict[str, list[list[str]]] = {"try": [], "ack": [], "done": []}
    with warm.popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as child:
        assert child.stdout is not None
        try:
            for count, line in enumerate(child.stdout):
                if count == after_lines:
                    child.kill()
                if line.endswith(b"\n"):
                    word, *rest = line.decode().split()
                    said[word].append(rest)
        finally:
            child.kill()
    assert said["ack"], "it was killed before it could do anything"
    return said


async def _stored(bus: Bus, name: str) -> dict[str, int]:
    consumer = await bus.consumer(ConsumerSpec("work", name, ack_seconds=_LOOK_SECONDS, unacked_limit=10**6))
    found: dict[str, int] = {}
    while some := await consumer.fetch(1000):
        for delivery in some:
            message = delivery.message
            assert message.id not in found, f"{message.id} stands there twice"
            assert message == message_of(message.id)
            assert message.data == body_of(message.id)
            found[message.id] = delivery.seq
    return found


@pytest.mark.parametrize(("seed", "rounds"), SEEDS)
async def test_a_kill_loses_nothing_acknowledged(tmp_path: Path, seed: int, rounds: int) -> None:
    chance = random.Random(seed)
    tried, acked, done = set[str](), dict[str, int](), set[int]()
    for number in range(rounds):
        said = await asyncio.to_thread(_run_until_killed, tmp_path, number, chance.randint(200, 6000))
        tried |= {name for (name,) in said["try"]}
        acked |= {name: int(seq) for name, seq in said["ack"]}
        done |= {int(seq) for (seq,) in said["done"]}
        async with EmbeddedBus(tmp_path / "bus.db", SystemClock(), STREAMS) as bus:
            found = await _stored(bus, f"check{number}")
            assert {name: found.get(name) for name in acked} == acked
            assert found.keys() <= tried
            assert sorted(found.values()) == list(range(1, len(found) + 1))
            # Whoever has no answer publishes again.
            unknown = sorted(tried - acked.keys())
            again = await bus.publish([message_of(name) for name in unknown])
            acked |= {name: ack.seq for name, ack in zip(unknown, again, strict=True)}
            assert {name for name, ack in zip(unknown, again, strict=True) if ack.duplicate} == found.keys() & set(
                unknown
            )
            assert await _stored(bus, f"again{number}") == acked
            reader = await bus.consumer(READER)
            left = {delivery.seq for delivery in await reader.fetch(1000)}
            assert not left & done, "what was acked came again"
