"""Names of many hosts in one line."""

from __future__ import annotations

from collections.abc import Sequence

from nagare.lib.plain_text import plain

# More names push what is said about them off the screen; all of them are in the JSON.
_NAMED_LIMIT = 20


def name_hosts(hosts: Sequence[str]) -> str:
    """Return ``web1`` for one host and ``web1, web2 (2 hosts)`` for several; very many are not all named."""
    named = ", ".join(plain(host) for host in hosts[:_NAMED_LIMIT])
    if len(hosts) == 1:
        return named
    more = ", …" if len(hosts) > _NAMED_LIMIT else ""
    return f"{named}{more} ({len(hosts)} hosts)"


def count_hosts(hosts: Sequence[str]) -> str:
    """Return ``web1`` for one host and ``2 hosts (web1, web2)`` for several: the number first, where lines are cut."""
    if len(hosts) == 1:
        return plain(hosts[0])
    named = ", ".join(plain(host) for host in hosts[:_NAMED_LIMIT])
    return f"{len(hosts)} hosts ({named}{', …' if len(hosts) > _NAMED_LIMIT else ''})"
