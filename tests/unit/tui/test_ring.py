"""A ring holds the newest points in order, whatever came and was laid under it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nagare.tui.ring import Ring


@given(st.lists(st.integers(min_value=0, max_value=200), max_size=120), st.integers(min_value=1, max_value=9))
def test_a_ring_is_the_tail_of_a_list(stamps: list[int], capacity: int) -> None:
    ring, model = Ring(capacity), list[int]()
    for stamp in stamps:
        is_newer = not model or stamp > model[-1]
        assert ring.append(stamp, float(stamp)) is is_newer
        if is_newer:
            model.append(stamp)
        times, values = ring.points()
        assert times.tolist() == model[-capacity:]
        assert values.tolist() == [float(stamp) for stamp in model[-capacity:]]
        assert len(ring) == len(model[-capacity:])


@given(st.lists(st.integers(0, 50), unique=True).map(sorted), st.lists(st.integers(0, 50), unique=True).map(sorted))
def test_older_points_are_laid_under_those_held(held: list[int], older: list[int]) -> None:
    ring = Ring(16)
    for stamp in held:
        ring.append(stamp, 1.0)
    ring.fill(np.array(older, dtype=np.int64), np.zeros(len(older)))
    below = [stamp for stamp in older if not held or stamp < held[-min(len(held), 16)]]
    assert ring.points()[0].tolist() == [*below, *held][-16:]
    assert ring.append(1000, 2.0)


def test_points_since_a_moment() -> None:
    ring = Ring()
    for stamp in range(10):
        ring.append(stamp, stamp / 10)
    times, values = ring.since(7)
    assert times.tolist() == [7, 8, 9]
    assert values.tolist() == [0.7, 0.8, 0.9]
