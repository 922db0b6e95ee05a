"""NAME=VALUE on a command line becomes the arguments of a task."""

from typing import Any

import pytest

from nagare.client.argument_words import read_arguments
from nagare.errors import InputError


@pytest.mark.parametrize(
    ("words", "document", "expected"),
    [
        ([], "", {}),
        (["a=1", "b=text", "c=true", 'd=["x"]'], "", {"a": 1, "b": "text", "c": True, "d": ["x"]}),
        (["sql=select 1 = 1"], "", {"sql": "select 1 = 1"}),
        (["targets.all=true", "targets.groups=web"], "", {"targets": {"all": True, "groups": "web"}}),
        (["a.b=2"], '{"a":{"b":1,"c":3}}', {"a": {"b": 2, "c": 3}}),
        (["empty="], "", {"empty": ""}),
        (['quoted="1"'], "", {"quoted": "1"}),
    ],
)
def test_words_become_arguments(words: list[str], document: str, expected: dict[str, Any]) -> None:
    assert read_arguments(words, document) == expected


@pytest.mark.parametrize(
    ("words", "document"),
    [(["a"], ""), (["=1"], ""), (["a..b=1"], ""), (["a=1", "a.b=2"], ""), ([], "[1]"), ([], "{")],
)
def test_what_is_none_is_refused(words: list[str], document: str) -> None:
    with pytest.raises(InputError):
        read_arguments(words, document)
