"""What was said to models, in the records database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, delete, insert, or_, select, update

from nagare.diagnosis.log.kept import Kept
from nagare.diagnosis.log.schema import exchanges
from nagare.diagnosis.models.exchange import Exchange, Outcome
from nagare.diagnosis.models.provider import Tokens
from nagare.records.engine import Records

_BRIEF = tuple(column for column in exchanges.c if column.name not in ("prompt", "answer"))


class ExchangeStore:
    """Reads and writes exchanges."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def add(self, kept: Kept) -> None:
        """Store an exchange; durable when this returns."""
        values = {"id": kept.id, "diagnosis_id": kept.diagnosis_id, "asked_by": kept.asked_by, "verdict": kept.verdict}
        statement = insert(exchanges).values(**values, **_values(kept.exchange))
        await self._records.write(lambda connection: connection.execute(statement))

    async def change(self, id_: str, exchange: Exchange) -> None:
        """Store what came of an exchange."""
        statement = update(exchanges).where(exchanges.c.id == id_).values(**_values(exchange))
        await self._records.write(lambda connection: connection.execute(statement))

    async def judge(self, diagnosis_id: str, verdict: str) -> None:
        """Store what was made of the answers of a diagnosis."""
        statement = update(exchanges).where(exchanges.c.diagnosis_id == diagnosis_id).values(verdict=verdict)
        await self._records.write(lambda connection: connection.execute(statement))

    async def find(self, id_: str) -> Kept | None:
        """Return the exchange of that id, texts and all, or None."""
        found = await self._read(select(exchanges).where(exchanges.c.id == id_))
        return found[0] if found else None

    async def find_all(self, before: tuple[int, str] | None, limit: int, diagnosis_id: str = "") -> Sequence[Kept]:
        """Return exchanges without their texts, the newest first, after the place ``before``; of one diagnosis where that is given."""
        query = select(*_BRIEF).order_by(exchanges.c.at_ms.desc(), exchanges.c.id.desc()).limit(limit)
        if before is not None:
            at_ms, id_ = before
            query = query.where(or_(exchanges.c.at_ms < at_ms, and_(exchanges.c.at_ms == at_ms, exchanges.c.id < id_)))
        if diagnosis_id:
            query = query.where(exchanges.c.diagnosis_id == diagnosis_id)
        return await self._read(query)

    async def remove(self, id_: str = "", diagnosis_id: str = "") -> int:
        """Forget one exchange, or all of a diagnosis; return how many."""
        chosen = exchanges.c.id == id_ if id_ else exchanges.c.diagnosis_id == diagnosis_id
        return await self._delete(delete(exchanges).where(chosen))

    async def forget(self, before_ms: int, limit: int) -> int:
        """Forget up to ``limit`` exchanges that are older; return how many."""
        old = select(exchanges.c.id).where(exchanges.c.at_ms < before_ms).limit(limit)
        return await self._delete(delete(exchanges).where(exchanges.c.id.in_(old)))

    async def _delete(self, statement: Any) -> int:
        return int(await self._records.write(lambda connection: connection.execute(statement).rowcount))

    async def _read(self, query: Select[Any]) -> Sequence[Kept]:
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [_kept(row) for row in rows]


def _values(exchange: Exchange) -> dict[str, object]:
    return {
        "asker": exchange.asker,
        "model": exchange.model[:200],
        "at_ms": exchange.at_ms,
        "prompt": _storable(exchange.prompt),
        "answer": _storable(exchange.answer),
        "prompt_tokens": exchange.tokens.prompt,
        "answer_tokens": exchange.tokens.answer,
        "is_estimate": exchange.tokens.is_estimate,
        "cost": exchange.cost,
        "seconds": exchange.seconds,
        "outcome": exchange.outcome.value,
        "why": _storable(exchange.why),
    }


def _storable(text: str) -> str:
    # PostgreSQL keeps no NUL, and half a character can be kept nowhere.
    return text.replace("\x00", "␀").encode(errors="replace").decode()


def _kept(row: Row[Any]) -> Kept:
    tokens = Tokens(row.prompt_tokens, row.answer_tokens, row.is_estimate)
    exchange = Exchange(
        row.asker,
        row.model,
        row.at_ms,
        getattr(row, "prompt", ""),
        getattr(row, "answer", ""),
        tokens,
        row.cost,
        row.seconds,
        Outcome(row.outcome),
        row.why,
    )
    return Kept(row.id, row.diagnosis_id, row.asked_by, exchange, row.verdict)
