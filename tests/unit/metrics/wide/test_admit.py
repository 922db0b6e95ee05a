"""What of foreign rows is stored is the same whether their order came before or not."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from nagare.config.settings import StorageSettings
from nagare.metrics.schema import AGAIN, Schemas
from nagare.metrics.wide.admit import AdmittedRows, WideAdmission
from nagare.metrics.wide.again import NewestPoints
from nagare.model.tables import ColumnType
from nagare.model.wide import WideRows

_MS = 1_000_000
_SPAN = (10, 90)


class _Order:
    """What a codec names an order of rows by."""


# Of each order its table, hosts, tags and fields: one with a tag that no row has, one with two keys of one column.
_KINDS: Sequence[tuple[str, list[str], dict[str, list[str | None]], dict[str, ColumnType]]] = (
    ("cpu", ["a", "b"], {"core": ["0", "1"]}, {"x": ColumnType.FLOAT, "n": ColumnType.INTEGER}),
    ("cpu", ["b", "c"], {"core": ["0", None]}, {"n": ColumnType.INTEGER, "ts": ColumnType.FLOAT}),
    ("cpu", ["a", "b"], {"zone": [None, None]}, {"x": ColumnType.FLOAT}),
    ("cpu", ["a", "b"], {"v.min": ["0", "1"]}, {"v_min": ColumnType.FLOAT, "n": ColumnType.FLOAT}),
    ("disk", ["a", "b"], {}, {"x": ColumnType.INTEGER, "x_": ColumnType.FLOAT}),
    ("disk", ["a", "b"], {"path": ["/" * 70_000, "/"]}, {"x": ColumnType.FLOAT}),
)  # fmt: skip


def _admission() -> WideAdmission:
    return WideAdmission(NewestPoints(lambda _: None, lambda: 1), StorageSettings())


def _rows(kind: int, times: list[int], order: object | None) -> WideRows:
    table, hosts, tags, types = _KINDS[kind]
    fields = {name: [1.5 * ts if type_ is ColumnType.FLOAT else ts for ts in times] for name, type_ in types.items()}
    return WideRows(f"influx.{table}", [ts * _MS for ts in times], hosts, tags, fields, types, (1, 2), order)


def _take(admission: WideAdmission, schemas: Schemas, rows: WideRows) -> AdmittedRows:
    admitted = admission.admit([rows], schemas.current, _SPAN)
    for table, columns in admitted.added.items():
        schemas.add(table, columns)
    return admitted


_REQUESTS = st.lists(st.tuples(st.integers(0, len(_KINDS) - 1), st.lists(st.integers(5, 95), min_size=2, max_size=2)))


@given(_REQUESTS)
def test_an_order_that_came_before_changes_nothing(requests: list[tuple[int, list[int]]]) -> None:
    orders = [_Order() for _ in _KINDS]
    with_orders, without = (_admission(), Schemas()), (_admission(), Schemas())
    for kind, times in requests:
        rows = _rows(kind, times, orders[kind])
        found, expected = _take(*with_orders, rows), _take(*without, replace(rows, order=None))
        assert found == expected
        assert with_orders[1].foreign() == without[1].foreign()


def test_rows_of_a_known_order_are_marked_where_they_may_be_repeats() -> None:
    admission, schemas, order = _admission(), Schemas(), _Order()
    for times in ([20, 20], [30, 30], [40, 40]):
        assert AGAIN not in _take(admission, schemas, _rows(0, times, order)).tables["influx.cpu"]
    admitted = _take(admission, schemas, _rows(0, [41, 39], order))
    assert [mark is None for mark in admitted.tables["influx.cpu"][AGAIN]] == [True, False]
    assert admitted.added["influx.cpu"] == {AGAIN: ColumnType.INTEGER}
    refused = _take(admission, schemas, _rows(0, [95, 50], order))
    assert [(each.line, refused.accepted) for each in refused.refused] == [(1, 1)]
