"""Whom to tell what now: the whole policy, as a function of incidents, alerts and the clock. Pure.

A notice is made when something is new (an alert that nobody was told of, or the end of one that people were told of), when the time
to repeat has come, and when nobody took an alert in hand for as long as the next step of the escalation waits. What is new waits
``group_wait`` for more of the kind, and until ``group_interval`` after the notice before. An alert that is held back (silenced,
inhibited, in maintenance) is not told of; the end of one that people were told of is told all the same: they wait for it.

A clock that was set back makes nobody wait longer than the times of the route: a moment that lies ahead of now counts as now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nagare.alerting.notify.lines import make_notice
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.notify.incident import FIRING, RESOLVED, Incident, Reason
from nagare.model.notify.notice import Notice
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.oncall import is_muted, receivers_of
from nagare.model.notify.receiver import Step
from nagare.model.notify.route import Route, group_labels, routes_for

# A route's path and the labels of the group.
Key = tuple[str, tuple[tuple[str, str], ...]]
# Of alerts of an incident that ended the last ones are known by it.
OVER_LIMIT = 1000
_OVER = frozenset({AlertState.RESOLVED, AlertState.CLOSED})
_NEEDS = frozenset({AlertState.FIRING, AlertState.REOPENED})


@dataclass(frozen=True, slots=True)
class Subject:
    """An alert, the groups it is in, and whether anything holds it back."""

    alert: Alert
    keys: tuple[Key, ...]
    is_held: bool = False

    @property
    def needs(self) -> bool:
        """Whether somebody is to be told of it: it is active, nothing holds it back, and nobody has it in hand."""
        return self.alert.state in _NEEDS and not self.is_held


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an incident, and what is told. ``before`` is None for one that begins.

    Kept in one transaction, on top of the revision of ``before``: nothing is told of an incident that was not kept, nor the other way.
    """

    before: Incident | None
    after: Incident
    notices: tuple[Notice, ...] = ()


def keys_of(notifying: Notifying, labels: Mapping[str, str]) -> tuple[Key, ...]:
    """Return the groups in which an alert is whose labels, with those of its host, are ``labels``."""
    return tuple(
        (route.path, tuple(group_labels(route, labels).items())) for route in routes_for(notifying.root, labels)
    )


def plan(
    notifying: Notifying,
    incidents: Iterable[Incident],
    subjects: Iterable[Subject],
    now_ms: int,
    make_id: Callable[[], str],
) -> list[Change]:
    """Return what changes now.

    ``incidents`` are all that are open. ``subjects`` are all alerts that are open, and those that ended since somebody was told of
    them in an open incident.
    """
    known = {incident.key: incident for incident in incidents}
    routes = {route.path: route for route in notifying.root.walk()}
    groups: dict[Key, list[Subject]] = {}
    for subject in subjects:
        if subject.alert.state is not AlertState.PENDING:
            for key in subject.keys:
                # One that ended is in the groups in which it was told: their routes may be gone by now.
                if key[0] in routes:
                    groups.setdefault(key, []).append(subject)
    changes = [_abandoned(incident, now_ms) for key, incident in known.items() if key not in groups]
    for key, members in groups.items():
        before, route = known.get(key), routes[key[0]]
        if before is None and not any(subject.needs for subject in members):
            continue
        start = before or Incident(make_id(), route.path, dict(key[1]), began_ms=now_ms)
        after, notices = _Turn(notifying, route, members, now_ms).of(start)
        if after != before:
            changes.append(Change(before, after, notices))
    return changes


def next_moment_ms(notifying: Notifying, incidents: Iterable[Incident]) -> int | None:
    """Return when ``plan`` may say something else although no alert changed; None for never. What is muted now is in the past."""
    routes = {route.path: route for route in notifying.root.walk()}
    moments: list[int] = []
    for incident in incidents:
        if (route := routes.get(incident.route)) is None:
            continue
        if incident.look_ms is not None:
            moments.append(incident.look_ms)
        if incident.waiting_ms is not None:
            moments.append((incident.told_ms or 0) + _ms(route.repeat_interval_seconds))
            steps = notifying.steps_of(route.receiver)
            if incident.step < len(steps):
                moments.append(incident.waiting_ms + _ms(steps[incident.step].after_seconds))
    return min(moments, default=None)


def _abandoned(incident: Incident, now_ms: int) -> Change:
    """Return what becomes of an incident of which no alert is left, as its route is gone or all were forgotten."""
    after = replace(incident, ended_ms=now_ms, look_ms=None, waiting_ms=None)
    if FIRING not in incident.told.values():
        return Change(incident, after)
    notices = tuple(make_notice(incident, Reason.ALL_RESOLVED, name, (), (), now_ms) for name in incident.told_to)
    told = dict.fromkeys(incident.told, RESOLVED)
    return Change(incident, replace(after, told=told, told_ms=now_ms, number=incident.number + 1), notices)


class _Turn:
    """What becomes of one incident at one moment."""

    def __init__(self, notifying: Notifying, route: Route, members: Sequence[Subject], now_ms: int) -> None:
        self._notifying = notifying
        self._route = route
        self._steps = notifying.steps_of(route.receiver)
        self._members = members
        self._now_ms = now_ms

    def of(self, incident: Incident) -> tuple[Incident, tuple[Notice, ...]]:
        told = incident.told
        needing = [one for one in self._members if one.needs]
        fresh = [one for one in needing if told.get(one.alert.id) != FIRING]
        over = [one.alert for one in self._members if one.alert.state in _OVER and told.get(one.alert.id) == FIRING]
        incident = self._scheduled(_no_later(incident, self._now_ms), is_new=bool(fresh or over))
        incident = self._awaited(incident, is_needed=bool(needing), is_known=len(fresh) < len(needing))
        notices: tuple[Notice, ...] = ()
        if not any(is_muted(self._notifying.mutes[name], self._now_ms) for name in self._route.mutes):
            reason = self._reason(incident, is_fresh=bool(fresh), over=over, is_needed=bool(needing))
            if reason is not None:
                incident, notices = self._told(incident, reason, over, is_needed=bool(needing))
            elif incident.number:
                incident, notices = self._escalated(incident)
        if self._is_over(incident):
            incident = replace(incident, ended_ms=self._now_ms, look_ms=None, waiting_ms=None)
        return incident, notices

    def _scheduled(self, incident: Incident, *, is_new: bool) -> Incident:
        if not is_new:
            return incident if incident.look_ms is None else replace(incident, look_ms=None)
        first_ms = self._now_ms + _ms(self._route.group_wait_seconds)
        look_ms = first_ms
        if incident.told_ms is not None:
            look_ms = max(first_ms, incident.told_ms + _ms(self._route.group_interval_seconds))
        # One that was planned before stands, unless the clock was set back or the route waits for less by now.
        if incident.look_ms is not None and incident.look_ms <= look_ms:
            return incident
        return replace(incident, look_ms=look_ms)

    def _awaited(self, incident: Incident, *, is_needed: bool, is_known: bool) -> Incident:
        """Return it with since when somebody is needed; ``is_known``: for something of which people were told."""
        if not is_needed:
            return incident if incident.waiting_ms is None else replace(incident, waiting_ms=None, step=0)
        if incident.waiting_ms is None and is_known:
            # Somebody gave it back, or what held it back has ended: the escalation begins anew.
            return replace(incident, waiting_ms=self._now_ms, step=0)
        return incident

    def _reason(self, incident: Incident, *, is_fresh: bool, over: Sequence[Alert], is_needed: bool) -> Reason | None:
        if incident.look_ms is not None and self._now_ms >= incident.look_ms:
            if is_fresh:
                return Reason.NEW if incident.number else Reason.FIRST
            ended = {alert.id for alert in over}
            is_rest = any(state == FIRING and one not in ended for one, state in incident.told.items())
            return Reason.RESOLVED if is_rest else Reason.ALL_RESOLVED
        repeat_ms = _ms(self._route.repeat_interval_seconds)
        if is_needed and incident.told_ms is not None and self._now_ms - incident.told_ms >= repeat_ms:
            return Reason.REPEAT
        return None

    def _told(
        self, incident: Incident, reason: Reason, over: Sequence[Alert], *, is_needed: bool
    ) -> tuple[Incident, tuple[Notice, ...]]:
        if is_needed and incident.waiting_ms is None:
            incident = replace(incident, waiting_ms=self._now_ms, step=0)
        due = self._due(incident)
        names = self._reached(self._steps[:due]) if is_needed else []
        if reason is not Reason.REPEAT:
            # Who heard of it hears how it goes on, also when another one is on duty by now.
            names = list(dict.fromkeys((*names, *incident.told_to)))
        active = [one.alert for one in self._members if one.alert.is_active and not one.is_held]
        told = dict(incident.told) | {alert.id: FIRING for alert in active} | {alert.id: RESOLVED for alert in over}
        after = replace(incident, told=_bounded(told), told_ms=self._now_ms, look_ms=None, step=due)
        return self._sent(incident, after, dict.fromkeys(names, reason), active, over)

    def _escalated(self, incident: Incident) -> tuple[Incident, tuple[Notice, ...]]:
        """Tell the next steps, if they are due. What is new is told in its time: who heard of the incident is not told here."""
        due = self._due(incident)
        if due <= incident.step:
            return incident, ()
        names = self._reached(self._steps[incident.step : due])
        active = [one.alert for one in self._members if one.alert.is_active and not one.is_held]
        after = replace(incident, step=due)
        return self._sent(incident, after, dict.fromkeys(names, Reason.ESCALATED), active, ())

    def _sent(
        self,
        before: Incident,
        after: Incident,
        names: Mapping[str, Reason],
        active: Sequence[Alert],
        over: Sequence[Alert],
    ) -> tuple[Incident, tuple[Notice, ...]]:
        notices = tuple(make_notice(before, why, name, active, over, self._now_ms) for name, why in names.items())
        told_to = tuple(dict.fromkeys((*before.told_to, *names)))
        return replace(after, number=before.number + 1, told_to=told_to), notices

    def _due(self, incident: Incident) -> int:
        if incident.waiting_ms is None:
            return 0
        waited = (self._now_ms - incident.waiting_ms) / 1000
        return sum(1 for step in self._steps if step.after_seconds <= waited)

    def _reached(self, steps: Iterable[Step]) -> list[str]:
        found = (name for step in steps for name in receivers_of(self._notifying, step, self._now_ms))
        return list(dict.fromkeys(found))

    def _is_over(self, incident: Incident) -> bool:
        if incident.look_ms is not None or any(one.alert.is_active for one in self._members):
            return False
        return FIRING not in incident.told.values()


def _bounded(told: dict[str, str]) -> dict[str, str]:
    """Return ``told`` without the oldest of those that ended: an incident may go on for months, and is written whole."""
    over = [alert_id for alert_id, state in told.items() if state == RESOLVED]
    gone = set(over[: max(0, len(over) - OVER_LIMIT)])
    return {alert_id: state for alert_id, state in told.items() if alert_id not in gone} if gone else told


def _no_later(incident: Incident, now_ms: int) -> Incident:
    """Return it with what happened no later than now: the clock may have been set back."""
    told_ms, waiting_ms = incident.told_ms, incident.waiting_ms
    if (told_ms is None or told_ms <= now_ms) and (waiting_ms is None or waiting_ms <= now_ms):
        return incident
    return replace(
        incident,
        told_ms=None if told_ms is None else min(told_ms, now_ms),
        waiting_ms=None if waiting_ms is None else min(waiting_ms, now_ms),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
