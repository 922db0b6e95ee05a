"""Subjects, patterns and partitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.bus.subjects import Pattern, check_subject, partition_of, partitions_of_member
from nagare.errors import InvalidLabelError

TOKENS = st.sampled_from(["a", "b", "commands", "x-1", "A_b"])
SUBJECTS = st.lists(TOKENS, min_size=1, max_size=5).map(".".join)
PATTERNS = st.builds(
    lambda tokens, rest: ".".join([*tokens, *rest]),
    st.lists(st.one_of(TOKENS, st.just("*")), min_size=1, max_size=4),
    st.sampled_from([[], [">"]]),
)


def _matches(pattern: list[str], subject: list[str]) -> bool:
    # As NATS has it, token by token.
    if pattern == [">"]:
        return bool(subject)
    if not pattern or not subject:
        return not pattern and not subject
    return pattern[0] in ("*", subject[0]) and _matches(pattern[1:], subject[1:])


@given(PATTERNS, SUBJECTS)
def test_a_pattern_matches_token_by_token(pattern: str, subject: str) -> None:
    assert Pattern(pattern).matches(subject) == _matches(pattern.split("."), subject.split("."))


@given(PATTERNS, PATTERNS, SUBJECTS)
def test_patterns_that_share_a_subject_overlap(one: str, other: str, subject: str) -> None:
    first, second = Pattern(one), Pattern(other)
    assert first.overlaps(second) == second.overlaps(first)
    if first.matches(subject) and second.matches(subject):
        assert first.overlaps(second)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("a.*", "a.b", True),
        ("a.*", "*.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("a.>", "a.b.c", True),
        ("a.>", "b.>", False),
        (">", "a", True),
    ],
)
def test_overlaps_of_patterns(one: str, other: str, overlap: bool) -> None:
    assert Pattern(one).overlaps(Pattern(other)) is overlap


@pytest.mark.parametrize("subject", ["", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "ä", "a\n", "x" * 256])
def test_what_is_no_subject_is_refused(subject: str) -> None:
    with pytest.raises(InvalidLabelError):
        check_subject(subject)


@pytest.mark.parametrize("pattern", ["", "a.>.b", "a*", ">.a", "a.", "a.**"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidLabelError):
        Pattern(pattern)


def test_partitions_are_the_same_for_ever() -> None:
    # Messages of a key would change their order if these did.
    assert [partition_of(key, 16) for key in ("", "general", "7f3c", "ü")] == [0, 10, 4, 5]


@given(st.integers(1, 64), st.integers(1, 10))
def test_members_read_each_partition_once(count: int, members: int) -> None:
    read = [number for member in range(members) for number in partitions_of_member(count, member, members)]
    assert sorted(read) == list(range(count))
