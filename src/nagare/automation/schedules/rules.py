"""Which runs a schedule is owed now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from nagare.errors import InputError
from nagare.lib.cron import Cron, moments_after, newest_between, parse_cron
from nagare.lib.zones import find_zone
from nagare.model.schedule import Missed, Overlap, RunOutcome, Schedule
from nagare.wire.tasks import ScheduleRequest

# Moments that are told as missed; there may be a million of them.
_TOLD_LIMIT = 100
# A server looks every few seconds: what is late by less than this cannot be told from what is in time.
LEAST_GRACE_SECONDS = 10.0
# Clocks of servers differ by less. What is said to be seen later than that was seen by a clock that was wrong.
AHEAD_MS = 5 * 60_000


@dataclass(frozen=True, slots=True)
class Timetable:
    """The moments of a schedule."""

    cron: Cron
    zone: ZoneInfo

    def after(self, at_ms: int, count: int) -> list[int]:
        """Return the next ``count`` moments later than ``at_ms``, Unix milliseconds."""
        return [_ms(moment) for moment in islice(moments_after(self.cron, self.zone, _time(at_ms)), count)]

    def between(self, after_ms: int, until_ms: int, limit: int) -> list[int]:
        """Return the newest ``limit`` moments of that time."""
        found = newest_between(self.cron, self.zone, _time(after_ms), _time(until_ms), limit)
        return [_ms(moment) for moment in found]


@dataclass(frozen=True, slots=True)
class Owed:
    """One moment that is to be decided now, and how: a run is made, or it is on record as missed.

    ``is_made_up``: it was missed, and its run is made nevertheless.
    """

    moment_ms: int
    outcome: RunOutcome
    is_made_up: bool = False


def timetable_of(cron: str, zone: str) -> Timetable:
    """Return the moments of an expression in a zone. Raises InputError."""
    return Timetable(parse_cron(cron), find_zone(zone))


def owed(schedule: Schedule, timetable: Timetable, now_ms: int) -> list[Owed]:
    """Return what ``schedule`` is owed at ``now_ms``, in the order of the moments.

    What is late by no more than the grace is made. What is older was missed: skipped, made once (for the newest of them),
    or made for each of the newest ``missed_limit``.
    """
    seen_ms = seen_until(schedule, now_ms)
    since_ms = now_ms - round(max(schedule.grace_seconds, LEAST_GRACE_SECONDS) * 1000)
    in_time = timetable.between(max(seen_ms, since_ms - 1), now_ms, _TOLD_LIMIT)
    missed = timetable.between(seen_ms, since_ms - 1, _TOLD_LIMIT) if seen_ms < since_ms - 1 else []
    made = {
        Missed.SKIP: 0,
        # Where one is due anyway, it does what the missed ones would have done.
        Missed.RUN_ONCE: 0 if in_time else 1,
        Missed.RUN_ALL: schedule.missed_limit,
    }[schedule.missed]
    if schedule.missed is Missed.RUN_ALL:
        missed = timetable.between(seen_ms, since_ms - 1, max(_TOLD_LIMIT, made)) if missed else []
    first = len(missed) - min(made, len(missed))
    late = [Owed(at, RunOutcome.MISSED) for at in missed[:first]]
    made_up = [Owed(at, RunOutcome.MADE, is_made_up=True) for at in missed[first:]]
    return [*late, *made_up, *(Owed(at, RunOutcome.MADE) for at in in_time)]


def is_ahead(schedule: Schedule, now_ms: int) -> bool:
    """Tell whether what was seen lies in the future: the clock that saw it was wrong, or this one is."""
    return schedule.seen_ms > now_ms + AHEAD_MS


def seen_until(schedule: Schedule, now_ms: int) -> int:
    """Return up to when every moment has been decided; of what is to come, a clock that was ahead decided nothing.

    Moments for which it made runs have their rows, so that none is made again.
    """
    return now_ms if is_ahead(schedule, now_ms) else schedule.seen_ms


def check_request(request: ScheduleRequest, now_ms: int) -> Timetable:
    """Return the moments of a schedule that is asked for. Raises InputError that points at the fault."""
    timetable = timetable_of(request.cron, request.zone)
    _check_word(request.missed, Missed, "missed")
    _check_word(request.overlap, Overlap, "overlap")
    if not timetable.after(now_ms, 1):
        cause = "it never comes"
        raise InputError(
            f"cannot use cron expression {request.cron[:80]!r}: {cause}",
            errors=[{"pointer": "#/cron", "detail": cause}],
        )
    return timetable


def _check_word(value: str, words: type[Missed | Overlap], field: str) -> None:
    lawful = [word.value for word in words]
    if value not in lawful:
        cause = f"must be one of {', '.join(lawful)}"
        raise InputError(
            f"cannot use {field} {value[:40]!r}: {cause}", errors=[{"pointer": f"#/{field}", "detail": cause}]
        )


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
