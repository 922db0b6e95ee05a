"""The store keeps each row's values under its key, whatever comes and goes, and a snapshot stands still."""

from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.row_store import RowStore

COLUMNS = (
    ColumnSpec("name", "name", CellKind.TEXT),
    ColumnSpec("cpu", "cpu", CellKind.RATIO, trend=True),
    ColumnSpec("history", "", CellKind.SPARK),
)
keys = st.sampled_from([f"host-{index}" for index in range(9)])


def test_values_are_kept_and_unknown_ones_are_missing() -> None:
    store = RowStore(COLUMNS)
    store.update("a", {"name": "alpha", "cpu": 0.5, "colour": "red"}, labels={"role": "db"})
    store.update("b", {"cpu": None})
    assert store.row("a") == {"name": "alpha", "cpu": 0.5, "history": None}
    assert np.isnan(store.value("b", "cpu"))
    assert store.value("b", "name") is None
    with pytest.raises(KeyError):
        store.value("c", "cpu")


def test_a_store_grows_past_its_first_room() -> None:
    store = RowStore(COLUMNS)
    for index in range(1000):
        store.update(f"host-{index}", {"cpu": index / 1000, "name": str(index)})
    assert len(store) == 1000
    assert store.value("host-999", "cpu") == 0.999
    assert list(store.row_keys())[:2] == ["host-0", "host-1"]


def test_a_trend_column_remembers_the_value_before() -> None:
    store = RowStore(COLUMNS)
    store.update("a", {"cpu": 0.1})
    store.update("a", {"cpu": 0.4})
    slot = store.find_slot("a")
    assert slot is not None
    assert store.before(slot, "cpu") == 0.1
    assert store.before(slot, "name") is None
    store.update_columns(["a"], {"cpu": [0.9]})
    assert store.before(slot, "cpu") == 0.4


def test_columns_of_many_rows_at_once() -> None:
    store = RowStore(COLUMNS)
    store.update_columns(["a", "b"], {"cpu": [0.1, None], "name": ["x", "y"], "unknown": [1, 2]})
    assert store.value("a", "name") == "x"
    assert np.isnan(store.value("b", "cpu"))
    before = store.version
    store.update("b", {"cpu": 0.2})
    assert store.row_versions[store.slots()].tolist() == [before, before + 1]


def test_replace_removes_what_is_not_named() -> None:
    store = RowStore(COLUMNS)
    store.replace({"a": {"cpu": 1}, "b": {"cpu": 2}})
    store.replace({"b": {"cpu": 3}, "c": {"cpu": 4}})
    assert sorted(store.row_keys()) == ["b", "c"]
    assert store.value("b", "cpu") == 3


class StoreMachine(RuleBasedStateMachine):
    """The store beside a plain dictionary of dictionaries, and a snapshot beside its own."""

    def __init__(self) -> None:
        super().__init__()
        self.store = RowStore(COLUMNS)
        self.model: dict[str, dict[str, Any]] = {}
        self.frozen: tuple[RowStore, dict[str, dict[str, Any]]] | None = None

    @rule(key=keys, name=st.text(max_size=4), cpu=st.floats(0, 1))
    def update(self, key: str, name: str, cpu: float) -> None:
        self.store.update(key, {"name": name, "cpu": cpu})
        self.model.setdefault(key, {"history": None}).update(name=name, cpu=cpu)

    @rule(chosen=st.lists(keys, unique=True), cpu=st.floats(0, 1))
    def update_columns(self, chosen: list[str], cpu: float) -> None:
        self.store.update_columns(chosen, {"cpu": [cpu] * len(chosen), "name": chosen})
        for key in chosen:
            self.model.setdefault(key, {"history": None}).update(name=key, cpu=cpu)

    @rule(key=keys)
    def remove(self, key: str) -> None:
        assert self.store.remove(key) == (self.model.pop(key, None) is not None)

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.model.clear()

    @rule()
    def freeze(self) -> None:
        self.frozen = (self.store.snapshot(), {key: dict(row) for key, row in self.model.items()})

    @invariant()
    def agrees(self) -> None:
        for store, model in ((self.store, self.model), *([self.frozen] if self.frozen else [])):
            assert len(store) == len(model)
            assert {key: store.row(key) for key in store.row_keys()} == model
            assert sorted(store.keys[slot] for slot in store.slots().tolist()) == sorted(model)


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=40, stateful_step_count=25)
