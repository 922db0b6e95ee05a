"""A join token as it is kept, and the text that is handed out."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from nagare.errors import InputError
from nagare.lib.networks import is_within


@dataclass(frozen=True, slots=True)
class JoinToken:
    """What a token lets a machine do; times are Unix milliseconds.

    ``networks`` are those it may come from (none: any), ``labels`` are given to its host, and ``accepts`` tells whether the
    host is active at once or waits for an operator.
    """

    id: str
    digest: str
    note: str
    made_by: str
    created_ms: int
    expires_ms: int
    uses_left: int
    networks: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset({"metrics"})
    accepts: bool = False

    def is_from_lawful_network(self, address: str) -> bool:
        """Tell whether a machine at ``address`` may use it."""
        return not self.networks or is_within(address, self.networks)


def check_networks(networks: list[str]) -> tuple[str, ...]:
    """Return ``networks`` in their plain form. Raises InputError."""
    found = []
    for network in networks:
        try:
            found.append(str(ipaddress.ip_network(network, strict=False)))
        except ValueError as error:
            raise InputError(
                f"cannot use network {network[:60]!r}: {error}",
                hint="write it as 10.0.0.0/8 or 2001:db8::/32",
                errors=[{"pointer": "#/networks", "detail": "not a network"}],
            ) from error
    return tuple(found)
