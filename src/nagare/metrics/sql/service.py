"""Queries as the store offers them: checked and run on a query thread, records fetched on the loop in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from nagare.config.settings import QuerySettings
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.metrics.rollups.hours import split_table
from nagare.metrics.rollups.plan import rollups_of
from nagare.metrics.schema import Schema
from nagare.metrics.sql.costs import Costs
from nagare.metrics.sql.growing import GrowingFile
from nagare.metrics.sql.pool import QueryPool
from nagare.metrics.sql.query import Job, QueryRunner
from nagare.metrics.sql.sandbox import Checked
from nagare.model.columns import Columns, RecordTable
from nagare.model.export import ExportTarget
from nagare.model.tables import SAMPLE_TABLES
from nagare.wire.sql import SqlReply, SqlRequest

# As long as an attempt at its task may take.
EXPORT_SECONDS = 3600.0
# What an export leaves free beside the reserve of the store, whose samples come meanwhile.
_BESIDE_BYTES = 192 * 2**20
Run = Callable[[Job, Checked, Mapping[str, Schema], Mapping[str, RecordTable]], SqlReply]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What queries keep to: their settings, and the free space that the store keeps in reserve."""

    query: QuerySettings
    free_reserve_bytes: int


class SqlService:
    """Answers requests through a pool; ``records`` is the store's own mapping and may grow.

    An export may take long: it has a thread of its own, so that no query waits for it, and others wait for it.
    """

    def __init__(
        self, runner: QueryRunner, pool: QueryPool, records: Mapping[str, RecordTable], clock: Clock, bounds: Bounds
    ) -> None:
        """Answer with ``runner``."""
        self._runner = runner
        self._pool = pool
        self._exports = QueryPool(replace(bounds.query, concurrency=1, deadline_seconds=EXPORT_SECONDS))
        self._reserve_bytes = bounds.free_reserve_bytes + _BESIDE_BYTES
        self._records = records
        self._clock = clock
        self.costs = Costs()
        # What was known last, and what it follows from; of the event loop alone.
        self._known: tuple[Mapping[str, Schema], tuple[frozenset[str], int], tuple[str, ...]] | None = None

    async def query(
        self,
        request: SqlRequest,
        hosts: frozenset[str] | None,
        schemas: Mapping[str, Schema],
        hidden: frozenset[str] = frozenset(),
    ) -> SqlReply:
        """Return the answer to ``request``, for which ``hidden`` tables and their rollups do not exist. Raises the errors that MetricStore.query names."""
        job = Job(request, hosts)
        return await self._timed(job, self._run(job, schemas, hidden, self._pool, self._runner.run))

    async def export(
        self,
        request: SqlRequest,
        hosts: frozenset[str] | None,
        schemas: Mapping[str, Schema],
        hidden: frozenset[str],
        target: ExportTarget,
    ) -> SqlReply:
        """Write the answer to ``request`` to a file, under the same rules; the reply's one row is the number of rows.

        Of a failure no file is left. Raises what ``query`` raises, and LimitExceededError, DiskFullError.
        """
        job = Job(request, hosts)
        work = self._run(job, schemas, hidden, self._exports, partial(self._runner.export, target))
        growing = GrowingFile(target, self._reserve_bytes, self._clock)
        try:
            return await self._timed(job, growing.watched(work, job), lambda reply: int(reply.rows[0][0]))
        except BaseException:
            # Whoever still writes it writes to a file without a name, which goes with its descriptor.
            target.file.unlink(missing_ok=True)
            raise

    async def _timed(
        self, job: Job, work: Awaitable[SqlReply], rows_of: Callable[[SqlReply], int] = lambda reply: len(reply.rows)
    ) -> SqlReply:
        started = self._clock.monotonic()
        try:
            reply = await work
        except NagareError:
            if job.shape:
                self.costs.add(job.shape, self._clock.monotonic() - started, None)
            raise
        elapsed = self._clock.monotonic() - started
        self.costs.add(job.shape, elapsed, rows_of(reply))
        elapsed_ms = round(elapsed * 1000, 3)
        return SqlReply(reply.columns, reply.rows, reply.truncated, reply.tier, elapsed_ms, reply.notes)

    async def _run(
        self, job: Job, schemas: Mapping[str, Schema], hidden: frozenset[str], pool: QueryPool, run: Run
    ) -> SqlReply:
        known = self._tables_of(schemas, hidden)

        def check_and_run() -> tuple[Checked, SqlReply | None]:
            checked = self._runner.check(job.request, known)
            job.shape = checked.shape
            if any(name in self._records for name in checked.tables):
                return checked, None
            return checked, run(job, checked, schemas, {})

        checked, reply = await pool.run(check_and_run, job.stop)
        if reply is None:
            # Records are read on the loop, by the rooms that own them, and only those that the query names.
            records = {name: self._records[name] for name in checked.tables if name in self._records}
            for name, record in records.items():
                job.records[name] = await _fetch(record, checked, job.request.since_ms)
            reply = await pool.run(lambda: run(job, checked, schemas, records), job.stop)
        return reply

    def _tables_of(self, schemas: Mapping[str, Schema], hidden: frozenset[str]) -> tuple[str, ...]:
        """Return the tables that there are for a caller; the same ``schemas`` are the very object."""
        known = self._known
        if known is None or known[0] is not schemas or known[1] != (hidden, len(self._records)):
            listed = [*schemas, *rollups_of(schemas), *SAMPLE_TABLES, *self._records]
            names = tuple(name for name in listed if split_table(name)[0] not in hidden)
            self._known = known = schemas, (hidden, len(self._records)), names
        return known[2]

    def close(self) -> None:
        """Take no more requests."""
        self._pool.close()
        self._exports.close()


async def _fetch(record: RecordTable, checked: Checked, since_ms: int | None) -> Columns:
    """Return the rows of ``record``, with its costly columns if the statement may name one; older ones than asked for may lack."""
    if record.fetch_since is not None and since_ms is not None:
        return await record.fetch_since(since_ms)
    if record.fetch_all is None:
        return await record.fetch()
    is_costly = checked.named is None or bool(record.costly & checked.named)
    return await (record.fetch_all if is_costly else record.fetch)()
