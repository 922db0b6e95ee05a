"""Order, selection, marks and freezing: the selection belongs to a row, never to a place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.row_filter import FilterError
from nagare.tui.widgets.row_order import natural_key
from nagare.tui.widgets.row_view import RowView

COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, priority=0),
    ColumnSpec("name", "name", CellKind.TEXT, priority=0),
    ColumnSpec("cpu", "cpu", CellKind.RATIO),
    ColumnSpec("history", "", CellKind.SPARK),
)


def make_view(**rows: float | None) -> RowView:
    view = RowView(COLUMNS)
    for name, cpu in rows.items():
        view.store.update(name, {"state": "up", "name": name, "cpu": cpu})
    view.reorder()
    return view


def test_numbers_begin_with_the_greatest_and_missing_ones_come_last_both_ways() -> None:
    view = make_view(a=0.2, b=None, c=0.9, d=0.2)
    view.set_sort("cpu")
    assert view.keys == ["c", "a", "d", "b"]
    view.set_sort("cpu", reverse=False)
    assert view.keys == ["a", "d", "c", "b"]
    assert not view.set_sort("nonsense")
    assert view.sort_key == "cpu"


def test_names_sort_as_people_count() -> None:
    view = make_view(**{"web-10": 0, "web-2": 0, "Web-1": 0})
    view.set_sort("name")
    assert view.keys == ["Web-1", "web-2", "web-10"]


def test_states_sort_by_severity() -> None:
    view = RowView(COLUMNS)
    for state in ("up", "stale", "crit", "down", "warn"):
        view.store.update(state, {"state": state})
    view.store.update("none", {})
    view.set_sort("state")
    assert view.keys == ["crit", "warn", "down", "stale", "up", "none"]


def test_sparks_sort_by_their_last_value() -> None:
    view = make_view(a=0, b=0, c=0)
    for key, history in (("a", [9, 1]), ("b", [0, 5]), ("c", [])):
        view.store.update(key, {"history": np.array(history, dtype=float)})
    view.set_sort("history")
    assert view.keys == ["b", "a", "c"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_natural_keys_always_compare(one: str, other: str) -> None:
    assert sorted([one, other], key=natural_key) in ([one, other], [other, one])


def test_the_selection_stays_with_its_row() -> None:
    view = make_view(a=0.1, b=0.5, c=0.9)
    view.set_sort("cpu")
    view.select("b")
    assert view.cursor_index == 1
    view.store.update("b", {"cpu": 0.99})
    view.reorder()
    assert (view.cursor_key, view.cursor_index) == ("b", 0)


def test_when_its_row_goes_the_neighbour_is_selected() -> None:
    view = make_view(a=0.1, b=0.5, c=0.9, d=1.0)
    view.select("b")
    view.store.remove("b")
    view.reorder()
    assert view.cursor_key == "c"
    for key in ("a", "c", "d"):
        view.store.remove(key)
    view.reorder()
    assert view.cursor_key is None


def test_a_filter_without_match_keeps_the_selection_for_later() -> None:
    view = make_view(a=0.1, b=0.5)
    view.select("b")
    view.set_filter("nothing")
    assert (view.count, view.cursor_index, view.cursor_key) == (0, None, "b")
    view.set_filter("")
    assert view.cursor_index == 1


def test_a_wrong_filter_changes_nothing() -> None:
    view = make_view(a=0.1, b=0.5)
    view.set_filter("cpu>20")
    with pytest.raises(FilterError):
        view.set_filter("cpuu>1")
    assert view.filter.text == "cpu>20"
    assert view.keys == ["b"]


def test_a_frozen_view_stands_still_while_the_store_goes_on() -> None:
    view = make_view(a=0.1, b=0.5)
    view.set_sort("cpu")
    assert view.set_frozen(frozen=True)
    assert not view.set_frozen(frozen=True)
    view.store.update("a", {"cpu": 0.9})
    view.store.remove("b")
    view.reorder()
    assert view.keys == ["b", "a"]
    assert view.updates_behind == 2
    view.set_frozen(frozen=False)
    assert view.keys == ["a"]


def test_marks_go_with_their_rows() -> None:
    view = make_view(a=0.1, b=0.5, c=0.9)
    view.toggle_mark("a")
    view.set_filter("cpu>20")
    view.invert_marks()
    assert view.marks == {"a", "b", "c"}
    view.store.remove("b")
    view.reorder()
    assert view.marks == {"a", "c"}


class SelectionMachine(RuleBasedStateMachine):
    """However rows come, change and go: a selected row that is still shown stays selected."""

    def __init__(self) -> None:
        super().__init__()
        self.view = RowView(COLUMNS)
        self.expected: str | None = None

    def _expect(self) -> None:
        shown = self.view.keys
        if self.expected not in shown:
            self.expected = self.view.cursor_key
            assert self.expected is None or not shown or self.expected in shown

    @rule(key=st.sampled_from("abcdefgh"), cpu=st.none() | st.floats(0, 1))
    def update(self, key: str, cpu: float | None) -> None:
        self.view.store.update(key, {"name": key, "cpu": cpu})
        self.view.reorder()
        self._expect()

    @rule(key=st.sampled_from("abcdefgh"))
    def remove(self, key: str) -> None:
        self.view.store.remove(key)
        self.view.reorder()
        self._expect()

    @rule(column=st.sampled_from(["cpu", "name", "state", None]), reverse=st.booleans())
    def sort(self, column: str | None, reverse: bool) -> None:
        self.view.set_sort(column, reverse=reverse)
        self._expect()

    @rule(text=st.sampled_from(["", "a", "cpu>50", "! b", "zzz"]))
    def filter(self, text: str) -> None:
        self.view.set_filter(text)
        self._expect()

    @rule(frozen=st.booleans())
    def freeze(self, frozen: bool) -> None:
        self.view.set_frozen(frozen=frozen)
        self._expect()

    @rule(place=st.integers(-2, 9))
    def select(self, place: int) -> None:
        key = self.view.key_at(place)
        if key is not None:
            self.view.select(key)
            self.expected = key

    @invariant()
    def the_selection_is_the_expected_row(self) -> None:
        assert self.view.cursor_key == self.expected
        if self.expected in self.view.keys:
            assert self.view.cursor_index == self.view.keys.index(self.expected or "")


TestSelectionMachine = SelectionMachine.TestCase
TestSelectionMachine.settings = settings(max_examples=60, stateful_step_count=30)
