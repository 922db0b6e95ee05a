"""A note: what somebody wrote down about a host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostNote:
    """What somebody wrote down about a host; ``at_ms`` is Unix milliseconds."""

    id: str
    host_id: str
    at_ms: int
    author: str
    text: str
