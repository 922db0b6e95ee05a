"""Silences in the records database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from nagare.alerting.schema import silences
from nagare.errors import LimitExceededError
from nagare.model.alert.matcher import parse_matchers
from nagare.model.alert.silence import Silence
from nagare.records.engine import Records


class SilenceStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load(self, known: Mapping[str, Silence], limit: int) -> list[Silence]:
        """Return silences, the newest first: the ``limit`` that end last. Matchers of ``known`` ones are not parsed again."""
        query = select(silences).order_by(silences.c.until_ms.desc(), silences.c.id).limit(limit)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        found = [_silence_of(row, known.get(row.id)) for row in rows]
        return sorted(found, key=lambda silence: (-silence.made_ms, silence.id))

    async def find(self, silence_id: str) -> Silence | None:
        """Return the silence of that id, or None."""
        query = select(silences).where(silences.c.id == silence_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else _silence_of(row)

    async def add(self, silence: Silence, limit: int, now_ms: int) -> None:
        """Keep a new one. Raises LimitExceededError when ``limit`` are open."""

        def work(connection: Connection) -> None:
            is_open = silences.c.until_ms > now_ms
            if connection.execute(select(func.count()).select_from(silences).where(is_open)).scalar_one() >= limit:
                raise LimitExceededError(
                    f"cannot make silence: there are {limit} already", hint="end one: nagare silences end ID"
                )
            connection.execute(insert(silences).values(**_values(silence)))

        await self._records.write(work)

    async def end(self, silence: Silence, until_ms: int, ended_by: str, cause: str) -> Silence | None:
        """End one that is open until then or longer; None where somebody did that before."""
        same = (silences.c.id == silence.id) & (silences.c.until_ms > until_ms)
        values = {"until_ms": until_ms, "ended_by": ended_by, "cause": cause}
        statement = update(silences).where(same).values(**values)
        count = await self._records.write(lambda connection: connection.execute(statement).rowcount)
        return replace(silence, until_ms=until_ms, ended_by=ended_by, cause=cause) if count else None

    async def matched(self, moments: Mapping[str, int]) -> None:
        """Keep when silences matched something last."""

        def work(connection: Connection) -> None:
            for silence_id, matched_ms in moments.items():
                connection.execute(update(silences).where(silences.c.id == silence_id).values(matched_ms=matched_ms))

        await self._records.write(work)

    async def forget(self, before_ms: int, limit: int) -> None:
        """Forget those that ended before then, and all but the ``limit`` that end last."""
        last = select(silences.c.id).order_by(silences.c.until_ms.desc(), silences.c.id).limit(limit)
        is_old = or_(silences.c.until_ms < before_ms, silences.c.id.not_in(last.scalar_subquery()))
        statement = delete(silences).where(is_old)
        await self._records.write(lambda connection: connection.execute(statement))


def _silence_of(row: Row[Any], known: Silence | None = None) -> Silence:
    return Silence(
        id=row.id,
        matchers=parse_matchers(row.matchers) if known is None else known.matchers,
        reason=row.reason,
        owner_id=row.owner_id,
        owner=row.owner,
        made_ms=row.made_ms,
        starts_ms=row.starts_ms,
        until_ms=row.until_ms,
        matched_ms=row.matched_ms,
        idle_seconds=row.idle_seconds,
        ended_by=row.ended_by,
        cause=row.cause,
    )


def _values(silence: Silence) -> dict[str, Any]:
    return {
        "id": silence.id,
        "matchers": [str(matcher) for matcher in silence.matchers],
        "reason": silence.reason,
        "owner_id": silence.owner_id,
        "owner": silence.owner,
        "made_ms": silence.made_ms,
        "starts_ms": silence.starts_ms,
        "until_ms": silence.until_ms,
        "idle_seconds": silence.idle_seconds,
        "matched_ms": silence.matched_ms,
        "ended_by": silence.ended_by,
        "cause": silence.cause,
    }
