"""What of a stored batch the live connections shall see: the rows that were accepted, and its events; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nagare.server.hub import EVENTS_TABLE
from nagare.wire.batch import Batch, BatchReply, Cell
from nagare.wire.events import EventView
from nagare.wire.sound_batch import SoundBatch

Tables = Mapping[str, Mapping[str, Sequence[Cell]]]


def accepted_tables(batch: Batch | SoundBatch, reply: BatchReply) -> Tables:
    """Return the tables of ``batch`` without the rows that ``reply`` lists as refused, and without empty tables."""
    if isinstance(batch, SoundBatch) and not reply.refused:
        # None of its tables is empty.
        return batch.tables
    refused: dict[str, set[int]] = {}
    for refusal in reply.refused:
        refused.setdefault(refusal.table, set()).update(refusal.rows)
    tables: dict[str, Mapping[str, Sequence[Cell]]] = {}
    for name, columns in batch.tables.items():
        kept = columns if name not in refused else _without(columns, refused[name])
        if kept.get("ts"):
            tables[name] = kept
    return tables


def events_of(host: str, tables: Tables) -> Iterator[EventView]:
    """Yield the rows of the table ``events``, if there are any."""
    columns = tables.get(EVENTS_TABLE, {})
    for index, stamp in enumerate(columns.get("ts", ())):
        row = {name: cells[index] for name, cells in columns.items()}
        attributes = row.get("attributes")
        severity = row.get("severity")
        yield EventView(
            id=_text(row.get("id")),
            ts=int(stamp) if isinstance(stamp, int | float) else 0,
            host=host,
            kind=_text(row.get("kind")),
            severity=int(severity) if isinstance(severity, int | float) else 0,
            source=_text(row.get("source")),
            text=_text(row.get("text")),
            attributes=dict(attributes) if isinstance(attributes, dict) else {},
        )


def _without(columns: Mapping[str, Sequence[Cell]], rows: set[int]) -> dict[str, list[Cell]]:
    return {name: [cell for index, cell in enumerate(cells) if index not in rows] for name, cells in columns.items()}


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else ""
