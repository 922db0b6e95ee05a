"""How many rows of a block a part of its time has."""

import pytest

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.views import Window
from nagare.metrics.rollups.tiers import rows_within

HOUR_MS = 3_600_000
RAW = Block("a", "cpu", "2026-01-01", 0, 24 * HOUR_MS - 1, 2400, 1, "ts", 0, 0)
# By the hour, each row at its beginning.
ROLLED = Block("b", "cpu_1h", "2026-01-01", 0, 9 * HOUR_MS, 100, 1, "ts", 0, 0)


@pytest.mark.parametrize(
    ("since_ms", "until_ms", "raw", "rolled"),
    [
        (None, None, 2400, 100),
        (0, 8 * HOUR_MS, 800, 80),
        (8 * HOUR_MS, 20 * HOUR_MS, 1200, 20),
        (20 * HOUR_MS, None, 400, 0),
        (None, -HOUR_MS, 0, 0),
        (30 * HOUR_MS, 40 * HOUR_MS, 0, 0),
    ],
)
def test_a_part_of_a_blocks_time_has_that_part_of_its_rows(
    since_ms: int | None, until_ms: int | None, raw: float, rolled: float
) -> None:
    window = Window(since_ms, until_ms)
    assert rows_within(RAW, window) == pytest.approx(raw)
    assert rows_within(ROLLED, window, HOUR_MS) == pytest.approx(rolled)


def test_a_block_of_one_moment_is_inside_or_not() -> None:
    block = Block("c", "cpu", "2026-01-01", 5, 5, 7, 1, "ts", 0, 0)
    assert [rows_within(block, Window(low, low + 1)) for low in (4, 5, 6)] == [0, 7, 0]
