"""What the screen asks about the network: the seam between it and the client's call, which fits it as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nagare.wire.network import NetworkView


class NetworkSeam(Protocol):
    """Every call may raise NagareError."""

    async def network(self) -> NetworkView:
        """Return what the caller sees of the network, with the labels that link hosts."""
        ...
