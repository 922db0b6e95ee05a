"""What alerts see of the metrics and of hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from nagare.fleet.maintenance.service import Maintenance
from nagare.fleet.rules import GROUP_LABEL
from nagare.fleet.service import Fleet
from nagare.lib.clock import Clock
from nagare.model.event import Event
from nagare.server.live.relay import Relay
from nagare.wire.sql import SqlReply, SqlRequest

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Labels:
    """All labels of a host, and those of which they were made."""

    given: Mapping[str, str]
    own: Mapping[str, str]
    all: Mapping[str, str]


class AlertBook:
    """The neighbours of the room of alerts."""

    def __init__(self, store: MetricStore, fleet: Fleet, maintenance: Maintenance, relay: Relay, clock: Clock) -> None:
        """Keep them."""
        self._store = store
        self._fleet = fleet
        self._maintenance = maintenance
        self._relay = relay
        self._clock = clock
        self._labels: dict[str, _Labels] = {}
        # Told of every event of an alert; nobody is unless somebody says so.
        self.on_event: Callable[[Event], None] = lambda _: None

    async def ask(self, request: SqlRequest) -> SqlReply:
        """Return the answer to a statement of a rule, which sees every host. Raises what a query raises."""
        return await self._store.query(request, hosts=None)

    async def event_happened(self, event: Event) -> None:
        """Store an event. Raises StorageError."""
        await self._relay.event_happened(event)
        self.on_event(event)

    def maintenance_of(self, host: str) -> str:
        """Return why that host is in maintenance now, empty when it is not, or is not known."""
        found = self._fleet.find(host)
        window = None if found is None else self._maintenance.in_maintenance(found, self._clock.now_ms())
        return "" if window is None else window.why

    def labels_of(self, host: str) -> Mapping[str, str]:
        """Return the labels of that host and, as ``group``, all groups that it is in; none of one that is not known."""
        found = self._fleet.find(host)
        if found is None:
            self._labels.pop(host, None)
            return _NONE
        known = self._labels.get(host)
        # Asked of thousands of alerts at a time: a host that only was heard of has the same labels as before.
        if known is None or known.given is not found.labels or known.own is not found.agent_labels:
            groups = ",".join(sorted(self._fleet.group_rules.of(found)))
            labels = {**found.labels, GROUP_LABEL: groups} if groups else found.labels
            known = self._labels[host] = _Labels(found.labels, found.agent_labels, labels)
        return known.all
