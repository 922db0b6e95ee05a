"""What people are told: one notice of an incident, and one delivery of it for each channel. Pure values, kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Alerts of a notice beyond these are counted, not named: no channel shows more, and the rows stay small.
LINES_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One alert of a notice as it was then. Times are Unix milliseconds; ``severity`` is 0 to 3, ``owner`` empty unless acknowledged."""

    id: str
    name: str
    host: str
    severity: int
    state: str
    summary: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fingerprint: str
    starts_ms: int
    ended_ms: int | None = None
    value: float | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: the ``number``-th of its incident. ``firing_count`` and ``resolved_count`` count those that are not named as well.

    ``firing`` are the active alerts of the group that nothing holds back, ``resolved`` those that ended since the notice before.
    ``severity`` is the highest of what fires, or of what ended when nothing does. ``reach`` is the highest of both, and of all that
    people were told of what ended: a channel that told of something tells of its end. ``held_count``: how many people were told of that
    still fire, though something holds them back by now.
    """

    incident: str
    number: int
    route: str
    receiver: str
    reason: str
    at_ms: int
    labels: Mapping[str, str]
    severity: int
    firing: tuple[Line, ...]
    resolved: tuple[Line, ...]
    firing_count: int
    resolved_count: int
    reach: int = 0
    held_count: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing of it fires any more."""
        return self.firing_count == 0 and self.held_count == 0


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    SENT = "sent"
    # The channel refused it, or could not be reached for too long: it lies there until somebody tries it again.
    DEAD = "dead"
    # Its channel is not in the configuration any more, or somebody gave it up.
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice on its way to one channel. ``id`` is the idempotency key: the same at every try. Times are Unix milliseconds.

    ``ref`` is what the channel called the message, by which a later one of the incident changes it or stands below it.
    ``until_ms``: a try that fails from then on was the last.
    """

    id: str
    channel: str
    kind: str
    notice: Notice
    state: DeliveryState
    made_ms: int
    due_ms: int
    tries: int = 0
    done_ms: int | None = None
    ref: str = ""
    # Why the last try came to nothing, without secrets.
    fault: str = ""
    until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a delivery: when, how long it took, and what came of it (empty ``fault``: it was sent)."""

    delivery: str
    number: int
    at_ms: int
    took_ms: int
    fault: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
