"""Pressure stall information: the share of time in which tasks waited for a resource."""

from __future__ import annotations


def parse_pressure(text: bytes | None) -> tuple[float | None, float | None]:
    """Return the (some, full) shares of the last 10 s as ratios; None for what the kernel does not tell."""
    some: float | None = None
    full: float | None = None
    for line in (text or b"").split(b"\n", 4):
        if line.startswith(b"some "):
            some = _ten_seconds(line)
        elif line.startswith(b"full "):
            full = _ten_seconds(line)
    return some, full


def _ten_seconds(line: bytes) -> float | None:
    at = line.find(b"avg10=")
    if at < 0:
        return None
    try:
        percent = float(line[at + 6 :].split(b" ", 1)[0])
    except ValueError:
        return None
    return percent / 100 if 0 <= percent <= 100 else None
