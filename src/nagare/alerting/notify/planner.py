"""Looks, whenever something changed or a moment has come, whom to tell what; keeps it, and hands it to the outbox.

Only who judges looks, under the same lease. A look costs a part of what it looks at, so the next one waits in proportion.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from uuid import uuid4

from nagare.alerting.notify.fanout import Telling, telling_of
from nagare.alerting.notify.outbox import Outbox, Tools
from nagare.alerting.notify.planning import Subject, next_moment_ms, plan
from nagare.alerting.notify.room import Book, Room
from nagare.alerting.notify.store import NotifyStore
from nagare.alerting.notify.subjects import Subjects
from nagare.alerting.store import Mandate
from nagare.errors import ConflictError, InputError, NagareError, StorageError
from nagare.lib.alarm import Alarm
from nagare.model.notify.incident import Incident
from nagare.model.notify.notifying import Notifying

log = logging.getLogger(__name__)
# More than these are planned on another thread.
_INLINE_LIMIT = 50
# So many incidents are kept by one transaction: others write between.
_PIECE = 200
# Maintenance, mutes, silences and escalations begin and end by the clock: while anything is open, that is looked at so often.
_OPEN_SECONDS, _IDLE_SECONDS = 1.0, 30.0
_AGAIN_SECONDS, _FOLLOW_SECONDS = 5.0, 60.0
# Of the time at most a twentieth goes into looks at what did not change, and a third into what changes all the time.
_REST_SHARE, _BUSY_SHARE = 20.0, 2.0
_BUSY_MOST_SECONDS = 5.0
# What may be the fault of one incident; when so many fail one after the other from the first on, it is not.
_ONE_IS_BAD = (InputError, StorageError, ConflictError)
_BAD_LIMIT = 5


class Planner:
    """The open incidents in memory, written through; ``run`` looks until cancelled."""

    def __init__(self, store: NotifyStore, outbox: Outbox, room: Room, book: Book, tools: Tools) -> None:
        """Keep the parts; nothing is known before this server judges."""
        self._store = store
        self._outbox = outbox
        self._room = room
        self._book = book
        self._clock, self._counters, self._observer = tools.clock, tools.counters, tools.observer
        self.subjects = Subjects(room, store)
        self._incidents: dict[str, Incident] = {}
        self._mandate: Mandate | None = None
        # Whether the records may say something else than the memory does.
        self._is_old = False
        self._followed = 0.0
        self._alarm = Alarm(self._clock)

    @property
    def incidents(self) -> Sequence[Incident]:
        """The open incidents, as far as this server knows them: all while it judges, else none."""
        return tuple(self._incidents.values())

    def wake(self) -> None:
        """Look soon: something changed."""
        self._alarm.ring()

    async def run(self) -> None:
        """Look, until cancelled. What an earlier run left is read again."""
        self._mandate = None
        while True:
            # Before the look: what changes while it goes on is looked at next.
            self._alarm, began = Alarm(self._clock), self._clock.monotonic()
            try:
                seconds = await self.look()
            except NagareError as error:
                self._is_old, seconds = True, _AGAIN_SECONDS
                self._counters.add("plans_failed")
                log.warning("notifications_not_planned: %s", error.message)
            if (took := self._clock.monotonic() - began) > 0:
                await self._clock.sleep(min(took * _BUSY_SHARE, _BUSY_MOST_SECONDS))
            await self._alarm.wait(seconds)

    async def look(self) -> float:
        """Look once; return after how many seconds to look again although nothing was said to have changed."""
        mandate, began = self._room.mandate(), self._clock.monotonic()
        if mandate is None:
            if self._mandate is not None:
                self._mandate, self._incidents = None, {}
                self._outbox.rest()
            return _OPEN_SECONDS
        if mandate != self._mandate or self._is_old:
            await self._read(mandate)
        elif began >= self._followed:
            # What another server was asked to send again.
            self._followed = began + _FOLLOW_SECONDS
            await self._outbox.follow()
        notifying = self._book.notifying
        changed = await self._planned(notifying)
        if changed:
            await self._keep(changed, mandate)
        return self._rest_seconds(notifying, self._clock.monotonic() - began)

    async def _read(self, mandate: Mandate) -> None:
        found = await self._store.load_open()
        if mandate == self._mandate:
            await self._outbox.follow()
        else:
            await self._outbox.lead(mandate)
        self._incidents = {incident.id: incident for incident in found}
        self._mandate, self._is_old = mandate, False
        self._followed = self._clock.monotonic() + _FOLLOW_SECONDS

    async def _planned(self, notifying: Notifying) -> list[Telling]:
        incidents = list(self._incidents.values())
        subjects = await self.subjects.of(notifying, incidents)
        now_ms = self._clock.now_ms()
        if len(subjects) > _INLINE_LIMIT:
            return await asyncio.to_thread(_tellings, notifying, incidents, subjects, now_ms)
        return _tellings(notifying, incidents, subjects, now_ms)

    async def _keep(self, changed: Sequence[Telling], mandate: Mandate) -> None:
        self._observer.step("planned")
        for start in range(0, len(changed), _PIECE):
            piece = changed[start : start + _PIECE]
            try:
                await self._keep_piece(piece, mandate)
            except _ONE_IS_BAD as error:
                if len(changed) == 1:
                    raise
                log.warning("notifications_not_kept count=%d: %s", len(piece), error.message)
                await self._keep_alone(piece, mandate)

    async def _keep_piece(self, piece: Sequence[Telling], mandate: Mandate) -> None:
        kept = await self._store.keep(piece, mandate, self._outbox.bounds)
        self._observer.step("kept")
        for telling in piece:
            incident = kept.incidents.get(telling.change.after.id)
            if incident is None:
                self._is_old = True
            elif incident.ended_ms is None:
                self._incidents[incident.id] = incident
            else:
                self._incidents.pop(incident.id, None)
        self._counters.add("notices", sum(len(one.change.notices) for one in piece))
        self._outbox.take(kept.deliveries)

    async def _keep_alone(self, piece: Sequence[Telling], mandate: Mandate) -> None:
        """Keep each for itself, so that one that cannot be written costs the others nothing. Raises what all of the first raise."""
        failed = 0
        for place, telling in enumerate(piece):
            try:
                await self._keep_piece([telling], mandate)
            except _ONE_IS_BAD as error:
                failed += 1
                if failed == place + 1 >= min(_BAD_LIMIT, len(piece)) and len(piece) > 1:
                    # It is not one of them: the records do not take anything.
                    raise
                self._counters.add("incidents_skipped")
                log.warning("incident_not_kept id=%s: %s", telling.change.after.id, error.message)

    def _rest_seconds(self, notifying: Notifying, took: float) -> float:
        is_calm = not self._incidents and not any(alert.is_active for alert in self._room.board.open())
        rest = _IDLE_SECONDS if is_calm else min(max(_OPEN_SECONDS, took * _REST_SHARE), _IDLE_SECONDS)
        if self._is_old:
            return _OPEN_SECONDS
        moment_ms = next_moment_ms(notifying, self._incidents.values())
        if moment_ms is None:
            return rest
        wait = (moment_ms - self._clock.now_ms()) / 1000
        # One that is over is of a route that is mute now.
        return min(rest, wait) if wait > 0 else rest


def _tellings(
    notifying: Notifying, incidents: Sequence[Incident], subjects: Sequence[Subject], now_ms: int
) -> list[Telling]:
    changes = plan(notifying, incidents, subjects, now_ms, _new_id)
    return [telling_of(notifying, change, now_ms) for change in changes]


def _new_id() -> str:
    return uuid4().hex
