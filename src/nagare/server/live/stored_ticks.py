"""Reads from the stored samples when a host's agent spoke of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nagare.fleet.gaps.seen import OWN, TABLE
from nagare.wire.sql import SqlRequest

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore

# More than a day at the shortest usual interval.
_LIMIT = 50_000
_SQL = f"SELECT DISTINCT epoch_ms(ts) AS at_ms FROM {TABLE} WHERE host = ? AND collector = ? ORDER BY at_ms"  # noqa: S608


class StoredTicks:
    """Asks the store."""

    def __init__(self, store: MetricStore) -> None:
        """Keep the store."""
        self._store = store

    async def find(self, host: str, since_ms: int) -> Sequence[int]:
        """Return those moments since then, Unix milliseconds, the oldest first. Raises as a query does."""
        request = SqlRequest(_SQL, [host, OWN], _LIMIT, since_ms=since_ms, until_ms=None)
        reply = await self._store.query(request)
        return [int(row[0]) for row in reply.rows]
