import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.lib.units import (
    NO_VALUE,
    format_bytes,
    format_count,
    format_rate,
    format_ratio,
    format_seconds,
    parse_duration,
)

FORMATS = [format_bytes, format_count, format_rate, format_ratio, format_seconds]


@pytest.mark.parametrize("format_value", FORMATS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_shown_as_no_value(format_value: object, value: float | None) -> None:
    assert callable(format_value)
    assert format_value(value) == NO_VALUE


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0B"), (1, "1B"), (1023, "1023B"), (1024, "1.0K"), (1536, "1.5K"), (99.9 * 1024, "99.9K"), (101_990, "99.6K"),
        (102_400, "100K"), (1024**2 - 1, "1.0M"), (5 * 1024**3, "5.0G"), (1024**6 * 3, "3.0E"), (-2048, "-2.0K"),
    ],
)  # fmt: skip
def test_bytes(value: float, shown: str) -> None:
    assert format_bytes(value) == shown
    assert format_rate(value) == shown + "/s"


@given(st.floats(min_value=0, max_value=1e21))
def test_bytes_never_dance(value: float) -> None:
    assert len(format_bytes(value)) <= 6


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (999, "999"), (1000, "1.0k"), (12_345, "12.3k"), (999_960, "1.0M")]
)
def test_counts(value: float, shown: str) -> None:
    assert format_count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0.0%"), (0.123, "12.3%"), (0.9994, "99.9%"), (0.9996, "100%"), (1, "100%"), (12.5, "1250%")],
)
def test_ratios(value: float, shown: str) -> None:
    assert format_ratio(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0s"), (0.00085, "850µs"), (0.0009999, "1ms"), (0.012, "12ms"), (0.9996, "1s"), (1.25, "1.25s"), (42, "42s"),
        (59.7, "1m00s"), (185, "3m05s"), (3599.9, "1h00m"), (7800, "2h10m"), (5 * 86400 + 3 * 3600, "5d3h"), (400.4 * 86400, "400d"), (8.64e17, "1.0e+13d"), (-42, "-42s"),
    ],
)  # fmt: skip
def test_seconds(value: float, shown: str) -> None:
    assert format_seconds(value) == shown


@given(st.floats(min_value=0, max_value=1e9))
def test_seconds_are_short_and_never_scientific(value: float) -> None:
    shown = format_seconds(value)
    assert "e" not in shown
    assert len(shown) <= 8


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("5s", 5), ("15m", 900), ("1h30m", 5400), ("7d", 604_800), ("2w", 1_209_600), ("250ms", 0.25), (" 1.5h ", 5400),
        ("1m 30s", 90), ("0", 0),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "h", "-5s", "-1", "5y", "1h!", "nan", "inf", "1e999", "9" * 400 + "w", "5ss", "--"]
)
def test_what_is_no_duration_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(InputError, match="cannot read duration"):
        parse_duration(text)


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert math.isfinite(parse_duration(text))
