"""Pointers of RFC 6901: its own examples, and that any step survives being written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.lib.json_pointer import MISSING, find, format_pointer, parse_pointer

# The document of section 5.
DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", DOCUMENT), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
        ("/foo/2", MISSING), ("/foo/-", MISSING), ("/foo/00", MISSING), ("/foo/-1", MISSING), ("/foo/0/x", MISSING), ("/x", MISSING),
    ],
)  # fmt: skip
def test_what_stands_there(pointer: str, found: Any) -> None:
    assert find(DOCUMENT, parse_pointer(pointer)) == found


@pytest.mark.parametrize("pointer", ["x", "foo/0", "/~", "/~2", "/" + "a" * 600])
def test_what_is_no_pointer(pointer: str) -> None:
    with pytest.raises(InputError, match="cannot read pointer"):
        parse_pointer(pointer)


@given(st.lists(st.text(max_size=10), max_size=8))
def test_any_steps_survive(steps: list[str]) -> None:
    assert parse_pointer(format_pointer(steps)) == tuple(steps)
