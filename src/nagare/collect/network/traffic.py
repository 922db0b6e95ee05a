"""Reads ``/proc/net/dev`` and the routing tables: pure functions from text to counters and names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_UP = 0x0001
_REJECT = 0x0200


class Counts(NamedTuple):
    """The counters of one interface since it was made."""

    received_bytes: int
    received_packets: int
    received_errors: int
    received_drops: int
    sent_bytes: int
    sent_packets: int
    sent_errors: int
    sent_drops: int


def parse_traffic(text: bytes) -> Mapping[str, Counts]:
    """Return the counters by interface name; lines that do not parse are left out."""
    found: dict[str, Counts] = {}
    for line in text.split(b"\n"):
        name, colon, rest = line.rpartition(b":")
        fields = rest.split()
        if not colon or len(fields) < 12:
            continue
        try:
            numbers = [int(fields[at]) for at in (0, 1, 2, 3, 8, 9, 10, 11)]
        except ValueError:
            continue
        if min(numbers) >= 0 and max(numbers) < 2**63:
            found[name.strip().decode("utf-8", "replace")] = Counts(*numbers)
    return found


def find_primary(routes: bytes, ipv6_routes: bytes) -> frozenset[str]:
    """Return the interfaces of the best default routes of both families."""
    best = [_best_ipv4(routes), _best_ipv6(ipv6_routes)]
    return frozenset(name for name in best if name)


def _best_ipv4(text: bytes) -> str:
    candidates: list[tuple[int, str]] = []
    for line in text.split(b"\n"):
        fields = line.split()
        if len(fields) < 8 or fields[1] != b"00000000" or fields[7] != b"00000000":
            continue
        try:
            flags, metric = int(fields[3], 16), int(fields[6])
        except ValueError:
            continue
        if flags & _UP and not flags & _REJECT:
            candidates.append((metric, fields[0].decode("utf-8", "replace")))
    return min(candidates, key=lambda pair: pair[0], default=(0, ""))[1]


def _best_ipv6(text: bytes) -> str:
    candidates: list[tuple[int, str]] = []
    for line in text.split(b"\n"):
        fields = line.split()
        if len(fields) < 10 or fields[0].strip(b"0") or fields[1] != b"00":
            continue
        try:
            metric, flags = int(fields[5], 16), int(fields[8], 16)
        except ValueError:
            continue
        if flags & _UP and not flags & _REJECT:
            candidates.append((metric, fields[9].decode("utf-8", "replace")))
    return min(candidates, key=lambda pair: pair[0], default=(0, ""))[1]
