"""A host in a few numbers and words, made of the rows of its batches."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nagare.model.host_digest import HostDigest
from nagare.model.host_series import LIST_SERIES, SERIES

NOW = 1_760_000_000_000


def _taken(*batches: dict[str, dict[str, list[Any]]]) -> HostDigest:
    digest = HostDigest()
    for tables in batches:
        digest.take(tables)
    return digest


def _texts(digest: HostDigest) -> list[str]:
    return [reason.text for reason in digest.reasons]


def test_the_newest_moment_of_each_table_stands() -> None:
    cpu: dict[str, list[Any]] = {"ts": [NOW, NOW + 1000], "core": ["all", "all"], "busy_ratio": [0.1, 0.2]}
    load: dict[str, list[Any]] = {"ts": [NOW], "load1": [3], "cores": [8]}
    digest = _taken({"cpu": cpu}, {"load": load}, {"cpu": {"ts": [NOW], "core": ["all"], "busy_ratio": [0.9]}})
    assert digest.values["cpu.busy"] == 0.2
    assert (digest.values["load.1"], digest.values["load.cores"]) == (3.0, 8.0)
    assert digest.ts_ms == NOW + 1000


def test_what_lists_do_not_show_is_left_out() -> None:
    digest = _taken(
        {"process": {"ts": [NOW], "name": ["x"]}, "cpu": {"ts": [NOW], "core": ["all"], "iowait_ratio": [0.5]}}
    )
    assert digest.values.keys() == {"cpu.busy"}
    assert math.isnan(digest.values["cpu.busy"])


def test_a_collector_that_failed_stands_until_it_tells_again() -> None:
    digest = HostDigest()
    digest.take({"agent": {"ts": [NOW], "collector": ["smart"], "ok": [False], "error": ["timed out"]}})
    digest.take({"agent": {"ts": [NOW], "collector": ["cpu"], "ok": [True], "error": [None]}})
    assert _texts(digest) == ["collector smart: timed out"]
    digest.take({"agent": {"ts": [NOW], "collector": ["smart"], "ok": [True]}})
    assert _texts(digest) == []


def test_a_host_that_invents_collectors_is_bounded() -> None:
    names = [f"c{number}" for number in range(1000)]
    digest = _taken({"agent": {"ts": [NOW] * 1000, "collector": names, "ok": [False] * 1000, "error": [None] * 1000}})
    assert len(digest.reasons) == 256


_CELL = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=3)
_TABLES = sorted({series.table for series in SERIES.values()} | {"unit", "smart", "probe", "agent", "events"})
_COLUMNS = sorted({"core", "ok", "collector", "success", "target", *(series.column for series in SERIES.values())})


@st.composite
def _rows(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Return a table as the store takes them: columns of one length, with whole moments."""
    count = draw(st.integers(0, 4))
    names = draw(st.sets(st.sampled_from(_COLUMNS)))
    moments = draw(st.lists(st.sampled_from([NOW, NOW + 1000]), min_size=count, max_size=count))
    return {"ts": moments} | {name: draw(st.lists(_CELL, min_size=count, max_size=count)) for name in sorted(names)}


@given(st.dictionaries(st.sampled_from(_TABLES), _rows()))
def test_no_rows_break_it(tables: dict[str, dict[str, list[Any]]]) -> None:
    digest = _taken(tables, tables)
    assert digest.values.keys() <= set(LIST_SERIES)
    assert all(isinstance(value, float) for value in digest.values.values())
