"""What SQL may see of diagnoses: the table ``diagnoses``."""

from __future__ import annotations

from nagare.diagnosis.store import DiagnosisStore, Kept
from nagare.model.columns import Cell, Columns, RecordTable, columns_of
from nagare.model.tables import Column, ColumnKind, ColumnType, Table

# What one statement reads of the records: the newest ones.
ROWS_LIMIT = 1_000
_TEXT, _INTEGER, _ATTRIBUTE = ColumnType.TEXT, ColumnType.INTEGER, ColumnKind.ATTRIBUTE
DIAGNOSES = Table(
    "diagnoses",
    "What was found to be wrong, for who has `diagnose.read` and sees every host: the newest 1,000; `ts` is when it was asked.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "when it was asked"),
        Column("host", _TEXT, _ATTRIBUTE, "host that was asked about, null for the whole fleet"),
        Column("id", _TEXT, ColumnKind.KEY, "id of the diagnosis"),
        Column("asked_by", _TEXT, _ATTRIBUTE, "who asked; nagare where a critical alert was diagnosed by itself"),
        Column("alert", _TEXT, _ATTRIBUTE, "id of the alert that was asked about, empty where it was none"),
        Column("verdict", _TEXT, _ATTRIBUTE, "OK, WARNING, CRITICAL or UNKNOWN"),
        Column(
            "severity", _INTEGER, _ATTRIBUTE, "0 info, 1 warning, 2 high, 3 critical; null where it could not be told"
        ),
        Column("summary", _TEXT, _ATTRIBUTE, "one sentence"),
        Column("cause", _TEXT, _ATTRIBUTE, "key of the likeliest cause, empty where there is none"),
        Column("confidence", ColumnType.FLOAT, ColumnKind.GAUGE, "how likely that is, 0 to 1"),
        Column("findings", _INTEGER, ColumnKind.GAUGE, "how many possible causes were found"),
        Column("evidence", _INTEGER, ColumnKind.GAUGE, "how many pieces of evidence there are"),
        Column("struck", _INTEGER, ColumnKind.GAUGE, "how many claims did not hold"),
        Column("model", _TEXT, _ATTRIBUTE, "model that was used, empty where none was"),
        Column("seconds", ColumnType.FLOAT, ColumnKind.GAUGE, "how long it took"),
        Column("rating", _TEXT, _ATTRIBUTE, "up where somebody said that it helped, down where not; empty until then"),
        Column("rating_word", _TEXT, _ATTRIBUTE, "why, in the words of who said so"),
        Column("rated_by", _TEXT, _ATTRIBUTE, "who said so"),
    ),
)


def diagnoses_table(store: DiagnosisStore) -> RecordTable:
    """Return the table, read whenever a query names it."""

    async def fetch() -> Columns:
        return columns_of(DIAGNOSES, await store.read_newest(ROWS_LIMIT, _row))

    return RecordTable(DIAGNOSES, fetch)


def _row(kept: Kept) -> tuple[Cell, ...]:
    view = kept.view
    first = view.findings[0] if view.findings else None
    return (
        kept.asked_ms,
        view.host or None,
        view.id,
        view.asked_by,
        view.alert,
        view.verdict,
        view.severity,
        view.summary,
        "" if first is None else first.cause,
        None if first is None else first.confidence,
        len(view.findings),
        len(view.evidence),
        len(view.struck),
        "" if view.usage is None else view.usage.model,
        view.seconds,
        *(("", "", "") if view.rating is None else (view.rating.verdict, view.rating.word, view.rating.rated_by)),
    )
