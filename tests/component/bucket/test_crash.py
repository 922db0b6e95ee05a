"""A store with a bucket killed at every step of a round: nothing acknowledged is lost, here or with the machine.

After each kill the store answers on the same disk, and a second machine that has nothing but the bucket answers what
had reached it: no row twice and none changed, though of the last flush only some tables may have come so far.
"""

import asyncio
import os
import random
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nagare.config.settings import BucketSettings
from nagare.lib.clock import SystemClock
from nagare.metrics.observe import BUCKET_STEPS
from tests.support import warm
from tests.support.metric_store import make_store, rows

ROOT = Path(__file__).parents[3]
SEED = 20_261_125
OFTEN = {"block_sent": 30, "blocks_committed": 4, "compaction_committed": 3}


def _run_until_killed(folder: Path, share: Path, first: int, step: str, number: int) -> set[int]:
    child = warm.run(
        [sys.executable, "-m", "tests.support.crash_store", str(folder), str(first), step, str(number)],
        check=False, cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, "NAGARE_TEST_BUCKET": str(share)},
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    return {int(line.split()[1]) for line in child.stdout.splitlines() if line.startswith("ack ")}


async def _stored(folder: Path, bucket: BucketSettings) -> set[int]:
    async with make_store(folder, clock=SystemClock(), bucket=bucket) as store:
        load = await rows(store, "SELECT cores, load1 FROM load ORDER BY cores")
        app = await rows(store, "SELECT seq, name FROM app ORDER BY seq")
        cpu = await rows(store, "SELECT count(*), count(DISTINCT core) FROM cpu")
        stored = [row[0] for row in load]
        assert load == [[seq, seq / 8] for seq in sorted(set(stored))]
        assert app == [[float(seq), f"n{round(seq)}"] for seq in sorted({row[0] for row in app})]
        assert cpu[0][0] == cpu[0][1]
        steady = "select count(*), count(distinct ts) from samples where name = 'steady'"
        count, distinct = (await rows(store, steady))[0]
        assert count == distinct
        faults = [damage for damage in store.status().damages if "brought back" not in damage]
        assert faults == []
        return set(stored)


@pytest.mark.parametrize("step", [*BUCKET_STEPS, "blocks_committed", "compaction_committed"])
def test_killed_at_a_step_of_a_round(step: str, tmp_path: Path) -> None:
    chance = random.Random(f"{SEED} {step}")
    folder, share = tmp_path / "data", tmp_path / "share"
    share.mkdir()
    bucket = BucketSettings(directory=share)
    acked: set[int] = set()
    for turn in range(2):
        number = chance.randint(1, OFTEN.get(step, 3))
        acked |= _run_until_killed(folder, share, max(acked, default=0) + 1000, step, number)
        far = tmp_path / f"far{turn}"
        shutil.copytree(share, far)
        lost = (folder / "metrics" / "installation").read_text().strip()
        other = replace(bucket, directory=far, take_over=lost)
        reached = asyncio.run(_stored(tmp_path / f"new machine {turn}", other))
        here = asyncio.run(_stored(folder, bucket))
        assert acked <= here, f"lost: {sorted(acked - here)[:5]}"
        assert reached <= here
