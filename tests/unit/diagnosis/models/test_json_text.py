"""JSON that models write, with what they write around it."""

import pytest

from nagare.diagnosis.models.json_text import as_count, find_object, parse_object


@pytest.mark.parametrize(
    "text",
    [
        '{"cause": "x"}',
        '  {"cause": "x"}\n',
        '```json\n{"cause": "x"}\n```',
        '<think>it may be {"cause": "y"}</think>\n{"cause": "x"}',
        'Here it is: {"cause": "x"} - done.',
    ],
)
def test_an_object_is_found_among_words(text: str) -> None:
    assert find_object(text) == {"cause": "x"}


@pytest.mark.parametrize(
    "text", ["", "none", "[1]", '{"a": NaN}', '{"a": 1', "[" * 100_000, "{" * 100_000, '{"a":' * 50_000]
)
def test_what_is_none_is_none(text: str) -> None:
    assert find_object(text) is None


def test_bytes_that_are_no_text_are_none() -> None:
    assert parse_object(b"\xff{}") is None


def test_a_count_is_a_whole_number_above_nothing() -> None:
    assert [as_count(value) for value in (7, True, -1, 1.5, "7", None, 10**400)] == [7, 0, 0, 0, 0, 0, 2**31 - 1]
