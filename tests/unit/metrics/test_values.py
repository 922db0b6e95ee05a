"""Columns become what each of their values alone becomes, and rows keep their order."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nagare.metrics.sql.values import SAFE_INTEGER, json_columns, json_safe, weight

_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "VARCHAR": st.text(max_size=20),
    "DOUBLE": st.floats(),
    "BIGINT": st.integers(-(2**63), 2**63 - 1) | st.integers(-SAFE_INTEGER, SAFE_INTEGER),
    "INTEGER": st.integers(-(2**31), 2**31 - 1),
    "BOOLEAN": st.booleans(),
    "TIMESTAMP_MS": st.just("2026-01-01T00:00:00.000Z"),
    "HUGEINT": st.integers(-(2**127), 2**127 - 1),
    "DOUBLE[]": st.lists(st.floats(), max_size=3),
}


@st.composite
def _pieces(draw: st.DrawFn) -> tuple[list[tuple[Any, ...]], list[str]]:
    types = draw(st.lists(st.sampled_from(sorted(_VALUES)), min_size=1, max_size=4))
    row = st.tuples(*(st.none() | _VALUES[type_] for type_ in types))
    return draw(st.lists(row, min_size=1, max_size=12)), types


@given(_pieces())
def test_a_column_is_what_its_values_are(given_: tuple[list[tuple[Any, ...]], list[str]]) -> None:
    piece, types = given_
    rows, size = json_columns(piece, types)
    assert rows == [[json_safe(value) for value in row] for row in piece]
    assert all(type(row) is list for row in rows)
    # A null is counted as any other value of its column may be.
    least = sum(weight(value) for row in piece for value in row)
    assert least <= size <= least + 24 * len(piece) * len(types)
