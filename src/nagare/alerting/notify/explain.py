"""Why people are told of an alert, or are not yet: the steps from its routes to the channels. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nagare.alerting.notify.brief import Brief
from nagare.alerting.notify.planning import Key, step_ms
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.alert import Alert
from nagare.model.event import Severity
from nagare.model.notify.incident import Incident
from nagare.model.notify.notice import DeliveryState
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.oncall import is_muted, receivers_of
from nagare.wire.alerts import WhyStep

# Of many notices the last say enough.
DELIVERIES_LIMIT = 20


def route_steps(notifying: Notifying, key: Key, now_ms: int) -> list[WhyStep]:
    """Return which route an alert of the group goes by, to whom, and whether it is mute now."""
    path, labels = key
    route = notifying.route(path)
    if route is None:
        return [WhyStep("route", passes=False, text=f"route {path or 'root'} is gone")]
    first = notifying.steps_of(route.receiver)[0]
    names = ", ".join(receivers_of(notifying, first, now_ms))
    whom = route.receiver if names == route.receiver else f"{route.receiver} (now {names})"
    steps = [WhyStep("route", passes=True, text=f"route {path or 'root'} to {whom}, grouped as {_group(labels)}")]
    muted = [name for name in route.mutes if is_muted(notifying.mutes[name], now_ms)]
    if muted:
        steps.append(WhyStep("mute", passes=False, text=f"the route is mute now: {', '.join(muted)}"))
    return steps


def incident_steps(notifying: Notifying, incident: Incident | None, alert: Alert, *, is_due: bool) -> list[WhyStep]:
    """Return which incident an alert is in, and what is waited for; ``is_due``: nothing of the alert itself keeps it from people."""
    if incident is None:
        return [WhyStep("incident", passes=not alert.is_active, text="it is in no open incident")]
    since = f"incident {incident.id[:8]} is open since {format_ms(incident.began_ms)}"
    told = incident.told.get(alert.id)
    said = f"the last word on it is {told}" if told else "nothing was said of it yet"
    notices = f"notice {incident.number} was made" if incident.number else "no notice was made yet"
    steps = [WhyStep("incident", passes=True, text=f"{since}; {notices}; {said}")]
    route = notifying.route(incident.route)
    if incident.look_ms is not None:
        text = f"what is new is told at {format_ms(incident.look_ms)}"
        steps.append(WhyStep("waiting", passes=True, text=text))
    elif route is not None and incident.waiting_ms is not None:
        again_ms = (incident.told_ms or 0) + round(route.repeat_interval_seconds * 1000)
        whom = "it is told again" if is_due else "if another one of its group needs somebody, that is told again"
        text = f"{whom} at {format_ms(again_ms)}"
        rest = notifying.steps_of(route.receiver)[incident.step :]
        if rest:
            next_ms = step_ms(incident, route, rest[0])
            text += f"; if nobody acknowledges it, {', '.join(rest[0].receivers)} at {format_ms(next_ms)}"
        steps.append(WhyStep("waiting", passes=True, text=text))
    return steps


def delivery_steps(notifying: Notifying, incident: Incident, deliveries: Sequence[Brief]) -> list[WhyStep]:
    """Return how notices went, the newest first; and why, where the newest one went nowhere."""
    steps = [WhyStep("notification", passes=_is_fine(one), text=_went(one)) for one in deliveries[:DELIVERIES_LIMIT]]
    if incident.number and not any(one.number == incident.number for one in deliveries):
        text = f"notice {incident.number} went to no channel: {_closed(notifying, incident)}"
        return [WhyStep("notification", passes=False, text=text), *steps]
    return steps


def has_arrived(incident: Incident, deliveries: Sequence[Brief]) -> bool:
    """Tell whether the newest notice reached anybody."""
    newest = (one for one in deliveries if one.number == incident.number)
    return any(one.state == DeliveryState.SENT for one in newest)


def _closed(notifying: Notifying, incident: Incident) -> str:
    """Return why no channel of those who are told of an incident takes its newest notice."""
    receivers = [notifying.receivers[name] for name in incident.told_to if name in notifying.receivers]
    channels = [channel for receiver in receivers for channel in receiver.channels]
    if not channels:
        return "nobody who is told of it has a channel"
    deaf = [one for one in channels if int(one.severity) > incident.severity]
    if not deaf:
        return "its channels do not tell of such things, or what was sent is forgotten"
    word = Severity(max(0, min(incident.severity, 3))).name.lower()
    asked = ", ".join(f"{one.key} takes {one.severity.name.lower()} and worse" for one in deaf[:DELIVERIES_LIMIT])
    return f"the worst of it is {word}; {asked}"


def _is_fine(brief: Brief) -> bool:
    return brief.state in (DeliveryState.SENT, DeliveryState.WAITING) and not brief.fault


def _went(brief: Brief) -> str:
    what = f"notice {brief.number} ({brief.reason}) to {brief.channel}"
    tries = "1 try" if brief.tries == 1 else f"{brief.tries} tries"
    match DeliveryState(brief.state):
        case DeliveryState.SENT:
            return f"{what}: sent at {format_ms(brief.done_ms or brief.made_ms)}, {tries}"
        case DeliveryState.WAITING if brief.tries:
            return f"{what}: waits until {format_ms(brief.due_ms)} after {tries}: {brief.fault}"
        case DeliveryState.WAITING:
            return f"{what}: waits since {format_ms(brief.made_ms)}"
        case state:
            return f"{what}: {state.value} after {tries}: {brief.fault}"


def _group(labels: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels) or "one group"


def by_key(incidents: Sequence[Incident]) -> Mapping[Key, Incident]:
    """Return incidents by their group."""
    return {incident.key: incident for incident in incidents}
