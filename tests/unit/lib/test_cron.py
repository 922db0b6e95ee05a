"""Cron expressions against a reference that asks every minute, also on the days on which clocks are set."""

import timeit
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.lib.cron import Cron, moments_after, moments_of, newest_between, parse_cron

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu")
MINUTE = timedelta(minutes=1)
# Around both days on which Berlin, New York and Lord Howe set their clocks.
BEGINS = [
    datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 7), (3, 28), (4, 3), (10, 2), (10, 24), (10, 31))
]


def _fits(cron: Cron, wall: datetime) -> bool:
    return wall.minute in cron.minutes and wall.hour in cron.hours and cron.has(wall.date())


def _by_the_minute(cron: Cron, zone: ZoneInfo, begin: datetime, hours: int) -> list[datetime]:
    """Return the moments as somebody finds them who looks at two clocks every minute."""
    found: list[datetime] = []
    seen: set[datetime] = set()
    before = (begin - MINUTE).astimezone(zone).replace(tzinfo=None)
    for number in range(hours * 60):
        moment = begin + number * MINUTE
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        if not cron.by_wall:
            if _fits(cron, wall):
                found.append(moment)
            before = wall
            continue
        # What the clock on the wall shows now, and what it left out since the minute before.
        passed = [wall]
        while passed[0] - before > MINUTE:
            passed.insert(0, passed[0] - MINUTE)
        fresh = [at for at in passed if at not in seen and _fits(cron, at)]
        seen.update(passed)
        if fresh:
            found.append(moment)
        before = wall
    return found


def _terms(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.tuples(st.one_of(span, st.just("*")), st.integers(1, 30)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.one_of(number.map(str), span, stepped)


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.lists(_terms(low, high), min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(
    _field(0, 59), _field(0, 23), st.one_of(_field(1, 31), st.just("L")), _field(1, 12), _field(0, 7)
).map(" ".join)


@given(EXPRESSIONS, st.sampled_from(ZONES), st.sampled_from(BEGINS))
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC))
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC))
@example("0,30 2,3 * * *", "Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC))
@example("*/20 * * * *", "Australia/Lord_Howe", datetime(2026, 4, 3, tzinfo=UTC))
@example("10,40 1,2 * * *", "Australia/Lord_Howe", datetime(2026, 10, 2, tzinfo=UTC))
def test_moments_are_those_of_a_look_at_every_minute(expression: str, zone_name: str, begin: datetime) -> None:
    cron, zone, hours = parse_cron(expression), ZoneInfo(zone_name), 72
    until = begin + timedelta(hours=hours)
    expected = [
        moment for moment in _by_the_minute(cron, zone, begin - timedelta(days=1), hours + 24) if moment > begin
    ]
    expected = [moment for moment in expected if moment < until]
    found = []
    for moment in islice(moments_after(cron, zone, begin), len(expected) + 1):
        if moment >= until:
            break
        found.append(moment)
    assert found == expected
    newest = newest_between(cron, zone, begin, until - MINUTE, 10)
    assert newest == expected[-10:]


@pytest.mark.parametrize(
    ("expression", "zone", "day", "expected"),
    [
        # Left out: the next moment that there is, once.
        ("30 2 * * *", "Europe/Berlin", "2026-03-29", ["2026-03-29T03:00:00+02:00"]),
        ("0,15,30 2 * * *", "Europe/Berlin", "2026-03-29", ["2026-03-29T03:00:00+02:00"]),
        # Twice: the first time.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25", ["2026-10-25T02:30:00+02:00"]),
        # Time that passes: both, or none.
        ("30 * * * *", "Europe/Berlin", "2026-03-29", 23),
        ("30 * * * *", "Europe/Berlin", "2026-10-25", 25),
        # A day that one place never had.
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-30", ["2011-12-31T00:00:00+14:00"]),
    ],
)
def test_days_on_which_clocks_are_set(expression: str, zone: str, day: str, expected: list[str] | int) -> None:
    found = moments_of(parse_cron(expression), ZoneInfo(zone), date.fromisoformat(day))
    if isinstance(expected, int):
        assert len(found) == expected
    else:
        assert [moment.astimezone(ZoneInfo(zone)).isoformat() for moment in found] == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("@daily", ["2026-11-27T00:00", "2026-11-28T00:00"]),
        ("@HOURLY", ["2026-11-26T13:00", "2026-11-26T14:00"]),
        ("*/15 9-17 * * mon-fri", ["2026-11-26T12:15", "2026-11-26T12:30"]),
        ("0 6 L * *", ["2026-11-30T06:00", "2026-12-31T06:00"]),
        ("0 6 1,L FEB *", ["2027-02-01T06:00", "2027-02-28T06:00"]),
        ("0 6 * * 5L", ["2026-11-27T06:00", "2026-12-25T06:00"]),
        ("0 6 * * 7", ["2026-11-29T06:00", "2026-12-06T06:00"]),
        ("5/20 13 * * *", ["2026-11-26T13:05", "2026-11-26T13:25"]),
        # Both kinds of days are named: one of them is enough.
        ("0 0 1 * mon", ["2026-11-30T00:00", "2026-12-01T00:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ],
)
def test_what_expressions_mean(expression: str, expected: list[str]) -> None:
    begin = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    found = islice(moments_after(parse_cron(expression), ZoneInfo("UTC"), begin), 2)
    assert [moment.strftime("%Y-%m-%dT%H:%M") for moment in found] == expected


def test_the_next_minute_costs_no_whole_day() -> None:
    zone, begin = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 26, 12, 0, 20, tzinfo=UTC)

    def cost(expression: str) -> float:
        cron = parse_cron(expression)
        return min(
            timeit.repeat(lambda: next(moments_after(cron, zone, begin)), timer=process_time, number=20, repeat=5)
        )

    # A day has 1,440 minutes.
    assert cost("* * * * *") < 60 * cost("0 0 * * *")


def test_what_never_comes_has_no_moment() -> None:
    assert list(moments_after(parse_cron("0 0 31 2 *"), ZoneInfo("UTC"), BEGINS[0])) == []


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("", "five fields are meant"),
        ("* * * *", "five fields are meant"),
        ("* * * * * *", "five fields are meant"),
        ("60 * * * *", "minute is 60"),
        ("* 24 * * *", "hour is 24"),
        ("* * 0 * *", "day of the month is 0"),
        ("* * * 13 *", "month is 13"),
        ("* * * * 8", "day of the week is 8"),
        ("*/0 * * * *", "a step of 0"),
        ("5-1 * * * *", "goes from 5 down to 1"),
        ("a * * * *", "minute has 'a'"),
        ("1,,2 * * * *", "minute has ''"),
        ("* * 1,,L * *", "an empty part"),
        ("-1 * * * *", "minute has ''"),
        ("٣ * * * *", "minute has"),
        ("* * * foo *", "month has 'foo'"),
        ("@never", "five fields are meant"),
        ("1/ * * * *", "minute has ''"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_field(expression: str, cause: str) -> None:
    with pytest.raises(InputError, match="cannot use cron expression") as refused:
        parse_cron(expression)
    assert cause in refused.value.message
    assert refused.value.errors[0]["pointer"] == "#/cron"


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        cron = parse_cron(text)
    except InputError:
        return
    assert cron.minutes
