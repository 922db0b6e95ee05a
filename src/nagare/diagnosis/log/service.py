"""Keeps what is said to models: each exchange before it leaves, its end, and what was made of it; forgets what is old."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from nagare.diagnosis.log.kept import Kept
from nagare.diagnosis.log.store import ExchangeStore
from nagare.diagnosis.models.exchange import Exchange
from nagare.errors import NagareError, NotFoundError
from nagare.lib.clock import Clock
from nagare.records.engine import Records

log = logging.getLogger(__name__)
_TIDY_SECONDS = 3600.0
_TIDY_COUNT = 500


class ModelLog:
    """The log of an installation; ``run`` forgets what is older than ``kept_seconds``, until cancelled."""

    def __init__(self, records: Records, clock: Clock, kept_seconds: float) -> None:
        """Keep the neighbours."""
        self._store = ExchangeStore(records)
        self._clock = clock
        self._kept_seconds = kept_seconds

    async def run(self) -> None:
        """Forget what is old, until cancelled."""
        while True:
            try:
                await self.tidy()
            except NagareError as error:
                log.warning("model_log_not_tidied: %s", error.message)
            await self._clock.sleep(_TIDY_SECONDS)

    async def tidy(self) -> int:
        """Forget what is old now; return how many."""
        before_ms = self._clock.now_ms() - round(self._kept_seconds * 1000)
        count = 0
        while forgotten := await self._store.forget(before_ms, _TIDY_COUNT):
            count += forgotten
        return count

    def of(self, diagnosis_id: str, asked_by: str) -> DiagnosisLog:
        """Return the log in which one diagnosis writes."""
        return DiagnosisLog(self._store, diagnosis_id, asked_by)

    async def judge(self, diagnosis_id: str, verdict: str) -> None:
        """Keep what was made of the answers of a diagnosis."""
        await self._store.judge(diagnosis_id, verdict)

    async def newest(self, before: tuple[int, str] | None, limit: int, diagnosis_id: str = "") -> Sequence[Kept]:
        """Return exchanges without their texts, the newest first, after the place ``before``."""
        return await self._store.find_all(before, limit, diagnosis_id)

    async def get(self, id_: str) -> Kept:
        """Return an exchange with its texts. Raises NotFoundError."""
        found = await self._store.find(id_)
        if found is None:
            raise NotFoundError(f"cannot find exchange {id_[:40]!r}: there is none of that id")
        return found

    async def remove(self, id_: str) -> None:
        """Forget an exchange. Raises NotFoundError."""
        if not await self._store.remove(id_):
            raise NotFoundError(f"cannot remove exchange {id_[:40]!r}: there is none of that id")

    async def remove_all(self, diagnosis_id: str) -> int:
        """Forget all exchanges of a diagnosis; return how many."""
        return await self._store.remove(diagnosis_id=diagnosis_id)


@dataclass(frozen=True, slots=True)
class DiagnosisLog:
    """Where one diagnosis writes."""

    store: ExchangeStore
    diagnosis_id: str
    asked_by: str

    async def began(self, exchange: Exchange) -> str:
        """Keep ``exchange``; durable when this returns."""
        id_ = uuid.uuid4().hex
        await self.store.add(Kept(id_, self.diagnosis_id, self.asked_by, exchange))
        return id_

    async def ended(self, id_: str, exchange: Exchange) -> None:
        """Keep what came of it."""
        await self.store.change(id_, exchange)
