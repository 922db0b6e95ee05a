"""Gaps in the records database: the pieces of each host, and its oldest and newest moment, and what it gave up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Connection, String, Table, delete, insert, select

from nagare.fleet.gaps.timeline import Piece, Tick, Timeline
from nagare.model.gap import GapKind
from nagare.records.engine import Records
from nagare.records.schema import metadata

gaps = Table(
    "gaps",
    metadata,
    Column("host_id", String(32), primary_key=True),
    Column("from_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    # [boot, seq] of the batch at either end.
    Column("ends", JSON, nullable=False),
)
timelines = Table(
    "timelines",
    metadata,
    Column("host_id", String(32), primary_key=True),
    # [Unix milliseconds, boot, seq] of the oldest and the newest moment; empty before there is one.
    Column("first", JSON, nullable=False),
    Column("last", JSON, nullable=False),
    # [from, until] of each span that the agent gave up, Unix milliseconds.
    Column("given_up", JSON, nullable=False, server_default="[]"),
)


class GapStore:
    """Reads and writes timelines."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load(self) -> dict[str, Timeline]:
        """Return the timeline of every host, by its id."""

        def work(connection: Connection) -> dict[str, Timeline]:
            found = {
                row.host_id: Timeline(_tick(row.first), _tick(row.last), given_up=_spans(row.given_up))
                for row in connection.execute(select(timelines))
            }
            for row in connection.execute(select(gaps).order_by(gaps.c.host_id, gaps.c.from_ms)):
                if row.host_id in found:
                    (boot, seq), (boot_end, seq_end) = row.ends
                    piece = Piece(
                        Tick(row.from_ms, boot, seq), Tick(row.until_ms, boot_end, seq_end), GapKind(row.kind)
                    )
                    found[row.host_id].pieces.append(piece)
            return found

        return await self._records.read(work)

    async def save(self, changed: Mapping[str, Timeline], with_pieces: Collection[str]) -> None:
        """Store timelines by host id, all in one step; pieces of those in ``with_pieces`` only."""
        ends = [
            {"host_id": id_, "first": _values(line.first), "last": _values(line.last), "given_up": line.given_up}
            for id_, line in changed.items()
            if line.last is not None or line.given_up
        ]
        rows = [_row(id_, piece) for id_ in with_pieces for piece in changed[id_].pieces]

        def work(connection: Connection) -> None:
            _delete(connection, timelines, changed)
            _delete(connection, gaps, with_pieces)
            if ends:
                connection.execute(insert(timelines), ends)
            if rows:
                connection.execute(insert(gaps), rows)

        await self._records.write(work)

    async def forget(self, host_ids: Collection[str]) -> None:
        """Forget those hosts."""

        def work(connection: Connection) -> None:
            _delete(connection, timelines, host_ids)
            _delete(connection, gaps, host_ids)

        await self._records.write(work)


def _delete(connection: Connection, table: Table, host_ids: Collection[str]) -> None:
    for id_ in host_ids:
        connection.execute(delete(table).where(table.c.host_id == id_))


def _values(tick: Tick | None) -> list[Any]:
    return [] if tick is None else [tick.at_ms, tick.boot, tick.seq]


def _tick(values: Sequence[Any]) -> Tick | None:
    return Tick(*values) if values else None


def _spans(values: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    return [(from_ms, until_ms) for from_ms, until_ms in values]


def _row(host_id: str, piece: Piece) -> dict[str, Any]:
    ends = [[piece.start.boot, piece.start.seq], [piece.end.boot, piece.end.seq]]
    return {
        "host_id": host_id,
        "from_ms": piece.start.at_ms,
        "until_ms": piece.end.at_ms,
        "kind": piece.kind.value,
        "ends": ends,
    }
