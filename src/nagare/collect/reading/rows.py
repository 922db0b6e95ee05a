"""Turns rows, as sources find them, into columns, as batches carry them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TypeVar

from nagare.model.columns import Cell, Columns
from nagare.model.event import Severity

log = logging.getLogger(__name__)

# Longest text of a cell; beyond it a foreign text is cut.
TEXT_LIMIT = 4096

Row = Mapping[str, Cell]


def columns_of(rows: Sequence[Row]) -> Columns:
    """Return the columns of rows that all have the keys of the first; empty for no rows."""
    if not rows:
        return {}
    return {name: [row[name] for row in rows] for name in rows[0]}


Item = TypeVar("Item")


class RowLimit:
    """The most rows that a source may have; what is beyond is dropped, counted, and said once in the log."""

    def __init__(self, source: str, limit: int) -> None:
        """Begin with nothing dropped."""
        self._source = source
        self._limit = limit
        self.dropped_total = 0

    def cut(self, items: Sequence[Item]) -> list[Item]:
        """Return the first items, as many as the limit allows."""
        excess = len(items) - self._limit
        if excess > 0:
            if not self.dropped_total:
                log.warning("collector_over_limit source=%s limit=%s found=%s", self._source, self._limit, len(items))
            self.dropped_total += excess
        return list(items[: self._limit])


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
