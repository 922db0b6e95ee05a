"""What changed: 200 made incidents of microservices, how often their cause comes first, and what that takes.

Beside it stands the robust scorer of BARO (Pham et al., FSE 2024) on the same incidents, which is told the onset. The seeds that
are reported here were never tuned on: those are 1000 and up.
"""

import time
from collections.abc import Callable

import numpy as np

from benches.rank.incidents import Incident, make_incident
from benches.report import Row, Section
from nagare.errors import InputError
from nagare.insights.matrix import SeriesMatrix
from nagare.insights.ranking.graph import DependencyGraph
from nagare.insights.ranking.names import parse_names
from nagare.insights.ranking.rank import Question, rank_changes

SEEDS = range(500_000, 500_200)
# People and alerts are early or late by that many seconds.
HINT_OFF_SECONDS = (-120.0, 240.0)
SERIES, POINTS = 5000, 720

Ways = dict[str, Callable[[Incident, SeriesMatrix], list[str]]]


def matrix_of(incident: Incident) -> SeriesMatrix:
    """Return the incident's series as the engine takes them."""
    return SeriesMatrix(tuple(incident.names), (incident.times * 1000).astype(np.int64), incident.values)


def ranked(matrix: SeriesMatrix, onset: float | None, graph: DependencyGraph | None) -> list[str]:
    """Return the components, likeliest cause first; none where no onset was found."""
    try:
        ranking = rank_changes(matrix, None if onset is None else round(onset * 1000), Question(graph=graph))
    except InputError:
        return []
    return [one.name for one in ranking.components]


def _hint(incident: Incident) -> float:
    return incident.onset + float(np.random.default_rng(int(incident.onset)).uniform(*HINT_OFF_SECONDS))


def robust_scorer(incident: Incident, matrix: SeriesMatrix) -> list[str]:
    """Return the components by the highest point of any of their series, in quartiles of the time before."""
    values = np.nan_to_num(matrix.values)
    before, after = values[:, incident.times < incident.onset], values[:, incident.times >= incident.onset]
    low, middle, high = np.quantile(before, (0.25, 0.5, 0.75), axis=1)
    apart = np.where(high > low, high - low, 1.0)
    score = ((after - middle[:, None]) / apart[:, None]).max(axis=1)
    score[(np.ptp(before, axis=1) == 0) | (np.ptp(after, axis=1) == 0)] = -np.inf
    names = parse_names(matrix.names)
    return list(dict.fromkeys(names[row].component for row in np.argsort(-score)))


WAYS: Ways = {
    "onset found": lambda _, matrix: ranked(matrix, None, None),
    "onset found, graph known": lambda one, matrix: ranked(matrix, None, DependencyGraph.of_edges(one.edges)),
    "onset minutes off": lambda one, matrix: ranked(matrix, _hint(one), None),
    "onset minutes off, graph known": lambda one, matrix: ranked(
        matrix, _hint(one), DependencyGraph.of_edges(one.edges)
    ),
}


def run() -> Section:
    """Rank every incident in every way."""
    section = Section(
        "What changed",
        f"{len(SEEDS)} generated incidents of 40 to 400 series; beside: the robust scorer of BARO, told the exact onset",
    )
    places: dict[str, list[int]] = {name: [] for name in [*WAYS, "beside"]}
    took: list[float] = []
    for seed in SEEDS:
        incident = make_incident(seed)
        matrix = matrix_of(incident)
        for name, way in WAYS.items():
            began = time.process_time()
            places[name].append(_place(way(incident, matrix), incident.cause))
            took.append(time.process_time() - began)
        places["beside"].append(_place(robust_scorer(incident, matrix), incident.cause))
    for name in WAYS:
        for top, promise in ((1, 95.0), (3, None)):
            section.rows.append(
                Row(
                    f"cause among the first {top}, {name}", _share(places[name], top), "%",
                    _share(places["beside"], top), "robust scorer", promise, more_is_better=True,
                )
            )  # fmt: skip
    section.rows.append(Row("one incident", 1000 * float(np.mean(took)), "ms of processor time"))
    section.rows += _large()
    return section


def _place(components: list[str], cause: str) -> int:
    return components.index(cause) + 1 if cause in components else len(components) + 1000


def _share(places: list[int], top: int) -> float:
    return 100 * sum(place <= top for place in places) / len(places)


def _large() -> list[Row]:
    random = np.random.default_rng(1)
    values = random.normal(50, 2, (SERIES, POINTS))
    values[40:60, 600:] += 12
    names = tuple(f"s{row // 10}_m{row % 10}" for row in range(SERIES))
    matrix = SeriesMatrix(names, np.arange(POINTS, dtype=np.int64) * 5000, values)
    rows = []
    for name, onset in (("onset known", 600 * 5000), ("onset found", None)):
        began = time.process_time()
        rank_changes(matrix, onset)
        spent = 1000 * (time.process_time() - began)
        rows.append(Row(f"{SERIES:,} series, an hour of 5 s, {name}", spent, "ms of processor time", promise=1000.0))
    return rows
