"""Evidence: one thing that is so, with the query that shows it. What cannot be queried again proves nothing. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class EvidenceKind(StrEnum):
    """Where a piece of evidence comes from."""

    METRIC = "metric"
    PROCESS = "process"
    # Scores of series, and what changed most between two windows.
    ANOMALY = "anomaly"
    CHANGE = "change"
    ALERT = "alert"
    EVENT = "event"
    COMMAND = "command"
    # What people set in this installation.
    AUDIT = "audit"
    LOG = "log"
    NEIGHBOUR = "neighbour"
    PASSAGE = "passage"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that evidence tells: the column of its query that has it, the value as it was read, and its unit.

    ``unit`` is as in the names of columns: ratio, bytes, seconds, celsius, per_second, count; empty for a plain number.
    """

    name: str
    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that is so. Times are Unix milliseconds.

    ``id`` names it within its diagnosis, as ``E7``. ``text`` is one line for people, free of control characters and
    redacted. ``sql`` with ``params`` is one SELECT of one row whose columns are the figures, by name; it says its window
    itself, so that anybody gets the same numbers again. Evidence that no table has (a passage, a line of a log) has no
    ``sql`` and no figures.
    ``about`` is the component or series: ``disk /var``, ``process postgres``. ``began_ms``: when it set in, where known.
    """

    id: str
    kind: EvidenceKind
    host: str
    text: str
    sql: str = ""
    params: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    from_ms: int = 0
    until_ms: int = 0
    figures: tuple[Figure, ...] = ()
    began_ms: int | None = None
    about: str = ""
    # Where a passage stands, or which command brought the log: file and heading, or an id.
    place: str = ""

    def figure(self, name: str) -> float | None:
        """Return the value of the figure of that name, or None."""
        return next((figure.value for figure in self.figures if figure.name == name), None)
