"""Rotations, escalations and mute times as a file writes them. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from nagare.model.fields import Fields
from nagare.model.notify.mute import MuteTime, Span
from nagare.model.notify.reading.parts import DAY, Use, Uses, read_moment, read_names, read_tables, read_zone
from nagare.model.notify.receiver import Escalation, Override, Rotation, Step

PEOPLE_LIMIT = 50
OVERRIDES_LIMIT = 500
STEPS_LIMIT = 20
SPANS_LIMIT = 50
TURN_DAYS_LIMIT = 366
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MIDNIGHT = 24 * 60


def read_rotation(fields: Fields, uses: Uses) -> Rotation:
    """Return a rotation."""
    zone = read_zone(fields)
    people = read_names(fields, "people", PEOPLE_LIMIT, uses, Use.RECEIVER)
    if not people:
        fields.fault("people", "is empty: nobody would be on duty")
    begin = read_moment(fields, "starts_at")
    if begin.tzinfo is not None:
        fields.fault("starts_at", "must have no offset: it is the wall clock of zone")
    overrides = tuple(_override(one, zone, uses) for one in read_tables(fields, "override", OVERRIDES_LIMIT))
    starts_at = begin.replace(tzinfo=None).isoformat()
    return Rotation(fields.text("name", ""), people, starts_at, _days(fields), zone, overrides)


def read_escalation(fields: Fields, uses: Uses) -> Escalation:
    """Return an escalation."""
    steps = tuple(_step(one, uses) for one in read_tables(fields, "step", STEPS_LIMIT))
    if not steps:
        fields.fault("step", "there is none: nobody would be told")
    elif steps[0].after_seconds != 0.0:
        fields.fault("step.0.after", "must be 0s: the first step is told at once")
    for place, (before, after) in enumerate(pairwise(steps), start=1):
        if after.after_seconds <= before.after_seconds:
            fields.fault(f"step.{place}.after", "must be later than that of the step before")
    return Escalation(fields.text("name", ""), steps)


def read_mute(fields: Fields) -> MuteTime:
    """Return a mute time."""
    zone = read_zone(fields)
    spans = tuple(_span(one) for one in read_tables(fields, "span", SPANS_LIMIT))
    if not spans:
        fields.fault("span", "there is none: it would be no time at all")
    return MuteTime(fields.text("name", ""), zone, spans)


def _days(fields: Fields) -> int:
    seconds = fields.seconds("every", None, DAY, TURN_DAYS_LIMIT * DAY)
    if seconds > DAY and seconds % DAY:
        fields.fault("every", "must be whole days: a turn begins at the same hour of the day")
    return max(1, round(min(seconds, TURN_DAYS_LIMIT * DAY) / DAY))


def _override(fields: Fields, zone: ZoneInfo, uses: Uses) -> Override:
    name = fields.text("receiver")
    uses.add(fields.place_of("receiver"), name, Use.RECEIVER)
    begin, end = (_ms(read_moment(fields, key), zone) for key in ("from", "until"))
    if fields.has("from") and fields.has("until") and end <= begin:
        fields.fault("until", "must be after from")
    fields.finish()
    return Override(begin, end, name)


def _ms(moment: datetime, zone: ZoneInfo) -> int:
    return round((moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).timestamp() * 1000)


def _step(fields: Fields, uses: Uses) -> Step:
    after = fields.seconds("after", "0s", 0.0, 7 * DAY)
    names = read_names(fields, "to", PEOPLE_LIMIT, uses, Use.ON_DUTY)
    if not names:
        fields.fault("to", "is empty: nobody would be told")
    fields.finish()
    return Step(after, names)


def _span(fields: Fields) -> Span:
    days = fields.texts("days") if fields.has("days") else _DAYS
    for place, day in enumerate(days):
        if day not in _DAYS:
            fields.fault(f"days.{place}", f"must be one of {', '.join(_DAYS)}")
    if fields.has("days") and not days:
        fields.fault("days", "is empty: it would be no time at all")
    found = Span(
        frozenset(_DAYS.index(day) for day in days if day in _DAYS),
        _minute(fields, "from", "00:00"),
        _minute(fields, "until", "24:00"),
    )
    fields.finish()
    return found


def _minute(fields: Fields, key: str, default: str) -> int:
    text = fields.text(key, default)
    if text == "24:00" and key == "until":
        return _MIDNIGHT
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        if text:
            fields.fault(key, "must be a time of the day such as 22:00")
        return 0
    return int(clock[1]) * 60 + int(clock[2])
