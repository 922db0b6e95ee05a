"""A store killed at every step of a batch's life: what was acknowledged is there exactly once, value by value."""

import asyncio
import random
import re
import signal
import sys
from pathlib import Path

import pytest

from nagare.lib.clock import SystemClock
from nagare.metrics.observe import STEPS
from nagare.metrics.store import MetricStore
from nagare.model.samples import STALE_BITS
from tests.support import warm
from tests.support.crash_store import bits_of, samples_of, tables_of
from tests.support.metric_store import make_batch, make_store, rows
from tests.support.samples import value_of

ROOT = Path(__file__).parents[3]
# Some steps come for every batch, some once a flush, some once a merge of eight blocks.
OFTEN = {"log_appended": 200, "log_synced": 200, "before_ack": 200, "block_written": 12}
OFTEN |= {"compaction_written": 5, "compaction_committed": 5}
SELDOM = ("rollup", "recompression")
SEED = 20_260_711


def _run_until_killed(folder: Path, first: int, step: str, number: int) -> set[int]:
    child = warm.run(
        [sys.executable, "-m", "tests.support.crash_store", str(folder), str(first), step, str(number)],
        check=False, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    return {int(line.split()[1]) for line in child.stdout.splitlines() if line.startswith("ack ")}


def _is_torn_tail(folder: Path, damage: str) -> bool:
    """Tell whether it is what a write left that the kill cut short between two pages: the end of its segment, and no more.

    Nothing of it was synchronised, and so nothing acknowledged; the log cannot tell it from a record in which a bit flipped.
    """
    found = re.fullmatch(r"(\d+\.seg): bytes are not a record or fail their checksum at \d+\.\.(\d+)", damage)
    return found is not None and any(path.stat().st_size == int(found[2]) for path in folder.rglob(f"{found[1]}*"))


async def _check(folder: Path, acked: set[int]) -> None:
    async with make_store(folder, clock=SystemClock()) as store:
        assert [damage for damage in store.status().damages if not _is_torn_tail(folder, damage)] == []
        load = await rows(store, "SELECT cores, load1 FROM load ORDER BY cores")
        cpu = await rows(store, "SELECT core, user_ratio FROM cpu")
        app = await rows(store, "SELECT seq, name FROM app ORDER BY seq")
        stored = [row[0] for row in load]
        assert len(stored) == len(set(stored)), "a batch was stored twice"
        assert acked <= set(stored), f"lost: {sorted(acked - set(stored))[:5]}"
        assert load == [[seq, seq / 8] for seq in stored]
        assert app == [[float(seq), f"n{seq}"] for seq in stored]
        expected = {f"{seq}-{n}": value for seq in stored for n, value in enumerate((seq * 0.5, None, seq * 0.25))}
        rolled = await rows(store, "SELECT sum(samples_count), min(seq_min), max(seq_max) FROM old_1m")
        assert rolled == [[len(stored), min(stored), max(stored)]], "a row counts twice in a rollup, or not at all"
        assert len(cpu) == len(expected)
        assert dict(cpu) == expected
        await _check_samples(store, acked)
        for seq in random.Random(SEED).sample(sorted(acked), min(5, len(acked))):
            again = await store.append(make_batch(seq, tables_of(seq, SystemClock().now_ms())))
            assert again.duplicate
            assert (await store.append_samples(samples_of(store, seq, SystemClock().now_ms()))).duplicate == 2


async def _check_samples(store: MetricStore, acked: set[int]) -> None:
    start = "epoch_ms(ts) - epoch_ms(min(ts) OVER ()) // 864000000 * 864000000"
    steady = await rows(
        store,
        f"SELECT {start} AS seq, host, CAST(value AS VARCHAR), value IS NULL FROM samples WHERE name = 'steady' ORDER BY 1",
    )
    seqs = [row[0] for row in steady]
    assert len(seqs) == len(set(seqs)), "a sample was stored twice"
    assert acked <= set(seqs), f"lost: {sorted(acked - set(seqs))[:5]}"
    for seq, host, told, is_stale in steady:
        assert host == f"h{seq % 3}"
        assert is_stale == (bits_of(seq) == STALE_BITS)
        assert is_stale or told == str(value_of(bits_of(seq)))
    passing = await rows(
        store,
        f"SELECT {start} AS seq, CAST(labels['n'] AS BIGINT), value FROM samples WHERE name = 'passing' ORDER BY 1",
    )
    assert passing == [[seq, seq // 20, seq / 8] for seq in seqs]


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.soak)])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_again_and_again(step: str, kills: int, tmp_path: Path) -> None:
    # One store for all kills in a row, so that each start also meets what the last crash left behind.
    chance = random.Random(f"{SEED} {step}")
    acked: set[int] = set()
    for _ in range(kills):
        number = chance.randint(1, OFTEN.get(step, 1 if step.startswith(SELDOM) else 3))
        acked |= _run_until_killed(tmp_path, max(acked, default=0) + 1000, step, number)
        asyncio.run(_check(tmp_path, acked))


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.soak)])
def test_killed_at_any_moment(kills: int, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    acked: set[int] = set()
    for _ in range(kills):
        acked |= _run_until_killed(tmp_path, max(acked, default=0) + 1000, "none", chance.randint(1, 400))
        asyncio.run(_check(tmp_path, acked))
