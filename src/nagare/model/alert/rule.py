"""A rule: what is asked of the metrics, how often, and when the answer is an alert. Pure."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from nagare.lib.canonical_json import canonical
from nagare.model.event import Severity

_Compare = Callable[[float, float], bool]
COMPARISONS: Mapping[str, _Compare] = MappingProxyType(
    {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne}
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value beside a bound, as ``> 0.9``."""

    sign: str
    bound: float

    def holds(self, value: float) -> bool:
        """Tell whether it is true of ``value``; of what is no number nothing is."""
        return COMPARISONS[self.sign](value, self.bound) and not math.isnan(value)

    def __str__(self) -> str:
        """Return it as it is written: what is read of that is the same comparison."""
        short = f"{self.bound:g}"
        return f"{self.sign} {short if float(short) == self.bound else repr(self.bound)}"


class RuleOrigin(StrEnum):
    """Where a rule comes from; of one name a file of the folder counts before the API, and that before what is shipped."""

    SHIPPED = "shipped"
    FILE = "file"
    API = "api"


class NoData(StrEnum):
    """What becomes of an alert whose series is not in the answer."""

    # What is not there is not wrong: of an answer that has only what is wrong.
    RESOLVE = "resolve"
    # Nobody knows: it stays as it is, and is called stale.
    KEEP = "keep"
    # As ``keep``, and an answer without any row is an alert of its own.
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Durations are seconds.

    ``sql`` is one SELECT over the last ``window_seconds``; its column ``value`` is compared, its other columns are labels. It
    fires by ``fires`` (any row, without one) that held for ``for_seconds``, and is over by ``resolves`` (no longer ``fires``,
    without one) once that held for ``keep_firing_seconds``.
    """

    name: str
    group: str
    sql: str
    window_seconds: float
    every_seconds: float
    severity: Severity
    fires: Comparison | None = None
    resolves: Comparison | None = None
    for_seconds: float = 0.0
    keep_firing_seconds: float = 0.0
    reopen_seconds: float = 600.0
    no_data: NoData = NoData.RESOLVE
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    # Columns that texts may name and that are no labels: they change while the thing stays the same.
    details: tuple[str, ...] = ()
    # A column, one of the details, that says how bad a thing is, in words; empty: all are as bad as ``severity`` says.
    severity_from: str = ""
    text: str = ""
    guide: str = ""
    origin: str = ""

    @property
    def shape(self) -> str:
        """Return 16 hex digits of what it asks and how it calls things: what another shape called may never be seen again."""
        asked = {"sql": self.sql, "labels": dict(self.labels), "details": list(self.details)}
        return hashlib.sha256(canonical(asked)).hexdigest()[:16]

    def is_firing(self, value: float | None) -> bool:
        """Tell whether a row with that value makes an alert."""
        return self.fires is None or (value is not None and self.fires.holds(value))

    def is_calm(self, value: float | None) -> bool:
        """Tell whether a row with that value ends one; between the two it goes on as it is."""
        if value is None or math.isnan(value):
            return False
        return self.resolves.holds(value) if self.resolves is not None else not self.is_firing(value)
