"""One view a table: the rows of head and blocks together, every column typed, only the caller's hosts.

The text is made by us from names we checked; a caller's statement never reaches what a view is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nagare.metrics.catalog import Block
from nagare.metrics.engine import quote_name, quote_text

Columns = Mapping[str, str]


def view_sql(name: str, columns: Columns, sources: Sequence[str], hosts: frozenset[str] | None) -> str:
    """Return the statement that makes the view ``name`` of ``columns`` (SQL types by name) over ``sources``."""
    nothing = ", ".join(f"CAST(NULL AS {type_}) AS {quote_name(column)}" for column, type_ in columns.items())
    parts = [*sources, f"SELECT {nothing} WHERE false"]
    return f"CREATE OR REPLACE TEMP VIEW {quote_name(name)} AS {_filtered(' UNION ALL '.join(parts), columns, hosts)}"


def table_source(table: str, present: Iterable[str], columns: Columns) -> str:
    """Return the SELECT over one DuckDB table that has the columns ``present``."""
    return f"SELECT {_items(set(present), columns)} FROM {table}"  # noqa: S608  made by us


def block_sources(blocks: Iterable[Block], directory: str, columns: Columns) -> list[str]:
    """Return one SELECT for each group of blocks that have the same columns."""
    groups: dict[str, list[Block]] = {}
    for block in blocks:
        groups.setdefault(block.columns, []).append(block)
    sources = []
    for present, group in groups.items():
        paths = ", ".join(quote_text(f"{directory}/{block.path}") for block in group)
        items = _items(set(present.split(",")), columns)
        sources.append(f"SELECT {items} FROM read_parquet([{paths}], hive_partitioning = false)")  # noqa: S608
    return sources


def _items(present: set[str], columns: Columns) -> str:
    return ", ".join(
        f"CAST({quote_name(name) if name in present else 'NULL'} AS {type_}) AS {quote_name(name)}"
        for name, type_ in columns.items()
    )


def _filtered(body: str, columns: Columns, hosts: frozenset[str] | None) -> str:
    if hosts is None:
        return body
    if "host" not in columns or not hosts:
        return f"SELECT * FROM ({body}) WHERE false"  # noqa: S608
    names = ", ".join(quote_text(host) for host in sorted(hosts))
    return f"SELECT * FROM ({body}) WHERE host IN ({names})"  # noqa: S608
