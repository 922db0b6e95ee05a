"""Rows that are held, against the same said plainly."""

from typing import Any

import numpy as np
import pytest

from nagare.insights.anomalies.held import Greatest, Windows

SERIES = 5
WIDTH = 7
# Rows that come at a time; some series say nothing meanwhile.
PIECES = (1, 1, 3, 1, 1, 1, 9, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1)


class _Plain:
    """All rows that each series ever had, with as many noughts before them as are held."""

    def __init__(self) -> None:
        self._rows: list[list[float]] = [[0.0] * WIDTH for _ in range(SERIES)]

    def last(self, place: int, width: int) -> list[float]:
        return self._rows[place][-width:]

    def add(self, place: int, row: float) -> None:
        self._rows[place].append(row)


def _pieces() -> Any:
    chance = np.random.default_rng(5)
    for count in PIECES:
        places = chance.permutation(SERIES)[:3]
        yield places, np.abs(chance.normal(0.0, 2.0, (len(places), count)))


def test_means_are_those_of_the_last_rows() -> None:
    held, plain = Windows(SERIES, (1, 3, WIDTH)), _Plain()
    for places, rows in _pieces():
        found = held.means(places, rows)
        for at, place in enumerate(places):
            for row in range(rows.shape[1]):
                plain.add(place, rows[at, row])
                for width, means in zip((1, 3, WIDTH), found, strict=True):
                    assert means[at, row] == pytest.approx(np.mean(plain.last(place, width)))


@pytest.mark.parametrize("least", [0.0, 3.0])
def test_the_greatest_is_that_of_the_rows_before(least: float) -> None:
    held, rare, plain = Greatest(SERIES, WIDTH, 2), Greatest(SERIES, WIDTH, 2), _Plain()
    for places, pieces in _pieces():
        rows = np.where(pieces >= least, pieces, 0.0).astype(np.float32)
        both = np.stack((rows, 2 * rows))
        found = held.before(places, both)
        assert rare.before_rare(places, both).tolist() == found.tolist()
        for at, place in enumerate(places):
            for row in range(rows.shape[1]):
                assert found[:, at, row].tolist() == [max(plain.last(place, WIDTH)), 2 * max(plain.last(place, WIDTH))]
                plain.add(place, float(rows[at, row]))


def test_the_greatest_is_found_anew_after_rows_were_changed() -> None:
    held, place = Greatest(1, WIDTH, 1), np.array([0])
    held.before(place, np.array([[[9.0]]], dtype=np.float32))
    held.rows[:] = 0
    held.renew(place)
    assert held.before(place, np.array([[[1.0]]], dtype=np.float32)).tolist() == [[[0.0]]]


def test_a_sum_that_goes_along_keeps_no_trace_of_what_left() -> None:
    held, place = Windows(1, (1, 3, WIDTH)), np.array([0])
    for row in [1e15, *[0.1] * (3 * WIDTH)]:
        held.means(place, np.array([[row]]))
    found = held.means(place, np.array([[0.1]]))
    assert found[:, 0, 0].tolist() == pytest.approx([0.1] * 3, rel=1e-12)


def test_who_had_one_row_for_ever_has_it_as_its_mean() -> None:
    held = Windows(SERIES, (1, 3, WIDTH))
    held.fill(np.array([1, 3]), np.array([5.0, 7.0]))
    assert held.means(np.array([3, 1]), np.array([[7.0], [5.0]]))[:, :, 0].tolist() == [[7.0, 5.0]] * 3
