"""Incidents: the alerts of one group of one route, from the first that somebody is told of until all are over. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    """Why a notice is sent; the words are Alertmanager's (``notification_reason``), but for those after ``REPEAT``."""

    FIRST = "first notification"
    NEW = "new alerts added"
    RESOLVED = "some alerts resolved"
    ALL_RESOLVED = "all alerts resolved"
    REPEAT = "repeat interval elapsed"
    ESCALATED = "nobody acknowledged it"
    # Who had it gave it back, or what held it back has ended.
    AGAIN = "nobody has it in hand any more"
    # Its route is gone, or its alerts have other labels by now: another incident tells of them.
    MOVED = "its alerts are told elsewhere"
    TEST = "test"


FIRING, RESOLVED = "firing", "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as it is kept. Times are Unix milliseconds.

    ``route`` is the path of a route, ``labels`` those of the group. ``look_ms``: when what is new is told, None while nothing is.
    ``told``: by the id of an alert, ``firing`` or ``resolved``, as people were told last. ``told_ms`` and ``number``: when the last notice
    was made, and how many were. ``waiting_ms``: since when somebody is needed and nobody has it in hand; ``step``: how many steps of
    the escalation were told since then. ``told_to``: names of the receivers that were told anything. ``severity``: the highest that
    people were told of; ``severities``: that of each alert of which they were told that it fires, as far as it is known.
    """

    id: str
    route: str
    labels: Mapping[str, str]
    began_ms: int
    look_ms: int | None = None
    told: Mapping[str, str] = field(default_factory=dict)
    told_ms: int | None = None
    number: int = 0
    waiting_ms: int | None = None
    step: int = 0
    told_to: tuple[str, ...] = ()
    ended_ms: int | None = None
    severity: int = 0
    severities: Mapping[str, int] = field(default_factory=dict)
    revision: int = 0

    @property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Which group it is of; one of a group is open at most."""
        return self.route, tuple(sorted(self.labels.items()))
