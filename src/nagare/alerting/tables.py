"""What SQL may see of alerts: the tables ``alerts`` and ``silences``, read when a statement names them, and those of telling people."""

from __future__ import annotations

from nagare.alerting.alerts.wanted import Wanted
from nagare.alerting.heartbeats.tables import heartbeats_table
from nagare.alerting.notify.tables import notify_tables
from nagare.alerting.service import Alerts
from nagare.model.alert.alert import Alert
from nagare.model.alert.silence import Silence
from nagare.model.columns import Cell, Columns, RecordTable, columns_of
from nagare.model.tables import Column, ColumnKind, ColumnType, Table
from nagare.wire.alerts import AlertView

# What one statement reads of the records: those that changed last.
ROWS_LIMIT = 20_000
_TEXT, _INTEGER, _ATTRIBUTE = ColumnType.TEXT, ColumnType.INTEGER, ColumnKind.ATTRIBUTE
_BOOLEAN = ColumnType.BOOLEAN
ALERTS = Table(
    "alerts",
    "Alerts, open and closed, for who has `alerts.read`; `ts` is when one changed last.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "when it changed last"),
        Column("host", _TEXT, _ATTRIBUTE, "its label host, null where it has none"),
        Column("id", _TEXT, ColumnKind.KEY, "id of the alert"),
        Column("name", _TEXT, _ATTRIBUTE, "its label alertname"),
        Column("source", _TEXT, _ATTRIBUTE, "who told of it: rules, or a foreign sender"),
        Column("rule", _TEXT, _ATTRIBUTE, "rule that made it, empty for a foreign one"),
        Column("state", _TEXT, _ATTRIBUTE, "pending, firing, acknowledged, resolved, re-opened or closed"),
        Column("severity", _INTEGER, _ATTRIBUTE, "0 info, 1 warning, 2 high, 3 critical"),
        Column("value", ColumnType.FLOAT, ColumnKind.GAUGE, "the newest value that was seen"),
        Column("summary", _TEXT, _ATTRIBUTE, "what it says"),
        Column("labels", ColumnType.MAP, _ATTRIBUTE, "its labels"),
        Column("owner", _TEXT, _ATTRIBUTE, "who has it in hand"),
        Column("starts_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which its condition began to hold"),
        Column("fired_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which it fired last"),
        Column("ended_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which it was resolved last"),
        Column("silenced", _BOOLEAN, _ATTRIBUTE, "whether a silence matches it"),
        Column("inhibited", _BOOLEAN, _ATTRIBUTE, "whether another alert holds it back"),
        Column("stale", _BOOLEAN, _ATTRIBUTE, "whether nobody could look lately"),
        Column("flapping", _BOOLEAN, _ATTRIBUTE, "whether it came again and again within an hour"),
    ),
)
SILENCES = Table(
    "silences",
    "Silences, also those that are over, for who has `alerts.read`; `ts` is when one was made, `host` is null.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "when it was made"),
        Column("host", _TEXT, _ATTRIBUTE, "of no host: null"),
        Column("id", _TEXT, ColumnKind.KEY, "id of the silence"),
        Column("matchers", _TEXT, _ATTRIBUTE, "which labels it is about"),
        Column("reason", _TEXT, _ATTRIBUTE, "why"),
        Column("owner", _TEXT, _ATTRIBUTE, "who made it"),
        Column("starts_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which it begins"),
        Column("until_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds at which it ends, or did"),
        Column("ended_by", _TEXT, _ATTRIBUTE, "who or what ended it before its time"),
    ),
)


def alerting_tables(alerts: Alerts) -> tuple[RecordTable, ...]:
    """Return the tables over the room."""

    async def fetch_alerts() -> Columns:
        found = await alerts.store.find_all(Wanted(), None, ROWS_LIMIT)
        return columns_of(ALERTS, [_alert_row(alert, alerts.view(alert)) for alert in found])

    async def fetch_silences() -> Columns:
        return columns_of(SILENCES, [_silence_row(silence) for silence in alerts.silences.all()])

    own = (RecordTable(ALERTS, fetch_alerts), RecordTable(SILENCES, fetch_silences))
    return (*own, heartbeats_table(alerts.heartbeats), *notify_tables(alerts.notifier))


def _alert_row(alert: Alert, view: AlertView) -> tuple[Cell, ...]:
    return (
        alert.changed_ms,
        alert.labels.get("host"),
        alert.id,
        view.name,
        alert.source,
        alert.rule,
        view.state,
        view.severity,
        alert.value,
        alert.annotations.get("summary", ""),
        dict(alert.labels),
        alert.owner,
        alert.starts_ms,
        alert.fired_ms,
        alert.ended_ms,
        bool(view.silenced_by),
        bool(view.inhibited_by),
        view.is_stale,
        view.is_flapping,
    )


def _silence_row(silence: Silence) -> tuple[Cell, ...]:
    return (
        silence.made_ms,
        None,
        silence.id,
        ", ".join(map(str, silence.matchers)),
        silence.reason,
        silence.owner,
        silence.starts_ms,
        silence.until_ms,
        silence.ended_by,
    )
