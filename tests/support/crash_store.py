"""Appends batches at full rate to a metric store and is killed by its own observer at a named step.

Usage: python crash_store.py FOLDER FIRST_SEQ STEP NUMBER     (the NUMBERth time STEP is reached; or "none")
Prints ``ack SEQ DUPLICATE`` for each acknowledged batch, in one unbuffered write each.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from nagare.config.settings import BucketSettings
from nagare.lib.clock import SystemClock
from nagare.metrics.bucket import sync
from nagare.metrics.store import MetricStore
from nagare.model.samples import STALE_BITS, Samples
from tests.support.kill_at import KillAt
from tests.support.metric_store import make_batch, make_store
from tests.support.samples import make_samples, value_of

SENDERS = 8
HOUR_MS = 3_600_000
TEN_DAYS_MS = 10 * 86_400_000
# The bits of 12.5.
SHORT = 0x4029_0000_0000_0000


def tables_of(seq: int, now_ms: int) -> dict[str, dict[str, list[float | int | str | None]]]:
    """Return rows whose every value follows from ``seq``."""
    return {
        "load": {"ts": [now_ms], "load1": [seq / 8], "cores": [seq]},
        "cpu": {
            "ts": [now_ms] * 3,
            "core": [f"{seq}-{n}" for n in range(3)],
            "user_ratio": [seq * 0.5, None, seq * 0.25],
        },
        "app": {"ts": [now_ms], "seq": [seq], "name": [f"n{seq}"]},
        # Of hours that are over and in no rollup, so that they are rolled up at once.
        "old": {"ts": [now_ms - (3 + seq // 1000 % 400) * HOUR_MS], "seq": [seq]},
    }


def samples_of(store: MetricStore, seq: int, now_ms: int) -> Samples:
    """Return a sample of a steady series and one of a series that comes and goes, told by ``seq``."""
    start_ms = now_ms - now_ms % TEN_DAYS_MS
    steady = store.series.intern("steady", {"host": f"h{seq % 3}"})
    passing = store.series.intern("passing", {"host": "h", "n": str(seq // 20)})
    return make_samples([steady, passing], [start_ms + seq] * 2, [value_of(bits_of(seq)), seq / 8])


def bits_of(seq: int) -> int:
    """Return the bits of the value of ``seq`` in the steady series: decimal, odd and stale ones in turn."""
    kinds = (SHORT, 0x8000_0000_0000_0000, 0x7FF8_0000_0000_0000 + seq, STALE_BITS, 0x3FB9_9999_9999_9999 + seq)
    return kinds[seq % len(kinds)]


async def main() -> None:
    folder, first, step, number = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    clock = SystemClock()
    bucket = None
    if share := os.environ.get("NAGARE_TEST_BUCKET"):
        # At once, so that a kill meets every step of a round.
        sync.GRACE_SECONDS = sync.CATALOG_SECONDS = sync._OWNER_SECONDS = 0.0
        bucket = BucketSettings(directory=Path(share), cache_limit_bytes=2**20)
    seqs = iter(range(first, 10**9))
    store = make_store(
        folder, clock=clock, observer=KillAt(step, number), flush_seconds=0.1, segment_limit_bytes=20_000,
        recompress_seconds=3600.0, bucket=bucket,
    )  # fmt: skip
    async with store, asyncio.TaskGroup() as tasks:

        async def send() -> None:
            for seq in seqs:
                reply = await store.append(make_batch(seq, tables_of(seq, clock.now_ms())))
                samples = samples_of(store, seq, clock.now_ms())
                assert (await store.append_samples(samples)).accepted in (0, 2)
                os.write(1, f"ack {seq} {int(reply.duplicate)}\n".encode())
                if seq % 5 == 0:
                    again = await store.append(make_batch(seq, tables_of(seq, clock.now_ms())))
                    assert again.duplicate
                    assert (await store.append_samples(samples)).duplicate == 2
                if step == "none" and seq >= first + number:
                    os.kill(os.getpid(), signal.SIGKILL)

        async def keep_house() -> None:
            while True:
                await asyncio.sleep(0.3)
                await store.keep_house()

        tasks.create_task(store.run())
        tasks.create_task(keep_house())
        for _ in range(SENDERS):
            tasks.create_task(send())


if __name__ == "__main__":
    asyncio.run(main())
