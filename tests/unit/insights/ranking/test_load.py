import numpy as np

from nagare.insights.ranking.load import without_load


def _spread(values: np.ndarray) -> np.ndarray:
    spread: np.ndarray = values.std(axis=1)
    return spread


def test_what_all_have_in_common_is_taken_off_and_a_fault_stays() -> None:
    random = np.random.default_rng(1)
    load = np.sin(np.arange(400) / 40)
    follows = np.where(np.arange(30) < 20, random.uniform(3, 6, 30), 0)
    values = 100 + np.outer(follows, load) + random.normal(0, 1, (30, 400))
    values[3, 300:] += 8
    values[5, 50] = np.nan
    left = without_load(values, 300)
    assert (_spread(left[:20, :300])[[0, 1, 2, 3, 4]] < 1.3).all()
    np.testing.assert_allclose(left[25], values[25], atol=0.5)
    assert 6 < left[3, 300:].mean() - left[3, :300].mean() < 10
    assert abs(left[4, 300:].mean() - left[4, :300].mean()) < 1
    assert np.isnan(left[5, 50])


def test_without_a_common_course_nothing_is_taken_off() -> None:
    values = np.random.default_rng(2).normal(0, 1, (30, 400))
    assert without_load(values, 300) is values
    assert without_load(values[:3], 300).shape == (3, 400)
    still = np.full((30, 400), 7.0)
    assert without_load(still, 300) is still
