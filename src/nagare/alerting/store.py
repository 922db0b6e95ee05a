"""Alerts and their turns in the records database, which several servers may share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, delete, func, insert, or_, select, text, update

from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.alerts.wanted import Wanted
from nagare.alerting.foreign.store import keep_write
from nagare.alerting.schema import alerts, judges, turns
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.event import Severity
from nagare.records.engine import Records
from nagare.records.new_rows import insert_new
from nagare.records.readable import readable

_HOST = "host"
_PIECE = 500
# Statements have a limit of parameters.
_HOSTS_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Mandate:
    """Who judges, in which term: every write names it."""

    runner: str
    term: int


class AlertStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load_open(self) -> list[Alert]:
        """Return every alert that is not closed."""
        return await self._records.read(
            lambda connection: readable(connection.execute(open_alerts()), alert_of, "alerts")
        )

    async def find(self, alert_id: str) -> Alert | None:
        """Return the alert of that id, or None."""
        query = select(alerts).where(alerts.c.id == alert_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else alert_of(row)

    async def find_open(self, source: str, fingerprint: str) -> Alert | None:
        """Return the open alert of a thing, or None."""
        query = open_alerts(source, fingerprint)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else alert_of(row)

    async def find_all(self, wanted: Wanted, before: tuple[int, str] | None, limit: int) -> list[Alert]:
        """Return alerts, those that changed last first; ``before`` is the place after which to go on."""
        query = select(alerts).order_by(alerts.c.changed_ms.desc(), alerts.c.id.desc()).limit(limit)
        if wanted.states:
            query = query.where(alerts.c.state.in_(wanted.states))
        if wanted.severity:
            query = query.where(alerts.c.severity >= wanted.severity)
        if wanted.host:
            query = query.where(alerts.c.host == wanted.host)
        if wanted.hosts is not None and len(wanted.hosts) <= _HOSTS_MOST:
            query = query.where(alerts.c.host.in_(wanted.hosts))
        if wanted.rule:
            query = query.where(alerts.c.rule == wanted.rule)
        if wanted.since_ms:
            query = query.where(alerts.c.changed_ms >= wanted.since_ms)
        if before is not None:
            older = and_(alerts.c.changed_ms == before[0], alerts.c.id < before[1])
            query = query.where(or_(alerts.c.changed_ms < before[0], older))
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [alert_of(row) for row in rows]

    async def turns_of(self, alert_id: str) -> list[tuple[int, Transition]]:
        """Return what happened to an alert, in order, each with its number."""
        query = select(turns).where(turns.c.alert_id == alert_id).order_by(turns.c.seq)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [(row.seq, turn_of(row)) for row in rows]

    async def turns_since(self, since_ms: int, limit: int) -> list[tuple[Alert, int, Transition]]:
        """Return the last ``limit`` things that happened since then, in order, each with its alert as it is now and its number."""
        joined = select(alerts, turns.c.seq, turns.c.at_ms, turns.c.before, turns.c.after, turns.c.actor, turns.c.cause, turns.c.attributes)  # fmt: skip
        query = joined.join(turns, turns.c.alert_id == alerts.c.id).where(turns.c.at_ms >= since_ms)
        query = query.order_by(turns.c.at_ms.desc(), turns.c.alert_id.desc(), turns.c.seq.desc()).limit(limit)

        def made(row: Row[Any]) -> tuple[Alert, int, Transition]:
            return alert_of(row), row.seq, turn_of(row)

        found = await self._records.read(lambda connection: readable(connection.execute(query), made, "turns"))
        return found[::-1]

    async def apply(self, steps: Sequence[Step], runner: str = "", term: int = 0) -> dict[str, Alert | None]:
        """Keep what ``steps`` say, each only on top of the revision that it was made from; one transaction for all.

        Return by id what was kept (None: dropped); one that is missing had changed meanwhile, or another server judges now
        (``term`` is not that of ``runner`` any more), and nothing of it was written.
        """

        def work(connection: Connection) -> dict[str, Alert | None]:
            if runner and not is_judge(connection, runner, term):
                return {}
            # First what changes: of a thing that began anew the old alert is closed before the new one is open.
            changed = [step for step in steps if not step.is_dropped and (step.alert.revision or not step.turns)]
            kept: dict[str, Alert | None] = {one.id: one for one in _write_changed(connection, changed)}
            kept |= {step.alert.id: None for step in steps if step.is_dropped and _drop(connection, step.alert)}
            begun = [step for step in steps if step.turns and not step.is_dropped and not step.alert.revision]
            return kept | {one.id: one for one in _begin(connection, begun)}

        return await self._records.write(work)

    async def newest_turn_ms(self) -> int:
        """Return when something happened last, 0 where nothing did."""
        query = select(func.max(turns.c.at_ms))
        return await self._records.read(lambda connection: connection.execute(query).scalar_one()) or 0

    async def lead(self, runner: str, now_ms: int, lease_ms: int, *, is_alone: bool = False) -> int | None:
        """Become or stay the one that judges, until ``lease_ms``; return the term, None while another one is.

        ``is_alone``: there is no other one, so a lease that is held is of a server that is gone.
        """

        def work(connection: Connection) -> int | None:
            values = {"name": _JUDGE, "runner": runner, "lease_ms": lease_ms, "term": 1}
            if insert_new(connection, judges, values):
                return 1
            row = connection.execute(select(judges).where(judges.c.name == _JUDGE).with_for_update()).one()
            if row.runner == runner:
                connection.execute(update(judges).where(judges.c.name == _JUDGE).values(lease_ms=lease_ms))
                return int(row.term)
            # A lease that lies further ahead than any is given is of a clock that was ahead.
            if not is_alone and now_ms < row.lease_ms <= now_ms + 2 * (lease_ms - now_ms):
                return None
            changed = {"runner": runner, "lease_ms": lease_ms, "term": row.term + 1}
            connection.execute(update(judges).where(judges.c.name == _JUDGE).values(**changed))
            return int(row.term) + 1

        return await self._records.write(work)

    async def retire(self, runner: str) -> None:
        """Let another one judge at once."""
        mine = and_(judges.c.name == _JUDGE, judges.c.runner == runner)
        await self._records.write(lambda connection: connection.execute(update(judges).where(mine).values(lease_ms=0)))

    async def forget(self, before_ms: int, limit: int) -> int:
        """Forget closed alerts that changed last before then, with their turns, ``limit`` at the most; return how many."""

        def work(connection: Connection) -> int:
            old = select(alerts.c.id).where(alerts.c.is_open.is_(False), alerts.c.changed_ms < before_ms).limit(limit)
            ids = list(connection.execute(old).scalars())
            connection.execute(delete(turns).where(turns.c.alert_id.in_(ids)))
            connection.execute(delete(alerts).where(alerts.c.id.in_(ids)))
            return len(ids)

        return await self._records.write(work)


_JUDGE = "rules"


def open_alerts(source: str = "", fingerprint: str = "") -> Select[Any]:
    """Return the statement that asks for open alerts: of one thing, or all."""
    # In the words of the index: for others SQLite reads the whole table, with all that is closed.
    query = select(alerts).where(text("alerts.is_open"))
    return query.where(alerts.c.source == source, alerts.c.fingerprint == fingerprint) if source else query


def is_judge(connection: Connection, runner: str, term: int) -> bool:
    """Tell whether ``runner`` judges in ``term``; no other one does before the transaction is over."""
    mine = select(judges.c.term).where(judges.c.name == _JUDGE, judges.c.runner == runner).with_for_update()
    return connection.execute(mine).scalar_one_or_none() == term


def is_still_judge(connection: Connection, mandate: Mandate) -> bool:
    """Tell the same to who only reads: another one may judge a moment later."""
    mine = select(judges.c.term).where(judges.c.name == _JUDGE, judges.c.runner == mandate.runner)
    return connection.execute(mine).scalar_one_or_none() == mandate.term


def _next(alert: Alert, count: int) -> Alert:
    return replace(alert, revision=alert.revision + max(count, 1))


def _write_changed(connection: Connection, steps: Sequence[Step]) -> list[Alert]:
    """Write alerts that are there, all by one statement; return those that were: there may be thousands at one time."""
    revisions: dict[str, int] = {}
    for start in range(0, len(steps), _PIECE):
        ids = [step.alert.id for step in steps[start : start + _PIECE]]
        found = connection.execute(select(alerts.c.id, alerts.c.revision).where(alerts.c.id.in_(ids)))
        revisions |= {row.id: row.revision for row in found}
    # Nobody writes between: of all servers one transaction writes at a time.
    same_steps = [step for step in steps if revisions.get(step.alert.id) == step.alert.revision]
    after = [_next(step.alert, len(step.turns)) for step in same_steps]
    if after:
        same = and_(alerts.c.id == bindparam("of_id"), alerts.c.revision == bindparam("of_revision"))
        rows = [{"of_id": one.id, "of_revision": revisions[one.id], **_values(one)} for one in after]
        connection.execute(update(alerts).where(same), rows)
    _write_turns(connection, same_steps)
    return after


def _drop(connection: Connection, alert: Alert) -> bool:
    same = and_(alerts.c.id == alert.id, alerts.c.revision == alert.revision)
    if connection.execute(delete(alerts).where(same)).rowcount == 0:
        return False
    connection.execute(delete(turns).where(turns.c.alert_id == alert.id))
    return True


def _begin(connection: Connection, steps: Sequence[Step]) -> list[Alert]:
    """Write alerts that are new, all by one statement; return those that were: of the others one of the same thing is open."""
    taken, new = _taken(connection, [step.alert for step in steps]), list[Step]()
    for step in steps:
        # As above: nobody writes between.
        if taken.isdisjoint({step.alert.key, step.alert.id}):
            taken |= {step.alert.key, step.alert.id}
            new.append(step)
    after = [_next(step.alert, len(step.turns)) for step in new]
    if after:
        connection.execute(insert(alerts), [_values(one) for one in after])
    _write_turns(connection, new)
    return after


def _taken(connection: Connection, wanted: Sequence[Alert]) -> set[tuple[str, str] | str]:
    """Return which ids are there, and of which things an alert is open."""
    taken = set[tuple[str, str] | str]()
    for source in {alert.source for alert in wanted}:
        several = [alert for alert in wanted if alert.source == source]
        for start in range(0, len(several), _PIECE):
            piece = several[start : start + _PIECE]
            prints = [alert.fingerprint for alert in piece]
            query = select(alerts.c.fingerprint).where(text("alerts.is_open"), alerts.c.source == source)
            found = connection.execute(query.where(alerts.c.fingerprint.in_(prints))).scalars()
            taken.update((source, fingerprint) for fingerprint in found)
            ids = [alert.id for alert in piece]
            taken.update(connection.execute(select(alerts.c.id).where(alerts.c.id.in_(ids))).scalars())
    return taken


def _write_turns(connection: Connection, steps: Sequence[Step]) -> None:
    told = [
        {"alert_id": step.alert.id, "seq": step.alert.revision + place, **_turn_values(turn)}
        for step in steps
        for place, turn in enumerate(step.turns, start=1)
    ]
    if told:
        connection.execute(insert(turns), told)
    for step in steps:
        if step.back:
            keep_write(connection, step)


def _turn_values(turn: Transition) -> dict[str, Any]:
    return {
        "at_ms": turn.at_ms,
        "before": "" if turn.before is None else turn.before.value,
        "after": turn.after.value,
        "actor": turn.actor,
        "cause": turn.cause,
        "attributes": dict(turn.attributes),
    }


def turn_of(row: Row[Any]) -> Transition:
    """Return the turn of a row."""
    before = AlertState(row.before) if row.before else None
    return Transition(row.at_ms, before, AlertState(row.after), row.actor, row.cause, row.attributes)


def alert_of(row: Row[Any]) -> Alert:
    """Return the alert of a row."""
    return Alert(
        id=row.id,
        source=row.source,
        fingerprint=row.fingerprint,
        rule=row.rule,
        severity=Severity(row.severity),
        labels=row.labels,
        annotations=row.annotations,
        starts_ms=row.starts_ms,
        held_ms=row.held_ms,
        changed_ms=row.changed_ms,
        state=AlertState(row.state),
        value=row.value,
        fired_ms=row.fired_ms,
        ended_ms=row.ended_ms,
        again_ms=row.again_ms,
        ended_by=row.ended_by,
        believed_ms=row.believed_ms,
        comes=tuple(row.comes),
        owner=row.owner,
        is_stale=row.is_stale,
        shape=row.shape,
        revision=row.revision,
    )


def _values(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "source": alert.source,
        "fingerprint": alert.fingerprint,
        "is_open": alert.state is not AlertState.CLOSED,
        "rule": alert.rule,
        "state": alert.state.value,
        "severity": int(alert.severity),
        "host": alert.labels.get(_HOST, "")[:253],
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "value": alert.value,
        "starts_ms": alert.starts_ms,
        "held_ms": alert.held_ms,
        "changed_ms": alert.changed_ms,
        "fired_ms": alert.fired_ms,
        "ended_ms": alert.ended_ms,
        "again_ms": alert.again_ms,
        "ended_by": alert.ended_by,
        "believed_ms": alert.believed_ms,
        "comes": list(alert.comes),
        "owner": alert.owner,
        "is_stale": alert.is_stale,
        "shape": alert.shape,
        "revision": alert.revision,
    }
