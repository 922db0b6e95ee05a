"""Rows of a foreign table in which points may stand twice: of each point's fields the last that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.files import DAY_MS, day_of, day_start_ms
from nagare.metrics.blocks.views import View
from nagare.metrics.engine import quote_name
from nagare.metrics.head import HeadTable
from nagare.metrics.schema import AGAIN, HOST_TYPE, SQL_TYPES, Schema
from nagare.model.tables import ColumnType


@dataclass(frozen=True, slots=True)
class Parts:
    """The sources of a foreign table: those of days in which points may stand twice, and the plain ones."""

    blocks: Sequence[Block]
    heads: Sequence[HeadTable]
    plain_blocks: Sequence[Block]
    plain_heads: Sequence[HeadTable]


def split_by_repeats(blocks: Sequence[Block], heads: Sequence[HeadTable]) -> Parts:
    """Return ``blocks`` and ``heads`` apart: a repeat has the time of its point, so other days' rows cannot be meant."""
    marked = {block.day for block in blocks if AGAIN in block.columns.split(",")}
    marked |= {day for table in heads if table.has_repeats for day in _days(table)}
    touched = [not marked.isdisjoint(_days(table)) for table in heads] if marked else [False] * len(heads)
    return Parts(
        [block for block in blocks if block.day in marked],
        [table for table, is_touched in zip(heads, touched, strict=True) if is_touched],
        [block for block in blocks if block.day not in marked],
        [table for table, is_touched in zip(heads, touched, strict=True) if not is_touched],
    )


def _days(table: HeadTable) -> set[str]:
    low, high = table.min_ms, table.max_ms
    if low is None or high is None:
        return set()
    return {day_of(start) for start in range(day_start_ms(low), high + 1, DAY_MS)}


def merging_reader(view: View, schema: Schema) -> View:
    """Return a view that reads, beside what ``view`` shows, all that names a point and the order of its coming."""
    names = {"ts": schema.time_type, "host": HOST_TYPE, **dict.fromkeys(schema.keys, SQL_TYPES[ColumnType.TAG])}
    return replace(view, columns={**view.columns, **names, AGAIN: SQL_TYPES[ColumnType.INTEGER]})


def merged(view: View, schema: Schema, sources: Sequence[str]) -> str:
    """Return the SELECT of the columns of ``view``, one row a point, from ``sources`` of its ``merging_reader``.

    Few points come again, so their names are gathered first: what is none of them passes as it is, and only the rows of
    those are grouped, which takes memory for each.
    """
    reader = merging_reader(view, schema)
    keys = ("ts", "host", *schema.keys)
    listed = ", ".join(f"point.{quote_name(name)}" for name in keys)
    same = " AND ".join(f"point.{quote_name(name)} IS NOT DISTINCT FROM repeated.{quote_name(name)}" for name in keys)
    mark = f"point.{quote_name(AGAIN)}"
    # A row without a mark came before every repeat of it. Null is no value, so it replaces none.
    order = f"coalesce({mark}, 0)"
    plain, grouped = [], []
    for name, type_ in view.columns.items():
        value = f"point.{quote_name(name)}"
        last = value if name in keys else f"arg_max({value}, {order})"
        plain.append(f"CAST({value} AS {type_}) AS {quote_name(name)}")
        grouped.append(f"CAST({last} AS {type_}) AS {quote_name(name)}")
    return (
        f"SELECT * FROM (WITH points AS NOT MATERIALIZED ({reader.body(sources)}), "  # noqa: S608  quoted names
        f"repeated AS MATERIALIZED (SELECT DISTINCT {listed} FROM points AS point WHERE {mark} IS NOT NULL) "
        f"SELECT {', '.join(plain)} FROM points AS point ANTI JOIN repeated ON {same} UNION ALL "
        f"SELECT {', '.join(grouped)} FROM points AS point SEMI JOIN repeated ON {same} GROUP BY {listed})"
    )
