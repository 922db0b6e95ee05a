"""An event: something that happened once on a host, worth a line on a chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Severity(IntEnum):
    """How bad a thing is; the words are the same in every room."""

    INFO = 0
    WARNING = 1
    HIGH = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One event; ``ts`` is Unix milliseconds, ``id`` unique and chosen by the sender so that a repeat is harmless."""

    id: str
    ts: int
    host: str
    kind: str
    severity: Severity
    source: str
    text: str
    attributes: Mapping[str, str] = field(default_factory=dict)
