"""Rows of a foreign table in which points may stand twice: of each point's fields the last that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nagare.metrics.blocks.views import View
from nagare.metrics.engine import quote_name
from nagare.metrics.schema import AGAIN, HOST_TYPE, SQL_TYPES, Schema
from nagare.model.tables import ColumnType


def merging_reader(view: View, schema: Schema) -> View:
    """Return a view that reads, beside what ``view`` shows, all that names a point and the order of its coming."""
    names = {"ts": schema.time_type, "host": HOST_TYPE, **dict.fromkeys(schema.keys, SQL_TYPES[ColumnType.TAG])}
    return replace(view, columns={**view.columns, **names, AGAIN: SQL_TYPES[ColumnType.INTEGER]})


def merged(view: View, schema: Schema, sources: Sequence[str]) -> str:
    """Return the SELECT of the columns of ``view``, one row a point, from ``sources`` of its ``merging_reader``."""
    reader = merging_reader(view, schema)
    keys = ("ts", "host", *schema.keys)
    # A row without a mark came before every repeat of it. Null is no value, so it replaces none.
    order = f"coalesce(point.{quote_name(AGAIN)}, 0)"
    items = []
    for name, type_ in view.columns.items():
        value = f"point.{quote_name(name)}"
        items.append(
            f"CAST({value if name in keys else f'arg_max({value}, {order})'} AS {type_}) AS {quote_name(name)}"
        )
    grouped = ", ".join(f"point.{quote_name(name)}" for name in keys)
    return f"SELECT {', '.join(items)} FROM ({reader.body(sources)}) point GROUP BY {grouped}"  # noqa: S608  quoted names
