from nagare.agent.own_cost import OwnCost


def test_the_cost_rises_and_its_ratio_is_over_the_time_between() -> None:
    cost = OwnCost()
    first = cost.read(10.0)
    assert first.cpu_ratio is None
    assert first.cpu_seconds_total > 0
    assert first.memory_bytes is not None
    assert 2**20 < first.memory_bytes < 2**40
    sum(range(200_000))
    second = cost.read(12.0)
    assert second.cpu_ratio == (second.cpu_seconds_total - first.cpu_seconds_total) / 2
    assert cost.read(12.0).cpu_ratio is None
