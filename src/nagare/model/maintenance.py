"""A maintenance window: when somebody works on hosts, so that their silence is nothing to worry about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Selector:
    """Hosts by name, by group, or by labels that all must match; a host that any of the three names is meant."""

    hosts: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Every day, or on those days of the week (0 is Monday), at a time of the clock in a zone.

    A time that the clock leaps over is taken as before the leap; one that comes twice counts the first time.
    """

    minute_of_day: int
    duration_seconds: float
    days: frozenset[int]
    zone: str


@dataclass(frozen=True, slots=True)
class Window:
    """From ``from_ms`` to ``until_ms`` (None: for ever), Unix milliseconds; with ``recurrence`` only its times in between."""

    id: str
    selector: Selector
    from_ms: int
    until_ms: int | None
    recurrence: Recurrence | None
    why: str
    made_by: str
    made_ms: int
