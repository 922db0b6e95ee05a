"""Whether who opened a tunnel may still: their login lives, and lets them open shells on a host that is still the same."""

from __future__ import annotations

from nagare.fleet.service import Fleet
from nagare.identity.service import Identity
from nagare.model.principal import Permission, Principal, PrincipalKind
from nagare.server.sight import sees
from nagare.server.tunnels.tunnel import Tunnel


class Holding:
    """Asks the rooms that know; what they answer is of this moment."""

    def __init__(self, identity: Identity, fleet: Fleet) -> None:
        """Keep them."""
        self._identity = identity
        self._fleet = fleet

    async def __call__(self, tunnel: Tunnel) -> bool:
        """Tell whether ``tunnel`` may be. Raises StorageError when the records cannot say."""
        host = self._fleet.find(tunnel.host.name)
        if host is None or host.id != tunnel.host.id:
            return False
        principal = await self._present(tunnel.owner)
        return principal is not None and sees(principal, self._fleet, Permission.SHELLS_OPEN, host.name)

    async def _present(self, principal: Principal) -> Principal | None:
        match principal.kind:
            case PrincipalKind.USER:
                found = await self._identity.sessions.find(principal.session_id)
                return None if found is None else found[0]
            case PrincipalKind.KEY:
                # Other rights of its owner end it at once (``KnownCallers.on_revoke``); that its time is over tells nobody.
                return principal if await self._identity.api_keys.is_live(principal.id) else None
            case _:
                return principal
