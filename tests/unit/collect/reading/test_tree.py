"""Taking values out of foreign JSON."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.reading.tree import dig, dig_dicts, dig_integer, dig_number, dig_text, parse_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
)


def test_values_of_the_right_type_only() -> None:
    tree = {"a": {"n": 5, "f": 1.5, "t": "x", "b": True, "big": 2**70, "l": [{"x": 1}, 2]}}
    assert dig(tree, "a", "t") == "x"
    assert dig_integer(tree, "a", "n") == 5
    assert dig_integer(tree, "a", "f") is None
    assert dig_number(tree, "a", "f") == 1.5
    assert dig_number(tree, "a", "b") is None
    assert dig_number(tree, "a", "big") is None
    assert dig_text(tree, "a", "n") is None
    assert dig_text(tree, "a", "t", "deeper") is None
    assert list(dig_dicts(tree, "a", "l")) == [{"x": 1}]


def test_lone_surrogates_become_storable() -> None:
    assert dig_text({"a": "\ud800"}, "a") == "?"


def test_not_json_is_nothing() -> None:
    assert parse_json(b"{") is None
    assert parse_json(b"\xff") is None
    assert parse_json(b"[" * 200_000) is None


@given(JSON)
def test_any_shape(tree: Any) -> None:
    for keys in ((), ("a",), ("a", "b")):
        dig_number(tree, *keys)
        dig_integer(tree, *keys)
        dig_text(tree, *keys)
        list(dig_dicts(tree, *keys))
