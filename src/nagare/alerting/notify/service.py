"""Telling people: the verbs over incidents and notifications, and the loops that plan and send them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4

from nagare.alerting.alerts.views import Sees
from nagare.alerting.notify.brief import Brief
from nagare.alerting.notify.explain import (
    DELIVERIES_LIMIT,
    by_key,
    delivery_steps,
    has_arrived,
    incident_steps,
    route_steps,
)
from nagare.alerting.notify.fanout import delivery_to
from nagare.alerting.notify.outbox import Outbox, Tools
from nagare.alerting.notify.planner import Planner
from nagare.alerting.notify.planning import Key
from nagare.alerting.notify.room import Book, Room, Ways
from nagare.alerting.notify.store import NotifyStore
from nagare.alerting.notify.views import (
    incident_view,
    is_seen,
    notification_detail,
    notification_view,
    receivers_view,
    seen_part,
)
from nagare.alerting.notify.wanted import DeliveriesWanted
from nagare.errors import ConflictError, InputError, NotFoundError
from nagare.lib.nearest import did_you_mean
from nagare.lib.pages import PIECE_LIMIT, read_page
from nagare.model.alert.alert import Alert
from nagare.model.notify.incident import Incident, Reason
from nagare.model.notify.notice import Delivery, Line, Notice
from nagare.model.notify.notifying import Notifying
from nagare.model.notify.receiver import Receiver
from nagare.records.engine import Records
from nagare.wire.alerts import WhyStep
from nagare.wire.notify import (
    IncidentDetail,
    IncidentList,
    NotificationDetail,
    NotificationList,
    NotificationView,
    ReceiversView,
)

# Of an incident as many alerts and notifications are shown.
_SHOWN_LIMIT = 500
_TIDY_COUNT = 1000
_AT_A_TIME = 50
_TEST_TEXT = "This is a test: somebody asked whether you can be reached."


@dataclass(frozen=True, slots=True)
class Measures:
    """How telling people does now."""

    incidents: int
    waiting: int
    oldest_waiting_seconds: float


class Notifier:
    """The verbs; ``run`` plans and sends until cancelled."""

    def __init__(self, records: Records, room: Room, book: Book, ways: Ways, tools: Tools) -> None:
        """Keep the parts; nothing is read before ``run``."""
        self.book = book
        self.store = NotifyStore(records, tools.observer)
        self._room = room
        self._clock = tools.clock
        self.outbox = Outbox(self.store, book, ways, room.tell, tools)
        self.planner = Planner(self.store, self.outbox, room, book, tools)

    def wake(self) -> None:
        """Look soon whom to tell what: alerts, silences or routes changed."""
        self.planner.wake()

    async def run(self) -> None:
        """Plan and send, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.planner.run(), name="notify-plan")
            tasks.create_task(self.outbox.run(), name="notify-send")

    async def deliveries(self, wanted: DeliveriesWanted, page: str, limit: int, sees: Sees) -> NotificationList:
        """Return notifications, the newest first, as far as ``sees`` allows. Raises InputError."""

        async def seen(rows: Sequence[Brief]) -> list[Brief]:
            return [one for one in rows if is_seen(one.hosts, sees)]

        read, before = partial(self.store.find_all, wanted, limit=PIECE_LIMIT), _place_of(page, "notifications")
        shown, following = await read_page(before, limit, read, seen, lambda one: (one.made_ms, one.id))
        return NotificationList([notification_view(one) for one in await self._narrowed(shown, sees)], following)

    async def delivery(self, delivery_id: str, sees: Sees) -> NotificationDetail:
        """Return a notification, what it tells, and its tries. Raises NotFoundError."""
        delivery = await self._find(delivery_id)
        if not is_seen(Brief.of(delivery).hosts, sees):
            raise _no_delivery(delivery_id)
        return notification_detail(delivery, await self.store.attempts_of(delivery_id), sees)

    async def retry(self, delivery_id: str) -> NotificationView:
        """Send one now that was given up. Raises NotFoundError, ConflictError."""
        delivery = await self.store.retry(delivery_id, self._clock.now_ms())
        if delivery is None:
            found = await self._find(delivery_id)
            raise ConflictError(f"cannot retry notification {delivery_id}: it is {found.state.value}")
        self.outbox.hasten(delivery)
        return notification_view(Brief.of(delivery))

    async def drop(self, delivery_id: str) -> NotificationView:
        """Give up one that waits or is dead. Raises NotFoundError, ConflictError."""
        delivery = await self.store.drop(delivery_id, "somebody gave it up", self._clock.now_ms())
        if delivery is None:
            found = await self._find(delivery_id)
            raise ConflictError(f"cannot drop notification {delivery_id}: it is {found.state.value}")
        self.outbox.discard(delivery)
        return notification_view(Brief.of(delivery))

    async def incidents(self, is_open: bool | None, page: str, limit: int, sees: Sees) -> IncidentList:  # noqa: FBT001
        """Return incidents, the newest first, as far as ``sees`` allows; ``is_open`` None: both kinds. Raises InputError."""
        read = partial(self.store.find_incidents, limit=PIECE_LIMIT, is_open=is_open)
        seen, before = partial(self._seen, sees=sees), _place_of(page, "incidents")
        shown, following = await read_page(before, limit, read, seen, lambda one: (one.began_ms, one.id))
        return IncidentList([incident_view(one) for one in shown], following)

    async def incident(self, incident_id: str, sees: Sees) -> IncidentDetail:
        """Return an incident, its alerts and its notifications, as far as ``sees`` allows. Raises NotFoundError."""
        incident = await self.store.find_incident(incident_id)
        seen = [] if incident is None else await self._seen([incident], sees)
        if incident is None or not seen:
            hint = "nagare incidents list lists them"
            raise NotFoundError(f"cannot find incident {incident_id[:40]!r}: there is none of that id", hint=hint)
        ids = list(dict.fromkeys([*incident.told, *await self._members(incident)]))[:_SHOWN_LIMIT]
        stored = await self.store.find_alerts(ids)
        alerts = [self._room.board.newest(stored[one]) for one in ids if one in stored]
        told = await self.store.find_all(DeliveriesWanted(incident=incident_id), None, _SHOWN_LIMIT)
        told = [one for one in told if is_seen(one.hosts, sees)]
        return IncidentDetail(
            incident_view(seen[0]),
            [self._room.view(one, sees) for one in alerts if sees(one.labels.get("host", ""))],
            [notification_view(one) for one in await self._narrowed(told, sees)],
        )

    async def test(self, receiver: str) -> list[NotificationView]:
        """Send a test on every channel of a receiver, or of all whom a rotation or an escalation may reach. Raises NotFoundError."""
        notifying, now_ms = self.book.notifying, self._clock.now_ms()
        found = _reached(notifying, receiver)
        made = [
            delivery_to(channel, _test_notice(one.name, now_ms), now_ms) for one in found for channel in one.channels
        ]
        if not made:
            raise InputError(f"cannot test receiver {receiver[:80]!r}: it has no channel")
        kept = await self.store.add(made, self.outbox.bounds)
        self.outbox.take(kept)
        return [notification_view(Brief.of(one)) for one in kept]

    def receivers(self) -> ReceiversView:
        """Return routes and receivers, who is on duty and which mutes hold."""
        now_ms = self._clock.now_ms()
        return receivers_view(self.book.notifying, self.outbox.waiting(), self.book.fault, now_ms)

    async def incidents_of(self, alert: Alert) -> dict[Key, Incident]:
        """Return the open incidents that an alert is in, by their groups: one for each of its routes at the most."""
        known = by_key(await self.store.load_open() if self._room.mandate() is None else self.planner.incidents)
        keys = self.planner.subjects.keys(self.book.notifying, alert)
        return {key: known[key] for key in keys if key in known}

    async def why(self, alert: Alert, *, is_due: bool) -> tuple[list[WhyStep], bool]:
        """Return the steps from an alert to the people, and whether it reached them: on each of its routes the newest notice did.

        The steps are routes, mutes, incidents, what is waited for, and how notices went. ``is_due``: nothing of the alert itself keeps
        it from people.
        """
        notifying, now_ms = self.book.notifying, self._clock.now_ms()
        known = await self.incidents_of(alert)
        steps: list[WhyStep] = []
        reached: list[bool] = []
        for key in self.planner.subjects.keys(notifying, alert):
            incident = known.get(key)
            way = route_steps(notifying, key, now_ms)
            steps += [*way, *incident_steps(notifying, incident, alert, is_due=is_due)]
            has_come = False
            if incident is not None:
                wanted = DeliveriesWanted(incident=incident.id)
                deliveries = await self.store.find_all(wanted, None, DELIVERIES_LIMIT)
                steps += delivery_steps(notifying, incident, deliveries)
                has_come = has_arrived(incident, deliveries)
            reached.append(has_come and all(step.passes for step in way))
        return steps, bool(reached) and all(reached)

    def measures(self) -> Measures:
        """Return how telling people does."""
        oldest_ms = self.outbox.oldest_ms()
        waits = 0.0 if oldest_ms is None else max(0.0, (self._clock.now_ms() - oldest_ms) / 1000)
        return Measures(len(self.planner.incidents), sum(self.outbox.waiting().values()), waits)

    async def forget(self, before_ms: int) -> None:
        """Forget what came to an end before then."""
        while await self.store.forget(before_ms, _TIDY_COUNT) == _TIDY_COUNT:
            pass

    async def _find(self, delivery_id: str) -> Delivery:
        found = await self.store.find(delivery_id)
        if found is None:
            raise _no_delivery(delivery_id)
        return found[0]

    async def _seen(self, incidents: Sequence[Incident], sees: Sees) -> Sequence[Incident]:
        """Return those of whose alerts the caller sees one, with what is seen of them: an incident itself is of no host."""
        if sees(""):
            return incidents
        ids = {one for incident in incidents for one in incident.told}
        hosts = {one: alert.labels.get("host", "") for one, alert in (await self.store.find_alerts(ids)).items()}
        seen = {one for one, host in hosts.items() if host and sees(host)}
        parts = [{one: word for one, word in incident.told.items() if one in seen} for incident in incidents]
        return [replace(incident, told=told) for incident, told in zip(incidents, parts, strict=True) if told]

    async def _narrowed(self, briefs: Sequence[Brief], sees: Sees) -> list[Brief]:
        """Return them with the names and numbers of what the caller sees: for those that see a part, the notices are read."""
        if sees(""):
            return list(briefs)
        found: list[Brief] = []
        for start in range(0, len(briefs), _AT_A_TIME):
            ids = [one.id for one in briefs[start : start + _AT_A_TIME]]
            whole = await self.store.find_many(ids)
            found += [Brief.of(seen_part(whole[one], sees)) for one in ids if one in whole]
        return found

    async def _members(self, incident: Incident) -> list[str]:
        """Return the ids of open alerts that are in its group, also of those of which nobody was told yet."""
        if incident.ended_ms is not None:
            return []
        notifying, found = self.book.notifying, list[str]()
        for place, alert in enumerate(list(self._room.board.open())):
            if place % _AT_A_TIME == 0:
                # There may be tens of thousands: everybody else has a turn between.
                await asyncio.sleep(0)
            if incident.key in self.planner.subjects.keys(notifying, alert):
                found.append(alert.id)
        return found


def _reached(notifying: Notifying, name: str) -> list[Receiver]:
    """Return the receivers that a name may reach: of a rotation all people, of an escalation those of every step."""
    names: list[str] = []
    for step in notifying.steps_of(name):
        for one in step.receivers:
            rotation = notifying.rotations.get(one)
            names += [one] if rotation is None else rotation.people
    found = [notifying.receivers[one] for one in dict.fromkeys(names) if one in notifying.receivers]
    if not found:
        known = [*notifying.receivers, *notifying.rotations, *notifying.escalations]
        hint = did_you_mean(name, known) or "nagare receivers list lists them"
        raise NotFoundError(f"cannot find receiver {name[:80]!r}: there is none of that name", hint=hint)
    return found


def _test_notice(receiver: str, now_ms: int) -> Notice:
    labels = {"alertname": "Test"}
    line = Line(
        id="test",
        name="Test",
        host="",
        severity=0,
        state="firing",
        summary=_TEST_TEXT,
        labels=labels,
        annotations={"summary": _TEST_TEXT},
        fingerprint="0" * 16,
        starts_ms=now_ms,
    )
    return Notice(uuid4().hex, 1, "", receiver, Reason.TEST, now_ms, labels, 0, (line,), (), 1, 0)


def _no_delivery(delivery_id: str) -> NotFoundError:
    hint = "nagare notifications list lists them"
    return NotFoundError(f"cannot find notification {delivery_id[:80]!r}: there is none of that id", hint=hint)


def _place_of(page: str, what: str) -> tuple[int, str] | None:
    if not page:
        return None
    moment, _, name = page.partition(".")
    if not (page.isascii() and moment.isdigit() and len(moment) <= 16 and name.replace(".", "").isalnum()):
        raise InputError(f"cannot list {what}: page is none that was given out", hint="leave page out to begin anew")
    return int(moment), name
