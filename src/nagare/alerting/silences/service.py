"""Making and ending silences, and which of them an alert is under.

They are kept in memory and written through; other servers' are read again every few seconds.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from uuid import uuid4

from nagare.alerting.silences.lookup import ByLabel
from nagare.alerting.silences.store import SilenceStore
from nagare.errors import ConflictError, InputError, NotFoundError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.alert.matcher import parse_matchers
from nagare.model.alert.silence import Silence
from nagare.model.principal import Principal
from nagare.records.engine import Records
from nagare.wire.alerts import SilenceRequest

OPEN_LIMIT = 1000
# So many of those that are over are shown at the most, and kept: somebody may make and end them all day.
OVER_LIMIT, _KEPT_LIMIT = 500, 10_000
LONGEST_SECONDS = 366 * 86_400.0
# One that is over is shown for a while, for who wonders why nothing was said.
_SHOWN_MS = 30 * 86_400_000
_READ_SECONDS = 5.0
_MATCHED_MS = 60_000


class Silences:
    """The silences of this installation; ``load`` reads them."""

    def __init__(self, records: Records, clock: Clock) -> None:
        """Keep the neighbours; nothing is read yet."""
        self._store = SilenceStore(records)
        self._clock = clock
        self._silences: dict[str, Silence] = {}
        self._matched: dict[str, int] = {}
        self._by_label: ByLabel | None = None
        self._read = 0.0
        # Rises with every change made here: what was read before one must not undo it.
        self._changes = 0
        # Called when one was made or ended here.
        self.on_change: Callable[[], None] = _nobody_listens

    async def load(self) -> None:
        """Read them."""
        self._read = self._clock.monotonic() + _READ_SECONDS
        changes = self._changes
        found = {silence.id: silence for silence in await self._store.load(self._silences, OPEN_LIMIT + OVER_LIMIT)}
        if changes == self._changes:
            self._silences, self._by_label = found, None

    async def follow(self) -> None:
        """Read what other servers made, every few seconds."""
        if self._clock.monotonic() >= self._read:
            await self.load()

    def all(self) -> list[Silence]:
        """Return silences, the newest first: those that are open, and of those that are over the last few hundred."""
        return list(self._silences.values())

    async def get(self, silence_id: str) -> Silence:
        """Return the silence of that id. Raises NotFoundError."""
        if silence_id not in self._silences:
            await self.load()
        silence = self._silences.get(silence_id) or await self._store.find(silence_id)
        if silence is None:
            raise NotFoundError(
                f"cannot find silence {silence_id[:40]!r}: there is none of that id", hint="nagare silences list"
            )
        return silence

    def over(self, labels: Mapping[str, str]) -> list[Silence]:
        """Return the silences that an alert with those labels is under now."""
        now_ms = self._clock.now_ms()
        if self._by_label is None:
            self._by_label = ByLabel(
                one for one in self._silences.values() if now_ms < one.until_ms and not one.ended_by
            )
        return [one for one in self._by_label.about(labels) if one.is_open(now_ms)]

    async def add(self, principal: Principal, request: SilenceRequest) -> Silence:
        """Make a silence. Raises InputError, LimitExceededError."""
        now_ms = self._clock.now_ms()
        silence = _made(principal, request, now_ms)
        await self._store.add(silence, OPEN_LIMIT, now_ms)
        self._changes += 1
        self._silences, self._by_label = {silence.id: silence, **self._silences}, None
        self.on_change()
        return silence

    async def end(self, silence_id: str, principal: Principal) -> Silence:
        """End one now. Raises NotFoundError, ConflictError for one that is over."""
        ended = await self._end(await self.get(silence_id), principal.name, "ended by hand")
        if ended is None:
            raise ConflictError(f"cannot end silence {silence_id}: it is over already")
        return ended

    async def look(self, alerts: Iterable[Mapping[str, str]]) -> None:
        """Note what matches ``alerts`` (their labels), and end silences that nothing matched for too long."""
        now_ms = self._clock.now_ms()
        labels = list(alerts)
        for silence_id in [
            one.id for one in self._silences.values() if one.is_open(now_ms) and one.idle_seconds is not None
        ]:
            # There may be hundreds, and tens of thousands of alerts: everybody else has a turn between.
            await asyncio.sleep(0)
            silence = self._silences.get(silence_id)
            if silence is None or not silence.is_open(now_ms):
                continue
            if any(silence.is_meant(one) for one in labels):
                self._keep(replace(silence, matched_ms=now_ms))
                if now_ms - silence.matched_ms >= _MATCHED_MS or silence.matched_ms > now_ms:
                    self._matched[silence.id] = now_ms
            elif silence.matched_ms > now_ms:
                # The clock was set back: it waits no longer than from now on.
                self._keep(replace(silence, matched_ms=now_ms))
                self._matched[silence.id] = now_ms
            elif now_ms - max(silence.matched_ms, silence.starts_ms) >= (silence.idle_seconds or 0) * 1000:
                await self._end(silence, "nagare", f"nothing matched for {silence.idle_seconds:g} s")
        if self._matched:
            moments, self._matched = self._matched, {}
            await self._store.matched(moments)

    async def forget(self) -> None:
        """Forget those that ended long ago."""
        await self._store.forget(self._clock.now_ms() - _SHOWN_MS, _KEPT_LIMIT)

    def _keep(self, silence: Silence) -> None:
        self._silences[silence.id] = silence
        self._by_label = None

    async def _end(self, silence: Silence, ended_by: str, cause: str) -> Silence | None:
        ended = await self._store.end(silence, self._clock.now_ms(), ended_by, cause)
        if ended is None:
            await self.load()
        else:
            self._changes += 1
            self._keep(ended)
            self.on_change()
        return ended


def _nobody_listens() -> None:
    """Nobody is to hear of changes."""


def _made(principal: Principal, request: SilenceRequest, now_ms: int) -> Silence:
    matchers = parse_matchers(request.matchers)
    starts_ms = now_ms if request.starts_ms is None else request.starts_ms
    if starts_ms > now_ms + LONGEST_SECONDS * 1000:
        raise InputError(
            "cannot make silence: it would begin more than a year from now", hint="starts_ms is Unix milliseconds"
        )
    seconds = request.lasts_seconds
    if not math.isfinite(seconds) or not 0 < seconds <= LONGEST_SECONDS:
        raise InputError(f"cannot make silence: it would last {seconds:g} s", hint="more than 0 and at most a year")
    if not request.reason.strip():
        raise InputError("cannot make silence: no reason is given", hint="say why, for who wonders about it later")
    until_ms = max(starts_ms, now_ms) + round(seconds * 1000)
    return Silence(
        id=uuid4().hex,
        matchers=matchers,
        reason=plain(request.reason, 1000),
        owner_id=principal.id,
        owner=principal.name,
        made_ms=now_ms,
        starts_ms=starts_ms,
        until_ms=until_ms,
        matched_ms=now_ms,
        idle_seconds=request.idle_seconds,
    )
