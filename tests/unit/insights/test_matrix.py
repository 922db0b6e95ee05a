import numpy as np
import pytest

from nagare.errors import InputError
from nagare.insights.matrix import SeriesMatrix, from_columns, from_points
from nagare.insights.robust import row_median, row_quantiles, row_scale


def test_rows_in_any_order_come_in_the_order_of_time_and_the_last_of_repeats_counts() -> None:
    times = np.array([30, 10, 20, 10], dtype=np.int64)
    matrix = from_columns(["a", "b"], times, [np.array([3.0, 1.0, 2.0, 9.0]), np.array([3.0, 1.0, np.inf, np.nan])])
    assert matrix.times_ms.tolist() == [10, 20, 30]
    assert matrix.values[0].tolist() == [9.0, 2.0, 3.0]
    np.testing.assert_array_equal(matrix.values[1], [1.0, np.nan, 3.0])


def test_points_of_different_times_share_a_grid() -> None:
    times = np.array([1000, 1900, 6200], dtype=np.int64)
    matrix = from_points([("a", times, np.array([1.0, 3.0, 5.0])), ("b", times[:1], np.array([7.0]))], step_ms=1000)
    assert matrix.times_ms.tolist() == [1000, 2000, 3000, 4000, 5000, 6000]
    np.testing.assert_array_equal(matrix.values[0], [2, *[np.nan] * 4, 5])
    assert matrix.values[1, 0] == 7


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="do not rise"):
        SeriesMatrix(("a",), np.array([2, 1], dtype=np.int64), np.zeros((1, 2)))
    with pytest.raises(InputError, match="values for"):
        SeriesMatrix(("a",), np.array([1, 2], dtype=np.int64), np.zeros((2, 2)))
    with pytest.raises(InputError, match="there are none"):
        from_points([], step_ms=1000)
    far = np.array([0, 10**15], dtype=np.int64)
    with pytest.raises(InputError, match="too many"):
        from_points([("a", far, np.zeros(2))], step_ms=1)


def test_a_part_of_time_has_its_begin_and_not_its_end() -> None:
    matrix = SeriesMatrix(("a",), np.arange(5, dtype=np.int64) * 10, np.arange(5.0)[None, :])
    assert matrix.between(10, 30).times_ms.tolist() == [10, 20]
    assert matrix.between().times_ms.tolist() == matrix.times_ms.tolist()
    assert matrix.step_ms == 10


def test_quantiles_pass_over_gaps() -> None:
    values = np.array([[1.0, np.nan, 3.0, 2.0, np.nan], [np.nan] * 5, [4.0] * 5])
    np.testing.assert_array_equal(row_median(values), [2.0, np.nan, 4.0])
    np.testing.assert_allclose(row_quantiles(values, (0.25,))[0], np.nanquantile(values[0], 0.25))
    np.testing.assert_array_equal(row_scale(values)[1:], [np.nan, 0.0])
    assert row_quantiles(np.zeros((2, 0)), (0.5,)).shape == (2, 1)
