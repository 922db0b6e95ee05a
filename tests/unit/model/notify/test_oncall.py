"""Who is on duty and when a route is quiet, at the wall clock of a zone: through daylight saving, over midnight, before the start."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.model.notify.definition import default_notifying
from nagare.model.notify.mute import MuteTime, Span
from nagare.model.notify.oncall import is_muted, on_call, receivers_of
from nagare.model.notify.receiver import Override, Rotation, Step

BERLIN = ZoneInfo("Europe/Berlin")
# It goes from +1030 to +11 and back: half an hour of daylight saving.
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
# It left out the 30th of December 2011.
APIA = ZoneInfo("Pacific/Apia")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/New_York"]).map(
    ZoneInfo
)
MOMENTS = st.integers(1_262_304_000, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
# When the clocks of a zone change.
CHANGES = st.sampled_from(
    [
        (BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (BERLIN, datetime(2026, 10, 25, 1, tzinfo=UTC)),
        (LORD_HOWE, datetime(2026, 4, 4, 15, tzinfo=UTC)),
        (LORD_HOWE, datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        (APIA, datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ]
)
EVERY_DAY = frozenset(range(7))


def _ms(text: str, zone: ZoneInfo | None = None, fold: int = 0) -> int:
    moment = datetime.fromisoformat(text)
    return round((moment.replace(tzinfo=zone, fold=fold) if zone else moment).timestamp() * 1000)


def _rotation(*people: str, days: int = 7, starts_at: str = "2026-01-05T09:00", zone: ZoneInfo = BERLIN) -> Rotation:
    return Rotation("primary", people, starts_at, days, zone)


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-01-05T09:00", "ann"),
        ("2026-01-12T08:59:59.999", "ann"),
        ("2026-01-12T09:00", "bob"),
        ("2026-01-19T09:00", "cem"),
        ("2026-01-26T09:00", "ann"),
        # The clocks went forward on the 29th of March: it is still nine o'clock.
        ("2026-03-30T08:59:59", "cem"),
        ("2026-03-30T09:00", "ann"),
        # And back on the 25th of October.
        ("2026-10-26T08:59:59", "cem"),
        ("2026-10-26T09:00", "ann"),
        # Before the start the turns go on backwards.
        ("2026-01-05T08:59:59", "cem"),
        ("2025-12-29T09:00", "cem"),
        ("2025-12-29T08:59", "bob"),
    ],
)
def test_a_turn_begins_at_its_hour(moment: str, name: str) -> None:
    assert on_call(_rotation("ann", "bob", "cem"), _ms(moment, BERLIN)) == name


def test_a_turn_that_begins_within_the_hour_that_comes_twice_begins_once() -> None:
    daily = _rotation("ann", "bob", days=1, starts_at="2026-10-24T02:30")
    moments = [_ms("2026-10-25T02:29", BERLIN), _ms("2026-10-25T02:30", BERLIN), _ms("2026-10-25T02:59", BERLIN)]
    again = [_ms(f"2026-10-25T02:{minute}", BERLIN, fold=1) for minute in ("00", "29", "30", "59")]
    assert [on_call(daily, moment) for moment in moments] == ["ann", "bob", "bob"]
    assert [on_call(daily, moment) for moment in again] == ["bob"] * 4
    assert on_call(daily, _ms("2026-10-26T02:30", BERLIN)) == "ann"


def test_a_turn_that_begins_within_the_hour_that_is_left_out_begins_after_it() -> None:
    daily = _rotation("ann", "bob", days=1, starts_at="2026-03-28T02:30")
    assert on_call(daily, _ms("2026-03-29T00:59:59+00:00")) == "ann"
    assert on_call(daily, _ms("2026-03-29T01:00:00+00:00")) == "bob"


@given(MOMENTS, ZONES, st.integers(1, 40), st.integers(1, 5), st.integers(0, 23))
def test_everybody_has_a_turn_of_so_many_days_of_the_calendar(
    moment: datetime, zone: ZoneInfo, days: int, count: int, hour: int
) -> None:
    people = [f"p{place}" for place in range(count)]
    rotation = _rotation(*people, days=days, starts_at=f"2020-02-29T{hour:02}:00", zone=zone)
    # Naively, by counting days: those whose turn begins at an hour belong to the day before until then.
    local = moment.astimezone(zone)
    day = local.date() - (timedelta(days=1) if local.hour < hour else timedelta(0))
    turn = (day - date(2020, 2, 29)).days // days
    assert on_call(rotation, round(moment.timestamp() * 1000)) == people[turn % count]


@given(CHANGES, st.integers(1, 3), st.times(time(0), time(4)))
def test_whoever_was_relieved_is_not_on_duty_again_when_the_clock_changes(
    change: tuple[ZoneInfo, datetime], days: int, begins: time
) -> None:
    zone, moment = change
    people = [str(place) for place in range(50)]
    rotation = _rotation(*people, days=days, starts_at=f"2020-01-01T{begins.isoformat()}", zone=zone)
    begin = round(moment.timestamp() * 1000) - 6 * 3_600_000
    turns = [int(on_call(rotation, begin + minute * 60_000)) for minute in range(0, 12 * 60, 5)]
    # A day that the calendar left out is a turn of nobody.
    assert all((after - before) % 50 in (0, 1, 2) for before, after in pairwise(turns))


def test_a_stand_in_comes_first_and_the_last_that_was_written() -> None:
    rotation = Rotation(
        "primary",
        ("ann", "bob"),
        "2026-01-05T09:00",
        7,
        BERLIN,
        (Override(1000, 2000, "cem"), Override(1500, 3000, "dan"), Override(1600, 1600, "eve")),
    )
    names = [on_call(rotation, moment) for moment in (999, 1000, 1499, 1500, 1600, 2999)]
    assert names[1:] == ["cem", "cem", "dan", "dan", "dan"]
    assert {names[0], on_call(rotation, 3000)} <= {"ann", "bob"}


def test_a_step_reaches_each_once() -> None:
    found = default_notifying()
    rotation = _rotation("ann", "bob")
    step = Step(0, ("bob", "primary", "ann", "bob"))
    now_ms = _ms("2026-01-05T10:00", BERLIN)
    notifying = type(found)(found.root, {}, {"primary": rotation}, {}, {}, {})
    assert receivers_of(notifying, step, now_ms) == ["bob", "ann"]


NIGHTS = MuteTime("nights", BERLIN, (Span(EVERY_DAY, 22 * 60, 6 * 60),))
FRIDAY_NIGHT = MuteTime("friday night", BERLIN, (Span(frozenset({4}), 22 * 60, 6 * 60),))
SUNDAY = MuteTime("sunday", BERLIN, (Span(frozenset({6}), 0, 24 * 60),))


@pytest.mark.parametrize(
    ("mute", "moment", "is_quiet"),
    [
        (NIGHTS, "2026-01-05T21:59:59", False),
        (NIGHTS, "2026-01-05T22:00", True),
        (NIGHTS, "2026-01-06T00:00", True),
        (NIGHTS, "2026-01-06T05:59:59.999", True),
        (NIGHTS, "2026-01-06T06:00", False),
        # The 9th is a Friday.
        (FRIDAY_NIGHT, "2026-01-08T23:00", False),
        (FRIDAY_NIGHT, "2026-01-09T05:00", False),
        (FRIDAY_NIGHT, "2026-01-09T22:00", True),
        (FRIDAY_NIGHT, "2026-01-10T05:59", True),
        (FRIDAY_NIGHT, "2026-01-10T22:00", False),
        (SUNDAY, "2026-01-10T23:59:59", False),
        (SUNDAY, "2026-01-11T00:00", True),
        (SUNDAY, "2026-01-11T23:59:59.999", True),
        (SUNDAY, "2026-01-12T00:00", False),
        # From Sunday over midnight to Monday, the week's end.
        (MuteTime("m", BERLIN, (Span(frozenset({6}), 23 * 60, 60),)), "2026-01-12T00:30", True),
        (MuteTime("m", BERLIN, (Span(frozenset({0}), 23 * 60, 60),)), "2026-01-12T00:30", False),
        # Until the same minute of the next day.
        (MuteTime("m", BERLIN, (Span(frozenset({0}), 540, 540),)), "2026-01-12T08:59", False),
        (MuteTime("m", BERLIN, (Span(frozenset({0}), 540, 540),)), "2026-01-12T09:00", True),
        (MuteTime("m", BERLIN, (Span(frozenset({0}), 540, 540),)), "2026-01-13T08:59", True),
        (MuteTime("m", BERLIN, (Span(frozenset({0}), 540, 540),)), "2026-01-13T09:00", False),
        # Until midnight, which is written as 00:00 or 24:00.
        (MuteTime("m", BERLIN, (Span(frozenset({0}), 1320, 0),)), "2026-01-12T23:59", True),
        (MuteTime("m", BERLIN, (Span(frozenset({0}), 1320, 0),)), "2026-01-13T00:00", False),
        (MuteTime("m", BERLIN, ()), "2026-01-12T23:59", False),
    ],
)
def test_a_span_ends_at_its_minute(mute: MuteTime, moment: str, is_quiet: bool) -> None:
    assert is_muted(mute, _ms(moment, BERLIN)) == is_quiet


def test_both_hours_of_an_autumn_night_are_quiet_and_the_one_that_is_left_out_is_none() -> None:
    small_hours = MuteTime("small hours", BERLIN, (Span(EVERY_DAY, 120, 180),))
    begin = _ms("2026-10-24T23:00:00+00:00")
    quiet = [minute for minute in range(300) if is_muted(small_hours, begin + minute * 60_000)]
    assert quiet == list(range(60, 180))
    begin = _ms("2026-03-28T23:00:00+00:00")
    assert not any(is_muted(small_hours, begin + minute * 60_000) for minute in range(300))
    assert is_muted(MuteTime("m", LORD_HOWE, small_hours.spans), _ms("2026-04-05T01:45", LORD_HOWE, fold=1)) is False


@given(MOMENTS, ZONES, st.frozensets(st.integers(0, 6)), st.integers(0, 1439), st.integers(0, 1440))
def test_a_span_is_those_minutes_of_its_days(
    moment: datetime, zone: ZoneInfo, days: frozenset[int], from_minute: int, until_minute: int
) -> None:
    mute = MuteTime("m", zone, (Span(days, from_minute, until_minute),))
    local = moment.astimezone(zone).replace(tzinfo=None)
    # Naively: it begins at some midnight of today or the day before, and has its length.
    length = (until_minute - from_minute) % 1440 or 1440
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = [midnight - timedelta(days=back) + timedelta(minutes=from_minute) for back in (0, 1)]
    expected = any(begin.weekday() in days and begin <= local < begin + timedelta(minutes=length) for begin in begins)
    assert is_muted(mute, round(moment.timestamp() * 1000)) == expected
