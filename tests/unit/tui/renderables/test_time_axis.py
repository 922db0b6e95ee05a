"""Windows of time: zoom and pan keep what they promise, ticks are round in local time, also where clocks change."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nagare.tui.renderables.time_axis import (
    DAY,
    HOUR,
    MAX_SPAN_MS,
    MIN_SPAN_MS,
    MINUTE,
    TimeWindow,
    format_clock,
    format_moment,
    format_span,
)

NOW = 1_760_000_000_000
windows = st.builds(
    lambda start, span: TimeWindow(start, start + span, is_live=False),
    st.integers(0, NOW),
    st.integers(MIN_SPAN_MS, MAX_SPAN_MS // 100),
)


def test_a_live_window_follows_the_clock_and_a_still_one_does_not() -> None:
    live = TimeWindow.live(15 * MINUTE, NOW)
    assert live.advance(NOW + 5000) == TimeWindow(NOW + 5000 - 15 * MINUTE, NOW + 5000)
    still = live.pan(-MINUTE)
    assert not still.is_live
    assert still.advance(NOW + 5000) == still
    assert still.go_live(NOW) == live


def test_the_label_says_span_and_resolution() -> None:
    assert TimeWindow.live(15 * MINUTE, NOW).label(180) == "15 m · 5 s/col"
    assert TimeWindow.live(DAY, NOW).label() == "1 d"


@pytest.mark.parametrize(
    ("ms", "text"), [(500, "0.5 s"), (5000, "5 s"), (90_000, "1.5 m"), (HOUR, "1 h"), (7 * DAY, "7 d"), (0, "0 s")]
)
def test_spans_read_in_their_largest_unit(ms: int, text: str) -> None:
    assert format_span(ms) == text


@given(windows, st.floats(0.1, 10), st.floats(0.05, 0.95))
def test_zoom_keeps_the_moment_under_the_crosshair(window: TimeWindow, factor: float, share: float) -> None:
    around = window.start_ms + round(window.span_ms * share)
    zoomed = window.zoom(factor, around)
    assert MIN_SPAN_MS <= zoomed.span_ms <= MAX_SPAN_MS
    before = (around - window.start_ms) / window.span_ms
    assert (around - zoomed.start_ms) / zoomed.span_ms == pytest.approx(before, abs=0.01)


def test_zoom_of_a_live_window_stays_live() -> None:
    window = TimeWindow.live(10 * MINUTE, NOW).zoom(0.5, NOW - 5 * MINUTE)
    assert window == TimeWindow.live(5 * MINUTE, NOW)


@given(windows, st.integers(1, 400))
def test_columns_and_moments_agree(window: TimeWindow, columns: int) -> None:
    for column in {0, columns // 2, columns - 1}:
        assert window.column_of(window.ts_of(column, columns), columns) == column
    assert window.column_of(window.end_ms, columns) == columns - 1
    assert window.column_of(window.start_ms - 1, columns) < 0


def test_clamp_turns_a_window_that_reaches_now_live() -> None:
    window = TimeWindow(NOW - 5 * MINUTE, NOW + MINUTE, is_live=False)
    assert window.clamp(0, NOW) == TimeWindow.live(6 * MINUTE, NOW)
    early = TimeWindow(-HOUR, MINUTE, is_live=False).clamp(0, NOW)
    assert (early.start_ms, early.span_ms) == (0, HOUR + MINUTE)


def test_around_puts_a_moment_in_the_middle() -> None:
    window = TimeWindow.live(10 * MINUTE, NOW).around(NOW - HOUR)
    assert window.start_ms + window.span_ms // 2 == NOW - HOUR


def test_ticks_are_round_in_local_time() -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    ticks = TimeWindow.live(6 * HOUR, NOW).ticks(100, zone)
    texts = [tick.text for tick in ticks]
    assert len(texts) >= 5
    assert all(text.endswith((":00", ":30")) for text in texts)
    assert all(datetime.fromtimestamp(tick.ts_ms / 1000, zone).minute in (0, 30) for tick in ticks)


def test_midnight_reads_as_a_date() -> None:
    midnight = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
    texts = [tick.text for tick in TimeWindow(midnight - 2 * HOUR, midnight + 2 * HOUR).ticks(80, UTC)]
    assert "Mar 1" in texts
    assert "22:30" in texts


def test_day_ticks_stand_at_local_midnight_across_a_change_of_clocks() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = int(datetime(2026, 3, 26, tzinfo=zone).timestamp() * 1000)
    ticks = TimeWindow(start, start + 7 * DAY).ticks(80, zone)
    assert [tick.text for tick in ticks][:5] == ["Mar 26", "Mar 27", "Mar 28", "Mar 29", "Mar 30"]
    assert all(datetime.fromtimestamp(tick.ts_ms / 1000, zone).hour == 0 for tick in ticks)


@example(0, 71_625_600_000, 0)
@given(st.integers(-(10**16), 10**16), st.integers(0, MAX_SPAN_MS), st.integers(0, 300))
def test_ticks_of_any_window_are_few_and_inside(start: int, span: int, columns: int) -> None:
    window = TimeWindow(start, start + span)
    ticks = window.ticks(columns, UTC)
    assert len(ticks) <= 400
    if 0 <= start < 10**14:
        assert all(window.start_ms <= tick.ts_ms <= window.end_ms for tick in ticks)
        assert len(ticks) <= max(1, columns // 10) + 1


def test_moments_name_the_day_only_when_it_is_another() -> None:
    assert format_clock(NOW, UTC) == "08:53:20"
    assert format_moment(NOW, NOW + HOUR, UTC) == "08:53:20"
    assert format_moment(NOW, NOW + DAY, UTC) == "Oct 9 08:53:20"


@given(st.integers(0, NOW), st.integers(MIN_SPAN_MS, DAY), st.integers(1, 300))
def test_the_raster_moves_by_whole_columns_only(start: int, span: int, columns: int) -> None:
    window = TimeWindow(start, start + span)
    step = span / columns
    first, last = window.raster(columns)
    assert last - first == pytest.approx(span)
    assert window.end_ms - 1e-3 <= last < window.end_ms + step + 1e-3
    moved = TimeWindow(start + 1234, start + 1234 + span).raster(columns)
    shift = (moved[1] - last) / step
    assert shift == pytest.approx(round(shift), abs=1e-3)
