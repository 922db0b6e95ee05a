"""Incidents, deliveries and attempts in the records database.

What is written by who judges names the term of its lease, as what is written of alerts does: who lost it writes nothing more.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, or_, select, text, tuple_, update

from nagare.alerting.notify.brief import Brief, Waiting
from nagare.alerting.notify.fanout import PATIENCE_MS, Telling
from nagare.alerting.notify.heard import those_that_heard
from nagare.alerting.notify.observe import NoObserver, Observer
from nagare.alerting.notify.planning import Change
from nagare.alerting.notify.rows import (
    attempt_of,
    attempt_values,
    brief_of,
    delivery_of,
    delivery_values,
    fate_values,
    incident_of,
    incident_values,
    waiting_of,
)
from nagare.alerting.notify.schema import IS_WAITING, attempts, deliveries, incidents
from nagare.alerting.notify.wanted import DeliveriesWanted
from nagare.alerting.schema import alerts
from nagare.alerting.store import Mandate, alert_of, is_judge, is_still_judge
from nagare.model.alert.alert import Alert
from nagare.model.notify.incident import Incident, Reason
from nagare.model.notify.notice import Attempt, Delivery, DeliveryState
from nagare.records.engine import Records
from nagare.records.new_rows import insert_new
from nagare.records.readable import readable

# Statements have a limit of parameters.
_PIECE = 500
_WAITS = DeliveryState.WAITING.value
_BRIEF = [column for column in deliveries.c if column.name != "notice"]
_QUEUED = [deliveries.c[name] for name in ("id", "incident", "number", "channel", "made_ms", "due_ms")]
_PLACE = (deliveries.c.channel, deliveries.c.incident, deliveries.c.number, deliveries.c.id)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many deliveries may wait, in all and of one channel, and which come in the place of one for which there is no room."""

    waiting: int
    a_channel: int
    instead: Callable[[Delivery], Sequence[Delivery]] = lambda _: ()


@dataclass(slots=True)
class Kept:
    """What was kept: incidents by id, and the deliveries that are new, dead at once where too many wait."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)


class NotifyStore:
    """Reads and writes them."""

    def __init__(self, records: Records, observer: Observer | None = None) -> None:
        """Keep the open records."""
        self._records = records
        self._observer = observer or NoObserver()

    async def load_open(self) -> list[Incident]:
        """Return every incident that is open."""
        query = select(incidents).where(text("incidents.is_open"))
        # Made where they are read: of ten thousand it takes a while.
        return await self._records.read(
            lambda connection: readable(connection.execute(query), incident_of, "incidents")
        )

    async def find_incident(self, incident_id: str) -> Incident | None:
        """Return the incident of that id, or None."""
        query = select(incidents).where(incidents.c.id == incident_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else incident_of(row)

    async def find_incidents(
        self, before: tuple[int, str] | None, limit: int, *, is_open: bool | None = None
    ) -> list[Incident]:
        """Return incidents, the newest first; ``before`` is the place after which to go on."""
        query = select(incidents).order_by(incidents.c.began_ms.desc(), incidents.c.id.desc()).limit(limit)
        if is_open is not None:
            query = query.where(incidents.c.is_open.is_(is_open))
        if before is not None:
            older = and_(incidents.c.began_ms == before[0], incidents.c.id < before[1])
            query = query.where(or_(incidents.c.began_ms < before[0], older))
        return await self._records.read(
            lambda connection: readable(connection.execute(query), incident_of, "incidents")
        )

    async def find_alerts(self, ids: Collection[str]) -> dict[str, Alert]:
        """Return the alerts of those ids, as far as they are kept."""
        wanted = list(ids)

        def work(connection: Connection) -> dict[str, Alert]:
            found: dict[str, Alert] = {}
            for start in range(0, len(wanted), _PIECE):
                query = select(alerts).where(alerts.c.id.in_(wanted[start : start + _PIECE]))
                made = readable(connection.execute(query), alert_of, "alerts")
                found |= {alert.id: alert for alert in made}
            return found

        return await self._records.read(work)

    async def known_alerts(self, ids: Collection[str]) -> set[str]:
        """Return which of those ids are kept, also those of rows that cannot be read."""
        wanted = list(ids)

        def work(connection: Connection) -> set[str]:
            found: set[str] = set()
            for start in range(0, len(wanted), _PIECE):
                query = select(alerts.c.id).where(alerts.c.id.in_(wanted[start : start + _PIECE]))
                found |= set(connection.execute(query).scalars())
            return found

        return await self._records.read(work)

    async def keep(self, tellings: Sequence[Telling], mandate: Mandate, bounds: Bounds) -> Kept:
        """Keep incidents on top of their revisions, each with its deliveries; one transaction for all.

        One that is missing in the answer had changed meanwhile, or another server judges now, and nothing of it was written. What
        ``bounds`` leave no room for is kept as dead, and a repeat of what waits still is not kept.
        """

        def work(connection: Connection) -> Kept:
            kept = Kept()
            if not is_judge(connection, mandate.runner, mandate.term):
                return kept
            made: list[Delivery] = []
            for telling in tellings:
                if (incident := _write_incident(connection, telling.change)) is not None:
                    kept.incidents[incident.id] = incident
                    made += [*telling.deliveries, *those_that_heard(connection, telling.instead)]
            self._observer.step("incidents_written")
            kept.deliveries = _add(connection, made, bounds)
            self._observer.step("deliveries_written")
            return kept

        return await self._records.write(work)

    async def add(self, made: Sequence[Delivery], bounds: Bounds) -> list[Delivery]:
        """Keep deliveries that are of no incident; return those that are new."""
        return await self._records.write(lambda connection: _add(connection, made, bounds))

    async def find(self, delivery_id: str, mandate: Mandate | None = None) -> tuple[Delivery, str] | None:
        """Return a delivery and what its channel called an earlier message of the incident, or None.

        None, too, where ``mandate`` is given and another server judges now: that one sends it.
        """

        def work(connection: Connection) -> tuple[Delivery, str] | None:
            if mandate is not None and not is_still_judge(connection, mandate):
                return None
            row = connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).first()
            if row is None:
                return None
            same = (deliveries.c.incident == row.incident, deliveries.c.channel == row.channel)
            earlier = select(deliveries.c.ref).where(*same, deliveries.c.number < row.number, deliveries.c.ref != "")
            ref = connection.execute(earlier.order_by(deliveries.c.number.desc()).limit(1)).scalar()
            return delivery_of(row), ref or ""

        return await self._records.read(work)

    async def find_many(self, ids: Sequence[str]) -> dict[str, Delivery]:
        """Return the deliveries of those ids, with their notices; a few at a time, for notices are large."""
        query = select(deliveries).where(deliveries.c.id.in_(ids))
        return await self._records.read(
            lambda connection: {row.id: delivery_of(row) for row in connection.execute(query)}
        )

    async def load_waiting(self, after: Waiting | None, limit: int) -> list[Waiting]:
        """Return deliveries that wait, by channel, incident and number; ``after`` is the last that was returned."""
        query = select(*_QUEUED).where(IS_WAITING).order_by(*_PLACE).limit(limit)
        if after is not None:
            query = query.where(tuple_(*_PLACE) > (after.channel, after.incident, after.number, after.id))
        return await self._records.read(lambda connection: readable(connection.execute(query), waiting_of, "waiting"))

    async def find_all(self, wanted: DeliveriesWanted, before: tuple[int, str] | None, limit: int) -> list[Brief]:
        """Return deliveries, the newest first; ``before`` is the place after which to go on."""
        query = _wanted(select(*_BRIEF), wanted)
        query = query.order_by(deliveries.c.made_ms.desc(), deliveries.c.id.desc()).limit(limit)
        if before is not None:
            older = and_(deliveries.c.made_ms == before[0], deliveries.c.id < before[1])
            query = query.where(or_(deliveries.c.made_ms < before[0], older))
        return await self._records.read(
            lambda connection: readable(connection.execute(query), brief_of, "notifications")
        )

    async def attempts_of(self, delivery_id: str) -> list[Attempt]:
        """Return every try of a delivery, in order."""
        query = select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.number)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [attempt_of(row) for row in rows]

    async def note(
        self, attempt: Attempt, after: Delivery, instead: Sequence[Delivery], mandate: Mandate, bounds: Bounds
    ) -> list[Delivery] | None:
        """Keep an attempt, what became of its delivery, and the deliveries that come in its place; one transaction.

        Return those that are new; None where another server judges now, and nothing was written. What somebody dropped meanwhile
        stays dropped, unless it was sent.
        """

        def work(connection: Connection) -> list[Delivery] | None:
            if not is_judge(connection, mandate.runner, mandate.term):
                return None
            same = deliveries.c.id == after.id
            if after.state is not DeliveryState.SENT:
                same = and_(same, deliveries.c.state == _WAITS)
            is_kept = bool(connection.execute(update(deliveries).where(same).values(**fate_values(after))).rowcount)
            self._observer.step("fate_written")
            insert_new(connection, attempts, attempt_values(attempt))
            return _add(connection, instead if is_kept else (), bounds)

        return await self._records.write(work)

    async def abandon(
        self, after: Delivery, instead: Sequence[Delivery], mandate: Mandate, bounds: Bounds
    ) -> list[Delivery] | None:
        """Give up one that waits without a try, and keep the deliveries that come in its place; one transaction.

        Return those that are new; None where it waits no more or another server judges now, and nothing was written.
        """

        def work(connection: Connection) -> list[Delivery] | None:
            if not is_judge(connection, mandate.runner, mandate.term):
                return None
            same = and_(deliveries.c.id == after.id, deliveries.c.state == _WAITS)
            if connection.execute(update(deliveries).where(same).values(**fate_values(after))).rowcount == 0:
                return None
            return _add(connection, instead, bounds)

        return await self._records.write(work)

    async def retry(self, delivery_id: str, now_ms: int) -> Delivery | None:
        """Have one that is dead or dropped wait anew; return it, None where it is neither."""
        given_up = (DeliveryState.DEAD.value, DeliveryState.DROPPED.value)
        fate = {"state": _WAITS, "due_ms": now_ms, "until_ms": now_ms + PATIENCE_MS, "done_ms": None}
        return await self._turn(delivery_id, given_up, fate)

    async def drop(self, delivery_id: str, fault: str, now_ms: int) -> Delivery | None:
        """Give up one that waits or is dead; return it, None where it is neither."""
        fate = {"state": DeliveryState.DROPPED.value, "done_ms": now_ms, "fault": fault}
        return await self._turn(delivery_id, (_WAITS, DeliveryState.DEAD.value), fate)

    async def forget(self, before_ms: int, limit: int) -> int:
        """Forget incidents that ended before then and deliveries that came to an end before then; return how many of the most.

        ``limit`` of each at the most: who gets ``limit`` asks again.
        """

        def work(connection: Connection) -> int:
            over = select(incidents.c.id).where(incidents.c.ended_ms < before_ms).limit(limit)
            ended = list(connection.execute(over).scalars())
            connection.execute(delete(incidents).where(incidents.c.id.in_(ended)))
            old = select(deliveries.c.id).where(deliveries.c.made_ms < before_ms, deliveries.c.state != _WAITS)
            done = list(connection.execute(old.limit(limit)).scalars())
            connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(done)))
            connection.execute(delete(deliveries).where(deliveries.c.id.in_(done)))
            return max(len(ended), len(done))

        return await self._records.write(work)

    async def _turn(self, delivery_id: str, before: Collection[str], fate: dict[str, Any]) -> Delivery | None:
        def work(connection: Connection) -> Delivery | None:
            same = and_(deliveries.c.id == delivery_id, deliveries.c.state.in_(before))
            if connection.execute(update(deliveries).where(same).values(**fate)).rowcount == 0:
                return None
            return delivery_of(connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one())

        return await self._records.write(work)


def _wanted(query: Select[Any], wanted: DeliveriesWanted) -> Select[Any]:
    if wanted.states:
        query = query.where(deliveries.c.state.in_(wanted.states))
    if wanted.severity:
        query = query.where(deliveries.c.severity >= wanted.severity)
    for name in ("incident", "receiver", "channel"):
        if value := getattr(wanted, name):
            query = query.where(deliveries.c[name] == value)
    return query.where(deliveries.c.made_ms >= wanted.since_ms) if wanted.since_ms else query


def _write_incident(connection: Connection, change: Change) -> Incident | None:
    after = replace(change.after, revision=change.after.revision + 1)
    values = incident_values(after)
    if change.before is None:
        return after if insert_new(connection, incidents, values) else None
    same = and_(incidents.c.id == after.id, incidents.c.revision == change.before.revision)
    return after if connection.execute(update(incidents).where(same).values(**values)).rowcount else None


def _add(connection: Connection, made: Sequence[Delivery], bounds: Bounds) -> list[Delivery]:
    if not made:
        return []
    query = select(deliveries.c.channel, func.count()).where(IS_WAITING).group_by(deliveries.c.channel)
    counts = Counter({row[0]: row[1] for row in connection.execute(query)})
    total, kept, rest = counts.total(), list[Delivery](), deque(made)
    while rest:
        delivery = rest.popleft()
        if _is_told_still(connection, delivery):
            continue
        fault = _no_room(bounds, total, counts[delivery.channel])
        written = (
            replace(delivery, state=DeliveryState.DEAD, done_ms=delivery.made_ms, fault=fault) if fault else delivery
        )
        if not insert_new(connection, deliveries, delivery_values(written)):
            continue
        kept.append(written)
        if fault:
            rest += bounds.instead(written)
        else:
            total += 1
            counts[delivery.channel] += 1
    return kept


def _is_told_still(connection: Connection, delivery: Delivery) -> bool:
    """Tell whether one repeats what its channel was not sent yet."""
    if delivery.notice.reason != Reason.REPEAT:
        return False
    same = (deliveries.c.incident == delivery.notice.incident, deliveries.c.channel == delivery.channel)
    query = select(deliveries.c.id).where(IS_WAITING, *same, deliveries.c.id != delivery.id).limit(1)
    return connection.execute(query).first() is not None


def _no_room(bounds: Bounds, total: int, of_channel: int) -> str:
    """Return why there is no room for one more, empty where there is."""
    if total >= bounds.waiting:
        return f"cannot take notification: {bounds.waiting} wait already"
    if of_channel >= bounds.a_channel:
        return f"cannot take notification: {bounds.a_channel} wait already for its channel"
    return ""
