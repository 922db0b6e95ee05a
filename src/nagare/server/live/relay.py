"""Carries what the fleet notices to the store and the hub, which the fleet itself does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nagare.model.event import Event
from nagare.server.hub import Hub
from nagare.server.live.event_views import event_view
from nagare.wire.hosts import HostView

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore


class Relay:
    """The fleet's listener."""

    def __init__(self, store: MetricStore, hub: Hub) -> None:
        """Keep both ends. ``on_host`` hears of each host that changed, too."""
        self._store = store
        self.hub = hub
        self.on_host: Callable[[HostView, bool], None] = lambda _view, _removed: None

    def host_changed(self, view: HostView, *, removed: bool) -> None:
        """Show the host to the live connections."""
        self.hub.publish_host(view, removed=removed)
        self.on_host(view, removed)

    async def event_happened(self, event: Event) -> None:
        """Store the event, and show it unless it was known already."""
        stored = await self._store.append_events([event])
        if all(stored):
            self.hub.publish_event(event_view(event))
