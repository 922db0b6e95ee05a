"""Calls about heartbeats: sending one, and seeing how each one stands."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.heartbeats import HeartbeatList, HeartbeatPing, HeartbeatView

_HEARTBEATS = "/api/v1/heartbeats"


class HeartbeatCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def heartbeats(self) -> list[HeartbeatView]:
        """Return those that are waited for, by name."""
        return (await self._client.fetch(_HEARTBEATS, HeartbeatList)).heartbeats

    async def send(self, name: str, ping: HeartbeatPing) -> HeartbeatView:
        """Send a sign of life; it is durable when this returns. Raises NotFoundError."""
        return await self._client.send("POST", f"{_HEARTBEATS}/{path_name(name)}", ping, HeartbeatView)
