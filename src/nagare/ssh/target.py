"""Where a shell leads: a host by its name, and what the fleet knows of the way to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A host to open a shell on, by what the fleet says of it: the person's own configuration of SSH goes before that.

    Of a host on the way (``is_hop``) what it says goes before the configuration, as with OpenSSH.
    """

    name: str
    address: str = ""
    port: int = 0
    user: str = ""
    jump: str = ""
    is_hop: bool = False


@dataclass(frozen=True, slots=True)
class Hop:
    """A host on the way, as ``[user@]host[:port]`` names it."""

    host: str
    port: int = 0
    user: str = ""


def parse_hops(jump: str) -> tuple[Hop, ...]:
    """Return the hosts on the way that ``jump`` lists, the first one first; ``none`` and nothing are no way.

    Raises ValueError for one that cannot be read.
    """
    if jump.strip().lower() in ("", "none"):
        return ()
    return tuple(_parse_hop(word.strip().removeprefix("ssh://")) for word in jump.split(","))


def _parse_hop(word: str) -> Hop:
    user, _, place = word.rpartition("@")
    host, port = place, ""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    if not host or (port and not port.isdigit()):
        raise ValueError(f"{word!r} is no host on the way")
    return Hop(host, int(port or 0), user)
