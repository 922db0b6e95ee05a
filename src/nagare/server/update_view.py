"""What rollouts see of the fleet: its hosts, and what the agents' own numbers say has gone bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nagare.fleet.service import Fleet
from nagare.model.host import Host, HostState
from nagare.wire.sql import SqlRequest

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore

# What was bad in this time before the rollout is not the update's doing.
_BEFORE_MS = 3_600_000
# A lost connection is told by silence; the row of the agent as a whole is only asked what it dropped.
_STATEMENT = """
SELECT host, collector,
       bool_or(coalesce(NOT ok, false) AND ts >= make_timestamp_ms($since)) AS fails,
       bool_or(coalesce(NOT ok, false) AND ts < make_timestamp_ms($began)) AS failed,
       max(CASE WHEN ts >= make_timestamp_ms($since) THEN coalesce(batches_dropped_total, 0) ELSE 0 END) AS dropped,
       max(CASE WHEN ts < make_timestamp_ms($since) THEN coalesce(batches_dropped_total, 0) ELSE 0 END) AS dropped_before
FROM agent GROUP BY host, collector
"""


class UpdateView:
    """The fleet and its metrics, seen by the room of updates."""

    def __init__(self, fleet: Fleet, store: MetricStore) -> None:
        """Keep the neighbours."""
        self._fleet = fleet
        self._store = store

    def hosts(self) -> Sequence[tuple[Host, HostState, str]]:
        """Return every host with its state and why it is in maintenance, empty when it is not."""
        return [(self._fleet.get(view.name), HostState(view.state), view.maintenance) for view in self._fleet.views()]

    async def troubles(self, began_ms: int, since_ms: int) -> Mapping[str, str]:
        """Return by host what went bad since ``since_ms`` that was not before ``began_ms``. Raises what a query raises."""
        request = SqlRequest(_STATEMENT, {"began": began_ms, "since": since_ms}, since_ms=began_ms - _BEFORE_MS)
        reply = await self._store.query(request, hosts=None)
        found: dict[str, str] = {}
        for host, collector, fails, failed, dropped, dropped_before in reply.rows:
            if collector != "agent" and fails and not failed:
                found[host] = f"collector {collector} fails since the update"
            elif dropped > dropped_before:
                found[host] = f"{dropped} batches dropped since the update"
        return found
