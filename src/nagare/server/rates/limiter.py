"""The seam between what is limited and where it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One count to look at: whose, and how many fit into the window (at least one)."""

    key: str
    limit: int


@dataclass(frozen=True, slots=True)
class Full:
    """Which of the asked counts is full (its place among them), and after how many seconds one more fits."""

    index: int
    wait_seconds: float


class Limiter(Protocol):
    """Counts by key over a sliding window; every implementation passes the one contract suite."""

    async def take(self, asks: Sequence[Ask]) -> Full | None:
        """Count one for every ask, or none for any when one is full: the one that stays full for longest is told.

        Over any span of the window's length no more than ``limit`` are let through for a key. Raises UnavailableError
        when the counts cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...
