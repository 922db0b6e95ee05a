"""Matchers: what is written is read back the same, and no pattern searches for long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.alert.matcher import TEXT_LIMIT, Matcher, parse_matcher, parse_matchers

_NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_.]{0,20}", fullmatch=True)
_PATTERNS = st.text(st.sampled_from(list('ab.*+?|[](){}\\^$-,10 "~')), max_size=20)


@given(_NAMES, st.sampled_from(["=", "!="]), st.text(max_size=40))
def test_what_is_printed_is_read_back(name: str, sign: str, text: str) -> None:
    matcher = Matcher(name, sign, text)
    assert parse_matcher(str(matcher)) == matcher


@given(_NAMES, st.sampled_from(["=~", "!~"]), _PATTERNS)
def test_a_pattern_is_read_back_or_refused(name: str, sign: str, text: str) -> None:
    try:
        matcher = parse_matcher(f"{name}{sign}{text}")
    except InputError:
        return
    assert parse_matcher(str(matcher)) == matcher
    assert matcher.matches({name: "ab"}) != Matcher(name, {"=~": "!~", "!~": "=~"}[sign], matcher.text).matches(
        {name: "ab"}
    )


@given(st.text(max_size=60))
def test_any_text_is_a_matcher_or_refused(text: str) -> None:
    try:
        matcher = parse_matcher(text)
    except InputError:
        return
    assert parse_matcher(str(matcher)) == matcher


def _check(text: str, labels: dict[str, str], expected: bool) -> None:
    assert parse_matcher(text).matches(labels) is expected, (text, labels)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("host=web1", {"host": "web1"}, True),
        ("host=web1", {"host": "web10"}, False),
        ("host!=web1", {}, True),
        ("host=", {}, True),
        ('host=" web1 "', {"host": " web1 "}, True),
        ("mount=~/srv/.*", {"mount": "/srv/a"}, True),
        ("mount=~/srv", {"mount": "/srv/a"}, False),
        ("team=~db|web", {"team": "web"}, True),
        ("team!~db|web", {"team": "ops"}, True),
        (r"path=~a\|b", {"path": "a|b"}, True),
        ("path=~[a|b]", {"path": "|"}, True),
        (r"path=~[\]|]x", {"path": "]x"}, True),
        (r"name=~a\(b", {"name": "a(b"}, True),
        ("name=~[(]", {"name": "("}, True),
        (r"name=~.*db.*prod.*", {"name": "a-db-prod-1"}, True),
        ("name=~.*", {"name": "two\nlines"}, True),
    ],
)
def test_what_a_matcher_is_true_of(text: str, labels: dict[str, str], expected: bool) -> None:
    _check(text, labels, expected)


@pytest.mark.parametrize(
    "text",
    [
        "host",
        "=web1",
        "host=~(a|b)",
        # An escaped backslash, and a group behind it.
        r"host=~\\(a*)*b",
        r"host=~\\*\\*\\*\\*x",
        "host=~a*a*a*b",
        "host=~.*a.*b.*c",
        # The last part is no `.*`, though without the class it would look like one.
        "host=~a*b*.[a]*",
        "host=~[a",
        "host=~a{99999999999}",
        "host=~*",
        f"host={'x' * (TEXT_LIMIT + 1)}",
    ],
)
def test_what_cannot_be_searched_quickly_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"cannot (?:read|use)"):
        parse_matcher(text)


@pytest.mark.parametrize("text", ["a*a*b", ".*.*.*", "[ab]+[ab]+c", ".*a.*b.*", "a{0,255}a{0,255}b", r"\w*\w*!"])
def test_no_label_makes_a_lawful_pattern_search_for_long(text: str) -> None:
    matcher = parse_matcher(f"host=~{text}")
    begun = time.process_time()
    matcher.matches({"host": "a" * 100_000})
    # Two milliseconds of a quick machine: what grows by another factor of the length takes a hundred times as long.
    assert time.process_time() - begun < 0.2


@pytest.mark.parametrize("texts", [[], ["host!=web1"], ["host=~.*", "team="], ["host=web1"] * 21])
def test_matchers_that_mean_everything_are_refused(texts: list[str]) -> None:
    with pytest.raises(InputError, match="cannot match alerts"):
        parse_matchers(texts)
