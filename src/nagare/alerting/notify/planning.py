"""Whom to tell what now: the whole policy, as a function of incidents, alerts and the clock. Pure.

A notice is made when something is new (an alert that nobody was told of, or the end of one that people were told of), when the time
to repeat has come, and when nobody took an alert in hand for as long as the next step of the escalation waits. What is new waits
``group_wait`` for more of the kind, and until ``group_interval`` after the notice before. An alert that is held back (silenced,
inhibited, in maintenance) is not told of; the end of one that people were told of is told all the same: they wait for it.

Whoever was told of an incident hears how it goes on and that it is over. An alert that left its group without an end, as its labels or
the routes changed, counts as one that ended. One that comes back before its end was told never went away, for people.

A clock that was set back makes nobody wait longer than the times of the route: a moment that lies ahead of now counts as now.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nagare.alerting.notify.lines import Parts, make_notice
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
    them in an open incident; of two of one alert the newer counts.
    """
    known = {incident.key: incident for incident in incidents}
    routes = {route.path: route for route in notifying.root.walk()}
    groups = _groups(routes, subjects)
    changes = _moved(notifying, known, groups, now_ms)
    for key, members in groups.items():
        before = known.get(key)
        if before is None and not any(subject.needs for subject in members.values()):
            continue
        start = before or Incident(make_id(), key[0], dict(key[1]), began_ms=now_ms)
        if start.key != key:
            start = replace(start, route=key[0], labels=dict(key[1]))
        after, notices = _Turn(notifying, routes[key[0]], members, start, now_ms).taken()
        if after != before:
            changes.append(Change(before, after, notices))
    return changes


def _groups(routes: Container[str], subjects: Iterable[Subject]) -> dict[Key, dict[str, Subject]]:
    groups: dict[Key, dict[str, Subject]] = {}
    for subject in subjects:
        if subject.alert.state is AlertState.PENDING:
            continue
        for key in subject.keys:
            # An alert that ended may still be in a group of a route that is gone.
            if key[0] in routes:
                _add(groups.setdefault(key, {}), subject)
    return groups


def _moved(
    notifying: Notifying, known: dict[Key, Incident], groups: Mapping[Key, Mapping[str, Subject]], now_ms: int
) -> list[Change]:
    """Put incidents whose groups are empty where they go on in ``known``; return what becomes of the others."""
    homes: dict[str, list[Key]] = {}
    for key, members in groups.items():
        for one, subject in members.items():
            if subject.alert.is_active:
                homes.setdefault(one, []).append(key)
    changes: list[Change] = []
    for incident in [one for key, one in known.items() if key not in groups]:
        home = _home(notifying, incident, homes, now_ms)
        if home is None or home in known:
            changes.append(_abandoned(notifying, incident, homes, now_ms))
        else:
            known[home] = incident
    return changes


def _add(members: dict[str, Subject], subject: Subject) -> None:
    other = members.get(subject.alert.id)
    if other is None or other.alert.revision <= subject.alert.revision:
        members[subject.alert.id] = subject


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
            # As below: what is new comes first.
            is_near = incident.look_ms is not None and not incident.step
            if incident.step < len(steps) and not is_near:
                moments.append(step_ms(incident, route, steps[incident.step]))
    return min(moments, default=None)


def step_ms(incident: Incident, route: Route, step: Step) -> int:
    """Return when the next step is told of an incident that waits. One that begins anew waits for the interval of the route."""
    due_ms = (incident.waiting_ms or 0) + _ms(step.after_seconds)
    if incident.step:
        return due_ms
    return max(due_ms, (incident.told_ms or 0) + _ms(route.group_interval_seconds))


def _home(notifying: Notifying, incident: Incident, homes: Mapping[str, Sequence[Key]], now_ms: int) -> Key | None:
    """Return the group in which an incident goes on whose own is empty: where all of it that fires is, told to the same people.

    None for one that ends here. Nobody is told of the move: it is one incident, as before.
    """
    found = {home for one, state in incident.told.items() if state == FIRING for home in homes.get(one, ())}
    if len(found) != 1:
        return None
    (home,) = found
    if (route := notifying.route(home[0])) is None:
        return None
    whom = receivers_of(notifying, notifying.steps_of(route.receiver)[0], now_ms)
    return home if set(whom) <= set(incident.told_to) else None


def _abandoned(notifying: Notifying, incident: Incident, active: Container[str], now_ms: int) -> Change:
    """Return what becomes of an incident of which no alert is left: its route is gone, or they are in other groups by now."""
    after = replace(incident, ended_ms=now_ms, look_ms=None, waiting_ms=None, step=0)
    left = [one for one, state in incident.told.items() if state == FIRING]
    if not left:
        return Change(incident, after)
    reason = Reason.MOVED if any(one in active for one in left) else Reason.ALL_RESOLVED
    parts = Parts((), (), len(left), reach=incident.severity)
    names = [name for name in incident.told_to if name in notifying.receivers]
    notices = tuple(make_notice(incident, reason, name, parts, now_ms) for name in names)
    number = incident.number + bool(notices)
    return Change(
        incident, replace(after, told=dict.fromkeys(incident.told, RESOLVED), told_ms=now_ms, number=number), notices
    )


class _Turn:
    """What becomes of one incident at one moment."""

    def __init__(
        self, notifying: Notifying, route: Route, members: Mapping[str, Subject], incident: Incident, now_ms: int
    ) -> None:
        self._notifying = notifying
        self._route = route
        self._steps = notifying.steps_of(route.receiver)
        self._now_ms = now_ms
        self._start = incident
        told = [one for one, state in incident.told.items() if state == FIRING]
        self._needing = [one for one, subject in members.items() if subject.needs]
        self._fresh = [one for one in self._needing if self._is_news(members[one].alert)]
        # Whether any of them is one of which people were told.
        self._is_known = any(incident.told.get(one) == FIRING for one in self._needing)
        self._active = [one.alert for one in members.values() if one.alert.is_active and not one.is_held]
        self._is_calm = not any(one.alert.is_active for one in members.values())
        self._over = [members[one].alert for one in told if one in members and members[one].alert.state in _OVER]
        self._gone = [one for one in told if one not in members]
        self._held = [members[one].alert for one in told if one in members and members[one].is_held]

    def taken(self) -> tuple[Incident, tuple[Notice, ...]]:
        """Return the incident afterwards, and what is told."""
        incident = self._awaited(self._scheduled(_no_later(self._start, self._now_ms)))
        notices: tuple[Notice, ...] = ()
        if not any(is_muted(self._notifying.mutes[name], self._now_ms) for name in self._route.mutes):
            reason = self._reason(incident)
            if reason is not None:
                incident, notices = self._told(incident, reason)
            elif self._is_known and incident.number:
                incident, notices = self._escalated(incident)
        if self._is_over(incident):
            incident = replace(incident, ended_ms=self._now_ms, look_ms=None, waiting_ms=None, step=0)
        return incident, notices

    def _is_news(self, alert: Alert) -> bool:
        """Whether people are to be told of an alert that needs them: they were not, or it was milder; some hear of the worse only."""
        if self._start.told.get(alert.id) != FIRING:
            return True
        return int(alert.severity) > self._start.severities.get(alert.id, int(alert.severity))

    def _scheduled(self, incident: Incident) -> Incident:
        if not (self._fresh or self._over or self._gone):
            return incident if incident.look_ms is None else replace(incident, look_ms=None)
        look_ms = self._now_ms + _ms(self._route.group_wait_seconds)
        if incident.told_ms is not None:
            look_ms = max(look_ms, incident.told_ms + _ms(self._route.group_interval_seconds))
        # One that was planned before stands, unless the clock was set back or the route waits for less by now.
        if incident.look_ms is not None and incident.look_ms <= look_ms:
            return incident
        return replace(incident, look_ms=look_ms)

    def _awaited(self, incident: Incident) -> Incident:
        """Return it with since when somebody is needed for something of which people were told."""
        if self._needing:
            if incident.waiting_ms is None and self._is_known:
                # Somebody gave it back: the escalation begins anew.
                return replace(incident, waiting_ms=self._now_ms, step=0)
            return incident
        # Of what ended nobody was told yet, and nobody took in hand what is held back: once it comes back, the escalation goes on
        # as if nothing had been.
        return incident if self._over else self._calmed(incident)

    def _calmed(self, incident: Incident) -> Incident:
        """Return it with nobody needed, unless something is only held back of which people were told and that nobody has in hand."""
        if incident.waiting_ms is None or any(alert.state in _NEEDS for alert in self._held):
            return incident
        return replace(incident, waiting_ms=None, step=0)

    def _reason(self, incident: Incident) -> Reason | None:
        if incident.look_ms is not None and self._now_ms >= incident.look_ms:
            if self._fresh:
                return Reason.NEW if incident.number else Reason.FIRST
            ended = len(self._over) + len(self._gone)
            is_rest = sum(1 for state in incident.told.values() if state == FIRING) > ended
            return Reason.RESOLVED if is_rest else Reason.ALL_RESOLVED
        repeat_ms = _ms(self._route.repeat_interval_seconds)
        if self._needing and incident.told_ms is not None and self._now_ms - incident.told_ms >= repeat_ms:
            return Reason.REPEAT
        return None

    def _told(self, incident: Incident, reason: Reason) -> tuple[Incident, tuple[Notice, ...]]:
        if not self._needing:
            incident = self._calmed(incident)
        elif incident.waiting_ms is None or not self._is_known:
            # Whoever waited waits for what is held back: this is another thing.
            incident = replace(incident, waiting_ms=self._now_ms, step=0)
        due = self._due(incident) if self._needing else incident.step
        names = dict.fromkeys(self._reached(self._steps[: due if self._needing else 0]), reason)
        if reason is not Reason.REPEAT:
            # Who heard of it hears how it goes on, also when another one is on duty by now.
            names |= dict.fromkeys(incident.told_to, reason)
        if incident.number:
            later = self._reached(self._steps[max(1, incident.step) : due])
            names |= {name: Reason.ESCALATED for name in later if name not in incident.told_to}
        over = {alert.id for alert in self._over}.union(self._gone)
        told = dict(incident.told) | {alert.id: FIRING for alert in self._active} | dict.fromkeys(over, RESOLVED)
        after = replace(
            incident,
            told=_bounded(told),
            severities=self._severities(over),
            told_ms=self._now_ms,
            look_ms=None,
            step=due,
        )
        # The end of an alert reaches whoever was told of it, also where it was called milder since.
        reach = max((self._start.severities.get(one, self._start.severity) for one in over), default=0)
        if FIRING not in told.values():
            reach = self._start.severity
        parts = Parts(self._active, self._over, len(self._gone), reach, held_count=len(self._held))
        return self._sent(after, names, parts)

    def _severities(self, over: Container[str]) -> dict[str, int]:
        """Return the highest severity that people were told of each alert that still fires, once they are told of all that is active."""
        known = {one: severity for one, severity in self._start.severities.items() if one not in over}
        return known | {one.id: max(int(one.severity), known.get(one.id, 0)) for one in self._active}

    def _escalated(self, incident: Incident) -> tuple[Incident, tuple[Notice, ...]]:
        """Tell the next steps, if they are due. What is new is told in its time: who heard of the incident is not told here."""
        due = self._due(incident)
        if not incident.step and incident.look_ms is not None:
            # What is new is told in a moment, and tells the first step as well.
            return incident, ()
        if due <= incident.step or self._now_ms < step_ms(incident, self._route, self._steps[incident.step]):
            return incident, ()
        names = dict.fromkeys(self._reached(self._steps[incident.step : due]), Reason.ESCALATED)
        if not incident.step:
            names |= dict.fromkeys(self._reached(self._steps[:1]), Reason.AGAIN)
            incident = replace(incident, told_ms=self._now_ms)
        # Of an alert that is told of here, and of no other yet, the end would not be told.
        known = [alert for alert in self._active if incident.told.get(alert.id) == FIRING]
        return self._sent(replace(incident, step=due), names, Parts(known, ()))

    def _sent(self, after: Incident, names: Mapping[str, Reason], parts: Parts) -> tuple[Incident, tuple[Notice, ...]]:
        there = {name: why for name, why in names.items() if name in self._notifying.receivers}
        notices = tuple(make_notice(self._start, why, name, parts, self._now_ms) for name, why in there.items())
        told_to = tuple(dict.fromkeys((*after.told_to, *there)))
        severity = max((after.severity, *(int(alert.severity) for alert in parts.active)))
        return replace(after, number=after.number + bool(notices), told_to=told_to, severity=severity), notices

    def _due(self, incident: Incident) -> int:
        """Return how many steps are to be told since somebody is needed; a clock that was set back takes none away."""
        if incident.waiting_ms is None:
            return 0
        waited_ms = self._now_ms - incident.waiting_ms
        return max(incident.step, sum(1 for step in self._steps if _ms(step.after_seconds) <= waited_ms))

    def _reached(self, steps: Iterable[Step]) -> list[str]:
        found = (name for step in steps for name in receivers_of(self._notifying, step, self._now_ms))
        return list(dict.fromkeys(found))

    def _is_over(self, incident: Incident) -> bool:
        return incident.look_ms is None and self._is_calm and FIRING not in incident.told.values()


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
