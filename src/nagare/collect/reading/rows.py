"""Turns rows, as sources find them, into columns, as batches carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nagare.model.columns import Cell, Columns
from nagare.model.event import Severity

# Longest text of a cell; beyond it a foreign text is cut.
TEXT_LIMIT = 4096

Row = Mapping[str, Cell]


def columns_of(rows: Sequence[Row]) -> Columns:
    """Return the columns of rows that all have the keys of the first; empty for no rows."""
    if not rows:
        return {}
    return {name: [row[name] for row in rows] for name in rows[0]}


def clean_text(raw: bytes, limit: int = TEXT_LIMIT) -> str:
    """Return foreign bytes as storable text: invalid UTF-8 replaced, cut to ``limit`` characters."""
    return raw.decode("utf-8", "replace")[:limit]


def event_row(kind: str, key: str, severity: Severity, text: str, attributes: Mapping[str, str]) -> Row:
    """Return one row of ``events``; ``key`` makes the id, so that a repeat is harmless."""
    return {
        "id": f"{kind}:{key}"[:255],
        "kind": kind,
        "severity": int(severity),
        "source": "agent",
        "text": text[:TEXT_LIMIT],
        "attributes": {name: value[:TEXT_LIMIT] for name, value in attributes.items()},
    }
