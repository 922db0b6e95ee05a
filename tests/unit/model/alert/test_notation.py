"""Values over time in one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.alert.notation import parse_series


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.5 0.6 1", [0.5, 0.6, 1.0]),
        ("0.97x3", [0.97] * 3),
        ("_ 1 _x2", [None, 1.0, None, None]),
        ("1+2x4", [1.0, 3.0, 5.0, 7.0]),
        ("9-2x3", [9.0, 7.0, 5.0]),
        ("-1e-3x2", [-0.001, -0.001]),
        ("1e3-.5x2", [1000.0, 999.5]),
        ("true falsex2", [True, False, False]),
        ("1x0", []),
        ("", []),
    ],
)
def test_numbers(text: str, values: list[object]) -> None:
    assert parse_series(text) == values


def test_words_of_a_text_column() -> None:
    assert parse_series("activex2 failed _ 5+1x2", is_text=True) == ["active", "active", "failed", None, "5+1", "5+1"]


@pytest.mark.parametrize("text", ["abc", "1 nan", "1,5", "infx2", "x3", "1x", "1x-2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="neither a number"):
        parse_series(text)


@pytest.mark.parametrize("text", ["1x100001", "1x99999999999999999999", "1+1x" + "9" * 5000])
def test_too_many_are_refused_before_they_are_made(text: str) -> None:
    with pytest.raises(InputError, match="more than 100000 values"):
        parse_series(text)


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), st.integers(0, 50))))
def test_what_is_written_is_read(parts: list[tuple[float | None, int]]) -> None:
    text = " ".join(f"{'_' if value is None else repr(value)}x{count}" for value, count in parts)
    assert parse_series(text) == [value for value, count in parts for _ in range(count)]
