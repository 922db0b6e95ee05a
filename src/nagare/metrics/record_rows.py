"""Rows of records as a table of DuckDB, for as long as a cursor lives."""

from __future__ import annotations

from typing import Any

import duckdb

from nagare.metrics.engine import quote_name
from nagare.metrics.schema import SQL_TYPES, TIME_TYPE
from nagare.model.columns import Columns
from nagare.model.tables import ColumnType, Table


def put_rows(cursor: duckdb.DuckDBPyConnection, name: str, table: Table, cells: Columns) -> dict[str, str]:
    """Make the temporary table ``name`` of ``cells``; return the SQL type of each of its columns. Raises duckdb.Error."""
    types = {"ts": ColumnType.INTEGER, "host": ColumnType.TEXT} | {column.name: column.type for column in table.columns}
    present = [column for column in types if column in cells]
    columns = {column: TIME_TYPE if column == "ts" else SQL_TYPES[types[column]] for column in present}
    body = ", ".join(f"{quote_name(column)} {type_}" for column, type_ in columns.items())
    cursor.execute(f"CREATE TEMP TABLE {quote_name(name)} ({body})")
    if present and cells[present[0]]:
        _insert(cursor, name, cells, {column: types[column] for column in present})
    return columns


def _insert(cursor: duckdb.DuckDBPyConnection, name: str, cells: Columns, types: dict[str, ColumnType]) -> None:
    from nagare.metrics import arrays  # noqa: PLC0415  numpy waits for the first need

    arrayed: dict[str, Any] = {}
    items = []
    for column, type_ in types.items():
        if column == "ts":
            arrayed[column] = arrays.time_array(cells[column])
            items.append(arrays.base_items()[0])
        elif any(value is not None for value in cells[column]):
            arrayed[column] = arrays.to_array(cells[column], type_)
            items.append(arrays.select_item(column, type_))
    cursor.register("given", arrayed)
    listed = ", ".join(quote_name(column) for column in arrayed)
    cursor.execute(f"INSERT INTO {quote_name(name)} ({listed}) SELECT {', '.join(items)} FROM given")  # noqa: S608  quoted
    cursor.unregister("given")
