"""Scales hold their values, ticks are equal steps, and every unit reads as people write it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.units import Unit
from nagare.tui.renderables.value_axis import format_tick, format_value, make_scale, unit_of

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite, st.sampled_from(Unit), st.integers(1, 6))
def test_a_scale_holds_its_values(one: float, other: float, unit: Unit, intervals: int) -> None:
    low, high = sorted((one, other))
    scale = make_scale(low, high, unit, intervals)
    assert math.isfinite(scale.low)
    assert math.isfinite(scale.high)
    assert scale.low < scale.high
    assert 1 < len(scale.ticks) <= 18
    assert list(scale.ticks) == sorted(scale.ticks)
    if max(abs(low), abs(high)) < 1e290:
        slack = 1e-6 * scale.step
        assert scale.low <= low + slack
        assert scale.high >= high - slack


@pytest.mark.parametrize(
    ("low", "high", "unit", "intervals", "ticks"),
    [
        (0.02, 0.4, Unit.RATIO, 4, (0, 0.25, 0.5, 0.75, 1)),
        (0.0, 2.6, Unit.RATIO, 3, (0, 1, 2, 3)),
        (3, 9.5, Unit.COUNT, 2, (0, 5, 10)),
        (0, 6 * 1024**3, Unit.BYTES, 3, (0, 2 * 1024**3, 4 * 1024**3, 6 * 1024**3)),
        (0, 55, Unit.SECONDS, 2, (0, 30, 60)),
        (41, 58, Unit.CELSIUS, 2, (40, 50, 60)),
        (0, 0, Unit.COUNT, 2, (0, 0.5, 1)),
        (math.nan, math.inf, Unit.COUNT, 2, (0, 0.5, 1)),
    ],
)  # fmt: skip
def test_nice_ticks(low: float, high: float, unit: Unit, intervals: int, ticks: tuple[float, ...]) -> None:
    assert make_scale(low, high, unit, intervals).ticks == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("busy_ratio", Unit.RATIO), ("used_bytes", Unit.BYTES), ("read_bytes_per_second", Unit.RATE),
        ("reads_per_second", Unit.PER_SECOND), ("read_await_seconds", Unit.SECONDS), ("load1", Unit.COUNT),
        ("temperature_celsius", Unit.CELSIUS), ("frequency_hertz", Unit.HERTZ), ("power_watts", Unit.WATTS),
        ("limit_cores", Unit.CORES), ("ratio", Unit.RATIO), ("read_bytes_total", Unit.BYTES),
    ],
)  # fmt: skip
def test_a_name_tells_its_unit(column: str, unit: Unit) -> None:
    assert unit_of(column) is unit


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.423, Unit.RATIO, "42.3%"), (1.5 * 1024**3, Unit.BYTES, "1.5G"), (2048.0, Unit.RATE, "2.0K/s"),
        (0.012, Unit.SECONDS, "12ms"), (61.4, Unit.CELSIUS, "61°C"), (3.0, Unit.COUNT, "3"), (0.25, Unit.COUNT, "0.25"),
        (3.2e9, Unit.HERTZ, "3.2GHz"), (250.0, Unit.WATTS, "250W"), (1.5, Unit.CORES, "1.50"), (None, Unit.COUNT, "–"),
        (math.inf, Unit.COUNT, "–"), (12_345.0, Unit.COUNT, "12.3k"), (41.0, Unit.PER_SECOND, "41/s"),
    ],
)  # fmt: skip
def test_values_read_as_people_write_them(value: float | None, unit: Unit, text: str) -> None:
    assert format_value(value, unit) == text


@given(st.floats(), st.sampled_from(Unit))
def test_any_value_is_short(value: float, unit: Unit) -> None:
    assert 1 <= len(format_value(value, unit)) <= 14


@pytest.mark.parametrize(
    ("value", "unit", "step", "text"),
    [
        (0.5, Unit.RATIO, 0.5, "50%"), (0.005, Unit.RATIO, 0.005, "0.5%"), (0.0, Unit.RATE, 10.0, "0"),
        (8 * 1024**2, Unit.RATE, 1.0, "8M/s"), (2.5, Unit.COUNT, 2.5, "2.5"), (1500.0, Unit.COUNT, 500.0, "1.5k"),
        (0.0, Unit.CELSIUS, 10.0, "0°C"),
    ],
)  # fmt: skip
def test_tick_labels_are_short_and_say_their_unit(value: float, unit: Unit, step: float, text: str) -> None:
    assert format_tick(value, unit, step) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (512.0 * 1024**2, Unit.RATE, "512M"),
        (3.2e9, Unit.HERTZ, "3.2G"),
        (5.0 * 1024, Unit.RATE, "5K/s"),
        (250e3, Unit.WATTS, "250kW"),
    ],
)
def test_a_narrow_axis_leaves_the_unit_to_the_legend(value: float, unit: Unit, text: str) -> None:
    assert format_tick(value, unit, value, 5) == text


@given(finite, st.sampled_from(Unit), st.integers(4, 8))
def test_a_tick_label_never_exceeds_its_room(value: float, unit: Unit, room: int) -> None:
    assert len(format_tick(value, unit, abs(value) or 1.0, room)) <= room
