"""The hosts in a few numbers each (``HostDigest``), while somebody follows the fleet, and the frames that tell of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nagare.model.host_digest import HostDigest
from nagare.wire.batch import Cell
from nagare.wire.codec import encode
from nagare.wire.live import Digests

# The least time between two frames of one connection: a screen draws ten times a second, and a large fleet less often.
_SHORTEST_SECONDS, _LONGEST_SECONDS, _HOST_SECONDS = 0.1, 0.5, 0.0005


@dataclass(slots=True)
class Heard:
    """A host's digest, and when it was heard last: seconds of the loop's clock."""

    at: float = 0.0
    digest: HostDigest = field(default_factory=HostDigest)


class FleetDigests:
    """Digests of the hosts that reported since somebody began to follow them; bounded by the registered hosts."""

    def __init__(self) -> None:
        """Begin knowing none."""
        self._hosts: dict[str, Heard] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._hosts)

    def __iter__(self) -> Iterator[tuple[str, Heard]]:
        """Yield name and digest of each host."""
        return iter(self._hosts.items())

    def take(self, host: str, tables: Mapping[str, Mapping[str, Sequence[Cell]]], now: float) -> Heard:
        """Take a host's new rows in, heard ``now``."""
        heard = self._hosts.get(host)
        if heard is None:
            heard = self._hosts[host] = Heard()
        heard.at = now
        heard.digest.take(tables)
        return heard

    def forget(self, host: str) -> None:
        """Drop what is known of a host that was removed."""
        self._hosts.pop(host, None)

    def clear(self) -> None:
        """Drop all: nobody follows, so what is known grows old."""
        self._hosts.clear()


def pace_seconds(count: int) -> float:
    """Return how long to wait after a frame where so many hosts are followed."""
    return min(_LONGEST_SECONDS, max(_SHORTEST_SECONDS, count * _HOST_SECONDS))


def digests_frame(heard: Mapping[str, Heard], series: Iterable[str], now: float, missed: int) -> bytes:
    """Return the frame that tells the values of ``series`` of those hosts."""
    digests = [one.digest for one in heard.values()]
    return encode(
        Digests(
            list(heard),
            [digest.ts_ms for digest in digests],
            [max(0, round((now - one.at) * 1000)) for one in heard.values()],
            {name: [digest.values.get(name, math.nan) for digest in digests] for name in series},
            {
                host: [(reason.level.value, reason.text) for reason in one.digest.reasons]
                for host, one in heard.items()
                if one.digest.reasons
            },
            missed,
        )
    )
