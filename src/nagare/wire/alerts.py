"""Alerts, silences and rules over HTTP. Times are RFC 3339, empty where there is none."""

from __future__ import annotations

from typing import Annotated, Any

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
    """``GET /api/v1/alerts/{id}``: an alert and its turns, in order. ``incidents`` are ids of those that are open and have it."""

    alert: AlertView
    turns: list[TurnView]
    incidents: list[str] = []


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
    """A rule and how it does. Durations are seconds; ``health`` is ok, no-data, failing or waiting (not judged yet).

    ``origin`` is the file that has it, or api; ``origin_kind`` is shipped, file or api. One of the API has a ``revision``, another
    one after every change, and who changed it last. ``definition`` has the fields of a rule file, where one rule is asked for.
    """

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
    details: list[str] = []
    severity_from: str = ""
    origin_kind: str = "file"
    revision: int | None = None
    changed_by: str = ""
    changed_at: str = ""
    definition: dict[str, Any] = {}


class RuleList(msgspec.Struct, frozen=True):
    """``GET /api/v1/rules``: by name; ``fault`` says why rule files that changed do not hold, empty where all do.

    ``not_held`` has the rules by the API that do not hold, by name, and why.
    """

    rules: list[RuleView]
    fault: str = ""
    is_judged_here: bool = True
    not_held: dict[str, str] = {}


class RuleRequest(msgspec.Struct, frozen=True):
    """``PUT /api/v1/rules/{name}``: the whole of it, by the fields of ``[[rule]]`` in a rule file; durations are texts.

    With the ``revision`` that was read nothing is saved over what somebody else changed since then; with ``is_new`` nothing over
    what came by the API before.
    """

    rule: dict[str, Any]
    revision: int | None = None
    is_new: bool = False


class RuleCheckRequest(msgspec.Struct, frozen=True):
    """``POST /api/v1/rules/check``: rules as above, each with its name; nothing is saved.

    With ``since_ms`` (Unix milliseconds) it also tells what they would have made of the time since then, looked at every
    ``step_seconds``, or as often as a few hundred looks allow.
    """

    rules: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=20)]
    since_ms: Annotated[int, msgspec.Meta(ge=0, le=2**52)] | None = None
    step_seconds: Annotated[float, msgspec.Meta(ge=1)] | None = None


class RuleEpisode(msgspec.Struct, frozen=True):
    """One time for which an alert would have been active; ``until_at`` is empty while it still would."""

    labels: dict[str, str]
    from_at: str
    until_at: str
    worst: float | None


class RuleReplay(msgspec.Struct, frozen=True):
    """What a rule would have made of the past: ``flaps`` of its ``alerts`` came back at once.

    At ``faults`` of the ``looks`` it could not be judged, mostly for ``fault``. ``episodes`` has the first of them.
    """

    alerts: int
    active_seconds: float
    flaps: int
    looks: int
    step_seconds: float
    faults: int
    fault: str
    episodes: list[RuleEpisode]


class RuleCheck(msgspec.Struct, frozen=True):
    """What became of a rule: ``outcome`` is ok or bad; ``firing`` of the ``rows`` of its statement would be alerts now.

    ``fault`` says what is wrong, or why it was not replayed.
    """

    name: str
    outcome: str
    fault: str = ""
    rows: int | None = None
    firing: int | None = None
    replay: RuleReplay | None = None


class RuleCheckList(msgspec.Struct, frozen=True):
    """What became of each rule that was to be checked, in their order."""

    checks: list[RuleCheck]
