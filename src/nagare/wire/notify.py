"""Incidents, notifications and receivers over HTTP. Times are RFC 3339, empty where there is none."""

from __future__ import annotations

import msgspec

from nagare.wire.alerts import AlertView


class NotificationView(msgspec.Struct, frozen=True):
    """One notice on its way to one channel. ``state`` is waiting, sent, dead or dropped; ``severity`` 0 to 3.

    ``number`` is which notice of its incident it is, ``receiver`` whom it is for, ``channel`` (``<receiver>/<name>``) how it goes;
    the two name different receivers where it goes to a fallback. ``firing`` and ``resolved`` count alerts. ``fault`` says why the
    last try came to nothing.
    """

    id: str
    incident: str
    number: int
    channel: str
    kind: str
    receiver: str
    reason: str
    state: str
    severity: int
    alertnames: list[str]
    labels: dict[str, str]
    firing: int
    resolved: int
    made_at: str
    due_at: str
    done_at: str
    tries: int
    fault: str = ""


class NotificationList(msgspec.Struct, frozen=True):
    """``GET /api/v1/notifications``: the newest first; ``next`` goes on, empty at the end."""

    notifications: list[NotificationView]
    next: str = ""


class NotificationLine(msgspec.Struct, frozen=True):
    """One alert of a notice as it was then; ``id`` is that of the alert."""

    id: str
    name: str
    host: str
    severity: int
    state: str
    summary: str
    starts_at: str
    ended_at: str
    owner: str = ""


class AttemptView(msgspec.Struct, frozen=True):
    """One try to send a notification; an empty ``fault``: the channel took it."""

    number: int
    at: str
    took_seconds: float
    fault: str = ""


class NotificationDetail(msgspec.Struct, frozen=True):
    """``GET /api/v1/notifications/{id}``: a notification, what it tells, and its tries in order."""

    notification: NotificationView
    firing: list[NotificationLine]
    resolved: list[NotificationLine]
    attempts: list[AttemptView]


class IncidentView(msgspec.Struct, frozen=True):
    """Alerts that people hear of together: one group of one route. ``route`` is the route's path, empty for the root.

    ``firing`` and ``resolved`` count its alerts as people were told last, ``notices`` how often they were. ``tells_at`` is when what
    is new is told; ``waiting_at`` since when nobody has it in hand, ``step`` how many steps of the escalation were told since.
    """

    id: str
    route: str
    labels: dict[str, str]
    is_open: bool
    began_at: str
    ended_at: str
    told_at: str
    tells_at: str
    waiting_at: str
    step: int
    notices: int
    told_to: list[str]
    firing: int
    resolved: int


class IncidentList(msgspec.Struct, frozen=True):
    """``GET /api/v1/incidents``: the newest first; ``next`` goes on, empty at the end."""

    incidents: list[IncidentView]
    next: str = ""


class IncidentDetail(msgspec.Struct, frozen=True):
    """``GET /api/v1/incidents/{id}``: an incident, its alerts as they are now, and how its notices went, the newest first."""

    incident: IncidentView
    alerts: list[AlertView]
    notifications: list[NotificationView]


class TestedReceiver(msgspec.Struct, frozen=True):
    """``POST /api/v1/receivers/{name}/test``: the notifications that were made; how each of them went stands in it a moment later."""

    notifications: list[NotificationView]


class ChannelView(msgspec.Struct, frozen=True):
    """One way to reach a receiver, without its secret. ``options`` are the kind's own; ``severity`` is the least that is told."""

    key: str
    kind: str
    options: dict[str, str]
    severity: int
    tells_resolved: bool
    per_minute: float
    waiting: int = 0


class ReceiverView(msgspec.Struct, frozen=True):
    """Who is told, on all channels; ``fallback`` is who is told when one cannot be reached."""

    name: str
    fallback: str
    channels: list[ChannelView]


class RotationView(msgspec.Struct, frozen=True):
    """People who take turns, and whose turn it is now."""

    name: str
    people: list[str]
    on_call: str


class StepView(msgspec.Struct, frozen=True):
    """One step of an escalation: whom it tells after so long, and whom that reaches now."""

    after_seconds: float
    to: list[str]
    reaches: list[str]


class EscalationView(msgspec.Struct, frozen=True):
    """Steps by rising time."""

    name: str
    steps: list[StepView]


class MuteView(msgspec.Struct, frozen=True):
    """Times in which routes that name them tell nobody; ``holds`` tells whether that is so now."""

    name: str
    holds: bool


class RouteView(msgspec.Struct, frozen=True):
    """One node of the tree of routes. ``path`` tells it from every other; durations are seconds. ``goes_on``: siblings come after."""

    path: str
    receiver: str
    matchers: list[str]
    group_by: list[str]
    group_wait_seconds: float
    group_interval_seconds: float
    repeat_interval_seconds: float
    mutes: list[str]
    goes_on: bool
    routes: list[RouteView] = []


class ReceiversView(msgspec.Struct, frozen=True):
    """``GET /api/v1/receivers``: the routes and whom they tell. ``fault`` says why a file that changed does not hold, empty where it does."""

    route: RouteView
    receivers: list[ReceiverView]
    rotations: list[RotationView]
    escalations: list[EscalationView]
    mutes: list[MuteView]
    fault: str = ""
