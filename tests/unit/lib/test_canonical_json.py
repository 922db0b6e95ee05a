import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.lib.canonical_json import canonical, canonical_sha256

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**52), 2**52) | st.text(st.characters(codec="utf-8")),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(st.characters(codec="ascii")), part, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_has_one_form_that_says_the_same(value: Any) -> None:
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


def test_the_order_of_names_and_spaces_do_not_count() -> None:
    assert canonical({"b": 1, "a": [True, None]}) == b'{"a":[true,null],"b":1}'
    assert canonical_sha256({"b": 1, "a": 2}) == canonical_sha256({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [1.5, 2**53, {"é": 1}, {1: 2}, "\ud800", b"x", [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]])
def test_what_has_no_one_form_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        canonical(value)
