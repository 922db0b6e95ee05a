"""Columns are dropped from the least wanted on, never the pinned ones, and never leave the width."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.live_table_layout import lay_out_columns

COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 8, 0),
    ColumnSpec("name", "name", CellKind.TEXT, 12, 0, grow=True),
    ColumnSpec("cpu", "cpu", CellKind.RATIO, 6, 1),
    ColumnSpec("memory", "mem", CellKind.RATIO, 6, 2),
    ColumnSpec("sent", "sent", CellKind.RATE, 9, 3),
    ColumnSpec("recv", "recv", CellKind.RATE, 9, 3),
)


def test_the_least_wanted_go_first_and_the_rightmost_of_equals() -> None:
    assert lay_out_columns(COLUMNS, 100).hidden == ()
    assert lay_out_columns(COLUMNS, 50).hidden == ("recv",)
    assert lay_out_columns(COLUMNS, 40).hidden == ("sent", "recv")
    assert lay_out_columns(COLUMNS, 10).hidden == ("cpu", "mem", "sent", "recv")


def gap_of(width: int) -> int:
    first, second = lay_out_columns(COLUMNS, width).columns[:2]
    return second.left - first.left - first.width


def test_spare_room_goes_between_columns_and_to_the_growing_one() -> None:
    assert [gap_of(width) for width in (57, 64, 84, 100)] == [1, 2, 3, 4]
    assert lay_out_columns(COLUMNS, 64).columns[1].width == 14
    assert lay_out_columns(COLUMNS, 200).columns[1].width == 28


def test_a_last_text_and_a_spark_take_all_that_is_left() -> None:
    text = (*COLUMNS[:3], ColumnSpec("command", "command", CellKind.TEXT, 10, 1, grow=True))
    assert lay_out_columns(text, 200).width == 200
    spark = (*COLUMNS[:3], ColumnSpec("history", "", CellKind.SPARK, 10, 1, grow=True), COLUMNS[3])
    assert lay_out_columns(spark, 200).width == 200


def test_wide_keeps_all_columns_and_pins_the_first() -> None:
    layout = lay_out_columns(COLUMNS, 30, wide=True)
    assert layout.hidden == ()
    assert layout.width > 30
    assert layout.pinned_width == layout.columns[2].left


def test_a_click_finds_its_column() -> None:
    layout = lay_out_columns(COLUMNS, 100)
    for column in layout.columns:
        assert layout.hit(column.left) is column
        assert layout.hit(column.left + column.width - 1) is column
    assert layout.hit(0) is None


@given(st.integers(0, 200), st.booleans())
def test_columns_never_overlap(width: int, wide: bool) -> None:
    layout = lay_out_columns(COLUMNS, width, wide=wide)
    assert len(layout.columns) + len(layout.hidden) == len(COLUMNS)
    for left, right in zip(layout.columns, layout.columns[1:], strict=False):
        assert left.left + left.width < right.left
    if not wide and width >= 25:
        assert layout.width <= width
