"""Which alerts somebody asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts a list has; empty means any.

    ``hosts`` are those of which the caller sees alerts at the most, None for all: it spares reading the others.
    """

    states: tuple[str, ...] = ()
    severity: int = 0
    host: str = ""
    rule: str = ""
    since_ms: int = 0
    hosts: frozenset[str] | None = None
