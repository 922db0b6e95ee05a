"""Why people are told of an alert, or are not yet: the steps from its routes to the channels. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nagare.alerting.notify.brief import Brief
from nagare.alerting.notify.planning import Key, step_ms
from nagare.lib.rfc3339 import format_ms
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


def incident_steps(notifying: Notifying, incident: Incident | None, alert_id: str) -> list[WhyStep]:
    """Return which incident an alert is in, and what is waited for."""
    if incident is None:
        return [WhyStep("incident", passes=True, text="it is in no open incident")]
    since = f"incident {incident.id[:8]} is open since {format_ms(incident.began_ms)}"
    told = incident.told.get(alert_id)
    said = f"people were told that it is {told}" if told else "nobody was told of it yet"
    notices = "1 notice" if incident.number == 1 else f"{incident.number} notices"
    steps = [WhyStep("incident", passes=True, text=f"{since}; {notices}; {said}")]
    route = notifying.route(incident.route)
    if incident.look_ms is not None:
        text = f"what is new is told at {format_ms(incident.look_ms)}"
        steps.append(WhyStep("waiting", passes=True, text=text))
    elif route is not None and incident.waiting_ms is not None:
        again_ms = (incident.told_ms or 0) + round(route.repeat_interval_seconds * 1000)
        text = f"it is told again at {format_ms(again_ms)}"
        rest = notifying.steps_of(route.receiver)[incident.step :]
        if rest:
            next_ms = step_ms(incident, route, rest[0])
            text += f"; if nobody acknowledges it, {', '.join(rest[0].receivers)} at {format_ms(next_ms)}"
        steps.append(WhyStep("waiting", passes=True, text=text))
    return steps


def delivery_steps(deliveries: Sequence[Brief]) -> list[WhyStep]:
    """Return how notices went, the newest first."""
    return [WhyStep("notification", passes=_is_fine(one), text=_went(one)) for one in deliveries[:DELIVERIES_LIMIT]]


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
