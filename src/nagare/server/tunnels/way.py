"""Which host somebody may open a shell on, and where its SSH is by what the fleet knows of it."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.fleet.service import Fleet
from nagare.model.host import Host
from nagare.model.principal import Permission, Principal
from nagare.server.sight import check_sees

_SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Way:
    """What operators noted of the way to a host; what is empty (or 0) is not known."""

    address: str
    port: int
    user: str
    jump: str


def way_to(host: Host) -> Way:
    """Return the way to ``host``."""
    # What only an agent says of its host leads nobody anywhere: a taken host must not collect passwords for another.
    given = host.given_labels
    port = given.get("ssh_port", "")
    return Way(
        address=given.get("ssh_address", ""),
        port=int(port) if port.isascii() and port.isdigit() and 0 < int(port) < 65536 else 0,
        user=given.get("ssh_user", ""),
        jump=given.get("ssh_jump", ""),
    )


def place_of(host: Host) -> tuple[str, int]:
    """Return the name or address, and the port, of the host's SSH: the fleet's word alone, never that of who asks."""
    way = way_to(host)
    return way.address or host.name, way.port or _SSH_PORT


def shell_host(principal: Principal, fleet: Fleet, name: str) -> Host:
    """Return the host of that name, if ``principal`` may open a shell there. Raises NotFoundError, PermissionDeniedError."""
    if principal.scope_of(Permission.SHELLS_OPEN) is not None:
        check_sees(principal, fleet, Permission.SHELLS_OPEN, name)
    return fleet.get(name)
