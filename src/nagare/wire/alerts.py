"""Alerts, silences and rules over HTTP. Times are RFC 3339, empty where there is none."""

from __future__ import annotations

from typing import Annotated

import msgspec

Words = Annotated[str, msgspec.Meta(max_length=1000)]


class AlertView(msgspec.Struct, frozen=True):
    """An alert. ``state`` is pending, firing, acknowledged, resolved, re-opened or closed; ``severity`` 0 to 3.

    ``silenced_by`` and ``inhibited_by`` are ids, of silences and of alerts, ``maintenance`` is why its host is in maintenance;
    all are empty while people are told of it. ``is_stale``: nobody could look lately. ``value`` is the newest that was seen.
    """

    id: str
    name: str
    source: str
    rule: str
    state: str
    severity: int
    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None
    starts_at: str
    fired_at: str
    ended_at: str
    changed_at: str
    owner: str
    silenced_by: list[str] = []
    inhibited_by: list[str] = []
    maintenance: str = ""
    is_stale: bool = False
    is_flapping: bool = False


class AlertList(msgspec.Struct, frozen=True):
    """``GET /api/v1/alerts``: what changed last comes first; ``next`` goes on, empty at the end."""

    alerts: list[AlertView]
    next: str = ""


class TurnView(msgspec.Struct, frozen=True):
    """What happened to an alert: a comment has the same state ``before`` and ``after``."""

    at: str
    before: str
    after: str
    actor: str
    cause: str
    attributes: dict[str, str] = {}


class AlertDetail(msgspec.Struct, frozen=True):
    """``GET /api/v1/alerts/{id}``: an alert and its turns, in order."""

    alert: AlertView
    turns: list[TurnView]


class WhyStep(msgspec.Struct, frozen=True):
    """One step of an explanation: whether it lets the alert through to people, and why."""

    step: str
    passes: bool
    text: str


class WhyView(msgspec.Struct, frozen=True):
    """``GET /api/v1/alerts/{id}/why``: the steps from the condition to the people, and what came out."""

    alert: AlertView
    is_told: bool
    steps: list[WhyStep]


class AlertDeed(msgspec.Struct, frozen=True):
    """``POST /api/v1/alerts/{id}/ack|unack|resolve|comment``: ``text`` says why; a comment needs it."""

    text: Words = ""


class SilenceRequest(msgspec.Struct, frozen=True):
    """``POST /api/v1/silences``: ``matchers`` as ``host=web1``.

    It starts now unless ``starts_ms`` (Unix milliseconds) says when. ``idle_seconds``: it ends when nothing matched for so long.
    """

    matchers: Annotated[list[Words], msgspec.Meta(max_length=20)]
    reason: Words
    lasts_seconds: float
    starts_ms: Annotated[int, msgspec.Meta(ge=0, le=2**52)] | None = None
    idle_seconds: Annotated[float, msgspec.Meta(ge=60)] | None = None


class SilenceView(msgspec.Struct, frozen=True):
    """A silence. ``state`` is waiting, open or over; ``ended_by`` and ``cause`` tell of one that ended before its time."""

    id: str
    matchers: list[str]
    reason: str
    owner: str
    state: str
    made_at: str
    starts_at: str
    until_at: str
    matched_at: str
    idle_seconds: float | None
    ended_by: str = ""
    cause: str = ""
    matches: int = 0


class SilenceList(msgspec.Struct, frozen=True):
    """``GET /api/v1/silences``: the newest first."""

    silences: list[SilenceView]


class RuleView(msgspec.Struct, frozen=True):
    """A rule and how it does. Durations are seconds; ``health`` is ok, no-data, failing or waiting (not judged yet)."""

    name: str
    group: str
    sql: str
    severity: int
    window_seconds: float
    every_seconds: float
    for_seconds: float
    keep_firing_seconds: float
    reopen_seconds: float
    fires: str
    resolves: str
    no_data: str
    labels: dict[str, str]
    annotations: dict[str, str]
    text: str
    guide: str
    origin: str
    health: str
    fault: str
    judged_at: str
    delay_seconds: float
    took_seconds: float
    rows: int
    pending: int
    firing: int


class RuleList(msgspec.Struct, frozen=True):
    """``GET /api/v1/rules``: by name; ``fault`` says why rule files that changed do not hold, empty where all do."""

    rules: list[RuleView]
    fault: str = ""
    is_judged_here: bool = True
