"""Schedules: making and changing them, and making their tasks at their moments.

Several servers may look at one schedule. What becomes of a moment is a row of which there can be one, written together
with the task: so whoever comes first makes it, and nobody makes it again. Who cannot write it leaves the moment open, and it
is looked at again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from nagare.automation.schedules.events import Telling, Told
from nagare.automation.schedules.rules import (
    Owed,
    Timetable,
    check_request,
    is_ahead,
    owed,
    seen_until,
    timetable_of,
)
from nagare.automation.schedules.store import ScheduleStore, check_revision
from nagare.automation.schedules.views import schedule_view
from nagare.automation.tasks.rights import owner_of
from nagare.automation.tasks.service import Tasks
from nagare.automation.tasks.store import OpenLimits
from nagare.config.settings import TaskSettings
from nagare.errors import InputError, NagareError, NotFoundError, PermissionDeniedError
from nagare.lib.alarm import Alarm
from nagare.lib.clock import Clock
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain
from nagare.model.event import Event
from nagare.model.principal import Permission, Principal
from nagare.model.schedule import Missed, Overlap, Run, RunOutcome, Schedule, check_name
from nagare.model.task import Task
from nagare.records.engine import Records
from nagare.wire.tasks import ScheduleRequest, ScheduleView, TaskRequest

log = logging.getLogger(__name__)
# Stores an event; a repeat is harmless. Raises StorageError.
Tell = Callable[[Event], Awaitable[None]]

SCHEDULES_LIMIT = 1000
# Another server may have changed a schedule.
LOOK_SECONDS = 5.0
_TIDY_SECONDS = 3600.0
_SEEN_SECONDS = 3600.0
_NEVER_MS = 2**62
# As many changes may follow before the column is full.
_FIRST_REVISIONS = 2**30


@dataclass(frozen=True, slots=True)
class _Upcoming:
    """The next moment of a schedule as it was when ``mark`` was so: computed once, and again when it has passed."""

    mark: tuple[Any, ...]
    at_ms: int


class Schedules:
    """The room; ``run`` makes tasks until cancelled."""

    def __init__(self, records: Records, tasks: Tasks, clock: Clock, settings: TaskSettings, tell: Tell) -> None:
        """Keep the neighbours, of whom ``tell`` stores an event; nothing is read yet."""
        self._store = ScheduleStore(records)
        self._tasks = tasks
        self._clock = clock
        self._kept_seconds = settings.kept_seconds
        self._limits = OpenLimits(settings.open_limit, settings.owner_open_limit)
        self._tell = tell
        self._telling = Telling()
        self._changed = Alarm(clock)
        self._timetables: dict[tuple[str, str], Timetable] = {}
        self._upcoming: dict[str, _Upcoming] = {}
        # Why a schedule made nothing at the last look.
        self._faults: dict[str, str] = {}
        self._looked_ms = 0

    async def schedules(self) -> list[ScheduleView]:
        """Return every schedule, by name."""
        last = await self._store.last_runs()
        return [self._view(schedule, last.get(schedule.name)) for schedule in await self._store.load()]

    async def get(self, name: str) -> ScheduleView:
        """Return the schedule of that name. Raises NotFoundError."""
        schedule = await self._get(name)
        return self._view(schedule, (await self._store.last_runs()).get(name))

    async def newest(self) -> list[tuple[Schedule, int | None]]:
        """Return every schedule with its next moment, None where there is none or its zone is not known here."""
        now_ms, found = self._clock.now_ms(), []
        for schedule in await self._store.load():
            timetable, _ = self._find_timetable(schedule)
            following = [] if timetable is None else timetable.after(now_ms, 1)
            found.append((schedule, following[0] if following else None))
        return found

    async def save(self, principal: Principal, name: str, request: ScheduleRequest) -> ScheduleView:
        """Make a schedule, or change all of one; its tasks are then its changer's.

        With a revision only as it was read. Raises InputError, NotFoundError, PermissionDeniedError, ConflictError,
        StaleVersionError.
        """
        now_ms = self._clock.now_ms()
        check_name(name)
        check_request(request, now_ms)
        owner = owner_of(principal)
        await self._tasks.check(principal, request.kind, TaskRequest(request.kind, request.arguments))
        schedule = Schedule(
            name=name,
            cron=" ".join(request.cron.split()),
            zone=request.zone,
            kind=request.kind,
            arguments=request.arguments,
            owner=owner,
            enabled=request.enabled,
            missed=Missed(request.missed),
            missed_limit=request.missed_limit,
            grace_seconds=request.grace_seconds,
            overlap=Overlap(request.overlap),
            text=plain(request.text, 1000),
            made_ms=now_ms,
            changed_ms=now_ms,
            seen_ms=now_ms,
            # One that is removed and made again must not pass for the one that was read.
            revision=secrets.randbelow(_FIRST_REVISIONS),
        )
        kept = await self._store.save(schedule, SCHEDULES_LIMIT, expected=request.revision, is_new=request.is_new)
        self._changed.ring()
        return self._view(kept, (await self._store.last_runs()).get(name))

    async def enable(
        self, principal: Principal, name: str, *, enabled: bool, revision: int | None = None
    ) -> ScheduleView:
        """Switch a schedule on or off, with ``revision`` only as it was read; moments while it was off are not missed.

        Raises NotFoundError, StaleVersionError, and on what asking for its task would raise.
        """
        if enabled:
            await self._check_caller(principal, await self._get(name))
        changed = await self._store.enable(name, self._clock.now_ms(), enabled=enabled, expected=revision)
        if changed is None:
            await self._get(name)
        self._changed.ring()
        return await self.get(name)

    async def remove(self, name: str, revision: int | None = None) -> Schedule:
        """Forget a schedule, with ``revision`` only as it was read; tasks that it made stay.

        Raises NotFoundError, StaleVersionError.
        """
        await self._get(name)
        return await self._store.remove(name, self._clock.now_ms(), expected=revision)

    async def run_now(self, principal: Principal, name: str, revision: int | None = None) -> Task:
        """Make the task of a schedule now, beside its moments, on its owner's behalf; with ``revision`` only as it was read.

        Raises NotFoundError, StaleVersionError, and what asking for its task would raise.
        """
        schedule = await self._get(name)
        check_revision("run", schedule, revision)
        await self._check_caller(principal, schedule)
        task = self._task(schedule, None)
        kept, _ = await self._tasks.store.add(task, self._limits)
        await self._tasks.begin(kept)
        return kept

    async def run(self) -> None:
        """Make tasks at their moments, until cancelled."""
        tidied = self._clock.monotonic() - _TIDY_SECONDS
        while True:
            self._changed = Alarm(self._clock)
            seconds = LOOK_SECONDS
            try:
                seconds = await self.look()
                if self._clock.monotonic() - tidied >= _TIDY_SECONDS:
                    tidied = self._clock.monotonic()
                    await self._store.forget_runs(self._clock.now_ms() - round(self._kept_seconds * 1000))
            except NagareError as error:
                log.warning("schedules_not_looked_at: %s", error.message)
            await self._changed.wait(seconds)

    async def look(self) -> float:
        """Make what is owed now; return the seconds until the next look."""
        now_ms = self._clock.now_ms()
        if now_ms < self._looked_ms:
            # The clock was set back: what was next then may not be next now.
            self._upcoming.clear()
        self._looked_ms = now_ms
        schedules = [schedule for schedule in await self._store.load() if schedule.enabled]
        self._forget_others({schedule.name for schedule in schedules})
        decided = [schedule for schedule in schedules if await self._keep_up(schedule, now_ms)]
        if decided:
            await self._store.seen(decided, now_ms)
        await self._tell_events(now_ms)
        # What could not be decided is no reason to look sooner.
        following = [upcoming.at_ms for upcoming in self._upcoming.values() if upcoming.at_ms > now_ms]
        wait = min(following, default=_NEVER_MS) - self._clock.now_ms()
        return min(max(wait / 1000, 0.0), LOOK_SECONDS)

    async def _keep_up(self, schedule: Schedule, now_ms: int) -> bool:
        """Decide what is owed; tell whether that is to be kept. What goes wrong with one schedule stops no other."""
        try:
            is_due = self._is_due(schedule, now_ms)
            if is_due:
                for one in owed(schedule, self._timetable(schedule), now_ms):
                    await self._decide(schedule, one)
                self._upcoming[schedule.name] = self._next(schedule, now_ms)
        except NagareError as error:
            # The moment stays open, and comes again while it is within its grace.
            if self._faults.get(schedule.name) != error.message:
                log.warning("schedule_not_run name=%s: %s", schedule.name, error.message)
                self._telling.add(Told.FAULT, schedule, now_ms, error.message)
            self._faults[schedule.name] = error.message
            return False
        self._faults.pop(schedule.name, None)
        if is_ahead(schedule, now_ms):
            log.warning("schedule_seen_in_the_future name=%s seen_ms=%d", schedule.name, schedule.seen_ms)
            return True
        # Between two moments there is nothing to keep; but what is looked through later must not grow for ever.
        return is_due or now_ms - schedule.seen_ms >= _SEEN_SECONDS * 1000

    def _is_due(self, schedule: Schedule, now_ms: int) -> bool:
        known = self._upcoming.get(schedule.name)
        if known is None or known.mark != _mark(schedule):
            known = self._upcoming[schedule.name] = self._next(schedule, seen_until(schedule, now_ms))
        return known.at_ms <= now_ms

    def _next(self, schedule: Schedule, after_ms: int) -> _Upcoming:
        following = self._timetable(schedule).after(after_ms, 1)
        return _Upcoming(_mark(schedule), following[0] if following else _NEVER_MS)

    def _forget_others(self, names: set[str]) -> None:
        for known in (self._upcoming, self._faults):
            for name in known.keys() - names:
                del known[name]

    async def _decide(self, schedule: Schedule, one: Owed) -> None:
        outcome, task = one.outcome, None
        # Runs that are made up for come at one time: each of them would be held by the one before.
        if outcome is RunOutcome.MADE and schedule.overlap is Overlap.SKIP and not one.is_made_up:
            outcome = RunOutcome.OVERLAPPED if await self._tasks.store.open_of(schedule.name) else RunOutcome.MADE
        if outcome is RunOutcome.MADE:
            task = self._task(schedule, one.moment_ms)
        run = Run(schedule.name, one.moment_ms, outcome, "" if task is None else task.id, self._clock.now_ms())
        if await self._store.record(schedule, run, task, self._limits):
            self._count(outcome)
            if task is not None:
                await self._tasks.begin(task)
            else:
                log.info("schedule_moment_%s name=%s moment_ms=%d", outcome, schedule.name, one.moment_ms)
                what = Told.MISSED if outcome is RunOutcome.MISSED else Told.OVERLAPPED
                self._telling.add(what, schedule, one.moment_ms)

    async def _tell_events(self, now_ms: int) -> None:
        for due in self._telling.due(now_ms):
            try:
                await self._tell(due.event)
                self._telling.settle(due, now_ms)
            except NagareError as error:
                # The next look tells it with what came meanwhile; now the disk would not take the others either.
                self._telling.postpone(due)
                self._tasks.counters.add("events_failed")
                log.warning("schedule_event_not_stored id=%s: %s", due.event.id, error.message)
                return

    async def _check_caller(self, principal: Principal, schedule: Schedule) -> None:
        """Raise what speaks against such a task of the caller's own: nobody gets more done by a schedule of somebody else's."""
        if not principal.may(Permission.TASKS_WRITE):
            raise PermissionDeniedError(
                f"cannot make tasks of schedule {schedule.name}: you lack the permission {Permission.TASKS_WRITE}"
            )
        arguments = dict(schedule.arguments)
        if owner_of(principal).id != schedule.owner.id:
            # What its owner confirmed, the caller did not.
            arguments.pop("confirm", None)
        await self._tasks.check(principal, schedule.kind, TaskRequest(schedule.kind, arguments))

    def _count(self, outcome: RunOutcome) -> None:
        counters = self._tasks.counters
        match outcome:
            case RunOutcome.MADE:
                counters.add("moments_run")
            case RunOutcome.MISSED:
                counters.add("moments_missed")
            case RunOutcome.OVERLAPPED:
                counters.add("moments_overlapped")

    def _task(self, schedule: Schedule, moment_ms: int | None) -> Task:
        # Of a kind that is gone nothing is made that nobody could run.
        self._tasks.kinds.get(schedule.kind)
        arguments: dict[str, Any] = dict(schedule.arguments)
        return self._tasks.make(schedule.owner, TaskRequest(schedule.kind, arguments), schedule.name, moment_ms)

    async def _get(self, name: str) -> Schedule:
        schedule = await self._store.find(name)
        if schedule is None:
            hint = did_you_mean(name, [one.name for one in await self._store.load()])
            raise NotFoundError(
                f"cannot find schedule {name[:80]!r}: there is none of that name",
                hint=hint or "nagare schedules list lists them",
            )
        return schedule

    def _timetable(self, schedule: Schedule) -> Timetable:
        key = (schedule.cron, schedule.zone)
        if key not in self._timetables:
            if len(self._timetables) > SCHEDULES_LIMIT:
                self._timetables.clear()
            self._timetables[key] = timetable_of(*key)
        return self._timetables[key]

    def _view(self, schedule: Schedule, last: Run | None) -> ScheduleView:
        timetable, fault = self._find_timetable(schedule)
        fault = fault or self._faults.get(schedule.name, "")
        return schedule_view(schedule, last, timetable, self._clock.now_ms(), fault)

    def _find_timetable(self, schedule: Schedule) -> tuple[Timetable | None, str]:
        """Return the moments of a schedule, or None and why they cannot be told: a zone may be gone from this host."""
        try:
            return self._timetable(schedule), ""
        except InputError as error:
            return None, error.message


def _mark(schedule: Schedule) -> tuple[Any, ...]:
    return schedule.revision, schedule.made_ms, schedule.cron, schedule.zone
