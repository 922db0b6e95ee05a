"""What a rollout may not hold against its hosts: that they were away while somebody worked on them.

Kept in memory: a server that starts has seen nobody yet, and who uses this begins the time of patience anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nagare.model.host import HostState


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a host; ``is_well``: up with the new version."""

    id: str
    state: HostState
    maintenance: str
    is_well: bool = False


class Absences:
    """Looks at the hosts of one rollout again and again; ``well_ms`` is how long any was well in this wave."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self._looked_ms: int | None = None
        self._wave_ms = 0
        # As they were at the last look.
        self._kept: frozenset[str] = frozenset()
        self._well: frozenset[str] = frozenset()
        self._returning: set[str] = set()
        # In this wave.
        self._excused_ms: dict[str, int] = {}
        self.well_ms = 0
        # When hosts left maintenance last, by id.
        self.left_ms: dict[str, int] = {}

    def look(self, hosts: Iterable[Seen], wave_ms: int, now_ms: int) -> None:
        """Note how the hosts are now, in a wave that began at ``wave_ms``."""
        seen = {host.id: host for host in hosts}
        if wave_ms != self._wave_ms:
            self._wave_ms = wave_ms
            self._excused_ms.clear()
            self.well_ms = 0
        elif self._looked_ms is not None:
            self._count(max(0, now_ms - self._looked_ms))
        kept = frozenset(id_ for id_, host in seen.items() if host.maintenance)
        left = {id_ for id_ in self._kept - kept if id_ in seen}
        self.left_ms.update(dict.fromkeys(left, now_ms))
        # Who is down when the server starts may have been in maintenance until a moment ago.
        fresh = {id_ for id_, host in seen.items() if host.state is HostState.DOWN} if self._looked_ms is None else left
        up = {id_ for id_, host in seen.items() if host.state is HostState.UP}
        self._returning = ((self._returning | fresh) & seen.keys()) - up - kept
        self._well = frozenset(id_ for id_, host in seen.items() if host.is_well)
        self._kept, self._looked_ms = kept, now_ms

    def excused_ms(self, host_id: str) -> int:
        """Return for how long the host was well or in maintenance in this wave: patience with it stood still."""
        return self._excused_ms.get(host_id, 0)

    def is_returning(self, host_id: str) -> bool:
        """Tell whether the host has not been up yet since it left maintenance."""
        return host_id in self._returning

    def _count(self, passed_ms: int) -> None:
        for id_ in self._kept | self._well:
            self._excused_ms[id_] = self._excused_ms.get(id_, 0) + passed_ms
        if self._well:
            self.well_ms += passed_ms
