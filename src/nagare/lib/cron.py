"""Cron expressions in a zone: five fields, or one of the words @hourly … @yearly; and the moments that they mean. Pure.

Two rules for the days on which clocks are set. An expression whose minutes and hours are named is about the clock on the
wall: a time that is left out that day is the next moment that there is, a time that comes twice is its first, and either
way it is one moment. An expression that says ``*`` for minutes or hours is about the time that passes: each matching minute
that really passes is a moment, so an hour that comes twice has its moments twice, and one that is left out has none.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from nagare.errors import InputError

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    }
)
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_NEVER, _FOREVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
# 29 February on one day of the week comes again after 40 years at the latest (over a century without one).
_HORIZON_DAYS = 41 * 366
_LONGEST_GAP_MINUTES = 48 * 60


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A read expression. ``last_weekdays`` are days of the week of which only the month's last one is meant."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    last_weekdays: frozenset[int]
    has_last_day: bool
    # Both kinds of days must fit where one of them is any; else one of them is enough.
    needs_both: bool
    by_wall: bool

    def has(self, day: date) -> bool:
        """Tell whether ``day`` is one of its days."""
        if day.month not in self.months:
            return False
        last = calendar.monthrange(day.year, day.month)[1]
        of_month = day.day in self.days or (self.has_last_day and day.day == last)
        weekday = day.isoweekday() % 7
        of_week = weekday in self.weekdays or (weekday in self.last_weekdays and day.day > last - 7)
        return (of_month and of_week) if self.needs_both else (of_month or of_week)


def parse_cron(text: str) -> Cron:
    """Return the expression. Raises InputError that says which field cannot be read."""
    words = text.strip().lower()
    parts = WORDS.get(words, words).split()
    if len(parts) != len(_FIELDS):
        raise _wrong(text, "five fields are meant: minute, hour, day of the month, month, day of the week")
    days, last_days = _without_last(parts[2], text)
    weekdays, last_weekdays = _last_weekdays(parts[4], text)
    return Cron(
        text=" ".join(text.split()),
        minutes=tuple(sorted(_read(parts[0], _FIELDS[0], text))),
        hours=tuple(sorted(_read(parts[1], _FIELDS[1], text))),
        days=frozenset(_read(days, _FIELDS[2], text)) if days else frozenset(),
        months=frozenset(_read(parts[3], _FIELDS[3], text)),
        # Sunday has two numbers.
        weekdays=frozenset(day % 7 for day in _read(weekdays, _FIELDS[4], text)) if weekdays else frozenset(),
        last_weekdays=last_weekdays,
        has_last_day=last_days,
        needs_both=parts[2].startswith("*") or parts[4].startswith("*"),
        by_wall=not (parts[0].startswith("*") or parts[1].startswith("*")),
    )


def moments_after(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield moments (UTC) later than ``after``, in order; none where there is none within forty years."""
    # Of the day before, what is left out by the clock may fall into this one.
    day = after.astimezone(zone).date() - timedelta(days=1)
    newest, last = after, day + timedelta(days=_HORIZON_DAYS)
    while day < last:
        if day.month not in cron.months:
            day = _next_month(day)
            continue
        for moment in _moments(cron, zone, day, newest):
            if moment > newest:
                newest = moment
                yield moment
        day += timedelta(days=1)


def newest_between(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """Return the newest ``limit`` moments later than ``after`` and not later than ``until``, in order."""
    found: set[datetime] = set()
    day, first = until.astimezone(zone).date() + timedelta(days=1), after.astimezone(zone).date() - timedelta(days=1)
    while day >= first and len(found) <= limit:
        found.update(moment for moment in _moments(cron, zone, day, after, until) if after < moment <= until)
        day -= timedelta(days=1)
    return sorted(found)[-limit:]


def moments_of(cron: Cron, zone: ZoneInfo, day: date) -> list[datetime]:
    """Return the moments (UTC) that a day of the calendar has, in order, each once."""
    return list(_moments(cron, zone, day, _NEVER))


def _moments(cron: Cron, zone: ZoneInfo, day: date, after: datetime, until: datetime = _FOREVER) -> Iterable[datetime]:
    """Return the moments of a day in order; those of hours that are over at ``after`` or begin after ``until`` may be left out."""
    if not cron.has(day):
        return ()
    shift = _steady_shift(zone, day)
    if shift is None:
        return _moments_of_change(cron, zone, day)
    begin = datetime.combine(day, time(), UTC) - shift
    return (
        hour + minute * _MINUTE
        for hour in (begin + number * _HOUR for number in cron.hours)
        if hour + _HOUR > after and hour <= until
        for minute in cron.minutes
    )


@lru_cache(maxsize=4096)
def _steady_shift(zone: ZoneInfo, day: date) -> timedelta | None:
    """Return what a zone is ahead of UTC on all of a day; None when its clocks are set on that day, or at an end of it."""
    begin = _at(datetime.combine(day, time()), zone, 0)
    shifts = {(begin + number * _HOUR).astimezone(zone).utcoffset() for number in range(25)}
    shift = shifts.pop()
    # A day that was left out, or whose midnight was, begins elsewhere than it says.
    begins_as_told = shift is not None and datetime.combine(day, time(), UTC) - shift == begin
    return shift if begins_as_told and not shifts else None


@lru_cache(maxsize=64)
def _moments_of_change(cron: Cron, zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    """Return the moments of a day on which clocks are set: each minute is asked for, so they are kept."""
    walls = [datetime.combine(day, time(hour, minute)) for hour in cron.hours for minute in cron.minutes]
    if cron.by_wall:
        return tuple(sorted({_first(wall, zone) for wall in walls}))
    return tuple(sorted({_at(wall, zone, fold) for wall in walls for fold in (0, 1) if _exists(wall, zone, fold)}))


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _first(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first moment at which the clock on the wall shows ``wall``, or the next that it shows at all."""
    for _ in range(_LONGEST_GAP_MINUTES):
        if _exists(wall, zone, 0):
            break
        wall += _MINUTE
    return _at(wall, zone, 0)


def _at(wall: datetime, zone: tzinfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _exists(wall: datetime, zone: tzinfo, fold: int) -> bool:
    return _at(wall, zone, fold).astimezone(zone).replace(tzinfo=None, fold=0) == wall


def _without_last(part: str, text: str) -> tuple[str, bool]:
    """Return a field of days of the month without its L, and whether it had one."""
    terms = part.split(",")
    kept = [term for term in terms if term != "l"]
    if not all(terms):
        raise _wrong(text, "day of the month has an empty part")
    return ",".join(kept), len(kept) < len(terms)


def _last_weekdays(part: str, text: str) -> tuple[str, frozenset[int]]:
    """Return a field of days of the week without those that mean the last one of a month, and those."""
    terms = part.split(",")
    last = [term for term in terms if term.endswith("l") and term != "l"]
    found = {day % 7 for term in last for day in _read(term[:-1], _FIELDS[4], text)}
    return ",".join(term for term in terms if term not in last), frozenset(found)


def _read(part: str, field: _Field, text: str) -> set[int]:
    found: set[int] = set()
    for term in part.split(","):
        span, slash, step_text = term.partition("/")
        step = _number(step_text, field, text) if slash else 1
        if step < 1:
            raise _wrong(text, f"{field.name} has a step of {step}")
        if span == "*":
            low, high = field.low, field.high
        else:
            low_text, dash, high_text = span.partition("-")
            low = _value(low_text, field, text)
            # A step alone goes on to the end: 5/15 is 5, 20, 35, 50.
            high = _value(high_text, field, text) if dash else (field.high if slash else low)
        if low > high:
            raise _wrong(text, f"{field.name} goes from {low} down to {high}")
        found.update(range(low, high + 1, step))
    return found


def _value(text: str, field: _Field, whole: str) -> int:
    value = field.words[text] if text in field.words else _number(text, field, whole)
    if not field.low <= value <= field.high:
        raise _wrong(whole, f"{field.name} is {value}, and {field.low} to {field.high} are lawful")
    return value


def _number(text: str, field: _Field, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise _wrong(whole, f"{field.name} has {text[:20]!r}")
    return int(text)


def _wrong(text: str, cause: str) -> InputError:
    return InputError(
        f"cannot use cron expression {text[:80]!r}: {cause}",
        hint="such as '30 2 * * *', '*/15 8-18 * * mon-fri', '0 6 L * *' or @daily",
        errors=[{"pointer": "#/cron", "detail": cause}],
    )
