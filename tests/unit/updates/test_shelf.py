import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import UpdateRefusedError
from nagare.keys.signing import SigningKey
from nagare.model.updates import version_key
from nagare.updates.shelf import DAY_MS, OwnKey, Shelf, merged, next_number, renewed
from nagare.wire.updates import Bundle
from tests.support.update_roles import NOW_MS, Publisher, bundle

OWN = OwnKey(SigningKey.generate())


def published(now_ms: int = NOW_MS, version: str = "0.2.0") -> Shelf:
    targets = OWN.new_targets(next_number(0, now_ms), [bundle(version)], now_ms)
    return Shelf((OWN.first_root(now_ms),), targets, OWN.new_timestamp(next_number(0, now_ms), targets, now_ms))


@given(st.lists(st.integers(0, 120), max_size=12))
def test_what_is_renewed_is_always_fresh_and_follows_what_was(days: list[int]) -> None:
    shelf, now_ms = published(), NOW_MS
    for wait in days:
        now_ms += wait * DAY_MS
        later = renewed(shelf, OWN, now_ms)
        shelf.checked(later, now_ms)
        assert later.stamp.expires_ms - now_ms >= DAY_MS
        assert renewed(later, OWN, now_ms) == later
        shelf = later


def test_roles_of_others_are_not_renewed() -> None:
    publisher = Publisher()
    targets = publisher.targets()
    shelf = Shelf((publisher.root(),), targets, publisher.timestamp(targets))
    assert renewed(shelf, OWN, NOW_MS + 80 * DAY_MS) == shelf
    assert renewed(Shelf(), OWN, NOW_MS) == Shelf()


def test_a_server_that_was_restored_goes_on_above_what_agents_saw() -> None:
    saved = published()
    lost = saved
    for day in (1, 2, 3):
        lost = renewed(lost, OWN, NOW_MS + day * DAY_MS)
    now_ms = NOW_MS + 4 * DAY_MS
    lost.checked(renewed(saved, OWN, now_ms), now_ms)
    with pytest.raises(UpdateRefusedError, match="rollback"):
        lost.checked(saved, NOW_MS + DAY_MS)


_VERSIONS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda part: f"{part[0]}.{part[1]}"), max_size=12
)


@given(_VERSIONS, _VERSIONS)
def test_a_list_keeps_what_is_new_and_the_newest_of_the_old(old: list[str], new: list[str]) -> None:
    kept = merged([bundle(text) for text in old], added := [bundle(text, b"later") for text in new])
    assert {one.version for one in added} <= {one.version for one in kept}
    assert len({one.version for one in kept}) == len(kept)
    assert len(kept) <= 4 + len(set(new))
    if old and not new:
        assert max(old, key=version_key) in {one.version for one in kept}
    assert all(isinstance(one, Bundle) for one in kept)
