"""Which alerts a line means."""

import pytest

from nagare.cli.alerts.choice import split_words, whole_id
from nagare.errors import InputError

IDS = ["3f2a9c0d" + "0" * 24, "3f2a9c1d" + "0" * 24, "81b6e0aa" + "0" * 24]


def test_words_are_ids_or_matchers() -> None:
    ids, matchers = split_words(["3f2a9c0d", "host=web1", "mount=~/srv.*", "81b6e0aa"])
    assert ids == ["3f2a9c0d", "81b6e0aa"]
    assert [str(one) for one in matchers] == ["host=web1", "mount=~/srv.*"]
    assert split_words(["3f2a9c0d"]) == (["3f2a9c0d"], ())


def test_matchers_that_are_true_of_everything_are_refused() -> None:
    with pytest.raises(InputError, match="every matcher is true"):
        split_words(["host!=web1"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("81b6", IDS[2]),
        ("81b6e0aa…", IDS[2]),
        ("3f2a9c0", IDS[0]),
        (IDS[1], IDS[1]),
        ("3f2", "3f2"),
        ("ffffffff", "ffffffff"),
    ],
)
def test_a_begin_is_enough_where_it_fits_one(text: str, found: str) -> None:
    assert whole_id("alert", text, IDS) == found


def test_a_begin_of_several_is_refused() -> None:
    with pytest.raises(InputError, match="2 of them begin so"):
        whole_id("alert", "3f2a", IDS)
