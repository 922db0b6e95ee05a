"""When maintenance windows are open, and for whom."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.fleet.maintenance.asked import make_window
from nagare.fleet.maintenance.rules import is_meant, is_open
from nagare.model.host import Host
from nagare.model.maintenance import Recurrence, Selector, Window
from nagare.wire.maintenance import RecurrenceDocument, WindowRequest

BERLIN = "Europe/Berlin"
NOW_MS = 1_760_000_000_000


def _ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def _window(recurrence: Recurrence | None = None, from_ms: int = 0, until_ms: int | None = None) -> Window:
    return Window("w", Selector(), from_ms, until_ms, recurrence, "why", "me", 0)


def test_one_with_an_end_is_open_from_its_beginning_until_just_before_it() -> None:
    window = _window(from_ms=10, until_ms=20)
    assert [moment for moment in range(30) if is_open(window, moment)] == list(range(10, 20))


def test_one_that_recurs_follows_the_clock_of_its_zone() -> None:
    # Sundays at two in Berlin, over the night in which summer time ends, and into Monday.
    window = _window(Recurrence(120, 23 * 3600, frozenset({6}), BERLIN))
    for moment, expected in (
        ("2026-10-25T01:59", False),
        ("2026-10-25T03:30", True),
        ("2026-10-25T23:30", True),
        ("2026-10-26T00:30", False),
        ("2026-11-01T02:00", True),
        ("2026-11-02T00:59", True),
        ("2026-11-02T01:00", False),
        ("2026-11-03T02:00", False),
    ):
        assert is_open(window, _ms(moment, BERLIN)) == expected, moment
    limited = _window(
        window.recurrence, from_ms=_ms("2026-11-01T05:00", BERLIN), until_ms=_ms("2026-11-01T06:00", BERLIN)
    )
    assert [is_open(limited, _ms(f"2026-11-01T0{hour}:30", BERLIN)) for hour in (4, 5, 6)] == [False, True, False]


def test_a_time_that_the_clock_leaps_over_still_comes() -> None:
    window = _window(Recurrence(150, 1800, frozenset(), BERLIN))
    # 02:30 does not exist on that day; it is 03:30 of summer time.
    assert is_open(window, _ms("2026-03-29T01:45"))


@given(
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.frozensets(st.integers(0, 6)),
    st.sampled_from(["UTC", BERLIN, "Asia/Kathmandu", "America/St_Johns"]),
    st.integers(0, 60 * 24 * 800),
)
def test_it_is_open_as_often_as_walking_through_every_day_says(
    at: int, minutes: int, days: frozenset[int], zone: str, offset: int
) -> None:
    moment = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=offset)
    local = moment.astimezone(ZoneInfo(zone))
    begun = []
    for ago in range(-1, 5):
        day = local.date() - timedelta(days=ago)
        if not days or day.weekday() in days:
            start = datetime(day.year, day.month, day.day, *divmod(at, 60), tzinfo=ZoneInfo(zone)).astimezone(UTC)
            begun.append(start <= moment < start + timedelta(minutes=minutes))
    window = _window(Recurrence(at, minutes * 60, days, zone))
    assert is_open(window, round(moment.timestamp() * 1000)) == any(begun)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (Selector(), False),
        (Selector(hosts=frozenset({"web1"})), True),
        (Selector(hosts=frozenset({"web2"})), False),
        (Selector(groups=frozenset({"db", "web"})), True),
        (Selector(groups=frozenset({"db"})), False),
        (Selector(labels={"rack": "b7"}), True),
        (Selector(labels={"rack": "b7", "role": "db"}), False),
        (Selector(hosts=frozenset({"web2"}), labels={"rack": "b7"}), True),
    ],
)
def test_whom_a_selector_means(selector: Selector, *, expected: bool) -> None:
    host = Host("h", "web1", "m", datetime.now(UTC), None, 5.0, "1", {"rack": "b7", "group": "web,lab"})  # noqa: DTZ005, RUF100
    assert is_meant(selector, host, frozenset({"web", "lab"})) == expected


def test_what_is_asked_for_is_what_is_made() -> None:
    recurrence = RecurrenceDocument("02:30", 3600, BERLIN, ["sun", "mon"])
    request = WindowRequest("backups", ["web1"], ["db"], {"rack": "b7"}, None, None, recurrence)
    window = make_window(request, "ann", NOW_MS)
    assert window.recurrence == Recurrence(150, 3600, frozenset({0, 6}), BERLIN)
    assert (window.from_ms, window.until_ms, window.made_by) == (NOW_MS, None, "ann")


_SOUND: dict[str, Any] = {"why": "disks", "hosts": ["web1"], "until_ms": NOW_MS + 1000}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"why": ""}, "why"),
        ({"why": "x" * 201}, "why"),
        ({"why": "a\x1b[2J"}, "why"),
        ({"hosts": []}, "hosts"),
        ({"hosts": ["a\u202eb"]}, "hosts"),
        ({"hosts": ["x"] * 1001}, "hosts"),
        ({"until_ms": None}, "until_ms"),
        ({"until_ms": NOW_MS - 1}, "until_ms"),
        ({"from_ms": NOW_MS + 2000}, "until_ms"),
        ({"from_ms": NOW_MS - 2000, "until_ms": NOW_MS - 1000}, "until_ms"),
        ({"from_ms": -1}, "from_ms"),
        ({"until_ms": 10**15}, "until_ms"),
        ({"recurrence": RecurrenceDocument("24:00", 60)}, "recurrence/at"),
        ({"recurrence": RecurrenceDocument("2:00", 60)}, "recurrence/at"),
        ({"recurrence": RecurrenceDocument("02:00", 0)}, "recurrence/duration_seconds"),
        ({"recurrence": RecurrenceDocument("02:00", 86_401)}, "recurrence/duration_seconds"),
        ({"recurrence": RecurrenceDocument("02:00", float("nan"))}, "recurrence/duration_seconds"),
        ({"recurrence": RecurrenceDocument("02:00", 60, "UTC", ["someday"])}, "recurrence/days"),
        ({"recurrence": RecurrenceDocument("02:00", 60, "Europe/Atlantis")}, "recurrence/zone"),
        ({"recurrence": RecurrenceDocument("02:00", 60, "../../etc/passwd")}, "recurrence/zone"),
        ({"recurrence": RecurrenceDocument("02:00", 60, "")}, "recurrence/zone"),
    ],
)
def test_what_a_window_may_not_say(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InputError) as caught:
        make_window(WindowRequest(**{**_SOUND, **changes}), "ann", NOW_MS)
    assert [error["pointer"] for error in caught.value.errors] == [f"#/{pointer}"]
