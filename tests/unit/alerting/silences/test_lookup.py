"""Silences by a label: the same ones as when every one is compared, and in their order."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.alerting.silences.lookup import ByLabel
from nagare.model.alert.matcher import Matcher
from nagare.model.alert.silence import Silence

_names, _texts = st.sampled_from(["host", "mount", "team"]), st.sampled_from(["", "a", "b"])
_matchers = st.lists(
    st.builds(Matcher, _names, st.sampled_from(["=", "!=", "=~", "!~"]), _texts), min_size=1, max_size=3
)


@given(st.lists(_matchers, max_size=8), st.dictionaries(_names, _texts))
def test_it_finds_what_comparing_all_finds(all_matchers: list[list[Matcher]], labels: dict[str, str]) -> None:
    silences = [
        Silence(str(place), tuple(matchers), "x", "", "x", 0, 0, 1, 0) for place, matchers in enumerate(all_matchers)
    ]
    assert ByLabel(silences).about(labels) == [one for one in silences if one.is_meant(labels)]
