"""The rows of some series, out of all that came."""

from collections.abc import Collection

import numpy as np
import pytest

from nagare.metrics.samples.wanted import Columns, Wanted


def _part(*series: int) -> Columns:
    numbers = np.array(series, np.int32)
    return numbers, 10 * numbers.astype(np.int64), numbers / 2


@pytest.mark.parametrize("wanted", [[], [3], [0, 5, 7], range(9), range(2, 40), [7, *range(20, 40)]])
def test_rows_of_wanted_series_are_left_in_their_order(wanted: Collection[int]) -> None:
    parts = [_part(5, 3, 7, 3, 99), _part(), _part(0, 41, 7)]
    series, ts_ms, values = Wanted(np.array(wanted, np.int32)).joined(parts)
    expected = [number for part in parts for number in part[0].tolist() if number in wanted]
    assert series.tolist() == expected
    assert ts_ms.tolist() == [10 * number for number in expected]
    assert values.tolist() == [number / 2 for number in expected]
    assert (series.dtype.name, ts_ms.dtype.name, values.dtype.name) == ("int32", "int64", "float64")


def test_of_no_slab_there_are_no_rows() -> None:
    assert [len(column) for column in Wanted(np.array([1], np.int32)).joined([])] == [0, 0, 0]
