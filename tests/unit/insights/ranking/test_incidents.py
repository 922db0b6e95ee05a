"""A few of the incidents that `make bench` ranks by hundreds: how often the cause comes first must not fall unseen."""

import pytest

from benches.rank.incidents import make_incident
from benches.rank_bench import WAYS, matrix_of

# Neither those that were tuned on nor those that the bench reports.
_SEEDS = range(9000, 9016)


@pytest.mark.parametrize("way", WAYS)
def test_the_cause_comes_first(way: str) -> None:
    first = []
    for seed in _SEEDS:
        incident = make_incident(seed)
        found = WAYS[way](incident, matrix_of(incident))
        first.append(found[:1] == [incident.cause])
    assert sum(first) >= len(first) - 1
