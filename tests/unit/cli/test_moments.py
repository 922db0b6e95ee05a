"""Moments as people type them."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.cli.console.moments import parse_moment, parse_window
from nagare.errors import InputError
from nagare.lib.clock import ManualClock

NOW = 1_760_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("1h", NOW - 3_600_000),
        ("-1h", NOW - 3_600_000),
        ("1h30m", NOW - 5_400_000),
        ("500ms", NOW - 500),
        ("2025-10-09T00:00:00Z", 1_759_968_000_000),
        ("2025-10-09T02:00:00+02:00", 1_759_968_000_000),
    ],
)
def test_a_moment_is_read(text: str, expected: int) -> None:
    assert parse_moment(text, ManualClock(NOW)) == expected


def test_local_times_are_taken_as_local() -> None:
    today = datetime.fromtimestamp(NOW / 1000, UTC).astimezone()
    expected = today.replace(hour=14, minute=5, second=0, microsecond=0)
    assert parse_moment("14:05", ManualClock(NOW)) == round(expected.timestamp() * 1000)
    assert parse_moment("2025-10-09", ManualClock(NOW)) == round(datetime(2025, 10, 9).astimezone().timestamp() * 1000)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "5 parsecs", "1x", "2025-13-01", "25:00", "--", "1h1", "9" * 400 + "h"]
)
def test_nonsense_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_moment(text, ManualClock(NOW))
    assert "2026-11-20" in caught.value.hint


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(parse_moment(text, ManualClock(NOW)), int)


def test_an_empty_window_is_refused() -> None:
    assert parse_window(None, None) == (None, None)
    with pytest.raises(InputError, match="the window is empty"):
        parse_window("1h", "2h", ManualClock(NOW))
