"""Promises of the table of tables: lawful names, units in names, one spelling of each column."""

import re

import pytest

from nagare.lib.names import is_identifier
from nagare.model.tables import TABLES, Column, ColumnKind, ColumnType, Table

COLUMNS = [(table, column) for table in TABLES.values() for column in table.columns]
each_column = pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda item: item.name)
# Counted in whole things, named by them, or without a unit.
UNIT = re.compile(
    r"_(ratio|bytes|seconds|hertz|celsius|total|per_second|watts|volts|percent|bits_per_second|cores|count|limit|length|used|rpm|amperes"
    r"|pascals|joules|hours|ms)$"
)


def test_the_tables_of_the_contract_are_here() -> None:
    contract = "cpu memory load disk disk_io network gpu process smart probe sensor unit agent events"
    assert set(contract.split()) <= set(TABLES)


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("cpu", ("core",)), ("memory", ()), ("load", ()), ("disk", ("mount", "device", "fstype")), ("disk_io", ("device",)),
        ("network", ("interface",)), ("gpu", ("index", "uuid", "name")), ("process", ("rank", "pid", "name", "user")),
        ("smart", ("device",)), ("probe", ("target", "kind")), ("sensor", ("chip", "label")), ("unit", ("name",)),
    ],
)  # fmt: skip
def test_keys_are_as_the_contract_says(table: str, keys: tuple[str, ...]) -> None:
    # A table may tell series apart by more than was promised, never by less.
    assert TABLES[table].keys[: len(keys)] == keys


@each_column
def test_a_column_is_lawful_and_described(table: Table, column: Column) -> None:
    assert is_identifier(column.name)
    assert column.name not in {"ts", "host"}
    assert column.text
    assert not column.text.endswith(".")


@each_column
def test_kinds_and_types_agree_with_names(table: Table, column: Column) -> None:
    name = column.name
    if name.endswith("_ratio") or (name.endswith("_per_second") and "bits" not in name):
        assert (column.kind, column.type) == (ColumnKind.GAUGE, ColumnType.FLOAT)
    if column.kind is ColumnKind.COUNTER:
        assert name.endswith("_total"), "a counter's name ends with _total"
    if name.endswith("_total") and not name.endswith("inodes_total"):
        assert column.kind is ColumnKind.COUNTER
    if column.kind is ColumnKind.KEY:
        assert column.type in {ColumnType.TEXT, ColumnType.INTEGER}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_table_names_each_column_once_and_its_keys_first(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert tuple(names[: len(table.keys)]) == table.keys
    assert table.find_column(names[-1]) is table.columns[-1]
    assert table.find_column("no_such_column") is None


def test_one_name_has_one_type_and_kind_everywhere() -> None:
    seen: dict[str, tuple[str, ColumnType]] = {}
    for table, column in COLUMNS:
        if column.kind is ColumnKind.KEY:
            continue
        where, type_ = seen.setdefault(column.name, (table.name, column.type))
        assert type_ is column.type, f"{column.name} is {type_} in {where} and {column.type} in {table.name}"


def test_units_stand_in_names() -> None:
    suspicious = [
        f"{table.name}.{column.name}"
        for table, column in COLUMNS
        if column.type is ColumnType.FLOAT and column.kind is ColumnKind.GAUGE and not UNIT.search(column.name)
    ]
    unitless = {
        "load.load1",
        "load.load5",
        "load.load15",
        "sensor.value",
        "sensor.high",
        "sensor.critical",
        "anomalies.score",
        "anomalies.value",
        "anomalies.expected",
    }  # a sensor's kind says its unit, and an anomaly's column that of its value
    assert set(suspicious) <= unitless
