"""The audit log: every change and every refused attempt, durable before its caller is answered.

A change is kept twice: that it begins, before anything is changed, and how it ended. So a crash in the middle leaves
an entry that says so, instead of a change that nobody recorded. A change of the records alone may be written with its
entry in one transaction instead (``store.append_entries``). Entries that wait together are written in one
transaction. Refused attempts come in floods when somebody guesses: of each kind from each address a few in
five minutes become entries of their own, and the others one entry that counts them.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.audit.chain import Entry, SignedHead, head_message
from nagare.audit.store import AuditStore, Pending
from nagare.audit.wanted import Wanted
from nagare.errors import NagareError, OverloadedError
from nagare.keys.signing import SigningKey
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.tasks import TaskSupervisor
from nagare.model.deed import Deed
from nagare.records.engine import Records

log = logging.getLogger(__name__)

HEAD_SECONDS = 3600.0
_WAITING_LIMIT = 1000
_PAGE = 500
# Refused attempts of one kind from one address that become entries of their own within a window.
REFUSALS_EACH = 5
# Kinds of them told apart at one time; further ones are one kind.
_KINDS_LIMIT = 1000
WINDOW_SECONDS = 300.0


@dataclass(slots=True)
class _Flood:
    deed: Deed
    told: int = 0
    untold: int = 0


class AuditTrail:
    """The audit log of this installation. ``run`` signs heads and tells floods until cancelled."""

    def __init__(self, records: Records, key_file: Path, clock: Clock) -> None:
        """Keep the open records and the place of the signing key."""
        self._store = AuditStore(records)
        self._key_file = key_file
        self._clock = clock
        self._waiting: list[tuple[Pending, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._tasks = TaskSupervisor(clock=clock)
        self._floods: OrderedDict[tuple[str, str], _Flood] = OrderedDict()
        self._signed_at = clock.monotonic()
        self._key: SigningKey | None = None
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        """Settle what a crash left begun, and sign the head that is found."""
        self._key = await asyncio.to_thread(SigningKey.load_or_make, self._key_file)
        await self._tasks.__aenter__()
        if unknown := await self._store.settle_begun():
            log.warning("audit_unknown_outcomes count=%s", unknown)
        await self.sign_head()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell what was only counted and sign the last head, if the disk takes it."""
        try:
            await self._tell_floods()
            await self.sign_head()
        except NagareError as fault:
            log.warning("audit_head_not_signed: %s", fault.message)
        await self._tasks.stop()

    async def begin(self, deed: Deed) -> str:
        """Keep that ``deed`` is about to be done and return the id with which ``record`` ends it. Raises StorageError."""
        id_ = uuid.uuid4().hex
        await self._store.begin(id_, self._clock.now_ms(), deed)
        return id_

    async def record(self, deed: Deed, begun: str = "") -> None:
        """Append an entry, durable when this returns. Raises OverloadedError, StorageError."""
        if len(self._waiting) >= _WAITING_LIMIT:
            self.counters.add("overloads")
            raise OverloadedError(
                f"cannot record {deed.action}: {_WAITING_LIMIT} audit entries wait already", retry_after_seconds=1.0
            )
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((Pending(self._clock.now_ms(), deed, begun), future))
        if self._writer is None or self._writer.done():
            self._writer = self._tasks.start("audit-write", self._write())
        await future

    async def refuse(self, deed: Deed) -> None:
        """Append an entry for a refused attempt, or count it when it is one of a flood. Raises StorageError."""
        self.counters.add("refusals")
        kind = (deed.address, deed.action)
        if kind not in self._floods and len(self._floods) >= _KINDS_LIMIT:
            kind = ("", "")
        flood = self._floods.setdefault(kind, _Flood(deed))
        if flood.told < REFUSALS_EACH:
            flood.told += 1
            await self.record(deed)
        else:
            flood.untold += 1

    async def find(self, wanted: Wanted) -> list[Entry]:
        """Return entries, newest first."""
        return await self._store.find(wanted)

    async def export(self, after: int = 0, limit: int | None = None) -> AsyncIterator[Entry]:
        """Yield the chain behind entry ``after`` as it stands now, in its order, a page at a time."""
        last, _ = await self._store.end()
        if limit is not None:
            last = min(last, after + limit)
        while after < last and (page := await self._store.page(after, min(_PAGE, last - after))):
            for entry in page:
                yield entry
            after = page[-1].seq

    async def heads(self) -> list[SignedHead]:
        """Return the signed heads, oldest first."""
        return await self._store.heads()

    async def sign_head(self) -> SignedHead:
        """Sign the newest entry, keep the signed head and return it."""
        assert self._key is not None  # entered
        self._signed_at = self._clock.monotonic()
        seq, digest = await self._store.end()
        now_ms = self._clock.now_ms()
        signature = self._key.sign(head_message(seq, digest, now_ms))
        head = SignedHead(seq, digest, now_ms, self._key.public_key, signature)
        if seq:
            await self._store.save_head(head)
        return head

    async def run(self) -> None:
        """Tell floods every five minutes and sign the head every hour, until cancelled."""
        while True:
            await self._clock.sleep(WINDOW_SECONDS)
            try:
                await self._tell_floods()
                if self._clock.monotonic() - self._signed_at >= HEAD_SECONDS:
                    await self.sign_head()
            except NagareError as error:
                log.warning("audit_not_written: %s", error.message)

    async def _tell_floods(self) -> None:
        floods, self._floods = self._floods, OrderedDict()
        for flood in floods.values():
            if flood.untold:
                text = f"{flood.untold} more such attempts within five minutes"
                await self.record(replace(flood.deed, detail=text, count=flood.untold, request_id=""))

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                await self._store.append([pending for pending, _ in group])
            except BaseException as error:  # every caller hears of it, a cancelled writer's too
                for _, future in group:
                    if not future.done():
                        future.set_exception(error if isinstance(error, Exception) else _interrupted())
                if not isinstance(error, NagareError):
                    raise
            else:
                self.counters.add("entries", len(group))
                for _, future in group:
                    if not future.done():
                        future.set_result(None)


def _interrupted() -> OverloadedError:
    return OverloadedError("cannot record audit entry: the server is stopping", retry_after_seconds=5.0)
