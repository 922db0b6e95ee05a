"""From where a request comes: the peer's address, or what a trusted proxy says of it.

X-Forwarded-For is whatever its sender wrote, and each proxy adds the address that it saw at the end. So it is read from
the end, one step for every trusted proxy, and only when the peer is one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from aiohttp import web

from nagare.lib.networks import is_within
from nagare.server.services import SERVICES

_HEADER = "X-Forwarded-For"
# More proxies in a row than anybody has.
_HOPS_LIMIT = 16


def address_of(request: web.Request) -> str:
    """Return the address of whoever sent ``request``; empty when the connection has none."""
    peer = request.remote or ""
    networks = request.app[SERVICES].settings.server.trusted_proxies
    return told_address(peer, request.headers.getall(_HEADER, ()), networks) if networks else peer


def told_address(peer: str, headers: Iterable[str], networks: tuple[str, ...]) -> str:
    """Return the last address that nobody but trusted proxies told; ``headers`` in the order in which they stand."""
    hops = [hop.strip() for hop in ",".join(headers).split(",")] if is_within(peer, networks) else []
    address = peer
    for hop in reversed(hops[-_HOPS_LIMIT:]):
        found = _plain(hop)
        if not found:
            break
        address = found
        if not is_within(address, networks):
            break
    return address


def _plain(text: str) -> str:
    # Some proxies add the port: 192.0.2.1:5000, [2001:db8::1]:5000.
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return ""
