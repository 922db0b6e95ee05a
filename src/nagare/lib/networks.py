"""Whether an address lies in one of several networks; an IPv4 address in its IPv6 form counts as what it is."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Tell whether ``address`` lies in one of ``networks``; text that is no address lies in none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in _network(network) for network in networks)


# Those of settings and tokens, again and again: parsing one costs more than all else here.
@lru_cache(maxsize=256)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)
