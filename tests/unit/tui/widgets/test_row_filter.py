"""The filter line: what each form matches, where a fault stands, and that no text makes it crash."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.row_filter import FilterError, parse_filter
from nagare.tui.widgets.row_store import RowStore

COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE),
    ColumnSpec("name", "host", CellKind.TEXT),
    ColumnSpec("cpu", "cpu", CellKind.RATIO),
    ColumnSpec("memory", "mem", CellKind.BYTES),
    ColumnSpec("received", "recv", CellKind.RATE),
    ColumnSpec("age", "age", CellKind.AGE),
    ColumnSpec("latency", "latency", CellKind.SECONDS),
    ColumnSpec("processes", "procs", CellKind.COUNT),
    ColumnSpec("temperature", "temp", CellKind.CELSIUS),
    ColumnSpec("history", "", CellKind.SPARK),
)


def make_store() -> RowStore:
    store = RowStore(COLUMNS)
    store.update(
        "web-1",
        {"state": "up", "name": "web-1", "cpu": 0.85, "memory": 2 * 1024**3, "age": 2, "processes": 1200,
         "latency": 0.004, "temperature": 71, "received": 5 * 1024**2, "history": [0.1]},
        labels={"role": "web", "zone": "eu-1"},
    )  # fmt: skip
    store.update(
        "db-1",
        {"state": "stale", "name": "db-1 Primary", "cpu": 0.2, "memory": 8 * 1024**3, "age": 400, "processes": 80},
        labels={"Role": "db", "zone": "eu-2"},
    )
    store.update("old", {"state": "down", "name": "old"})
    return store


def matches(text: str) -> list[str]:
    store = make_store()
    slots = store.slots()
    mask = parse_filter(text, COLUMNS).mask(store, slots)
    return [store.keys[slot] for slot in slots[mask].tolist()]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ["web-1", "db-1", "old"]),
        ("   ", ["web-1", "db-1", "old"]),
        ("WEB", ["web-1"]),
        ("primary", ["db-1"]),
        ('"1 prim"', ["db-1"]),
        ("down", ["old"]),
        ("nothing", []),
        ("cpu>80", ["web-1"]),
        ("cpu>80%", ["web-1"]),
        ("cpu>=85", ["web-1"]),
        ("cpu<50", ["db-1"]),
        ("cpu=20", ["db-1"]),
        ("cpu!=20", ["web-1"]),
        ("!cpu>80", ["db-1", "old"]),
        ("mem>=1.5G", ["web-1", "db-1"]),
        ("memory>4GiB", ["db-1"]),
        ("recv>1M/s", ["web-1"]),
        ("age>5m", ["db-1"]),
        ("age<90", ["web-1"]),
        ("latency<5ms", ["web-1"]),
        ("procs>1k", ["web-1"]),
        ("temp>70°C", ["web-1"]),
        ("cpu:85", ["web-1"]),
        ("state:up", ["web-1"]),
        ("state:up,stale", ["web-1", "db-1"]),
        ("state=stale", ["db-1"]),
        ("state!=stale", ["web-1", "old"]),
        ("role:db", ["db-1"]),
        ("!role:db", ["web-1", "old"]),
        ("zone:eu", ["web-1", "db-1"]),
        ("role:db,web zone:eu-1", ["web-1"]),
        ("! web", ["db-1", "old"]),
        ("! zone:eu cpu>80", ["db-1", "old"]),
        ("!", ["web-1", "db-1", "old"]),
        ("web cpu>80 !state:down", ["web-1"]),
    ],
)  # fmt: skip
def test_matching(text: str, keys: list[str]) -> None:
    assert matches(text) == keys


def test_a_word_with_a_colon_is_found_in_text() -> None:
    store = make_store()
    store.update("v6", {"name": "fe80::1"})
    slots = store.slots()
    found = parse_filter("fe80::1", COLUMNS).mask(store, slots)
    assert [store.keys[slot] for slot in slots[found].tolist()] == ["v6"]


@pytest.mark.parametrize(
    ("text", "position", "nearest", "words"),
    [
        ("cpuu>80", 0, "cpu", "no such column"),
        ("web memry>1G", 4, "memory", "no such column"),
        ("qqq>80", 0, None, "no such column"),
        ("cpu>", 4, None, "no value follows cpu>"),
        ("cpu>high", 4, None, "write it like cpu>80%"),
        ("cpu>5G", 4, None, "write it like"),
        ("age>soon", 4, None, "write it like age>5m"),
        ("mem>1.5X", 4, None, "write it like memory>1.5G"),
        ("name>5", 4, None, "it holds text"),
        ("web role:", 8, None, "no value follows role:"),
        ("web !", 4, None, "nothing follows '!'"),
        ('name:"web', 5, None, "not closed"),
        ("cpu:many", 4, None, "write it like"),
    ],
)
def test_faults_say_where_and_what_was_meant(text: str, position: int, nearest: str | None, words: str) -> None:
    with pytest.raises(FilterError, match=r"^cannot ") as caught:
        parse_filter(text, COLUMNS)
    assert caught.value.position == position
    assert caught.value.nearest == nearest
    assert words in caught.value.message
    assert (f"did you mean {nearest!r}?" if nearest else "") == caught.value.hint


tokens = st.sampled_from(
    [
        "cpu>80",
        "!",
        "web",
        "role:db",
        '"',
        "mem>=1G",
        ":",
        ">",
        "a:b:c",
        "!x",
        "cpu=",
        "=",
        "1e999",
        "cpu>1e999",
        "\x1b[2J",
    ]
)


@given(st.text(max_size=40) | st.lists(tokens, max_size=6).map(" ".join))
def test_any_text_parses_or_tells_the_fault(text: str) -> None:
    store = make_store()
    fault: FilterError | None = None
    try:
        mask = parse_filter(text, COLUMNS).mask(store, store.slots())
    except FilterError as raised:
        fault = raised
    else:
        assert mask.dtype == np.bool_
        assert mask.shape == (3,)
    if fault is not None:
        assert 0 <= fault.position <= len(text)
        assert "\x1b" not in fault.message


@given(st.lists(st.sampled_from(["web", "cpu>50", "role:db", "!state:up", "age<5m"]), min_size=1, max_size=4))
def test_a_lone_exclamation_mark_turns_the_whole_filter_around(parts: list[str]) -> None:
    text = " ".join(parts)
    assert sorted(matches(text) + matches(f"! {text}")) == ["db-1", "old", "web-1"]
