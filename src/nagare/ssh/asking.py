"""What a connection may ask a person: whether a new host key is the right one, and answers that only they know.

Answers live in memory for the moment of a login: they are never stored, logged or told to anybody but the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NewKey:
    """The key that a host shows and nobody knows yet; ``fingerprint`` is SHA256 as OpenSSH writes it."""

    host: str
    algorithm: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One line to be answered; what is secret is not shown while it is typed."""

    text: str
    is_secret: bool = True


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a login asks: made harmless and bounded, though a host wrote it. ``host`` is who asks."""

    host: str
    title: str
    text: str
    prompts: Sequence[Prompt]


class Asker(Protocol):
    """A person at a terminal, however they are asked."""

    async def trusts(self, key: NewKey) -> bool:
        """Return whether the person says that this is the host's key."""

    async def answers(self, challenge: Challenge) -> Sequence[str] | None:
        """Return an answer for each prompt, or None when the person would not."""


class Nobody:
    """Nobody is there to ask: new keys are refused, and nothing is answered."""

    async def trusts(self, key: NewKey) -> bool:  # noqa: ARG002  the signature of the protocol
        """Return that nobody knows it."""
        return False

    async def answers(self, challenge: Challenge) -> Sequence[str] | None:  # noqa: ARG002  the same
        """Return no answer."""
        return None
