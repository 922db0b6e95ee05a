"""Queries as the store offers them: checked and run on a query thread, records fetched on the loop in between."""

from __future__ import annotations

from collections.abc import Mapping

from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.metrics.rollups.hours import split_table
from nagare.metrics.rollups.plan import rollups_of
from nagare.metrics.schema import Schema
from nagare.metrics.sql.costs import Costs
from nagare.metrics.sql.pool import QueryPool
from nagare.metrics.sql.query import Job, QueryRunner
from nagare.metrics.sql.sandbox import Checked
from nagare.model.columns import RecordTable
from nagare.model.tables import SAMPLE_TABLES
from nagare.wire.sql import SqlReply, SqlRequest


class SqlService:
    """Answers requests through a pool; ``records`` is the store's own mapping and may grow."""

    def __init__(self, runner: QueryRunner, pool: QueryPool, records: Mapping[str, RecordTable], clock: Clock) -> None:
        """Answer with ``runner``."""
        self._runner = runner
        self._pool = pool
        self._records = records
        self._clock = clock
        self.costs = Costs()

    async def query(
        self,
        request: SqlRequest,
        hosts: frozenset[str] | None,
        schemas: Mapping[str, Schema],
        hidden: frozenset[str] = frozenset(),
    ) -> SqlReply:
        """Return the answer to ``request``, for which ``hidden`` tables and their rollups do not exist. Raises the errors that MetricStore.query names."""
        started = self._clock.monotonic()
        job = Job(request, hosts)
        try:
            reply = await self._run(job, schemas, hidden)
        except NagareError:
            if job.is_checked:
                self.costs.add(request.sql, self._clock.monotonic() - started, None)
            raise
        elapsed = self._clock.monotonic() - started
        self.costs.add(request.sql, elapsed, len(reply.rows))
        elapsed_ms = round(elapsed * 1000, 3)
        return SqlReply(reply.columns, reply.rows, reply.truncated, reply.tier, elapsed_ms, reply.notes)

    async def _run(self, job: Job, schemas: Mapping[str, Schema], hidden: frozenset[str]) -> SqlReply:
        known = [*schemas, *rollups_of(schemas), *SAMPLE_TABLES, *self._records]
        known = [name for name in known if split_table(name)[0] not in hidden]

        def check_and_run() -> tuple[Checked, SqlReply | None]:
            checked = self._runner.check(job.request, known)
            job.is_checked = True
            if any(name in self._records for name in checked.tables):
                return checked, None
            return checked, self._runner.run(job, checked, schemas, {})

        checked, reply = await self._pool.run(check_and_run, job.stop)
        if reply is None:
            # Records are read on the loop, by the rooms that own them, and only those that the query names.
            records = {name: self._records[name] for name in checked.tables if name in self._records}
            for name, record in records.items():
                job.records[name] = await record.fetch()
            reply = await self._pool.run(lambda: self._runner.run(job, checked, schemas, records), job.stop)
        return reply

    def close(self) -> None:
        """Take no more requests."""
        self._pool.close()
