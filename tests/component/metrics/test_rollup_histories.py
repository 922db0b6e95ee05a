"""Random histories: whatever the order of rows, flushes, merges, late rows and restarts, a rollup is its rows' aggregate."""

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from tests.support.metric_store import START_MS, make_batch, make_store, rows

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
# A day ends within these hours, so blocks of two days take part.
BEGIN_MS = START_MS // (24 * HOUR_MS) * 24 * HOUR_MS + 22 * HOUR_MS
HOSTS, NAMES = ("web1", "web2"), (None, "a", "b")
ROW = st.fixed_dictionaries(
    {
        # Few moments, so that buckets are shared and rows have equal times.
        "ts": st.builds(
            lambda hour, minute, ms: BEGIN_MS + hour * HOUR_MS + minute * MINUTE_MS + ms,
            st.integers(0, 3), st.sampled_from([0, 59]), st.sampled_from([0, 1, 59_999]),
        ),
        "name": st.sampled_from(NAMES),
        "v": st.none() | st.integers(-8, 8).map(lambda number: number / 8),
        "up": st.none() | st.booleans(),
    }
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.tuples(st.sampled_from(HOSTS), st.lists(ROW, min_size=1, max_size=6))),
        st.tuples(st.just("append"), st.tuples(st.sampled_from(HOSTS), st.lists(ROW, min_size=1, max_size=6))),
        st.just(("flush", None)), st.just(("house", None)), st.just(("settle", None)), st.just(("settle", None)),
        st.just(("restart", None)), st.tuples(st.just("wait"), st.sampled_from([700, 3700])), st.just(("look", None)),
    ),
    min_size=4, max_size=24,
)  # fmt: skip
COLUMNS = (
    "epoch_ms(ts), host, name, samples_count, v_min, v_max, v, v_count, v_last, up_min, up_max, up, up_count, up_last"
)


class History:
    """A store whose clock begins when most rows are over, and every row that it was given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = ManualClock(BEGIN_MS + 4 * HOUR_MS + 30 * MINUTE_MS)
        self._rows: list[dict[str, Any]] = []
        self._seq = 0

    async def play(self, steps: list[tuple[str, Any]]) -> None:
        waiting = list(steps)
        while waiting:
            async with make_store(self._folder, clock=self._clock, future_seconds=7200.0) as store:
                while waiting:
                    verb, argument = waiting.pop(0)
                    if verb == "restart":
                        break
                    await self._step(store, verb, argument)
                await self._look(store)

    async def _step(self, store: MetricStore, verb: str, argument: Any) -> None:
        if verb == "append":
            host, given_rows = argument
            self._seq += 1
            cells = {name: [row[name] for row in given_rows] for name in ("ts", "name", "v", "up")}
            reply = await store.append(make_batch(self._seq, {"app": cells}, host=host))
            assert reply.accepted == len(given_rows)
            self._rows += [{**row, "host": host} for row in given_rows]
        elif verb == "flush":
            await store.flush()
        elif verb == "house":
            await store.keep_house()
        elif verb == "settle":
            # What came late is rolled up once no more comes for a while.
            await store.flush()
            await self._clock.advance(700)
            await store.keep_house()
        elif verb == "wait":
            await self._clock.advance(argument)
        else:
            await self._look(store)

    async def _look(self, store: MetricStore) -> None:
        if not self._rows:
            return
        known = {column.name for view in store.describe() if view.name == "app" for column in view.columns}
        columns = ", ".join(
            f"NULL AS {name}" if name.partition("_")[0] in {"name", "v", "up"} - known else name
            for name in COLUMNS.split(", ")
        )
        for tier, width in (("1m", MINUTE_MS), ("1h", HOUR_MS)):
            found = await rows(store, f"SELECT {columns} FROM app_{tier}")
            self._compare(found, width)

    def _compare(self, found: list[list[Any]], width: int) -> None:
        buckets: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in self._rows:
            buckets.setdefault((row["ts"] // width * width, row["host"], row["name"]), []).append(row)
        assert sorted(map(repr, buckets)) == sorted(repr(tuple(row[:3])) for row in found), (
            "a bucket too many or too few"
        )
        for answer in found:
            bucket = buckets[tuple(answer[:3])]
            assert answer[3] == len(bucket)
            _compare_number(answer[4:9], bucket, "v")
            _compare_number(answer[9:14], bucket, "up")


def _compare_number(found: list[Any], bucket: list[dict[str, Any]], name: str) -> None:
    low, high, mean, count, last = found
    known = [row for row in bucket if row[name] is not None]
    if not known:
        assert (low, high, mean, count or 0, last) == (None, None, None, 0, None)
        return
    values = [row[name] for row in known]
    newest = max(row["ts"] for row in known)
    assert (low, high, count) == (min(values), max(values), len(values))
    assert math.isclose(mean, sum(values) / len(values))
    assert last in [row[name] for row in known if row["ts"] == newest]


@given(STEPS)
@settings(max_examples=25)
def test_any_history_rolls_up_to_the_aggregate_of_its_rows(steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(History(Path(folder)).play(steps))
