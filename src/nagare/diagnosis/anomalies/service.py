"""The service: takes what was stored off the way of the requests, and scores it at each tick on a thread of its own.

What was unlike is stored as rows of the table ``anomalies``, each with the host whose series it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self
from uuid import uuid4

from nagare.config.anomalies import AnomalySettings
from nagare.diagnosis.anomalies.intake import Part, Tables, scored_part
from nagare.diagnosis.anomalies.layouts import Layouts
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.wire.batch import BATCH_VERSION, Batch, BatchReply, Cell

if TYPE_CHECKING:
    from nagare.diagnosis.anomalies.look import Laid
    from nagare.diagnosis.anomalies.scores import Anomaly, Scores

log = logging.getLogger(__name__)
# Batches that may wait for the next tick, and the rows in them; the oldest go first.
_WAITING_BATCHES = 8192
_WAITING_ROWS = 500_000
# Rows that are laid out at a time: each of their cells is an object meanwhile.
_TAKEN_ROWS = 50_000
# Batches that are laid out before the tick, as soon as there are so many: what waits as arrays costs a fourth of the memory,
# and what is laid out while the processor's cache holds it a third of the time.
_LAID_BATCHES = 64
# Cells that are scored together; each takes some fifty bytes meanwhile.
_SCORED_CELLS = 1_000_000
# Rows told of one tick; those that score highest.
_ROWS_LIMIT = 500
# After a crash so much is learned anew.
_SAVE_SECONDS = 3600.0
# So long the stop waits for the state to be kept; the one of the last time is there anyway.
_STOP_SECONDS = 5.0


class BatchStore(Protocol):
    """Where rows go; the metric store is one."""

    async def append(self, batch: Batch) -> BatchReply:
        """Store a batch durably and say what became of it."""
        ...


class _Waiting(NamedTuple):
    """What was laid out, and of how many batches and rows of tables."""

    laid: Laid
    batches: int
    rows: int


class Anomalies:
    """``note`` takes rows from the event loop; ``async with`` owns the thread and the kept state, ``run`` scores."""

    def __init__(self, settings: AnomalySettings, store: BatchStore, path: Path, clock: Clock) -> None:
        """Keep what to do; ``path`` is the file of the state."""
        self._settings = settings
        self._store = store
        self._path = path
        self._clock = clock
        self._waiting: deque[Part] = deque()
        # What was laid out already, of how many batches and rows; ``_laying`` is what is on its way there.
        self._laid: deque[_Waiting] = deque()
        self._laying: asyncio.Future[Laid] | None = None
        # Of both.
        self._waiting_batches = self._waiting_rows = 0
        # Ends the scoring of a tick on its thread.
        self._stop = Event()
        self._thread: ThreadPoolExecutor | None = None
        self._scores: Scores | None = None
        # Names the batches of this run of the server.
        self._boot = str(uuid4())
        self._seq = 0
        self.counters = Counters()
        self._layouts = Layouts(settings.series_limit, self.counters)

    async def __aenter__(self) -> Self:
        """Read the kept state."""
        if self._settings.on:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="nagare-anomalies")
            self._scores = await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the state, where that does not take long."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        saving = asyncio.get_running_loop().run_in_executor(thread, self._save)
        done, _ = await asyncio.wait({saving}, timeout=_STOP_SECONDS)
        thread.shutdown(wait=False, cancel_futures=True)
        if not done:
            self.counters.add("anomaly_save_failures")
            log.warning("anomaly_state_not_kept path=%s error=it took too long", self._path)

    def __len__(self) -> int:
        """Return how many series are scored."""
        return 0 if self._scores is None else len(self._scores)

    def note(self, host: str, tables: Tables) -> None:
        """Take the rows of a host that were just stored; they are scored at the next tick."""
        if self._thread is None:
            return
        part = scored_part(host, tables)
        if part.left_out:
            self.counters.add("anomaly_rows_skipped", part.left_out)
        if not part.rows:
            return
        self._waiting.append(part)
        self._waiting_batches += 1
        self._waiting_rows += part.rows
        while self._waiting_batches > _WAITING_BATCHES or self._waiting_rows > _WAITING_ROWS:
            self._drop_oldest()
        if len(self._waiting) >= _LAID_BATCHES and self._laying is None:
            self._lay_waiting(self._thread)

    def _drop_oldest(self) -> None:
        batches, rows = 1, 0
        if self._laid:
            _, batches, rows = self._laid.popleft()
        elif self._waiting:
            rows = self._waiting.popleft().rows
        self._waiting_batches -= batches
        self._waiting_rows -= rows
        self.counters.add("anomaly_batches_dropped", batches)

    def _lay_waiting(self, thread: ThreadPoolExecutor) -> None:
        """Have what waits laid out, one piece at a time: more would pile up behind a tick that takes long."""
        batches, rows = list(self._waiting), sum(part.rows for part in self._waiting)
        self._waiting.clear()

        def keep(laying: asyncio.Future[Laid]) -> None:
            self._laying = None
            if laying.cancelled() or (error := laying.exception()) is not None:
                # Cancelled by the stop; else a bug of ours, which must cost these rows their scores and nothing else.
                self._waiting_batches -= len(batches)
                self._waiting_rows -= rows
                self.counters.add("anomaly_batches_dropped", len(batches))
                if not laying.cancelled():
                    log.error("anomaly_rows_not_laid_out", exc_info=error)
                return
            self._laid.append(_Waiting(laying.result(), len(batches), rows))

        self._laying = asyncio.get_running_loop().run_in_executor(thread, self._lay, batches)
        self._laying.add_done_callback(keep)

    async def run(self) -> None:
        """Score at each tick, and keep the state now and then; until cancelled."""
        saved = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._settings.interval_seconds)
            await self.tick()
            if self._clock.monotonic() - saved >= _SAVE_SECONDS and self._thread is not None:
                saved = self._clock.monotonic()
                await asyncio.get_running_loop().run_in_executor(self._thread, self._save)

    async def tick(self) -> None:
        """Score what waits, and store what was unlike."""
        if self._thread is None:
            return
        if self._laying is not None:
            await asyncio.wait({self._laying})
        laid, batches = [one.laid for one in self._laid], list(self._waiting)
        self._laid.clear()
        self._waiting.clear()
        self._waiting_batches = self._waiting_rows = 0
        work = partial(self._score, laid, batches, self._clock.now_ms())
        found = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        kept = sorted(found, key=lambda one: one.score, reverse=True)[:_ROWS_LIMIT]
        if len(kept) < len(found):
            self.counters.add("anomaly_rows_left_out", len(found) - len(kept))
        hosts: dict[str, list[Anomaly]] = {}
        for one in kept:
            hosts.setdefault(one.name.host, []).append(one)
        for host, told in hosts.items():
            await self._tell(host, told)

    async def _tell(self, host: str, told: Sequence[Anomaly]) -> None:
        self._seq += 1
        batch = Batch(BATCH_VERSION, host, self._boot, self._seq, {"anomalies": _columns(told)})
        try:
            reply = await self._store.append(batch)
        except NagareError as error:
            # Scores of one tick: the next rows that are unlike come by themselves.
            self.counters.add("anomaly_append_failures")
            log.error("anomalies_not_stored host=%s reason=%s", host, error.message)  # noqa: TRY400  the message says it all
            return
        self.counters.add("anomaly_rows", reply.accepted)

    def _open(self) -> Scores:
        from nagare.diagnosis.anomalies.scores import Scores  # noqa: PLC0415  loads numpy, on this thread
        from nagare.diagnosis.anomalies.state import load_state  # noqa: PLC0415  as above

        limit = self._settings.series_limit
        tick_ms = round(1000 * self._settings.interval_seconds)
        scores = Scores(limit, self._settings.floor, self.counters, tick_ms, self._stop.is_set)
        scores.restore(*load_state(self._path, limit))
        return scores

    def _lay(self, batches: Sequence[Part]) -> Laid:
        from nagare.diagnosis.anomalies.look import lay  # noqa: PLC0415  loads numpy, on this thread

        return lay([rows for part in batches for rows in self._layouts.rows(part.host, part.tables)])

    def _score(self, laid: Sequence[Laid], batches: Sequence[Part], now_ms: int) -> list[Anomaly]:
        assert self._scores is not None, "the state is read before the first tick"
        found: list[Anomaly] = []
        for some in _groups(chain(laid, map(self._lay, _pieces(batches)))):
            if self._stop.is_set():
                return found
            found += self._scores.take_laid(some, now_ms)
        return found + self._scores.find_stopped(now_ms)

    def _save(self) -> None:
        from nagare.diagnosis.anomalies.state import save_state  # noqa: PLC0415  loads numpy, on this thread

        if self._scores is None or not len(self._scores):
            return
        try:
            save_state(self._path, self._scores.names, self._scores.detector, self._scores.stopped)
        except OSError as error:
            self.counters.add("anomaly_save_failures")
            log.error("anomaly_state_not_kept path=%s error=%s", self._path, error.strerror)  # noqa: TRY400  told in full


def _pieces(batches: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Yield the batches in their order, as many together as have not too many rows."""
    begin = rows = 0
    for at, part in enumerate(batches):
        if rows and rows + part.rows > _TAKEN_ROWS:
            yield batches[begin:at]
            begin, rows = at, 0
        rows += part.rows
    if begin < len(batches):
        yield batches[begin:]


def _groups(laid: Iterable[Laid]) -> Iterator[Laid]:
    """Yield what was laid out in its order, as much together as has not too many cells."""
    from nagare.diagnosis.anomalies.look import join  # noqa: PLC0415  loads numpy, on the thread of the scores

    some: list[Laid] = []
    cells = 0
    for one in laid:
        if some and cells + len(one.values) > _SCORED_CELLS:
            yield join(some)
            some, cells = [], 0
        some.append(one)
        cells += len(one.values)
    if some:
        yield join(some)


def _columns(told: Sequence[Anomaly]) -> dict[str, list[Cell]]:
    return {
        "ts": [one.ts_ms for one in told],
        "table_name": [one.name.table for one in told],
        "column_name": [one.name.column for one in told],
        "series": [one.name.text() for one in told],
        "kind": ["stopped" if one.value is None else "value" for one in told],
        "score": [one.score for one in told],
        "value": [one.value for one in told],
        "expected": [one.expected for one in told],
    }
