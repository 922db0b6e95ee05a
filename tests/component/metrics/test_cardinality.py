"""How many series there are and of what: the same from a live store and from its files."""

from pathlib import Path

import pytest

from nagare.config.settings import Settings
from nagare.errors import NagareError
from nagare.lib.clock import ManualClock
from nagare.metrics.offline import OfflineStore
from nagare.metrics.sql.costs import SHAPES_LIMIT, Costs, shape_of
from nagare.wire.cardinality import CardinalityReply
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import START_MS, make_batch, make_store, rows
from tests.support.samples import make_samples

EXPECTED = {
    ("table", "samples", 3), ("table", "cpu", 3), ("table", "load", 1),
    ("metric", "up", 2), ("metric", "heat", 1),
    ("label", "host", 3), ("label", "job", 2),
    ("value", "host=web1", 2), ("value", "host=web2", 1), ("value", "job=node", 2),
    ("host", "web1", 5), ("host", "web2", 2),
}  # fmt: skip


def _groups(reply: CardinalityReply) -> set[tuple[str, str, int]]:
    return {(row.by, row.name, row.series) for row in reply.rows}


async def test_series_are_counted_live_and_offline(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock) as store:
        series = [
            store.series.intern("up", {"host": "web1", "job": "node"}),
            store.series.intern("up", {"host": "web2", "job": "node"}),
            store.series.intern("heat", {"host": "web1"}),
        ]
        await store.append_samples(make_samples(series, [START_MS] * 3, [1.0] * 3))
        old = {"cpu": {"ts": [START_MS - 7_200_000], "core": ["gone"]}}
        await store.append(make_batch(1, old, host="web1"))
        await store.flush()
        cells = {"cpu": {"ts": [START_MS, START_MS + 1, START_MS], "core": ["all", "all", "0"]}}
        await store.append(make_batch(2, cells, host="web1"))
        await store.append(make_batch(3, {"cpu": {"ts": [START_MS], "core": ["all"]}}, host="web2"))
        await store.append(make_batch(4))
        live = await store.cardinality()
        assert (live.series, _groups(live)) == (7, EXPECTED)
        top = await store.cardinality(1)
        assert [(row.by, row.name) for row in top.rows] == [
            ("table", "cpu"), ("metric", "up"), ("label", "host"), ("value", "host=web1"), ("host", "web1"),
        ]  # fmt: skip
    async with OfflineStore(Settings(data=tmp_path), clock=clock) as files:
        assert _groups(await files.cardinality()) == EXPECTED


async def test_an_empty_store_has_no_series(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        assert await store.cardinality() == CardinalityReply(0, [])


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        ("SELECT  *\nFROM cpu -- secret\nWHERE core = 'secret' AND ts > $since", "SELECT * FROM cpu WHERE core = ? AND ts > $ since"),
        ("select 1.5e3, 0x1F, $$secret$$, $1, e'x'", "select ?"),
        ("select * from cpu where core in ('a', 'b','c')", "select * from cpu where core in ( ? )"),
        ('select "my column" /* secret */ from load', 'select "my column" from load'),
    ],
)  # fmt: skip
def test_a_shape_has_no_values(sql: str, shape: str) -> None:
    assert shape_of(sql) == shape


async def test_costs_are_counted_by_shape(tmp_path: Path) -> None:
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1))
        for host in ("web1", "web2"):
            await rows(store, f"SELECT * FROM load WHERE host = '{host}'")
        with pytest.raises(NagareError):
            await store.query(SqlRequest("SELECT cast(host AS INT) FROM load WHERE host <> 'x'"))
        with pytest.raises(NagareError):
            await store.query(SqlRequest("SELECT secret FROM passwords"))
        found = {cost.statement: (cost.count, cost.failures, cost.rows) for cost in store.query_costs(10).queries}
        assert found == {
            "SELECT * FROM load WHERE host = ?": (2, 0, 1),
            "SELECT cast ( host AS INT ) FROM load WHERE host <> ?": (1, 1, 0),
        }


def test_of_too_many_shapes_the_cheapest_goes() -> None:
    costs = Costs()
    for number in range(SHAPES_LIMIT + 10):
        costs.add(f"SELECT c{number} FROM t", 0.001 * (number + 1), 1)
    listed = costs.top(10 * SHAPES_LIMIT).queries
    assert len(listed) == SHAPES_LIMIT
    assert listed[0].statement == f"SELECT c{SHAPES_LIMIT + 9} FROM t"
    assert (listed[0].total_seconds, listed[0].max_seconds, listed[0].count) == (0.51, 0.51, 1)
    assert "SELECT c0 FROM t" not in {cost.statement for cost in listed}
