from nagare.lib.counters import Counters


def test_counts_add_up_and_come_in_name_order() -> None:
    counters = Counters()
    counters.add("b", 2)
    counters.add("a")
    counters.add("b", 0.5)
    assert list(counters) == [("a", 1), ("b", 2.5)]
    assert counters.get("b") == 2.5
    assert counters.get("unknown") == 0
