"""A seeded fleet whose past lies in a real metric store: what was sent is stored, and what is asked of the past is SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nagare.lib.clock import Clock
from nagare.metrics.store import MetricStore
from nagare.model.event import Event, Severity
from nagare.tui.history import Points, Span, Statement
from nagare.tui.renderables.chart_model import EventMark, GapMark
from nagare.tui.replay.past import Answer, FleetRows, SqlPast
from nagare.tui.source import Connected, Found
from nagare.wire.batch import Batch
from nagare.wire.events import EventView
from nagare.wire.live import EventFrame, Hello, Rows
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import BOOT
from tests.tui.fleet import FleetSource


class StoredFleet(FleetSource):
    """The seeded fleet over a store that the test opened."""

    def __init__(self, names: Sequence[str], store: MetricStore, clock: Clock) -> None:
        """Speak for ``names``; everything before now is unknown."""
        super().__init__(names, clock.now_ms())
        self.store = store
        self.past = SqlPast(self._answer, clock)
        self._seq = 0

    async def _answer(self, statement: Statement) -> Answer:
        reply = await self.store.query(SqlRequest(statement.sql, statement.params))
        return Answer([column.name for column in reply.columns], reply.rows)

    def connect(self) -> None:
        """Say hello; frames come from the test."""
        self.queue.put_nowait(Found("http://127.0.0.1:1"))
        self.queue.put_nowait(Connected(Hello("0.1.0", self.now_ms)))

    async def send(self, frame: Rows) -> None:
        """Store a frame and show it live."""
        self._seq += 1
        tables: dict[str, dict[str, list[Any]]] = {
            table: {name: list(cells) for name, cells in columns.items()} for table, columns in frame.tables.items()
        }
        await self.store.append(Batch(1, frame.host, BOOT, self._seq, tables))
        self.queue.put_nowait(frame)

    async def tell(self, event: EventView) -> None:
        """Store an event and show it live."""
        stored = Event(
            event.id,
            event.ts,
            event.host,
            event.kind,
            Severity(event.severity),
            event.source,
            event.text,
            event.attributes,
        )
        await self.store.append_events([stored])
        self.events_held.insert(0, event)
        self.queue.put_nowait(EventFrame(event))

    async def host_history(self, host: str, series_ids: Sequence[str], span: Span) -> Points:
        """Return what the store has."""
        return await self.past.host_history(host, series_ids, span)

    async def fleet_history(self, series_ids: Sequence[str], span: Span) -> Points:
        """Return what the store has."""
        return await self.past.fleet_history(series_ids, span)

    async def seed(self, series_ids: Sequence[str], span: Span) -> dict[str, Points]:
        """Return what the store has."""
        self.asked.append("seed")
        return await self.past.seed(series_ids, span)

    async def newest(self, series_ids: Sequence[str], since_ms: int) -> dict[str, Points]:
        """Return what the store has."""
        return await self.past.newest(series_ids, since_ms)

    async def gaps(self, host: str) -> list[GapMark]:
        """Return what the store has: nothing."""
        return await self.past.gaps(host)

    async def marks(self, host: str, span: Span) -> list[EventMark]:
        """Return what the store has."""
        return await self.past.marks(host, span)

    async def rows(self, table: str, host: str, at_ms: int | None = None) -> Mapping[str, list[Any]]:
        """Return what the store has."""
        return await self.past.rows(table, host, at_ms)

    async def processes(self, at_ms: int | None = None) -> Mapping[str, list[Any]]:
        """Return what the store has."""
        return await self.past.processes(at_ms)

    async def fleet_rows(self, at_ms: int, tables: Sequence[str], hosts: Sequence[str]) -> FleetRows:
        """Return what the store has."""
        return await self.past.fleet_rows(at_ms, tables, hosts)

    async def turns(self, alerts: Sequence[str], at_ms: int) -> list[EventView]:
        """Return what the store has."""
        return await self.past.turns(alerts, at_ms)
