"""From what a sender sent to the record that is logged for it: duplicates out, rows checked, names noted.

Used by the writer alone, batch after batch, so that what one batch brings (a column, an event id) counts for the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from nagare.config.settings import StorageSettings
from nagare.errors import BodyTooLargeError, InputError
from nagare.lib.clock import Clock
from nagare.lib.names import check_host
from nagare.lib.segment_file import RECORD_LIMIT_BYTES
from nagare.metrics.schema import Schemas
from nagare.metrics.wal.ingest import Accepted, Bounds, check_envelope, check_map, check_tables
from nagare.metrics.wal.seen import Seen
from nagare.metrics.wide.admit import WideAdmission
from nagare.model.event import Event
from nagare.model.wide import WideReply, WideRows
from nagare.wire.batch import TEXT_LIMIT, Batch, BatchReply, Cell, Refusal
from nagare.wire.metric_log import AcceptedTables, LogRecord, encode_record, encode_sent
from nagare.wire.sound_batch import SoundBatch, Span
from nagare.wire.wide_log import WideRecord, encode_wide

EVENT_ID_LIMIT = 128
EVENTS = "events"
# Tables of new names that one host may bring between two starts: one sender must not use up what all share.
HOST_TABLE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class WideWork:
    """One request's foreign rows, each table once."""

    rows: Sequence[WideRows]


@dataclass(slots=True)
class Prepared:
    """What one sender is told once ``record`` (None when nothing is new) is durable."""

    reply: BatchReply | list[bool] | WideReply
    record: LogRecord | None = None
    payload: bytes = b""
    # Of the record's tables, where they are known without a look at their rows.
    spans: tuple[Span, ...] = ()


@dataclass(slots=True)
class Group:
    """Names that earlier members of the same group commit bring; durable together with this one or not at all."""

    batches: set[tuple[str, str, int]] = field(default_factory=set)
    event_ids: set[str] = field(default_factory=set)


class Preparer:
    """Checks batches and events against what is stored."""

    def __init__(
        self, schemas: Schemas, seen: Seen, wide: WideAdmission, storage: StorageSettings, clock: Clock
    ) -> None:
        """Lean on the writer's schemas and names."""
        self._wide = wide
        self._schemas = schemas
        self._seen = seen
        self._storage = storage
        self._retention_ms = round(storage.retention_seconds * 1000)
        self._future_ms = round(storage.future_seconds * 1000)
        self._clock = clock
        self._new_tables: Counter[str] = Counter()
        # Rows before it were dropped for want of room, and none may come back beside rollups that have them all.
        self.floor_ms = 0

    def batch(self, batch: Batch, group: Group) -> Prepared:
        """Return what to log and answer for ``batch``. Raises InputError; nothing of it is stored then."""
        check_envelope(batch)
        if self._is_duplicate(batch, group):
            return Prepared(BatchReply(0, duplicate=True))
        now_ms = self._clock.now_ms()
        room = HOST_TABLE_LIMIT - self._new_tables[batch.host]
        accepted = check_tables(batch, self._schemas.current, self._bounds(now_ms, room))
        event_ids = self._take_events(accepted, group)
        record = LogRecord(now_ms, batch.host, batch.boot, batch.seq, batch.replaces, accepted.tables, event_ids)
        payload = _encode(record)
        made = sum(table not in self._schemas.current for table in accepted.added)
        if made:
            self._new_tables[batch.host] += made
        for table, columns in accepted.added.items():
            self._schemas.add(table, columns)
        group.batches.update((batch.host, batch.boot, seq) for seq in (batch.seq, *batch.replaces))
        group.event_ids.update(event_ids)
        return Prepared(BatchReply(accepted.rows, refused=accepted.refused), record, payload)

    def sound(self, batch: SoundBatch, group: Group) -> Prepared:
        """Return what ``batch`` returns, without looking at cells whose types are known. Raises InputError."""
        check_envelope(batch)
        if self._is_duplicate(batch, group):
            return Prepared(BatchReply(0, duplicate=True))
        now_ms = self._clock.now_ms()
        if not self._is_in_bounds(batch, now_ms):
            return self.batch(batch.to_batch(), group)
        # Read like the dictionaries of other records, and never written to.
        tables = cast("AcceptedTables", batch.tables)
        record = LogRecord(now_ms, batch.host, batch.boot, batch.seq, batch.replaces, tables)
        payload = encode_sent(now_ms, batch.encoding, batch.body)
        group.batches.add((batch.host, batch.boot, batch.seq))
        if batch.replaces:
            group.batches.update((batch.host, batch.boot, seq) for seq in batch.replaces)
        return Prepared(BatchReply(batch.rows), record, payload, batch.spans)

    def events(self, events: Sequence[Event], group: Group) -> Prepared:
        """Return what to log and answer for ``events``. Raises InputError; none of them is stored then."""
        now_ms = self._clock.now_ms()
        bounds = self._bounds(now_ms)
        for event in events:
            check_event(event, bounds)
        stored: list[bool] = []
        fresh: list[Event] = []
        for event in events:
            is_new = event.id not in group.event_ids and not self._seen.has_event(event.id)
            stored.append(is_new)
            if is_new:
                fresh.append(event)
                group.event_ids.add(event.id)
        if not fresh:
            return Prepared(stored)
        record = LogRecord(now_ms, "", "", 0, [], {EVENTS: _event_cells(fresh)}, [event.id for event in fresh])
        try:
            return Prepared(stored, record, _encode(record))
        except BaseException:
            group.event_ids.difference_update(record.event_ids)
            raise

    def wide(self, work: WideWork) -> Prepared:
        """Return what to log and answer for foreign rows. Raises InputError, BodyTooLargeError; none is stored then."""
        now_ms = self._clock.now_ms()
        bounds = self._bounds(now_ms)
        admitted = self._wide.admit(work.rows, self._schemas.current, (bounds.oldest_ms, bounds.newest_ms))
        reply = WideReply(admitted.accepted, tuple(admitted.refused))
        if not admitted.tables:
            return Prepared(reply)
        payload = _within_limit(encode_wide(WideRecord(now_ms, admitted.tables, admitted.tags)))
        for table, columns in admitted.added.items():
            self._schemas.add(table, columns)
        return Prepared(reply, LogRecord(now_ms, "", "", 0, [], admitted.tables), payload)

    def _bounds(self, now_ms: int, new_tables: int = 0) -> Bounds:
        storage = self._storage
        return Bounds(
            oldest_ms=max(self.floor_ms, now_ms - self._retention_ms),
            newest_ms=now_ms + self._future_ms,
            table_limit=storage.table_limit,
            column_limit=storage.column_limit,
            new_tables=new_tables,
        )

    def _is_in_bounds(self, batch: SoundBatch, now_ms: int) -> bool:
        """Return whether none of the rows may have to be refused."""
        if not batch.spans:
            return True
        if batch.low_ms < max(self.floor_ms, now_ms - self._retention_ms) or batch.high_ms > now_ms + self._future_ms:
            return False
        schemas, limit = self._schemas.current, self._storage.column_limit
        return all(len(schemas[name].columns) <= limit for name in batch.tables)

    def _is_duplicate(self, batch: Batch | SoundBatch, group: Group) -> bool:
        # A batch that stands for others brings nothing new only when all of them are here.
        return self._is_known(batch, batch.seq, group) or (
            bool(batch.replaces) and all(self._is_known(batch, seq, group) for seq in batch.replaces)
        )

    def _is_known(self, batch: Batch | SoundBatch, seq: int, group: Group) -> bool:
        return (batch.host, batch.boot, seq) in group.batches or self._seen.has_batch(batch.host, batch.boot, seq)

    def _take_events(self, accepted: Accepted, group: Group) -> list[str]:
        cells = accepted.tables.get(EVENTS)
        if cells is None:
            return []
        ids = cells.get("id") or [None] * len(cells["ts"])
        kept: list[int] = []
        new: dict[str, None] = {}
        for row, event_id in enumerate(ids):
            if self._is_new_event(event_id, group) and event_id not in new:
                new[str(event_id)] = None
                kept.append(row)
        if len(kept) < len(ids):
            _narrow_events(accepted, cells, kept)
        return list(new)

    def _is_new_event(self, event_id: Cell, group: Group) -> bool:
        if not isinstance(event_id, str) or not 0 < len(event_id) <= EVENT_ID_LIMIT:
            return False
        return event_id not in group.event_ids and not self._seen.has_event(event_id)


def _narrow_events(accepted: Accepted, cells: Mapping[str, list[Cell]], kept: Sequence[int]) -> None:
    # Indexes count the rows that were left after the earlier refusals; the sender knows its own, so map them back.
    gone = {row for refusal in accepted.refused if refusal.table == EVENTS for row in refusal.rows}
    total = len(cells["ts"]) + len(gone)
    original = [row for row in range(total) if row not in gone]
    held = set(kept)
    refused = [original[row] for row in range(len(cells["ts"])) if row not in held]
    accepted.refused.append(
        Refusal(EVENTS, refused, "event without an id of its own: missing, too long or known already")
    )
    accepted.rows -= len(refused)
    if kept:
        accepted.tables[EVENTS] = {name: [values[row] for row in kept] for name, values in cells.items()}
    else:
        del accepted.tables[EVENTS]


def check_event(event: Event, bounds: Bounds) -> None:
    """Check one event. Raises InputError, InvalidLabelError."""
    if not 0 < len(event.id) <= EVENT_ID_LIMIT:
        raise InputError(f"cannot accept event: its id must have 1 to {EVENT_ID_LIMIT} characters")
    if event.host:
        check_host(event.host)
    if not bounds.oldest_ms <= event.ts <= bounds.newest_ms:
        side = "older than raw retention" if event.ts < bounds.oldest_ms else "ahead of the server's clock"
        raise InputError(f"cannot accept event {event.id!r}: its time is {side}", hint="check the sender's clock")
    if max(len(event.kind), len(event.source), len(event.text)) > TEXT_LIMIT or not event.kind:
        raise InputError(
            f"cannot accept event {event.id!r}: its kind is empty or a text exceeds {TEXT_LIMIT} characters"
        )
    check_map("attributes", event.attributes)


def _event_cells(events: Sequence[Event]) -> dict[str, list[Cell]]:
    return {
        "ts": [event.ts for event in events],
        "host": [event.host for event in events],
        "id": [event.id for event in events],
        "kind": [event.kind for event in events],
        "severity": [int(event.severity) for event in events],
        "source": [event.source for event in events],
        "text": [event.text for event in events],
        "attributes": [dict(event.attributes) for event in events],
    }


def _encode(record: LogRecord) -> bytes:
    return _within_limit(encode_record(record))


def _within_limit(payload: bytes) -> bytes:
    if len(payload) > RECORD_LIMIT_BYTES:
        raise BodyTooLargeError(
            f"cannot accept batch of {len(payload)} bytes: the limit is {RECORD_LIMIT_BYTES}",
            hint="send smaller batches",
        )
    return payload
