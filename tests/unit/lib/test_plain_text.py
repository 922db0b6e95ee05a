import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.plain_text import plain, plain_lines


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("web1", "web1"),
        ("naïve café 流れ 🚀", "naïve café 流れ 🚀"),
        ("\x1b[2J\x1b]0;owned\x07", "␛[2J␛]0;owned␇"),
        ("two\nlines\tand\rmore", "two lines and more"),
        ("\x9b31m", "\N{REPLACEMENT CHARACTER}31m"),
        ("del\x7f", "del␡"),
        ("abc\u202etxt.exe", "abc\N{REPLACEMENT CHARACTER}txt.exe"),
        ("a\u2028b", "a\N{REPLACEMENT CHARACTER}b"),
        ("hid\U000e0041den", "hid\N{REPLACEMENT CHARACTER}den"),
        ("bad\udcff", "bad\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_what_steers_a_terminal_becomes_visible(foreign: str, shown: str) -> None:
    assert plain(foreign) == shown


@given(st.text(st.characters(codec=None, categories=None), max_size=200))
def test_nothing_harmful_passes(foreign: str) -> None:
    shown = plain(foreign)
    assert all(unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} for character in shown)
    assert all(
        unicodedata.bidirectional(c) not in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        for c in shown
    )
    shown.encode()
    assert plain(shown) == shown


@given(st.text(), st.integers(min_value=0, max_value=50))
def test_the_limit_holds(text: str, limit: int) -> None:
    assert len(plain(text, limit)) <= limit


@pytest.mark.parametrize(("limit", "shown"), [(0, ""), (1, "…"), (4, "abc…"), (6, "abcdef"), (7, "abcdef")])
def test_a_cut_text_says_so(limit: int, shown: str) -> None:
    assert plain("abcdef", limit) == shown


def test_lines_stay_lines() -> None:
    assert plain_lines("a\tb\nc\x1b[0m\r\nd") == "a    b\nc␛[0m\nd"
