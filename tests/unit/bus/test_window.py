"""The ids by which a repeat is known."""

from nagare.bus.embedded.window import IdWindow


def test_an_id_is_known_for_its_time() -> None:
    window = IdWindow(10.0)
    window.add(1_000, {"a": 1, "b": 2})
    window.add(9_000, {"c": 3})
    window.forget(11_000)
    assert [window.find(name) for name in "abcd"] == [1, 2, 3, None]
    window.forget(11_001)
    assert [window.find(name) for name in "abcd"] == [None, None, 3, None]
    assert len(window) == 1


def test_beyond_the_bound_the_oldest_go_and_are_counted() -> None:
    window = IdWindow(1e6, limit=4)
    assert [window.add(number, {f"{number}-{n}": n for n in range(2)}) for number in range(3)] == [0, 0, 2]
    assert [window.find("0-0"), window.find("1-0"), window.find("2-1")] == [None, 0, 1]
    # What came together stays together.
    window.add(9, {f"9-{n}": n for n in range(9)})
    assert len(window) == 9
