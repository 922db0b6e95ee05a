"""What SQL may see of the audit log: the table ``audit``, its newest entries."""

from __future__ import annotations

import json
from typing import Any

from nagare.audit.chain import Entry
from nagare.audit.service import AuditTrail
from nagare.audit.wanted import Wanted
from nagare.model.columns import Cell, Columns, RecordTable
from nagare.model.tables import Column, ColumnKind, ColumnType, Table

# What one statement reads: a few seconds of work, and some hundred megabytes at worst. ``nagare audit export`` has all.
ENTRIES_LIMIT = 100_000
# Read and taken apart at one time on the event loop: about five milliseconds.
_PAGE = 500

_TEXT, _INTEGER, _ATTRIBUTE = ColumnType.TEXT, ColumnType.INTEGER, ColumnKind.ATTRIBUTE
AUDIT = Table(
    "audit",
    f"The newest {ENTRIES_LIMIT} entries of the audit log, for who has `audit.read`; `host` is null.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "the moment of the entry"),
        Column("host", _TEXT, _ATTRIBUTE, "of no host: null"),
        Column("seq", _INTEGER, ColumnKind.KEY, "number of the entry in the chain"),
        Column("action", _TEXT, _ATTRIBUTE, "what was done or tried, `<room>.<verb>`"),
        Column("outcome", _TEXT, _ATTRIBUTE, "done, refused, failed, or unknown: a crash swallowed its end"),
        Column("actor", _TEXT, _ATTRIBUTE, "name of who did it"),
        Column("actor_id", _TEXT, _ATTRIBUTE, "id of the token, session or key that was shown"),
        Column("actor_kind", _TEXT, _ATTRIBUTE, "local, user, key, host, join, anonymous, task, schedule or server"),
        Column("address", _TEXT, _ATTRIBUTE, "network address from which it was asked"),
        Column("target", _TEXT, _ATTRIBUTE, "what it was done to"),
        Column("request_id", _TEXT, _ATTRIBUTE, "id of the request, which the server's own log has too"),
        Column("detail", _TEXT, _ATTRIBUTE, "why it was refused or failed"),
        Column(
            "deeds_count", _INTEGER, _ATTRIBUTE, "how many the entry stands for: of a flood, one entry counts the rest"
        ),
        Column("before", _TEXT, _ATTRIBUTE, "what stood there before the change, JSON"),
        Column("after", _TEXT, _ATTRIBUTE, "what stands there since, JSON"),
        Column("digest", _TEXT, _ATTRIBUTE, "hash of the entry, in hex"),
    ),
)
_TEXTS = ("action", "outcome", "actor", "actor_id", "actor_kind", "address", "target", "request_id", "detail")


def audit_table(trail: AuditTrail, limit: int = ENTRIES_LIMIT) -> RecordTable:
    """Return the table of the newest ``limit`` entries, read from ``trail`` whenever a query names it."""

    async def fetch(since_ms: int | None = None) -> Columns:
        columns: dict[str, list[Cell]] = {column.name: [] for column in AUDIT.columns}
        left, before = limit, None
        while left > 0 and (entries := await trail.find(Wanted(min(_PAGE, left), since_ms, before_seq=before))):
            for entry in entries:
                for name, cell in _row(entry).items():
                    columns[name].append(cell)
            left, before = left - len(entries), entries[-1].seq
        return columns

    return RecordTable(AUDIT, fetch, fetch_since=fetch)


def _row(entry: Entry) -> dict[str, Cell]:
    document = json.loads(entry.line)
    return {
        "ts": document["at_ms"],
        "host": None,
        "seq": entry.seq,
        **{name: document.get(name, "") for name in _TEXTS},
        "deeds_count": document.get("count", 1),
        "before": _json(document.get("before")),
        "after": _json(document.get("after")),
        "digest": entry.digest,
    }


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)
