"""What alerts see of the metrics and of hosts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from nagare.fleet.maintenance.service import Maintenance
from nagare.fleet.service import Fleet
from nagare.lib.clock import Clock
from nagare.model.event import Event
from nagare.server.live.relay import Relay
from nagare.wire.sql import SqlReply, SqlRequest

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore

_NONE: Mapping[str, str] = MappingProxyType({})


class AlertBook:
    """The neighbours of the room of alerts."""

    def __init__(self, store: MetricStore, fleet: Fleet, maintenance: Maintenance, relay: Relay, clock: Clock) -> None:
        """Keep them."""
        self._store = store
        self._fleet = fleet
        self._maintenance = maintenance
        self._relay = relay
        self._clock = clock

    async def ask(self, request: SqlRequest) -> SqlReply:
        """Return the answer to a statement of a rule, which sees every host. Raises what a query raises."""
        return await self._store.query(request, hosts=None)

    async def event_happened(self, event: Event) -> None:
        """Store an event. Raises StorageError."""
        await self._relay.event_happened(event)

    def maintenance_of(self, host: str) -> str:
        """Return why that host is in maintenance now, empty when it is not, or is not known."""
        found = self._fleet.find(host)
        window = None if found is None else self._maintenance.in_maintenance(found, self._clock.now_ms())
        return "" if window is None else window.why

    def labels_of(self, host: str) -> Mapping[str, str]:
        """Return the labels of that host, none of one that is not known."""
        found = self._fleet.find(host)
        return _NONE if found is None else found.labels
