"""Incidents, notifications and receivers as callers see them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nagare.alerting.alerts.views import Sees
from nagare.alerting.notify.brief import Brief
from nagare.lib.rfc3339 import format_ms
from nagare.model.notify.incident import FIRING, RESOLVED, Incident
from nagare.model.notify.notice import Attempt, Delivery, Line
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.oncall import is_muted, on_call, receivers_of
from nagare.model.notify.receiver import Channel, Escalation, Receiver
from nagare.model.notify.route import Route
from nagare.wire.notify import (
    AttemptView,
    ChannelView,
    EscalationView,
    IncidentView,
    MuteView,
    NotificationDetail,
    NotificationLine,
    NotificationView,
    ReceiversView,
    ReceiverView,
    RotationView,
    RouteView,
    StepView,
)


def notification_view(brief: Brief) -> NotificationView:
    """Return a delivery as callers see it."""
    return NotificationView(
        id=brief.id,
        incident=brief.incident,
        number=brief.number,
        channel=brief.channel,
        kind=brief.kind,
        receiver=brief.receiver,
        reason=brief.reason,
        state=brief.state,
        severity=brief.severity,
        alertnames=list(brief.alertnames),
        labels=dict(brief.labels),
        firing=brief.firing,
        resolved=brief.resolved,
        made_at=format_ms(brief.made_ms),
        due_at=format_ms(brief.due_ms) if brief.done_ms is None else "",
        done_at=_moment(brief.done_ms),
        tries=brief.tries,
        fault=brief.fault,
    )


def seen_part(delivery: Delivery, sees: Sees) -> Delivery:
    """Return a delivery whose notice names and counts nothing but what the caller sees."""
    if sees(""):
        return delivery
    notice = delivery.notice
    firing = tuple(line for line in notice.firing if sees(line.host))
    resolved = tuple(line for line in notice.resolved if sees(line.host))
    shown = replace(notice, firing=firing, resolved=resolved, firing_count=len(firing), resolved_count=len(resolved))
    return replace(delivery, notice=shown)


def notification_detail(delivery: Delivery, attempts: Sequence[Attempt], sees: Sees) -> NotificationDetail:
    """Return a delivery with what it tells, as far as the caller sees those hosts, and its tries."""
    shown = seen_part(delivery, sees)
    return NotificationDetail(
        notification_view(Brief.of(shown)),
        [_line(line) for line in shown.notice.firing],
        [_line(line) for line in shown.notice.resolved],
        [AttemptView(one.number, format_ms(one.at_ms), one.took_ms / 1000, one.fault) for one in attempts],
    )


def is_seen(hosts: Sequence[str], sees: Sees) -> bool:
    """Tell whether a caller sees anything of what tells of those hosts; what is of none is for who sees all."""
    return sees("") or any(sees(host) for host in hosts if host)


def incident_view(incident: Incident) -> IncidentView:
    """Return an incident as callers see it."""
    counts = Counter(incident.told.values())
    return IncidentView(
        id=incident.id,
        route=incident.route,
        labels=dict(incident.labels),
        is_open=incident.ended_ms is None,
        began_at=format_ms(incident.began_ms),
        ended_at=_moment(incident.ended_ms),
        told_at=_moment(incident.told_ms),
        tells_at=_moment(incident.look_ms),
        waiting_at=_moment(incident.waiting_ms),
        step=incident.step,
        notices=incident.number,
        told_to=list(incident.told_to),
        firing=counts[FIRING],
        resolved=counts[RESOLVED],
    )


def receivers_view(notifying: Notifying, waiting: Mapping[str, int], fault: str, now_ms: int) -> ReceiversView:
    """Return routes and receivers, who is on duty and which mutes hold; ``waiting`` counts deliveries by channel."""
    return ReceiversView(
        route=_route(notifying.root),
        receivers=[_receiver(one, waiting) for _, one in sorted(notifying.receivers.items())],
        rotations=[
            RotationView(one.name, list(one.people), on_call(one, now_ms))
            for _, one in sorted(notifying.rotations.items())
        ],
        escalations=[_escalation(notifying, one, now_ms) for _, one in sorted(notifying.escalations.items())],
        mutes=[MuteView(one.name, is_muted(one, now_ms)) for _, one in sorted(notifying.mutes.items())],
        fault=fault,
    )


def _line(line: Line) -> NotificationLine:
    return NotificationLine(
        id=line.id,
        name=line.name,
        host=line.host,
        severity=line.severity,
        state=line.state,
        summary=line.summary,
        starts_at=format_ms(line.starts_ms),
        ended_at=_moment(line.ended_ms),
        owner=line.owner,
    )


def _route(route: Route) -> RouteView:
    return RouteView(
        path=route.path,
        receiver=route.receiver,
        matchers=[str(one) for one in route.matchers],
        group_by=list(route.group_by),
        group_wait_seconds=route.group_wait_seconds,
        group_interval_seconds=route.group_interval_seconds,
        repeat_interval_seconds=route.repeat_interval_seconds,
        mutes=list(route.mutes),
        goes_on=route.goes_on,
        routes=[_route(one) for one in route.routes],
    )


def _receiver(receiver: Receiver, waiting: Mapping[str, int]) -> ReceiverView:
    channels = [_channel(one, waiting.get(one.key, 0)) for one in receiver.channels]
    return ReceiverView(receiver.name, receiver.fallback, channels)


def _channel(channel: Channel, waiting: int) -> ChannelView:
    return ChannelView(
        key=channel.key,
        kind=channel.kind.value,
        options=dict(channel.options),
        severity=int(channel.severity),
        tells_resolved=channel.tells_resolved,
        per_minute=channel.per_minute,
        waiting=waiting,
    )


def _escalation(notifying: Notifying, escalation: Escalation, now_ms: int) -> EscalationView:
    steps = [
        StepView(step.after_seconds, list(step.receivers), receivers_of(notifying, step, now_ms))
        for step in escalation.steps
    ]
    return EscalationView(escalation.name, steps)


def _moment(time_ms: int | None) -> str:
    return "" if time_ms is None else format_ms(time_ms)
