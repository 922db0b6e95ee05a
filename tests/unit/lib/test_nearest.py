import pytest

from nagare.lib.nearest import did_you_mean, find_nearest

TABLES = ["cpu", "memory", "disk", "disk_io", "network", "process"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("memroy", "memory"),
        ("Proces", "process"),
        ("NETWORK", "network"),
        ("diskio", "disk_io"),
        ("zzz", None),
        ("", None),
    ],
)
def test_the_nearest_name(name: str, nearest: str | None) -> None:
    assert find_nearest(name, TABLES) == nearest


def test_a_hint_is_a_sentence_or_nothing() -> None:
    assert did_you_mean("memroy", TABLES) == "did you mean 'memory'?"
    assert did_you_mean("zzz", TABLES) == ""


def test_a_name_as_long_as_a_book_costs_nothing() -> None:
    assert find_nearest("a" * 10_000_000, ["a" * 100]) is None
