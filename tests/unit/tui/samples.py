"""Seeded data that the tests of the terminal interface draw, and the strategies that look for what breaks them."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from nagare.tui.renderables.time_axis import TimeWindow

NOW_MS = 1_760_000_000_000
WINDOW = TimeWindow.live(900_000, NOW_MS)

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324, 0.5])
stamps = st.floats(min_value=NOW_MS - 2e6, max_value=NOW_MS + 1e6) | st.sampled_from(
    [0.0, math.inf, math.nan, 1e300, -5.0]
)
texts = st.text(max_size=30) | st.sampled_from(
    ["web-12", "漢字ホスト", "e\u0301", "a\x1b[31mred", "👩‍👩‍👧", "☎\ufe0f", "\u202eabc"]
)
sizes = st.tuples(st.integers(0, 70), st.integers(0, 16))


def wave(count: int = 180, step_ms: int = 5000) -> tuple[list[float], list[float]]:
    """Return stamps up to now and ratios with a spike and a hole, without any randomness."""
    values = [0.4 + 0.25 * math.sin(at / 11) for at in range(count)]
    values[count // 4] = 0.99
    for at in range(count // 2, count // 2 + 14):
        values[at] = math.nan
    return [float(NOW_MS - (count - 1 - at) * step_ms) for at in range(count)], values
