"""The call about the network: what depends on what."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.wire.network import NetworkView

_NETWORK = "/api/v1/network"


class NetworkCalls:
    """The call, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def network(self) -> NetworkView:
        """Return what the caller sees of it. Raises NotFoundError where the server is older than it."""
        return await self._client.fetch(_NETWORK, NetworkView)
