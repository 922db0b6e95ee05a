"""When each host spoke, and how many places its series have: what tells a series that stopped from a host that is off.

Moments are those of the rows, Unix milliseconds: what a host sends late tells of its own time, not of the clock's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# A host that said nothing for so long was off, or was not heard; its series have to speak again before one can stop.
PAUSE_MS = 60_000


@dataclass(slots=True)
class Host:
    """The newest row of a host, since when there was no pause before it, and how many of its series have a place."""

    newest_ms: int = 0
    since_ms: int = 0
    places: int = 0


class Hosts:
    """The hosts whose series have a place; no more of them than series."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[str, Host] = {}

    def find(self, name: str) -> Host | None:
        """Return the host of that name, None for one without a place."""
        return self._known.get(name)

    def add(self, name: str) -> None:
        """Count one more place of the host."""
        self._known.setdefault(name, Host()).places += 1

    def remove(self, name: str) -> None:
        """Count one place less."""
        host = self._known[name]
        host.places -= 1
        if not host.places:
            del self._known[name]

    def restored(self, name: str, last_ms: int) -> None:
        """Count a place of a state that was kept; its host begins anew where it was heard last."""
        self.add(name)
        host = self._known[name]
        host.newest_ms = host.since_ms = max(host.newest_ms, last_ms)

    def hear(self, stamps: Mapping[str, Iterable[int]], now_ms: int) -> None:
        """Take the moments of rows by host; one that is to come counts as now."""
        for name, moments in stamps.items():
            host = self._known.get(name)
            if host is None:
                continue
            for moment in sorted(moments):
                at = min(moment, now_ms)
                if at - host.newest_ms > PAUSE_MS:
                    host.since_ms = at
                host.newest_ms = max(host.newest_ms, at)
