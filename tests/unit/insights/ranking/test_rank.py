import numpy as np
import pytest

from nagare.errors import InputError
from nagare.insights.matrix import Floats, SeriesMatrix
from nagare.insights.ranking.graph import DependencyGraph
from nagare.insights.ranking.rank import Question, compare, rank_changes
from nagare.insights.ranking.values import MetricChange, Ranking

_BEGIN, _STEP_MS = 1_760_000_000_000, 5000


def _matrix(series: dict[str, Floats]) -> SeriesMatrix:
    width = len(next(iter(series.values())))
    times = _BEGIN + np.arange(width, dtype=np.int64) * _STEP_MS
    return SeriesMatrix(tuple(series), times, np.array(list(series.values())))


def _quiet(seed: int, names: int = 12, width: int = 400) -> dict[str, Floats]:
    random = np.random.default_rng(seed)
    return {f"s{name}_{metric}": random.normal(50, 2, width) for name in range(names) for metric in ("cpu", "latency")}


def _metric(ranking: Ranking, name: str) -> MetricChange:
    return next(one for one in ranking.metrics if one.name == name)


def test_what_changed_first_and_most_is_first() -> None:
    series = _quiet(1)
    series["s3_cpu"][300:] += 30
    series["s3_latency"][301:] += 20
    series["s5_latency"][306:] += 25
    ranking = rank_changes(_matrix(series))
    assert abs(ranking.onset_ms - (_BEGIN + 300 * _STEP_MS)) <= 2 * _STEP_MS
    assert [one.name for one in ranking.components[:2]] == ["s3", "s5"]
    assert ranking.components[0].metrics[:2] == ("s3_cpu", "s3_latency")
    worst = ranking.metrics[0]
    assert (worst.name, worst.direction, worst.onset_ms) == ("s3_cpu", "up", _BEGIN + 300 * _STEP_MS)
    assert worst.before == pytest.approx(50, abs=1)
    assert worst.after == pytest.approx(80, abs=4)
    assert 0 <= ranking.metrics[-1].score < 0.1 < 0.9 < worst.score <= 1


def test_a_named_onset_may_be_minutes_off() -> None:
    series = _quiet(2)
    series["s3_cpu"][300:] += 30
    for minutes in (-4, 0, 4):
        ranking = rank_changes(_matrix(series), _BEGIN + 300 * _STEP_MS + minutes * 60_000)
        assert ranking.components[0].name == "s3"
        assert ranking.onset_ms == _BEGIN + 300 * _STEP_MS


def test_a_bystander_that_was_noisy_before_counts_for_little() -> None:
    series = _quiet(3)
    random = np.random.default_rng(4)
    series["s7_cpu"] += 60 * np.repeat(random.random(50) < 0.3, 8)
    series["s8_cpu"] = 50 + random.standard_t(1.5, 400) * 5
    series["s9_cpu"] += 15 * np.sin(np.arange(400) / 20)
    series["s1_cpu"][300:] += 12
    series["s1_latency"][300:] += 12
    assert rank_changes(_matrix(series)).components[0].name == "s1"


def test_series_that_stand_still_fall_silent_or_appear() -> None:
    series = _quiet(5)
    series["s0_limit"] = np.full(400, 4.0)
    series["s1_restarts"] = np.where(np.arange(400) < 300, 0.0, 3.0)
    series["s2_cpu"][300:] = np.nan
    series["s2_latency"][300:] = np.nan
    series["s4_canary"] = np.where(np.arange(400) < 300, np.nan, 1.0)
    ranking = rank_changes(_matrix(series), _BEGIN + 300 * _STEP_MS)
    assert ranking.components[0].name == "s2"
    assert (_metric(ranking, "s2_cpu").direction, _metric(ranking, "s2_cpu").after) == ("silent", None)
    assert (_metric(ranking, "s4_canary").direction, _metric(ranking, "s4_canary").before) == ("new", None)
    assert _metric(ranking, "s0_limit").direction == "same"
    restarts = _metric(ranking, "s1_restarts")
    assert (restarts.direction, restarts.before, restarts.after) == ("up", 0.0, 3.0)


def test_with_a_graph_the_cause_is_below_its_symptoms() -> None:
    series = _quiet(6)
    # All at once, and the callers show it more clearly than the cause does.
    series["s2_latency"][300:] += 25
    for caller in ("s0_latency", "s1_latency"):
        series[caller][300:] += 30
    matrix = _matrix(series)
    assert rank_changes(matrix).components[0].name != "s2"
    graph = DependencyGraph.of_edges([("s0", "s1"), ("s1", "s2"), ("s2", "s9"), ("s0", "s8")])
    ranking = rank_changes(matrix, question=Question(graph=graph))
    first, *others = ranking.components
    assert (first.name, first.explains[:2], first.explained_by) == ("s2", ("s1", "s0"), "")
    assert {one.name: one.explained_by for one in others if one.name in {"s0", "s1"}} == {"s0": "s1", "s1": "s2"}


def test_two_windows_far_apart_are_compared_by_names() -> None:
    before, after = _quiet(7), _quiet(8)
    after["s3_cpu"][40:] += 30
    del after["s5_cpu"]
    later = _matrix(after)
    incident = SeriesMatrix(later.names, later.times_ms + 86_400_000, later.values)
    ranking = compare(_matrix(before), incident)
    assert ranking.metrics[0].name == "s3_cpu"
    assert ranking.onset_ms == incident.times_ms[40]
    assert _metric(ranking, "s5_cpu").direction == "silent"


def test_what_cannot_be_ranked_is_refused() -> None:
    matrix = _matrix(_quiet(9))
    with pytest.raises(InputError, match="cannot find an onset"):
        rank_changes(_matrix({"a": np.full(400, 1.0), "b": np.full(400, 2.0)}))
    with pytest.raises(InputError, match="before the incident are too few"):
        rank_changes(matrix, _BEGIN)
    with pytest.raises(InputError, match="of the incident are too few"):
        rank_changes(matrix, _BEGIN + 10**9)
    with pytest.raises(InputError, match="no series in common"):
        compare(matrix, SeriesMatrix(("x",), matrix.times_ms, matrix.values[:1]))


def test_a_graph_with_a_circle_ends() -> None:
    graph = DependencyGraph.of_edges([("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")])
    assert graph.distances("a") == {"b": 1, "c": 2}
    assert graph.reversed().distances("a") == {"c": 1, "b": 2}
