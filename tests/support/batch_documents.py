"""Batches of our own tables as documents: what an agent sends, and what it never would."""

from typing import Any

from hypothesis import strategies as st

from nagare.model.tables import TABLES, ColumnType, Table
from nagare.wire.batch import TEXT_LIMIT
from tests.support.metric_store import START_MS

SOUND_CELLS: dict[ColumnType, Any] = {
    ColumnType.FLOAT: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.TEXT: st.text(max_size=4),
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.MAP: st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
}
# What may stand anywhere, and mostly does not belong there.
ODD_CELLS = st.one_of(
    st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3), st.lists(st.none(), max_size=1),
    st.sampled_from([5.0, 1e300, -0.0, 2**63, -(2**63) - 1, "\ud800", "x" * (TEXT_LIMIT + 1)]),
)  # fmt: skip


@st.composite
def _columns(draw: st.DrawFn, table: Table, *, odd: bool) -> dict[str, Any]:
    count = draw(st.integers(0 if odd else 1, 4))
    columns: dict[str, Any] = {
        "ts": draw(st.lists(st.integers(START_MS, START_MS + 9), min_size=count, max_size=count))
    }
    for column in draw(st.lists(st.sampled_from(table.columns), max_size=6, unique=True)):
        cells = SOUND_CELLS[column.type] | st.none()
        length = draw(st.integers(max(0, count - 1), count + 1)) if odd else count
        columns[column.name] = draw(st.lists(cells | ODD_CELLS if odd else cells, min_size=length, max_size=length))
    if odd:
        columns |= draw(
            st.dictionaries(st.sampled_from(["ts", "host", "x", "A b", "core"]), st.just([None]), max_size=1)
        )
    return columns


@st.composite
def documents(draw: st.DrawFn, *, odd: bool) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(TABLES)), max_size=3, unique=True))
    tables = {name: draw(_columns(TABLES[name], odd=odd)) for name in names}
    return {"v": 1, "host": "web1", "boot": "b", "seq": draw(st.integers(0, 2**63 - 1)), "tables": tables}
