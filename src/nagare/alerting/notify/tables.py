"""What SQL may see of telling people: the tables ``notifications`` and ``incidents``, read when a statement names them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from nagare.alerting.notify.brief import Brief
from nagare.alerting.notify.service import Notifier
from nagare.alerting.notify.wanted import DeliveriesWanted
from nagare.model.columns import Cell, Columns, RecordTable, columns_of
from nagare.model.notify.incident import FIRING, Incident
from nagare.model.tables import Column, ColumnKind, ColumnType, Table

T = TypeVar("T")
# What one statement reads of the records: those that are the newest.
ROWS_LIMIT = 20_000
_TEXT, _INTEGER, _ATTRIBUTE = ColumnType.TEXT, ColumnType.INTEGER, ColumnKind.ATTRIBUTE
NOTIFICATIONS = Table(
    "notifications",
    "Notifications, one row for each channel, for who has `alerts.read`; `ts` is when one was made, `host` is null.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "when it was made"),
        Column("host", _TEXT, _ATTRIBUTE, "of no host: null"),
        Column("id", _TEXT, ColumnKind.KEY, "id of the notification"),
        Column("incident", _TEXT, _ATTRIBUTE, "id of the incident"),
        Column("channel", _TEXT, _ATTRIBUTE, "key of the channel"),
        Column("kind", _TEXT, _ATTRIBUTE, "kind of the channel"),
        Column("receiver", _TEXT, _ATTRIBUTE, "whom it is for"),
        Column("reason", _TEXT, _ATTRIBUTE, "why it was made"),
        Column("state", _TEXT, _ATTRIBUTE, "waiting, sent, dead or dropped"),
        Column("tries", _INTEGER, _ATTRIBUTE, "how often it was tried"),
        Column("severity", _INTEGER, _ATTRIBUTE, "0 info, 1 warning, 2 high, 3 critical: the highest of its alerts"),
        Column("fault", _TEXT, _ATTRIBUTE, "why the last try came to nothing"),
        Column("alertnames", _TEXT, _ATTRIBUTE, "names of its alerts, with commas between"),
        Column("done_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which it was sent or given up"),
    ),
)
INCIDENTS = Table(
    "incidents",
    "Incidents, open and over, for who has `alerts.read`; `ts` is when one began, `host` is null.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "when it began"),
        Column("host", _TEXT, _ATTRIBUTE, "of no host: null"),
        Column("id", _TEXT, ColumnKind.KEY, "id of the incident"),
        Column("route", _TEXT, _ATTRIBUTE, "path of its route, empty for the root"),
        Column("labels", ColumnType.MAP, _ATTRIBUTE, "labels of its group"),
        Column("notices", _INTEGER, _ATTRIBUTE, "how often people were told"),
        Column("told_to", _TEXT, _ATTRIBUTE, "receivers that were told, with commas between"),
        Column("firing", _INTEGER, _ATTRIBUTE, "how many alerts people were told of that fire"),
        Column("alerts", _INTEGER, _ATTRIBUTE, "how many alerts people were told of"),
        Column("step", _INTEGER, _ATTRIBUTE, "how many steps of the escalation were told since nobody has it in hand"),
        Column("told_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which people were told last"),
        Column("ended_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which it was over"),
    ),
)


def notify_tables(notifier: Notifier) -> tuple[RecordTable, ...]:
    """Return the tables over the room."""

    async def fetch_notifications() -> Columns:
        found = await notifier.store.find_all(DeliveriesWanted(), None, ROWS_LIMIT)
        return await asyncio.to_thread(_columns, NOTIFICATIONS, _notification, found)

    async def fetch_incidents() -> Columns:
        found = await notifier.store.find_incidents(None, ROWS_LIMIT)
        return await asyncio.to_thread(_columns, INCIDENTS, _incident, found)

    return RecordTable(NOTIFICATIONS, fetch_notifications), RecordTable(INCIDENTS, fetch_incidents)


def _columns(table: Table, row: Callable[[T], tuple[Cell, ...]], found: Sequence[T]) -> Columns:
    """Return what is shown of ``found``; of thousands it takes a while, so it is done beside the loop."""
    return columns_of(table, [row(one) for one in found])


def _notification(brief: Brief) -> tuple[Cell, ...]:
    return (
        brief.made_ms,
        None,
        brief.id,
        brief.incident,
        brief.channel,
        brief.kind,
        brief.receiver,
        brief.reason,
        brief.state,
        brief.tries,
        brief.severity,
        brief.fault,
        ", ".join(brief.alertnames),
        brief.done_ms,
    )


def _incident(incident: Incident) -> tuple[Cell, ...]:
    return (
        incident.began_ms,
        None,
        incident.id,
        incident.route,
        dict(incident.labels),
        incident.number,
        ", ".join(incident.told_to),
        sum(1 for state in incident.told.values() if state == FIRING),
        len(incident.told),
        incident.step,
        incident.told_ms,
        incident.ended_ms,
    )
