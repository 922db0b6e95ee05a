"""What SQL may see of heartbeats: the table ``heartbeats``, read when a statement names it."""

from __future__ import annotations

from nagare.alerting.heartbeats.service import Heartbeats
from nagare.alerting.heartbeats.standing import Standing
from nagare.model.columns import Cell, Columns, RecordTable
from nagare.model.tables import Column, ColumnKind, ColumnType, Table

_TEXT, _INTEGER, _ATTRIBUTE = ColumnType.TEXT, ColumnType.INTEGER, ColumnKind.ATTRIBUTE
_FLOAT, _GAUGE = ColumnType.FLOAT, ColumnKind.GAUGE
HEARTBEATS = Table(
    "heartbeats",
    "Heartbeats that others owe this server, as they are now, one row each, for who has `alerts.read`; `host` is null.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "the moment of the answer, for which the row holds"),
        Column("host", _TEXT, _ATTRIBUTE, "of no host: null"),
        Column("name", _TEXT, ColumnKind.KEY, "name of the heartbeat"),
        Column("state", _TEXT, _ATTRIBUTE, "waiting, ok, late, missing or failed"),
        Column("late_seconds", _FLOAT, _GAUGE, "how far the moment at which it was due is gone, 0 in time"),
        Column("is_failed", ColumnType.BOOLEAN, _ATTRIBUTE, "whether its last sign said that the work failed"),
        Column("severity", _TEXT, _ATTRIBUTE, "how bad its loss is: info, warning, high or critical"),
        Column("text", _TEXT, _ATTRIBUTE, "what it is, as its definition says"),
        Column("every_seconds", _FLOAT, _GAUGE, "time in which it must come"),
        Column("grace_seconds", _FLOAT, _GAUGE, "time by which it may be late"),
        Column("seen_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which it came last, null before the first time"),
        Column("said", _TEXT, _ATTRIBUTE, "what its last sign said"),
        Column("took_seconds", _FLOAT, _GAUGE, "how long the work took, as its last sign said"),
        Column("sender", _TEXT, _ATTRIBUTE, "who sent the last sign"),
    ),
)


def heartbeats_table(heartbeats: Heartbeats) -> RecordTable:
    """Return the table over the heartbeats."""

    async def fetch() -> Columns:
        rows = [_row(standing) for standing in await heartbeats.standings()]
        names = [column.name for column in HEARTBEATS.columns]
        return {name: [row[place] for row in rows] for place, name in enumerate(names)}

    return RecordTable(HEARTBEATS, fetch)


def _row(standing: Standing) -> tuple[Cell, ...]:
    heartbeat, beat = standing.heartbeat, standing.beat
    return (
        standing.at_ms,
        None,
        heartbeat.name,
        standing.state.value,
        standing.late_seconds,
        beat.is_failed,
        heartbeat.severity.name.lower(),
        heartbeat.text,
        heartbeat.every_seconds,
        heartbeat.grace_seconds,
        beat.seen_ms,
        beat.said,
        beat.took_seconds,
        beat.sender,
    )
