"""A silence: which alerts nobody is told of, until when, why, and who says so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nagare.model.alert.matcher import Matcher, all_match


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence. Times are Unix milliseconds.

    ``idle_seconds``: it ends when nothing matched for so long, ``matched_ms`` being the last time that something did.
    ``ended_by`` and ``cause`` say who or what ended one before its time.
    """

    id: str
    matchers: tuple[Matcher, ...]
    reason: str
    owner_id: str
    owner: str
    made_ms: int
    starts_ms: int
    until_ms: int
    matched_ms: int
    idle_seconds: float | None = None
    ended_by: str = ""
    cause: str = ""

    def is_open(self, now_ms: int) -> bool:
        """Tell whether it holds now."""
        # What somebody ended stays ended, also where the clock is set back.
        return self.starts_ms <= now_ms < self.until_ms and not self.ended_by

    def is_meant(self, labels: Mapping[str, str]) -> bool:
        """Tell whether it is about an alert with those labels."""
        return all_match(self.matchers, labels)
