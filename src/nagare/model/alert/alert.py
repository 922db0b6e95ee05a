"""An alert: its states, which may follow which, and what is kept of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from nagare.lib.canonical_json import canonical
from nagare.model.event import Severity


class AlertState(StrEnum):
    """How far an alert has come."""

    # Its condition holds, not yet for as long as the rule asks.
    PENDING = "pending"
    FIRING = "firing"
    # Somebody has it in hand.
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    # It fired again soon after it was resolved.
    REOPENED = "re-opened"
    # It is history: what comes now is another alert.
    CLOSED = "closed"


_S = AlertState
NEXT: Mapping[AlertState, frozenset[AlertState]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.FIRING}),
        _S.FIRING: frozenset({_S.ACKNOWLEDGED, _S.RESOLVED}),
        _S.ACKNOWLEDGED: frozenset({_S.FIRING, _S.REOPENED, _S.RESOLVED}),
        _S.RESOLVED: frozenset({_S.REOPENED, _S.CLOSED}),
        _S.REOPENED: frozenset({_S.ACKNOWLEDGED, _S.RESOLVED}),
        _S.CLOSED: frozenset(),
    }
)
# Those that are true now, whoever has them in hand.
ACTIVE = frozenset({_S.FIRING, _S.ACKNOWLEDGED, _S.REOPENED})
OPEN = ACTIVE | {_S.PENDING, _S.RESOLVED}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it is kept. Times are Unix milliseconds.

    ``source`` and ``fingerprint`` say which thing it is about; at most one alert of a thing is open. ``starts_ms`` is when the
    condition was first seen to hold, ``held_ms`` when it was last seen to, ``fired_ms`` and ``ended_ms`` the last such turns.
    ``again_ms``: since when it holds again, after it was resolved; of a foreign alert the latest start that was told, where that
    is not the first. ``comes`` are the latest moments at which it came.
    """

    id: str
    source: str
    fingerprint: str
    rule: str
    severity: Severity
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_ms: int
    held_ms: int
    changed_ms: int
    state: AlertState = AlertState.PENDING
    value: float | None = None
    fired_ms: int | None = None
    ended_ms: int | None = None
    again_ms: int | None = None
    # Who said that it is over; and until when a sender's word of it holds, None for our own rules.
    ended_by: str = ""
    believed_ms: int | None = None
    comes: tuple[int, ...] = ()
    owner: str = ""
    is_stale: bool = False
    # What its rule asked and called things when it was seen last, empty where nobody knows.
    shape: str = ""
    revision: int = 0

    @property
    def is_active(self) -> bool:
        """Whether it is true now."""
        return self.state in ACTIVE

    @property
    def key(self) -> tuple[str, str]:
        """Which thing it is about."""
        return self.source, self.fingerprint


@dataclass(frozen=True, slots=True)
class Transition:
    """One turn in the life of an alert: when, from which state to which, by whom, and why. A comment changes no state."""

    at_ms: int
    before: AlertState | None
    after: AlertState
    actor: str
    cause: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """Return 16 hex digits that tell one set of labels from any other, in whatever order they stand."""
    return hashlib.sha256(canonical(dict(labels))).hexdigest()[:16]
