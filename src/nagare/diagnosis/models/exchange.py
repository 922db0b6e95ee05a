"""One question to a model and what came of it: what the log of models keeps. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from nagare.diagnosis.models.provider import Tokens


class Outcome(StrEnum):
    """What came of a question."""

    # It left, and nothing is known of it yet: the server ended meanwhile, where it stays so.
    SENT = "sent"
    ANSWERED = "answered"
    # The answer was cut at its bound of tokens.
    CUT = "cut"
    BLOCKED = "blocked"
    FAILED = "failed"
    LATE = "late"
    # Nobody waited for the answer any more.
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt. ``asker`` is the investigator; ``prompt`` is all that left; ``cost`` in US dollars; times as their names say."""

    asker: str
    model: str
    at_ms: int
    prompt: str
    answer: str = ""
    tokens: Tokens = field(default_factory=Tokens)
    cost: float = 0.0
    seconds: float = 0.0
    outcome: Outcome = Outcome.SENT
    why: str = ""


class ExchangeLog(Protocol):
    """Keeps exchanges: each before it leaves, so that nothing leaves that is not kept."""

    async def began(self, exchange: Exchange) -> str:
        """Keep ``exchange`` and return its id."""
        ...

    async def ended(self, id_: str, exchange: Exchange) -> None:
        """Keep what came of it."""
        ...
