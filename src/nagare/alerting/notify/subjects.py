"""What a plan looks at: alerts that are open, those that left the board and of whose end people are to hear, and their groups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from nagare.alerting.notify.planning import Key, Subject, keys_of
from nagare.alerting.notify.room import Room
from nagare.alerting.notify.store import NotifyStore
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.event import Severity
from nagare.model.notify.incident import FIRING, Incident
from nagare.model.notify.notifying import Notifying

# So many are looked at before everybody else has a turn.
_AT_A_TIME = 50
_SPARE = 1000


@dataclass(frozen=True, slots=True)
class _Grouped:
    """The groups of an alert, and of which labels they were made."""

    own: Mapping[str, str]
    host: Mapping[str, str]
    keys: tuple[Key, ...]


class Subjects:
    """Makes them; what was found out of an alert is kept while its labels are the same."""

    def __init__(self, room: Room, store: NotifyStore) -> None:
        """Begin with nothing known."""
        self._room = room
        self._store = store
        self._notifying: Notifying | None = None
        self._grouped: dict[str, _Grouped] = {}
        self._left: dict[str, Alert] = {}

    async def of(self, notifying: Notifying, incidents: Iterable[Incident]) -> list[Subject]:
        """Return all that a plan of ``incidents`` must know of."""
        if notifying is not self._notifying:
            self._notifying, self._grouped = notifying, {}
        is_held = await self._room.holding()
        alerts = [alert for alert in self._room.board.open() if alert.state is not AlertState.PENDING]
        found: list[Subject] = []
        for place, alert in enumerate(alerts):
            if place % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            found.append(Subject(alert, self.keys(notifying, alert), alert.is_active and is_held(alert)))
        if len(self._grouped) > 2 * len(alerts) + _SPARE:
            there = {alert.id for alert in alerts}
            self._grouped = {key: grouped for key, grouped in self._grouped.items() if key in there}
        return [*found, *await self._gone({alert.id for alert in alerts}, incidents, is_held)]

    def keys(self, notifying: Notifying, alert: Alert) -> tuple[Key, ...]:
        """Return the groups of an alert: by its labels, and those of its host that it has not itself."""
        host = alert.labels.get("host", "")
        labels = self._room.labels_of(host) if host else {}
        known = self._grouped.get(alert.id)
        if known is not None and self._notifying is notifying and known.own is alert.labels and known.host == labels:
            return known.keys
        keys = keys_of(notifying, {**labels, **alert.labels})
        if self._notifying is notifying:
            self._grouped[alert.id] = _Grouped(alert.labels, dict(labels), keys)
        return keys

    async def _gone(
        self, there: set[str], incidents: Iterable[Incident], is_held: Callable[[Alert], bool]
    ) -> list[Subject]:
        """Return the alerts that people were told of and that are on the board no more, as the records have them."""
        keys: dict[str, list[Key]] = {}
        labels: dict[str, Mapping[str, str]] = {}
        for incident in incidents:
            for alert_id, state in incident.told.items():
                if state == FIRING and alert_id not in there:
                    keys.setdefault(alert_id, []).append(incident.key)
                    labels[alert_id] = incident.labels
        unknown = keys.keys() - self._left.keys()
        read = await self._store.find_alerts(unknown) if unknown else {}
        missing = unknown - read.keys()
        broken = await self._store.known_alerts(missing) if missing else set[str]()
        # Of one that is kept and cannot be read nobody knows that it is over: it is as one that is held back.
        read |= {one: replace(_forgotten(one, labels[one]), state=AlertState.FIRING) for one in broken}
        found = {one: self._left.get(one) or read.get(one) or _forgotten(one, labels[one]) for one in keys}
        # What is closed stays as it is; another one may be about to come back to the board.
        self._left = {one: alert for one, alert in found.items() if alert.state is AlertState.CLOSED}
        # In the groups in which people were told of it, wherever it would be now.
        return [
            Subject(alert, tuple(keys[one]), one in broken or (alert.is_active and is_held(alert)))
            for one, alert in found.items()
        ]


def _forgotten(alert_id: str, labels: Mapping[str, str]) -> Alert:
    """Return what stands for an alert of which nothing is kept any more: people hear that it is over."""
    return Alert(alert_id, "", "", "", Severity.INFO, labels, {}, 0, 0, 0, AlertState.CLOSED)
