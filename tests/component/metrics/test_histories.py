"""Random histories of a store: appends, repeats, flushes, merges and restarts never change an answer."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from tests.support.metric_store import START_MS, make_batch, make_store, rows

DAY_MS = 86_400_000
CELLS: dict[str, Any] = {
    "load1": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "cores": st.none() | st.integers(-(2**53), 2**53),
    "clock_synchronized": st.none() | st.booleans(),
    "note": st.none() | st.text(max_size=4),
    "tags": st.none() | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
}
TIMES = st.integers(START_MS - 2 * DAY_MS, START_MS)
ROWS = st.lists(st.tuples(TIMES, st.fixed_dictionaries(CELLS)), min_size=1, max_size=5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), ROWS), st.tuples(st.just("append"), ROWS), st.tuples(st.just("repeat"), st.integers(0, 30)),
        st.just(("flush", None)), st.just(("restart", None)), st.just(("house", None)), st.just(("look", None)),
    ),
    min_size=1, max_size=12,
)  # fmt: skip
COLUMNS = ("load1", "cores", "clock_synchronized", "note", "tags")


class History:
    """A store and what it must answer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: list[Any] = []
        self._expected: list[list[Any]] = []
        self._flushes = 0

    async def play(self, steps: list[tuple[str, Any]]) -> None:
        waiting = list(steps)
        while waiting:
            async with make_store(self._folder, clock=ManualClock(START_MS)) as store:
                while waiting:
                    verb, argument = waiting.pop(0)
                    if verb == "restart":
                        break
                    await self._step(store, verb, argument)
                await self._look(store)

    async def _step(self, store: MetricStore, verb: str, argument: Any) -> None:
        if verb == "append":
            batch = make_batch(len(self._sent), {"load": _columns(argument)})
            reply = await store.append(batch)
            assert (reply.accepted, reply.duplicate, reply.refused) == (len(argument), False, [])
            self._sent.append(batch)
            self._expected += [[ts, *(cells[name] for name in COLUMNS)] for ts, cells in argument]
        elif verb == "repeat" and self._sent:
            assert (await store.append(self._sent[argument % len(self._sent)])).duplicate
        elif verb == "flush":
            await store.flush()
        elif verb == "house":
            await store.keep_house()
        elif verb == "look":
            await self._look(store)

    async def _look(self, store: MetricStore) -> None:
        known = {column.name for view in store.describe() if view.name == "load" for column in view.columns}
        items = ", ".join(name if name in known else f"NULL AS {name}" for name in COLUMNS)
        found = await rows(store, f"SELECT epoch_ms(ts), {items} FROM load")
        assert sorted(map(repr, found)) == sorted(map(repr, self._expected))


def _columns(table: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    return {"ts": [ts for ts, _ in table]} | {name: [cells[name] for _, cells in table] for name in COLUMNS}


@given(STEPS)
@settings(max_examples=25)
def test_any_history_answers_as_if_nothing_had_happened(steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(History(Path(folder)).play(steps))
