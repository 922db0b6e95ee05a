"""Words for a time: spans, times of day, dates; what lies ahead is refused."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.tui.location import Window
from nagare.tui.renderables.time_axis import TimeWindow
from nagare.tui.time_choice import from_time_window, parse_time, to_time_window

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)


def _middle(text: str, zone: timezone | ZoneInfo = UTC) -> datetime:
    window = parse_time(text, 600, NOW_MS, zone)
    assert window.end_ms is not None
    return datetime.fromtimestamp(window.end_ms / 1000 - 300, zone)


def test_spans_are_live() -> None:
    assert parse_time("1h", 900, NOW_MS, UTC) == Window(3600)
    assert parse_time(" 7D ", 900, NOW_MS, UTC) == Window(7 * 86400)


def test_a_time_of_day_is_the_last_one() -> None:
    assert _middle("14:05") == NOW.replace(hour=14, minute=5)
    assert _middle("16:05") == NOW.replace(hour=16, minute=5) - timedelta(days=1)
    assert _middle("yesterday 14:05:30") == NOW.replace(hour=14, minute=5, second=30) - timedelta(days=1)
    assert _middle("2026-03-01 08:00") == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_a_day_has_the_offset_of_that_day() -> None:
    # Clocks in Berlin stood at +02:00 in October 2025 and at +01:00 now.
    moment = _middle("2025-10-20 10:00", ZoneInfo("Europe/Berlin"))
    assert moment.astimezone(UTC) == datetime(2025, 10, 20, 8, tzinfo=UTC)


def test_a_moment_just_past_ends_now() -> None:
    assert parse_time("14:59", 600, NOW_MS, UTC).end_ms == NOW_MS


@pytest.mark.parametrize("text", ["", "soon", "25:00", "14:99", "2026-13-01 10:00", "2027-01-01 10:00", "2s", "-"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_time(text, 600, NOW_MS, UTC)


@given(st.integers(10, 10**7), st.none() | st.integers(10**9, 4 * 10**9).map(lambda seconds: seconds * 1000))
def test_windows_of_charts_and_addresses_agree(span: int, end_ms: int | None) -> None:
    window = Window(span, end_ms)
    assert from_time_window(to_time_window(window, NOW_MS)) == window


def test_a_window_of_charts_is_rounded_to_seconds() -> None:
    assert from_time_window(TimeWindow(1_000_400, 1_060_900, is_live=False)) == Window(60, 1_061_000)
